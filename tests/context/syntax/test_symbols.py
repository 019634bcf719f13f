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
(LOW, HIGH) = 1, 2
if LIMIT:
    FAST = 1
else:
    FAST = 0
try:
    import json
except ImportError:
    json = None
    for late in ():
        deep = 1


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
            "constant LOW | (LOW, HIGH) = 1, 2 |",
            "constant HIGH | (LOW, HIGH) = 1, 2 |",
            "constant FAST | FAST = 1 |",
            "constant FAST | FAST = 0 |",
            "constant json | json = None |",
            "class Shape | class Shape(Base) | A shape.",
            "field Shape.sides | sides = 4 |",
            "method Shape.__init__ | def __init__(self, name: str) -> None |",
            "field Shape.name | self.name = name |",
            "method Shape.area | async def area(self, *, scale: float = 1.0) -> float | Measure it.",
            "function helper | def helper(x) | Help.",
        ],
        ["os.path::p", ".b:c:d", ".b:e:", "json::"],
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
export { x as y, default } from "./n"; export * from "./o"; export * as p from "./p";
import q = require("./q");
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
        ["./x:a:b", "./x:c:", "./x:def:", "./n:default:", "./n:x:y", "./o::", "./p::p", "./q::q"],
        ["Base", "I", "add"],
    ),
    "javascript": (
        """
const fs = require("fs");
const { p, q: r, s = 1 } =
  require("./all");
const one = require("./one").two, { later } = await soon;
module.exports = require("./whole");
run(() => require("./inner"));
class A extends B { run() { return new C(fs.read()); } }
function* gen() {}
exports.late = function () {};
""",
        [
            'constant fs | const fs = require("fs") |',
            "constant p | const { p, q: r, s = 1 } |",
            "constant r | const { p, q: r, s = 1 } |",
            'constant one | const one = require("./one").two, { later } = await soon |',
            'constant later | const one = require("./one").two, { later } = await soon |',
            "class A | class A extends B |",
            "method A.run | run() |",
            "function gen | function* gen() |",
            "function late | exports.late = function () |",
        ],
        ["fs::fs", "./all:p:", "./all:q:r", "./all:s:", "./one:two:one", "./whole::", "./inner::"],
        ["B", "C", "read", "require", "run"],
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
mod shapes;
extern crate alloc as a;
mod inner {}
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
            "module shapes | mod shapes |",
            "module inner | mod inner |",
            "class Circle | pub struct Circle | A circle.",
            "field Circle.r | r: f64 |",
            "method Circle.area | fn area(&self) -> f64 | Its area.",
            "interface Shape | pub trait Shape |",
            "method Shape.area | fn area(&self) -> f64 |",
            "enum E | enum E |",
            "field E.One | One |",
            "macro m | macro_rules! m { () => {} } |",
        ],
        ["std::fmt::Display::", "shapes::", "alloc::a"],
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
struct s { int x; char *name; int (*call)(int); };
enum e { ONE };
typedef struct s *place;
typedef int (*handler)(int);
static int count = 1, *last;
""",
        [
            "macro MAX | #define MAX 3 |",
            "function add | static int *add(int a, int b) | Adds.",
            "class s | struct s |",
            "field s.x | int x |",
            "field s.name | char *name |",
            "field s.call | int (*call)(int) |",
            "enum e | enum e |",
            "constant e.ONE | ONE |",
            "type place | typedef struct s *place |",
            "type handler | typedef int (*handler)(int) |",
            "variable count | static int count = 1, *last |",
            "variable last | static int count = 1, *last |",
        ],
        ["stdio.h::"],
        ["sum"],
    ),
    "cpp": (
        """
#include "a.h"
namespace n {
// A shape.
class Shape : public Base, lib::Other<int> {
 public:
  ~Shape();
  bool operator==(const Shape &other) const;
  int area() const;
};
int Shape::area() const { return std::max(1, 2) + a::b::c<int>() + d<int>(); }
template <class T> T n::Box<T>::get() { return new Deep(); }
}
""",
        [
            "module n | namespace n |",
            "class n.Shape | class Shape : public Base, lib::Other<int> | A shape.",
            "method n.Shape.~Shape | ~Shape() |",
            "method n.Shape.operator== | bool operator==(const Shape &other) const |",
            "method n.Shape.area | int area() const |",
            "method Shape.area | int Shape::area() const |",
            "method Box.get | T n::Box<T>::get() |",
        ],
        ["a.h::"],
        ["Base", "Deep", "Other", "c", "d", "max"],
    ),
    "kotlin": (
        """
import a.b.C
import a.d as e
import a.f.*
/** A shape. */
class Shape(val x: Int, y: Int) : Base(y), Drawn {
    val side = 1
    fun area(): Int { val local = 2; return helper(side) }
}
interface Drawn { fun draw() }
enum class Color { RED }
typealias Names = List<String>
const val MOST = 3
var count = 0
""",
        [
            "class Shape | class Shape(val x: Int, y: Int) : Base(y), Drawn | A shape.",
            "field Shape.x | val x: Int |",
            "field Shape.side | val side = 1 |",
            "method Shape.area | fun area(): Int |",
            "interface Drawn | interface Drawn |",
            "method Drawn.draw | fun draw() |",
            "enum Color | enum class Color |",
            "constant Color.RED | RED |",
            "type Names | typealias Names = List<String> |",
            "constant MOST | const val MOST = 3 |",
            "variable count | var count = 0 |",
        ],
        ["a.b.C::", "a.d::e", "a.f:*:"],
        ["Base", "Drawn", "Int", "List", "String", "helper"],
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
