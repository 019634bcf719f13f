"""What is around a place: names that can be used there, told by hand for each language and by `symtable` for Python."""

import ast
import os
import symtable
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest

from assist_context.syntax.grammars import parser
from assist_context.syntax.parse import parse
from assist_context.syntax.scope import Visible, enclosing, visible_names
from assist_context.syntax.symbols import file_syntax
from support.marked import at_cursor

CASES = [
    (
        "python",
        "a method",
        """
import a.b, c as d
from x import y as z, w
LIMIT = 1
class K(Base):
    attr = 1
    def m(self, p, *args, q: int = 2, **kw):
        for i, (j, *l) in y:
            r = [e for e in p if (walrus := e)]
        def inner(t):
            u = 1
        with o as f: pass
        <|>
        late = 3
    def other(self): pass
def top(): hidden = 1
later = 2
""",
        [
            "parameter self p args q kw",
            "local i j l r walrus",
            "definition inner",
            "local f late",
            "import a d z w",
            "definition LIMIT K top later",
        ],
    ),
    (
        "python",
        "a class body and a type parameter",
        """
def decorate(): pass
class K[T]:
    attr = 1
    def m(self): pass
    value = <|>1
""",
        ["parameter T", "definition attr m value decorate K"],
    ),
    (
        "python",
        "a comprehension",
        """
def f(a):
    b = {k: v for k, (v, _) in a if <|>k}
    return lambda c: c
""",
        ["local k v", "parameter a", "local b", "definition f"],
    ),
    (
        "python",
        "patterns and handlers",
        """
def f(a):
    try:
        match a:
            case Point(x=px, y=[q, *rest]) as whole: pass
            case {"k": v, **others} | None: pass
            case mod.CONST: pass
    except E as error:
        import json
    <|>
""",
        ["parameter a", "local px q rest whole v others error", "import json", "definition f"],
    ),
    (
        "python",
        "an empty line of the file after a function",
        """
def f(a):
    b = 1
<|>
c = 2
""",
        ["definition f c"],
    ),
    (
        "python",
        "an empty line deeper than the last one",
        """
def f(a):
    def g(b):
        return b(
            1)
        # done
        <|>
""",
        ["parameter b a", "definition g f"],
    ),
    (
        "python",
        "a line that is not whole",
        """
import os
def f(a):
    b = 1
    print(a, os.<|>
def g(c):
    d = 2
""",
        ["parameter a", "local b", "import os", "definition f g"],
    ),
    (
        "python",
        "a name that is being written",
        """
def f(a):
    value = 1
    val<|> = 2
""",
        ["parameter a", "local value", "definition f"],
    ),
    (
        "typescript",
        "a handler in a loop",
        """
import def, { a as b, c } from "./x"; import * as ns from "y"; import fs = require("fs");
export function f<T>(p: number, { q, r: s, t = 1, ...u }: O, [v, w = 2] = [], y?: string, ...z: any[]) {
  const { k, m: { n } } = p;
  if (p) { var hoisted = 1; let block = 1; }
  for (const i of xs) { try {} catch (e) { <|> } }
  const late = 1; function inner(ip) {} class L {} enum E { A } type Al = string; interface If { a(b: c): d }
}
declare const dd: number; namespace N { export const inN = 1; } abstract class Ab { x = 1; m(mp) {} }
""",
        [
            "local e i k n",
            "parameter T p q s t u v w y z",
            "local hoisted",
            "definition inner L E Al If",
            "import def b c ns fs",
            "definition f dd N Ab",
        ],
    ),
    (
        "typescriptreact",
        "a component",
        """
import React, { useState } from "react";
export const App = ({ title }: Props) => { const [n, setN] = useState(0);
  return <b onClick={() => <|>setN(n)}>{title}</b>; };
""",
        ["local n setN", "parameter title", "import React useState", "definition App"],
    ),
    (
        "javascript",
        "a closure in a method",
        """
const {a, b: c} = require("x");
class A extends B { field = 1; run(x, [y]) { const o = { meth(z) { return (w) => { <|> } } }; } other() {} }
function* gen(g) {} exports.late = function named() {}; var v = one => one;
""",
        ["parameter w z", "local o", "parameter x y", "definition a c A gen v"],
    ),
    (
        "javascriptreact",
        "a file",
        """
import { h } from "preact";
function App({ title }) { return <b>{title}</b>; }
<|>
""",
        ["import h", "definition App"],
    ),
    (
        "go",
        "a condition in a loop",
        """
package a
import ( "fmt"; x "os/exec"; "gopkg.in/yaml.v3"; "a/b/v2"; . "dot"; _ "side" )
const Max = 3
var g1, g2 int
type S struct { F int }
func (s *S) M(n, m int, c ...string) (r int, err error) {
  v, w := 1, 2
  for i, _ := range xs { inner := 1
   if e := f(); e != nil { <|> }
   after := 2
  }
  var late int
}
func G[T any](t T) { hidden := 1 }
""",
        ["local e inner i v w", "parameter s n m c r err", "import fmt x yaml b", "definition Max g1 g2 S G"],
    ),
    (
        "go",
        "cases",
        """
package a
const A, B = 1, 2
func f(v any) {
  const k, l T = 1, 2
  switch t := v.(type) { case int: other := 1
  case string: one := t
    <|>
  }
  select { case m := <-ch: _ = m }
}
""",
        ["local t k l", "parameter v", "definition A B f"],
    ),
    (
        "ruby",
        "patterns, and constants around a method",
        """
LIMIT = 3
top = 1
class A
  SIDES = 2
  def run(x)
    case x
    in {name: String => who, age:, place: there} then 1
    in [first, second] then 2
    end
    <|>
  end
end
""",
        [
            "parameter x",
            "local who age there first second",
            "definition SIDES run LIMIT A",
        ],
    ),
    (
        "rust",
        "an arm in a method",
        """
use std::fmt::{self, Display as D, a::{B, C}}; extern crate bar as baz;
const K: i32 = 1; mod m { fn inm() {} } macro_rules! mac { ($x:expr) => { $x } }
struct S<T> { f: T } enum E { V(i32) } trait Tr { fn t(&self); }
impl<T> S<T> { const IC: i32 = 1; fn m<P: X>(&mut self, a: i32, (b, c): (i32, i32), mut d: i32,
  Pt { x, y: yy, .. }: Pt) {
  let Some(n) = o else { return; }; let (h, mut i) = (1, None);
  if let Ok(s) = t { match v { E::V(x1) if c => { <|> } None => 4 } } let late = 1;
 } fn other() {} }
""",
        ["local x1 s n h i", "parameter P a b c d x yy T", "import fmt D B C baz", "definition K m mac S E Tr"],
    ),
    (
        "rust",
        "a function in a function",
        """
fn outer<T>(oo: i32) { let l = 1; loop { fn nested(nn: i32) { let k = 1; <|> } }; }
""",
        ["local k", "parameter nn", "definition nested outer"],
    ),
    (
        "rust",
        "a closure",
        """
fn outer(oo: i32) { let l = 1; xs.map(|q, (w, e): P| <|>q + 1); let late = 1; }
""",
        ["parameter q w e", "local l", "parameter oo", "definition outer"],
    ),
    (
        "java",
        "a lambda in a method",
        """
import java.util.List; import static a.b.C.d; import x.*;
class A<T> extends B { int f, g = 1; A(int p) {}
 <U> void m(final String a, int... b) throws E { int c = 1;
  for (String s : ss) { try (R r = x) {
    Runnable q = (x, y) -> { if (o instanceof String str) { <|> } }; } catch (E e) {} } int late; }
 void other(int op) {} int h; enum En { ONE } interface I { int K = 1; } record R(int ra) {} } class Z {}
""",
        [
            "local str",
            "parameter x y",
            "local q r s c",
            "parameter U a b T",
            "definition f g A m other h En I R",
            "import List d",
            "definition Z",
        ],
    ),
    (
        "kotlin",
        "a lambda in a method",
        """
import a.b.C
import d.e as f
import g.*
const val TOP = 1
class K<T>(val a: Int, b: String = "x") : B() {
  var c = 1
  fun m(p: Int, vararg q: String): Int {
    val d = 1
    val (g, h) = pair
    for (i in xs) { xs.forEach { n, o -> <|>print(n) } }
    val late = 1
  }
  companion object {
    const val CC = 1
  }
  fun other() {}
}
object O {
  val ov = 1
}
fun String.ext(es: Int) = es
""",
        [
            "parameter n o",
            "local i d g h",
            "parameter p q T a b",
            "definition c m CC other",
            "import C f",
            "definition TOP K O ext",
        ],
    ),
    (
        "c",
        "a loop",
        """
#include <x.h>
#define M(x) x
typedef struct { int a; } TD, *PTD; typedef int (*FP)(int fpp);
struct S { int f; }; enum E { A1 }; static int g1, *g2 = 0, g3[3]; int proto(int pp);
char *fun(int a, char **b, int (*cb)(int q)) { int x = 1, *y; for (int i = 0;;) { <|> } int late; }
int after(void) { return 1; }
""",
        ["local i x y", "parameter a b cb", "definition M TD PTD FP S E A1 g1 g2 g3 proto fun"],
    ),
    (
        "cpp",
        "a loop in a method",
        """
#define OBJ 1
using std::vector;
namespace ns { int inns; void fn(int proto);
template <typename T, int N> T *fun(int a, const char *b, int (*cb)(int q)) { int fl; }
class C : public B { int cf; int *pf;
 int cm(int cp) { int x = 1, *y; auto [p, q] = pr; for (auto &v : vs) { <|> } int l; } void late(); };
int after; }
""",
        [
            "local v x y p q",
            "parameter cp",
            "definition cf pf cm late inns fn fun C OBJ",
            "import vector",
            "definition ns",
        ],
    ),
    (
        "cpp",
        "a lambda in a template",
        """
template <typename T> T fun(T a) { auto f = [b = 1](int c) { <|> }; try {} catch (const E &ex) {} }
""",
        ["local b", "parameter c", "local f", "parameter a T", "definition fun"],
    ),
]


