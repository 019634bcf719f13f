"""Who calls a name."""

import pytest

from assist_context.retrieval.callers import Caller, callers, callers_of
from assist_context.retrieval.resolve.project import Project
from support.arrows import workspace

PYTHON = """
=== a/run.py
def run():
    pass

def again():
    def inner():
        run()
    run()

run()
=== a/__init__.py
from .run import run
=== b/use.py
from a import run

class Job:
    size = run()

    def start(self):
        return [run() for _ in self]
=== b/module.py
import a.run
a.run.run()
=== c/other.py
def run(): pass
run()
=== c/says.py
"run()"
run = 1
x = run
=== d/short.py
def go(): pass
go()
=== e/make.py
class Job2: pass
Job2()
"""
TYPESCRIPT = """
=== shape.ts
export class Shape { grow() {} }
export function $make() { return new Shape(); }
=== index.ts
export * from "./shape";
=== use.ts
import { Shape } from "./index";
const big = (s: Shape) => s.grow();
=== far.ts
export function tall(tree) { tree.grow(); tree.$on(); }
"""
GO = """
=== go.mod
module m
=== store/a.go
package store

func Open() {}
=== store/b.go
package store

func reopen() { Open() }
=== main.go
package main

import "m/store"

func main() { store.Open() }
=== other/o.go
package other

func f() { g.Open() }
"""
C = """
=== lib/shape.h
int area(int side);
=== lib/shape.c
#include "shape.h"
int area(int side) { return side; }
=== lib/all.h
#include "shape.h"
=== main.c
#include "lib/all.h"
int main() { return area(3); }
=== other.c
int twice() { return area(3); }
"""


def told(found: tuple[Caller, ...]) -> list[str]:
    return [f"{c.path}:{c.line + 1} {c.parent}.{c.name}".replace(" .", " ") for c in found]


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        (
            PYTHON,
            "run",
            [
                "a/run.py:6 again.inner",
                "a/run.py:7 again",
                "a/run.py:9 ",
                "b/module.py:2 ",
                "b/use.py:4 Job",
                "b/use.py:7 Job.start",
                "c/other.py:2 ",
            ],
        ),
        (PYTHON, "go", ["d/short.py:2 "]),
        (PYTHON, "Job2", ["e/make.py:2 "]),
        (PYTHON, "nothing", []),
        (PYTHON, "", []),
        (TYPESCRIPT, "Shape", ["shape.ts:2 $make"]),
        (TYPESCRIPT, "$make", []),
        (TYPESCRIPT, "$on", ["far.ts:1 tall"]),
        (TYPESCRIPT, "grow", ["far.ts:1 tall", "use.ts:2 big"]),
    ],
)
def test_calls_of_a_name(text: str, name: str, found: list[str]) -> None:
    assert told(callers(workspace(text), name, 100)) == found


def test_no_more_than_asked_for() -> None:
    index = workspace(PYTHON)
    assert callers(index, "run", 2) == callers(index, "run", 100)[:2]
    assert callers(index, "run", 0) == ()


@pytest.mark.parametrize(
    ("text", "path", "name", "found"),
    [
        (
            PYTHON,
            "a/run.py",
            "run",
            [
                "a/run.py:6 again.inner",
                "a/run.py:7 again",
                "a/run.py:9 ",
                "b/module.py:2 ",
                "b/use.py:4 Job",
                "b/use.py:7 Job.start",
            ],
        ),
        (PYTHON, "c/other.py", "run", ["c/other.py:2 "]),
        (TYPESCRIPT, "shape.ts", "grow", ["use.ts:2 big"]),
        (GO, "store/a.go", "Open", ["main.go:5 main", "store/b.go:3 reopen"]),
        (C, "lib/shape.c", "area", ["main.c:2 main"]),
    ],
)
def test_calls_of_a_definition(text: str, path: str, name: str, found: list[str]) -> None:
    index = workspace(text)
    (definition,) = [one for one in index.definitions(name, 10) if one.path == path]
    assert told(callers_of(Project(index, index.read), definition, 100)) == found


def test_where_nothing_can_be_told_all_calls_are_given() -> None:
    index = workspace("=== a.swift\nfunc run() {}\nrun()\n=== b.swift\nfunc f() { run() }\n")
    (definition,) = index.definitions("run", 10)
    assert callers_of(Project(index, index.read), definition, 10) == callers(index, "run", 10)
