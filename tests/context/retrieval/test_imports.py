"""What an imported name means, and who imports a file."""

import pytest

from assist_context.retrieval.imports import definition_of, importers, resolve
from assist_context.retrieval.resolve.project import Project
from support.arrows import workspace
from support.memory_index import MemoryIndex

PYTHON = """
=== pkg/__init__.py
from .shape import Shape, area as measure
from .tools import *
from . import loop
=== pkg/shape.py
class Shape:
    def grow(self): pass
def area(): pass
=== pkg/tools/__init__.py
from .saw import saw
=== pkg/tools/saw.py
def saw(): pass
=== pkg/loop.py
from pkg.loop2 import endless
=== pkg/loop2.py
from pkg.loop import endless
=== use.py
import pkg
import pkg.shape as s
import pkg.tools.saw
from pkg import Shape, measure, saw, nothing
from pkg.loop import endless
from os import path
def own(): pass
"""
TYPESCRIPT = """
=== lib/index.ts
export * from "./shape";
export { saw } from "./tools";
=== lib/shape.ts
export class Shape { grow() {} }
export default function Area() {}
=== lib/tools.ts
export function saw() {}
=== use.ts
import { Shape as Form, saw } from "./lib";
import area from "./lib/shape";
import * as tools from "./lib/tools";
=== old.js
const tools = require("./lib/tools");
"""
GO = """
=== go.mod
module m
=== store/store.go
package store

type Store struct{}
func (s *Store) Put() {}
func Open() {}
=== main.go
package main

import db "m/store"

func main() { db.Open() }
=== other.go
package main

func helper() {}
"""
RUST = """
=== Cargo.toml
[package]
name = "app"
=== src/lib.rs
pub mod net;
pub use net::client::Client;
=== src/net/mod.rs
pub mod client;
pub fn dial() {}
hidden! { pub use client::Wire; }
=== src/net/client.rs
pub struct Client;
pub struct Wire;
=== src/use_it.rs
use crate::{Client, net::dial as d, net::Wire};
use crate::net;
use crate::net::*;
"""
JAVA = """
=== src/com/a/Shape.java
package com.a;
class Shape { void grow() {} }
=== src/com/a/Near.java
package com.a;
class Near {}
=== src/com/b/Use.java
package com.b;
import com.a.Shape;
import static com.a.Shape.grow;
class Use {}
"""
C = """
=== shape.h
#include "base.h"
int area(int side);
=== shape.c
#include "shape.h"
int area(int side) { return side * UNIT; }
=== base.h
#define UNIT 3
=== main.c
#include "shape.h"
int main() { return area(UNIT); }
"""
PASSED_ON = """
=== index.js
export { cut as saw } from "./saw";
export * as all from "./saw";
export { default as Blade } from "./blade";
=== saw.js
export function cut() {}
=== blade.js
function helper() {}
export default class Blade { sharpen() {} }
=== use.js
import { saw, all, cut, Blade } from "./index";
=== old.js
const tools = require("./saw");
const { cut: c } = require("./saw"), one = require("./saw").cut;
const Blade = require("./blade");
"""
CSHARP = """
=== a/Shape.cs
namespace Acme.Shapes { class Shape { void Grow() {} } }
=== a/Use.cs
namespace Acme.Shapes { class Use { Shape shape; } }
=== b/Far.cs
namespace Acme.Far { class Far {} }
"""
PHP = r"""
=== composer.json
{"autoload": {"psr-4": {"A\\": "src/"}}}
=== src/Shape.php
<?php
namespace A;
class Shape { function grow() {} }
=== use.php
<?php
use A\Shape as Form;
"""


def project(text: str) -> Project:
    index = workspace(text)
    return Project(index, index.read)


