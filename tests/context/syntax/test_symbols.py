"""What is read out of a file: the rules, language by language. Whole samples are in `test_samples.py`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.errors import ParseTimeout
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import FileSyntax, file_syntax, words

SAMPLES = {
    "python": (
        '''
import os.path as p
from .b import c as d, e

LIMIT = 3


class Shape(Base):
    """A shape.

    More.
    """

    sides = 4

    def __init__(self, name: str) -> None:
        self.name = name

    # Measure it.
    async def area(self, *, scale: float = 1.0) -> float:
        return await helper(scale)


@cached
def helper(x):
    "Help."
    return x
''',
        [
            "constant LIMIT | LIMIT = 3 |",
            "class Shape | class Shape(Base) | A shape.",
            "field Shape.sides | sides = 4 |",
            "method Shape.__init__ | def __init__(self, name: str) -> None |",
            "field Shape.name | self.name = name |",
            "method Shape.area | async def area(self, *, scale: float = 1.0) -> float | Measure it.",
            "function helper | def helper(x) | Help.",
        ],
        ["os.path::p", ".b:c:d", ".b:e:"],
        ["Base", "float", "helper", "str"],
    ),
    "typescript": (
        """
import def, { a as b, c } from "./x";
/** Adds.
 * Well. */
export const add = (p: number): number => p;
// A shape
export abstract class Shape extends Base implements I {
  x: number = 1;
  area(): number { return add(1); }
}
interface I { size?: number; go(a: string): void }
type Id = string;
enum Color { Red }
export function run(): void {}
""",
        [
            "function add | const add = (p: number): number | Adds.",
            "class Shape | abstract class Shape extends Base implements I | A shape",
            "field Shape.x | x: number = 1 |",
            "method Shape.area | area(): number |",
            "interface I | interface I |",
            "field I.size | size?: number |",
            "method I.go | go(a: string): void |",
            "type Id | type Id = string |",
            "enum Color | enum Color |",
            "constant Color.Red | Red |",
            "function run | function run(): void |",
        ],
        ["./x:a:b", "./x:c:", "./x:def:"],
        ["Base", "I", "add"],
    ),
    "javascript": (
        """
const fs = require("fs");
class A extends B { run() { return new C(fs.read()); } }
function* gen() {}
exports.late = function () {};
""",
        [
            'constant fs | const fs = require("fs") |',
            "class A | class A extends B |",
            "method A.run | run() |",
            "function gen | function* gen() |",
            "function late | exports.late = function () |",
        ],
        ["fs::"],
        ["B", "C", "read", "require"],
    ),
    "go": (
        """
package a
import x "fmt"
const Max = 3
// Serve serves.
func (s *Server) Serve(n int) error {
\treturn x.Println(n)
}
// A Server.
type Server struct { Addr string }
""",
        [
            "module a | package a |",
            "constant Max | Max = 3 |",
            "method Server.Serve | func (s *Server) Serve(n int) error | Serve serves.",
            "type Server | Server struct { Addr string } | A Server.",
            "field Server.Addr | Addr string |",
        ],
        ["fmt::x"],
        ["Println", "Server", "error", "int", "string"],
    ),
    "rust": (
        """
use std::fmt::Display;
/// A circle.
pub struct Circle { r: f64 }
impl Shape for Circle {
    /// Its area.
    fn area(&self) -> f64 { scale(self.r) }
}
pub trait Shape { fn area(&self) -> f64; }
enum E { One }
macro_rules! m { () => {} }
""",
        [
            "class Circle | pub struct Circle | A circle.",
            "field Circle.r | r: f64 |",
            "method Circle.area | fn area(&self) -> f64 | Its area.",
            "interface Shape | pub trait Shape |",
            "method Shape.area | fn area(&self) -> f64 |",
            "enum E | enum E |",
            "field E.One | One |",
            "macro m | macro_rules! m { () => {} } |",
        ],
        ["std::fmt::Display::"],
        ["Shape", "scale"],
    ),
    "java": (
        """