@pytest.mark.parametrize(("language", "title", "text", "expected"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_names_that_can_be_used(language: str, title: str, text: str, expected: list[str]):
    assert grouped(visible_at(language, text)) == expected


def test_a_large_file_gives_what_a_small_one_gives():
    """The insides of large scopes are left out while they are searched; what comes out of them is not."""
    body = "".join(f"        if a:\n            v{n} = [x for x in range({n})]\n" for n in range(300))
    text = (
        "try:\n    import q\nexcept ImportError:\n    q = None\n"
        f"class K:\n    def g(self):\n{body}\n    def m(self, a):\n{body}        <|>\n{body}"
    )
    (names,) = [group for group in grouped(visible_at("python", text)) if group.startswith("local")]
    assert names.split()[1:] == [f"v{n}" for n in range(300)]
    assert grouped(visible_at("python", text))[-2:] == ["import q", "definition K"]


def test_a_large_block_gives_the_variables_that_go_past_it():
    body = "".join(f"if (a) {{ var v{n} = {n}; let l{n} = [{n}]; }}\n" for n in range(300))
    names = visible_at("javascript", f"function f(a) {{ for (;;) {{ {body} }} <|> }}")
    assert [name.name for name in names if name.kind == "local"] == [f"v{n}" for n in range(300)]


def test_the_nearest_declaration_counts():
    text = "package a\nvar x int\nfunc f(x int) { if x := 1; true { x := 2\n <|> } }"
    assert [one for one in visible_at("go", text) if one.name == "x"] == [Visible("x", "local", text.index("x := 2"))]


def test_a_place_is_counted_in_bytes():
    assert [name.name for name in visible_at("python", 'é = "漢"\ndef f(ñ):\n    return <|>ñ')] == ["ñ", "é", "f"]


@pytest.mark.parametrize("text", ["<|>", "\n<|>", "<|>x", "def<|>", "    <|>", "}<|>"])
@pytest.mark.parametrize("language", ["python", "typescript", "cpp"])
def test_almost_nothing_has_no_names(language: str, text: str):
    assert visible_at(language, text) == ()


def test_definitions_around_a_place():
    text, _ = at_cursor("class K:\n    def m(self):\n        pass<|>\n\ndef other(): pass\n")
    source = text.encode()
    symbols = file_syntax("python", source, parse("python", source)).symbols
    assert [symbol.name for symbol in enclosing(symbols, source.index(b"pass"))] == ["K", "m"]
    assert [symbol.name for symbol in enclosing(symbols, source.index(b"pass") + 4)] == ["K", "m"]
    assert enclosing(symbols, source.index(b"\n\n") + 1) == ()


def test_python_names_are_those_that_the_compiler_finds():
    """Every twelfth file of the standard library, at the end of each function."""
    wanted = found = surplus = 0
    for path in sorted(Path(os.__file__).parent.glob("*.py"))[::12]:
        source = path.read_bytes()
        if not source.isascii():
            continue
        tree = parse("python", source)
        for offset, names in names_at_ends(source.decode()):
            visible = {name.name for name in visible_names("python", source, tree, offset)}
            wanted += len(names)
            found += len(names & visible)
            surplus += len(visible - names)
    assert wanted > 10_000
    assert found >= 0.99 * wanted
    assert surplus <= 0.01 * wanted


def test_the_compiler_is_asked_rightly():
    text = (
        "import a.b\nclass K:\n    c = 1\n    def m(self, p):\n"
        "        q: int\n        r = [s for s in p]\n        return a\n"
    )
    assert names_at_ends(text) == [(len(text) - 1, {"a", "K", "self", "p", "q", "r"})]


def visible_at(language: str, text: str) -> tuple[Visible, ...]:
    plain, offset = at_cursor(text)
    source = plain.encode()
    return visible_names(language, source, parser(language).parse(source), len(plain[:offset].encode()))


def grouped(names: Sequence[Visible]) -> list[str]:
    """Write names that follow each other and are of one kind in one text."""
    return [" ".join([kind, *(name.name for name in same)]) for kind, same in groupby(names, key=lambda one: one.kind)]


def names_at_ends(text: str) -> list[tuple[int, set[str]]]:
    """Give the end of each function of an ASCII text, and the names that `symtable` has for it there."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    functions = {
        (node.name, line): starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line in (node.lineno, *(decorator.lineno for decorator in node.decorator_list[:1]))
    }
    return [
        (functions[place], {name for table in tables for name in bound(table)} - {"_"})
        for tables in functions_of([symtable.symtable(text, "text", "exec")])
        if (place := (tables[0].get_name(), tables[0].get_lineno())) in functions
    ]


def functions_of(around: list[symtable.SymbolTable]) -> Iterator[list[symtable.SymbolTable]]:
    """Give each function with the tables whose names it sees, its own first."""
    for table in around[0].get_children():
        seen = [table, *(outer for outer in around if outer.get_type() != "class")]
        if table.get_type() == "function":
            yield seen
        yield from functions_of(seen)


def bound(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        binds = symbol.is_assigned() or symbol.is_parameter() or symbol.is_imported() or symbol.is_namespace()
        is_elsewhere = table.get_type() != "module" and symbol.is_global() and not symbol.is_declared_global()
        if binds and not is_elsewhere and not symbol.get_name().startswith("."):
            yield symbol.get_name()