@pytest.mark.parametrize(
    ("text", "path", "name", "found"),
    [
        (PYTHON, "use.py", "Shape", "pkg/shape.py:Shape"),
        (PYTHON, "use.py", "Shape.grow", "pkg/shape.py:Shape.grow"),
        (PYTHON, "use.py", "measure", "pkg/shape.py:area"),
        (PYTHON, "use.py", "s.area", "pkg/shape.py:area"),
        (PYTHON, "use.py", "pkg.Shape.grow", "pkg/shape.py:Shape.grow"),
        (PYTHON, "use.py", "pkg.loop.none", ""),
        (PYTHON, "use.py", "pkg.shape.area", "pkg/shape.py:area"),
        (PYTHON, "use.py", "pkg.tools.saw.saw", "pkg/tools/saw.py:saw"),
        (PYTHON, "use.py", "saw", "pkg/tools/saw.py:saw"),
        (PYTHON, "use.py", "own", "use.py:own"),
        (PYTHON, "use.py", "endless", ""),
        (PYTHON, "use.py", "nothing", ""),
        (PYTHON, "use.py", "path", ""),
        (PYTHON, "use.py", "", ""),
        (TYPESCRIPT, "use.ts", "Form", "lib/shape.ts:Shape"),
        (TYPESCRIPT, "use.ts", "Form.grow", "lib/shape.ts:Shape.grow"),
        (TYPESCRIPT, "use.ts", "area", "lib/shape.ts:Area"),
        (TYPESCRIPT, "use.ts", "tools.saw", "lib/tools.ts:saw"),
        (TYPESCRIPT, "use.ts", "saw", "lib/tools.ts:saw"),
        (TYPESCRIPT, "old.js", "tools.saw", "lib/tools.ts:saw"),
        (GO, "main.go", "db.Open", "store/store.go:Open"),
        (GO, "main.go", "db.Store.Put", "store/store.go:Store.Put"),
        (GO, "main.go", "db", "store/store.go:store"),
        (GO, "main.go", "helper", "other.go:helper"),
        (GO, "main.go", "Open", ""),
        (RUST, "src/use_it.rs", "Client", "src/net/client.rs:Client"),
        (RUST, "src/use_it.rs", "Wire", "src/net/client.rs:Wire"),
        (RUST, "src/use_it.rs", "d", "src/net/mod.rs:dial"),
        (RUST, "src/use_it.rs", "dial", "src/net/mod.rs:dial"),
        (RUST, "src/use_it.rs", "net.dial", "src/net/mod.rs:dial"),
        (RUST, "src/lib.rs", "net.dial", "src/net/mod.rs:dial"),
        (PASSED_ON, "use.js", "saw", "saw.js:cut"),
        (PASSED_ON, "use.js", "cut", ""),
        (PASSED_ON, "use.js", "all.cut", "saw.js:cut"),
        (PASSED_ON, "use.js", "Blade", "blade.js:Blade"),
        (PASSED_ON, "old.js", "c", "saw.js:cut"),
        (PASSED_ON, "old.js", "tools.cut", "saw.js:cut"),
        (PASSED_ON, "old.js", "one", "saw.js:cut"),
        (PASSED_ON, "old.js", "Blade", "blade.js:Blade"),
        (PASSED_ON, "old.js", "Blade.sharpen", "blade.js:Blade.sharpen"),
        (CSHARP, "a/Use.cs", "Shape", "a/Shape.cs:Shape"),
        (CSHARP, "a/Use.cs", "Shape.Grow", "a/Shape.cs:Shape.Grow"),
        (CSHARP, "b/Far.cs", "Shape", ""),
        (JAVA, "src/com/b/Use.java", "Shape", "src/com/a/Shape.java:Shape"),
        (JAVA, "src/com/b/Use.java", "Shape.grow", "src/com/a/Shape.java:Shape.grow"),
        (JAVA, "src/com/b/Use.java", "grow", "src/com/a/Shape.java:Shape.grow"),
        (JAVA, "src/com/a/Shape.java", "Near", "src/com/a/Near.java:Near"),
        (JAVA, "src/com/b/Use.java", "Near", ""),
        (C, "main.c", "area", "shape.c:area shape.h:area"),
        (C, "main.c", "UNIT", "base.h:UNIT"),
        (PHP, "use.php", "Form", "src/Shape.php:Shape"),
        (PHP, "use.php", "Form.grow", "src/Shape.php:Shape.grow"),
        ("=== notes.txt\nhello\n", "notes.txt", "hello", ""),
        ("=== notes.txt\nhello\n", "gone.txt", "hello", ""),
    ],
)
def test_what_a_name_means(text: str, path: str, name: str, found: str) -> None:
    definitions = definition_of(project(text), path, name)
    said = [f"{d.path}:{d.symbol.parent}.{d.symbol.name}".replace(":.", ":").replace(":A.", ":") for d in definitions]
    said = [one.replace(":Acme.Shapes.", ":") for one in said]
    assert " ".join(said) == found


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        (PYTHON, "pkg/__init__.py", "use.py"),
        (PYTHON, "pkg/shape.py", "pkg/__init__.py use.py"),
        (PYTHON, "pkg/tools/saw.py", "pkg/tools/__init__.py use.py"),
        (PYTHON, "pkg/loop.py", "pkg/__init__.py pkg/loop2.py use.py"),
        (PYTHON, "use.py", ""),
        (TYPESCRIPT, "lib/index.ts", "use.ts"),
        (TYPESCRIPT, "lib/tools.ts", "lib/index.ts old.js use.ts"),
        (GO, "store/store.go", "main.go"),
        (GO, "main.go", ""),
        (RUST, "src/net/client.rs", "src/lib.rs src/net/mod.rs"),
        (RUST, "src/net/mod.rs", "src/lib.rs src/use_it.rs"),
        (RUST, "src/lib.rs", "src/use_it.rs"),
        (JAVA, "src/com/a/Shape.java", "src/com/b/Use.java"),
        (C, "shape.h", "main.c shape.c"),
        (C, "base.h", "shape.h"),
        (PHP, "src/Shape.php", "use.php"),
        ("=== notes.txt\nhello\n", "notes.txt", ""),
    ],
)
def test_who_imports_a_file(text: str, path: str, found: str) -> None:
    assert " ".join(importers(project(text), path)) == found