import java.util.List;
/** A shape. */
public class Shape extends Base implements I {
    private int x = 1;
    public Shape(int x) { this.x = x; }
    int area() { return helper(new A()); }
}
interface I { void go(); }
""",
        [
            "class Shape | public class Shape extends Base implements I | A shape.",
            "field Shape.x | private int x = 1 |",
            "method Shape.Shape | public Shape(int x) |",
            "method Shape.area | int area() |",
            "interface I | interface I |",
            "method I.go | void go() |",
        ],
        ["java.util.List::"],
        ["A", "Base", "I", "helper"],
    ),
    "c": (
        """
#include <stdio.h>
#define MAX 3
/* Adds. */
static int *add(int a, int b)
{
  return sum(a, b);
}
struct s { int x; char *name; };
enum e { ONE };
""",
        [
            "macro MAX | #define MAX 3 |",
            "function add | static int *add(int a, int b) | Adds.",
            "class s | struct s |",
            "field s.x | int x |",
            "field s.name | char *name |",
            "enum e | enum e |",
            "constant e.ONE | ONE |",
        ],
        ["stdio.h::"],
        ["sum"],
    ),
    "cpp": (
        """
#include "a.h"
namespace n {
// A shape.
class Shape : public Base {
 public:
  int area() const;
};
int Shape::area() const { return std::max(1, 2); }
}
""",
        [
            "module n | namespace n |",
            "class n.Shape | class Shape : public Base | A shape.",
            "method n.Shape.area | int area() const |",
            "method Shape.area | int Shape::area() const |",
        ],
        ["a.h::"],
        ["Base", "max"],
    ),
    "kotlin": (
        """
import a.b.C
/** A shape. */
class Shape(val x: Int) {
    val side = 1
    fun area(): Int { return helper(side) }
}
""",
        [
            "class Shape | class Shape(val x: Int) | A shape.",
            "field Shape.side | val side = 1 |",
            "method Shape.area | fun area(): Int |",
        ],
        ["a.b.C::"],
        ["helper"],
    ),
}


def read(language: str, text: str) -> FileSyntax:
    source = text.encode()
    return file_syntax(language, source, parse(language, source, seconds=60))


@pytest.mark.parametrize("language", sorted(SAMPLES))
def test_reads_a_file(language: str) -> None:
    text, symbols, imports, names = SAMPLES[language]
    found = read(language, text)
    rows = [
        f"{s.kind} {s.parent + '.' if s.parent else ''}{s.name} | {s.signature} | {s.doc}".rstrip()
        for s in found.symbols
    ]
    assert rows == symbols
    assert [f"{one.source}:{one.name}:{one.alias}" for one in found.imports] == imports
    assert sorted({reference.name for reference in found.references}) == names


def test_tsx_is_read_as_typescript_is() -> None:
    (symbol,) = read("typescriptreact", "export const View = () => <p>hi</p>;\n").symbols
    assert (symbol.kind, symbol.name) == ("function", "View")


def test_places_are_bytes_and_lines() -> None:
    text = "é = '漢😀'\n\n\ndef später():\n    pass\n"
    constant, function = read("python", text).symbols
    assert (constant.name, function.name, function.line, function.last_line) == ("é", "später", 3, 4)
    assert text.encode()[function.start : function.end].decode() == "def später():\n    pass"


def test_gives_up_on_a_file_that_takes_too_long() -> None:
    with pytest.raises(ParseTimeout):
        parse("python", b"x = [" + b"1," * 300_000, seconds=0.0)
    assert read("python", "x = 1\n").symbols


@given(st.sampled_from(sorted(GRAMMARS)), st.text(max_size=200))
def test_reads_anything(language: str, text: str) -> None:
    source = text.encode("utf-8", "replace")
    for symbol in file_syntax(language, source, parse(language, source)).symbols:
        assert 0 <= symbol.start <= symbol.end <= len(source)


def test_collects_words() -> None:
    text = "def größe(a1, ab): return x_12 + 3abc → “quoted” ..."
    assert words(text.encode()) == {"def", "größe", "return", "x_12", "quoted"}
    assert words(b"") == set()
