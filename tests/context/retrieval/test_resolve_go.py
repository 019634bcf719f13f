"""Where imports of Go lead."""

import pytest

from support.arrows import arrows, led, workspace

LAYOUTS = {
    "one module": """
=== go.mod
module example.com/app/v2

go 1.22
=== main.go
package main

import (
	"fmt" // -> nothing
	"example.com/app/v2/store" // -> store/a.go store/b.go
	log "example.com/app/v2/internal/log" // -> internal/log/log.go
	_ "example.com/app/v2/none" // -> nothing
	"example.com/application/store" // -> nothing
)
=== store/a.go
package store

import "example.com/app/v2" // -> main.go
=== store/b.go
package store
=== store/b_test.go
package store
=== store/inner/c.go
package inner
=== internal/log/log.go
package log
""",
    "modules in one workspace": """
=== go.work
use ./a
=== a/go.mod
module corp/a

require (
	corp/b v1.0.0
	github.com/x/lib v0.1.0
)
replace github.com/x/lib v0.1.0 => ../forks/lib // ours
replace github.com/y/z

=> ../forks/lib
=== a/main.go
package main

import (
	"corp/b/util" // -> b/util/u.go
	"github.com/x/lib" // -> forks/lib/lib.go
	"github.com/x/lib/sub" // -> forks/lib/sub/s.go
	"github.com/y/z" // -> a/vendor/github.com/y/z/z.go
	"corp/a/cmd" // -> a/cmd/c.go
)
=== a/cmd/c.go
package cmd
=== a/vendor/github.com/y/z/z.go
package z
=== b/go.mod
module corp/b
=== b/util/u.go
package util
=== forks/lib/go.mod
module github.com/fork/lib
=== forks/lib/lib.go
package lib
=== forks/lib/sub/s.go
package sub
""",
    "a tree without go.mod": """
=== src/corp.com/x/main.go
package main

import "corp.com/x/sub" // -> src/corp.com/x/sub/s.go
=== src/corp.com/x/sub/s.go
package sub

import "corp.com/x/fmt" // -> nothing
import "fmt" // -> nothing
=== repo/a/a.go
package a

import "github.com/me/repo/b" // -> repo/b/b.go
=== repo/b/b.go
package b
""",
    "the innermost module": """
=== go.mod
module m
=== tools/go.mod
module m/tools
=== tools/gen/g.go
package gen
=== main.go
package main

import "m/tools/gen" // -> tools/gen/g.go
""",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(text: str) -> None:
    index = workspace(text)
    said = arrows(index)
    assert said
    assert led(index, said) == said