TRICKY = """
=== a/io.py
=== a/b/c.py
from .. import io
=== a/d.py
from . import io
=== a/e.py
import a.io as x
=== z/io.py
=== z/f.py
from . import io
=== web/tsconfig.json
{"compilerOptions": {"paths": {"~log": ["src/log/index.ts"], "lib-*": ["src/*/main.ts"]}}}
=== web/package.json
{"name": "@corp/web", "main": "src/entry.ts", "exports": {".": "./src/entry.ts", "./deep": "./src/far/away.ts"}}
=== web/src/log/index.ts
=== web/src/log/inner/x.ts
import { up } from "../";
=== web/src/log/y.ts
import { here } from ".";
=== web/src/net/main.ts
=== web/src/entry.ts
=== web/src/far/away.ts
=== web/src/use.ts
import { l } from "~log";
import { n } from "lib-net";
=== app/use.ts
import { e } from "@corp/web";
import { d } from "@corp/web/deep";
=== go/go.mod
module corp.com/x/v2
=== go/root.go
package x
=== go/sub/s.go
package sub

import "corp.com/x/v2"
"""


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/io.py", "a/b/c.py a/d.py a/e.py"),
        ("z/io.py", "z/f.py"),
        ("web/src/log/index.ts", "web/src/log/inner/x.ts web/src/log/y.ts web/src/use.ts"),
        ("web/src/net/main.ts", "web/src/use.ts"),
        ("web/src/entry.ts", "app/use.ts"),
        ("web/src/far/away.ts", "app/use.ts"),
        ("go/root.go", "go/sub/s.go"),
    ],
)
def test_who_imports_a_file_by_another_name(path: str, found: str) -> None:
    assert " ".join(importers(project(TRICKY), path)) == found


@pytest.mark.parametrize("text", [PYTHON, TYPESCRIPT, PASSED_ON, GO, RUST, JAVA, C, PHP, TRICKY])
def test_importers_are_exactly_those_whose_imports_resolve(text: str) -> None:
    index = workspace(text)
    one = Project(index, index.read)
    for path in index.files():
        every = [p for p in index.files() if p != path and any(path in resolve(one, p, i) for i in index.imports_of(p))]
        assert list(importers(one, path)) == every


def test_of_very_many_definitions_the_one_of_the_own_package_is_found() -> None:
    others = {f"p{number:03}/c.go": "package p\ntype Config struct{}\n" for number in range(600)}
    own = {"z/c.go": "package z\ntype Config struct{}\n", "z/use.go": "package z\nvar x Config\n"}
    index = MemoryIndex(others | own)
    assert [d.path for d in definition_of(Project(index, index.read), "z/use.go", "Config")] == ["z/c.go"]


def test_nothing_is_remembered_between_projects() -> None:
    before = MemoryIndex({"a.py": "import b\n"})
    after = MemoryIndex({"a.py": "import b\n", "b.py": ""})
    (imported,) = after.imports_of("a.py")
    assert resolve(Project(before, before.read), "a.py", imported) == ()
    assert resolve(Project(after, after.read), "a.py", imported) == ("b.py",)
