"""Each filter by table, then what must hold of all of them on any text."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import assist_context
from assist_context.retrieval.snippet import Place
from assist_server.features.completion.filters import NOTHING_MADE, Frame, apply_filters, control_tokens_in
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.trigger import Extent
from support.completion import at_cursor
from support.filters import OWN, frame, full_frame, run_one


@pytest.mark.parametrize(
    ("place", "made", "kept"),
    [
        ("separator = 1\nprint(separ<|>", " > 0)", ""),
        ("separator = 1\nprint(separ<|>", "ator)", "ator)"),
        ("    contin<|>", "\n    x = 1", ""),
        # It is a word by itself, here or elsewhere, or one that is being made up.
        ("def price(prices):\n    return price<|>", " + 1", " + 1"),
        ("totals = []\ntotal<|>", " = 1", " = 1"),
        ("totals = []\ndef tot<|>", "(a):", "(a):"),
        ("counted<|>", " = 1", " = 1"),
        ("prices = []\ntext = 'pric<|>", " is'", " is'"),
        ("prices = []\nx = pr<|>", ".a", ".a"),
    ],
)
def test_what_leaves_the_beginning_of_a_word_is_dropped(place: str, made: str, kept: str) -> None:
    at = full_frame(place, known=frozenset({"total", "pr"}))
    assert run_one("begun word", made, at) == kept
    assert run_one("begun word", made, replace(at, known=None)) == made


@pytest.mark.parametrize(
    ("name", "place", "made", "kept"),
    [
        ("newlines", "<|>", "a\r\nb\r\n", "a\nb\n"),
        ("control tokens", "x = <|>", "1<|endoftext|>garbage", "1"),
        ("control tokens", "x = <|>", "1<|unheard_of|>garbage", "1"),
        ("control tokens", "x = <|>", "<|cursor|>1<|user_cursor_is_here|> + 2", "1 + 2"),
        ("control tokens", "x = <|>", "a <| b |> c", "a <| b |> c"),
        ("control tokens", "T = '<|fim_prefix|>'\nU = <|>", "'<|fim_prefix|>'<|endoftext|>", "'<|fim_prefix|>'"),
        ("control tokens", "T = '<PRE>'\nU = <|>", "'<PRE>'<MID>", "'<PRE>'"),
        ("control tokens", "U = <|>", "'<PRE>'", "'"),
        ("echo", "    self.total = <|>", "self.total = 0", "0"),
        ("echo", "    ret<|>", "return a", "urn a"),
        ("echo", "    ret<|>", "urn a", "urn a"),
        ("echo", "x.to<|>", "total = 1", "tal = 1"),
        ("echo", "x<|>", "xs = 1", "xs = 1"),
        ("echo", "ret <|>", "return a", "return a"),
        ("echo", "int<|>", "internal_id = 1", ""),
        ("echo", "return<|>", "returned.rows", ""),
        ("echo", "inter<|>", "internal_id = 1", "nal_id = 1"),
        ("echo", "std::vector<<|>", "std::vector<int>> grid;", "std::vector<int>> grid;"),
        ("echo", "x = deepcopy(<|>", "deepcopy(a))", "deepcopy(a))"),
        ("echo", "    deepcopy(<|>", "deepcopy(a))", "deepcopy(a))"),
        ("echo", "    deepcopy(a, <|>", "deepcopy(a, b)", "b)"),
        ("double space", "x = <|>", "  1", "1"),
        ("double space", "    <|>", "  1", "  1"),
        ("double space", "x =<|>", " 1", " 1"),
        ("double space", "Name  <|>", "      string", "      string"),
        ("double space", "want <|>", "      string", "      string"),
        ("closing brackets", "foo(<|>)", "a)", "a"),
        ("closing brackets", "foo(<|>)", "bar()", "bar()"),
        ("closing brackets", "foo(bar(<|>)", "x)", "x)"),
        ("closing brackets", "if len(<|>", "len(found) < numbers]:", "len(found) < numbers"),
        ("closing brackets", "x = a(<|>)", "b) if isinstance(b, str", "b) if isinstance(b, str"),
        ("closing brackets", "pub(<|>) -> Self {", "crate) fn current(", "crate) fn current("),
        ("closing brackets", "foo(<|>)", "')', a)", "')', a"),
        ("closing brackets", "foo('<|>')", "it\\'s)')", "it\\'s)"),
        ("closing brackets", "foo(<|>);", "a);", "a"),
        ("closing brackets", "foo(bar(<|>)", "x))", "x)"),
        ("closing brackets", "foo(bar(<|>))", "x))", "x"),
        ("closing brackets", "    x, y<|>)", ", z)", ", z"),
        ("closing brackets", "def f(<|>):", "a, b) -> int:", "a, b"),
        ("closing brackets", "if (a && <|>) {", "b) {", "b"),
        ("closing brackets", 'print("<|>")', 'hello")', "hello"),
        ("closing brackets", "x = [<|>] + y", "1, 2] + z", "1, 2"),
        ("closing brackets", "return a <|> b", "+ c)", "+ c)"),
        # The quotes that follow may be those of the next string.
        ("closing brackets", 'f("a<|>, "b")', 'bc"', 'bc"'),
        ("closing brackets", 'f("a<|>", "b")', 'bc", "d"', "bc"),
        ("closing brackets", 'f("<|>', 'a (b", c)', 'a (b", c)'),
        ("overlap", "return a <|> b", "+ b", "+ "),
        ("overlap", "foo(a<|>, c)", ", b, c)", ", b"),
        ("overlap", "foo(<|>)", "bar()", "bar()"),
        ("overlap", "pri<|>nt(x)", "nt(x)", ""),
        ("overlap", "x = <|>;", "1;", "1"),
        ("overlap", "x = tot<|>al", "al", ""),
        ("overlap", "x = <|>al", "total", "total"),
        ("overlap", "lines.<|>nding.end())", "append(ending.end())", "append(e"),
        ("overlap", "a((<|>))", "f(g())", "f(g())"),
        ("line above", "total = 1\n<|>", "total = 1", ""),
        ("line above", "    total = 1\n    to<|>", "tal = 1", ""),
        ("line above", "    s.pop()\n    <|>", "s.pop()\n    return s", "s.pop()\n    return s"),
        ("line above", "f(a)\nf(<|>)", "a", ""),
        ("line above", "}\n<|>", "}", "}"),
        ("line above", "        return None\n    <|>", "return None", "return None"),
        ("line above", "</div>\n<|>", "</div>", "</div>"),
        ("line above", "    done\n  <|>", "done", "done"),
        ("line below", "<|>\ntotal = 1", "total = 1", ""),
        ("line below", "<|>\ntotal = 1", "total = 1\nx = 2", ""),
        ("line below", "<|>\n\ntotal = 1", "total = 1", "total = 1"),
        ("line below", "    if x:\n        <|>\n    return None", "return None", "return None"),
        ("line below", "    <|>\n    return None", "return None", ""),
        ("line below", "  <|>\n}", "}", "}"),
        ("line below", "    <|>\n  </div>\n</div>", "</div>", "</div>"),
        ("line below", "    <|>\n  done\ndone", "done", "done"),
        ("loops", "<|>", "a = 1\na = 1\na = 1\na = 1", "a = 1"),
        ("loops", "<|>", "a()\nb()\na()\nb()\na()\nb()\nc()", "a()\nb()"),
        ("loops", "<|>", "a()\na()\nb()", "a()\na()\nb()"),
        ("loops", "x = <|>", "foo, foo, foo, foo, foo, foo, foo", "foo, "),
        ("loops", "<|>", "# ------------------------------", "# ------------------------------"),
        ("loops", "x = <|>", "[0, 0, 0, 0, 0, 0, 0, 0]", "[0, 0, 0, 0, 0, 0, 0, 0]"),
        ("loops", "x = [<|>]", "0, 0, 0, 0, 0, 0, 0, 0", "0, 0, 0, 0, 0, 0, 0, 0"),
        ("loops", "x = <|>", "[0, 0, 0, 0, 0, 0, 0, 0", "[0, "),
        ("loops", "x = <|>", "{'a', 'a', 'a', 'a', 'a', 'a'}", "{'a', 'a', 'a', 'a', 'a', 'a'}"),
        ("loops", "x = <|>", "[\n  1, -1,\n  1, -1,\n  1, -1,\n]", "[\n  1, -1,\n  1, -1,\n  1, -1,\n]"),
        ("loops", "x = <|>", f"[{', '.join(['(0.5, None)'] * 6)}]", f"[{', '.join(['(0.5, None)'] * 6)}]"),
        ("loops", "<|>", "f(foo, foo, foo, foo, foo, foo, foo)", "f(foo, "),
        ("boilerplate", "<|>", "# Copyright (c) 2024 A. Person\nx = 1", ""),
        ("boilerplate", "x = 1\n<|>", "y = 2\n# SPDX-License-Identifier: MIT\nz", "y = 2"),
        ("boilerplate", "<|>", "# path/to/file.py\nx = 1", ""),
        ("boilerplate", "<|>", "// File: index.ts\nx", ""),
        ("boilerplate", "<|>", "x = a / b.py", "x = a / b.py"),
        ("boilerplate", "<|>", "# see docs/a.md for more", "# see docs/a.md for more"),
        ("boilerplate", "<|>", "a()\n# ... rest of code\nb()", "a()"),
        ("boilerplate", "<|>", "a()\n    // ... existing code ...\n", "a()"),
        ("boilerplate", "<|>", "# Your code here\npass", ""),
        ("boilerplate", "<|>", "/* rest of the function remains the same */", ""),
        ("boilerplate", "<|>", "# the rest is sorted", "# the rest is sorted"),
        ("boilerplate", "x = 1  # <|>", "copyright 2024", "copyright 2024"),
        ("boilerplate", "# <|>", "copyright 2024", ""),
        ("boilerplate", "<|>", "/// ...\nfn f() {}", "/// ...\nfn f() {}"),
        ("white space", "x = <|>", "1  \n\n", "1"),
        ("white space", "return a <|>b", "+ ", "+ "),
        ("white space", "f(<|>)", "a ", "a"),
        ("white space", "a <|> b", "+ ", "+"),
    ],
)
def test_filter(name: str, place: str, made: str, kept: str) -> None:
    assert run_one(name, made, frame(place)) == kept


@pytest.mark.parametrize(
    ("name", "place", "made", "kept"),
    [
        ("code fence", "x = <|>", "Sure:\n```python\n1 + 2\n```\nThis adds.", "1 + 2"),
        ("code fence", "x = <|>", "```\n1 + 2", "1 + 2"),
        ("code fence", "x = <|>", "`1 + 2`", "1 + 2"),
        ("code fence", "x = <|>", "1 + 2", "1 + 2"),
        ("code fence", "x = <|>", "````md\n```\na\n```\n````", "```\na\n```"),
        ("code fence", "x = <|>", "```\n```", ""),
        ("code fence", "x = <|>", "1 + <FILL_IN_HERE>2", "1 + 2"),
        ("echo", "    ret<|>", "return a", "urn a"),
        ("echo", "    ret<|>", "    return a", "urn a"),
        ("echo", "    <|>", "    return a", "return a"),
        ("echo", "x = <|>", "1", "1"),
    ],
)
def test_filter_of_an_answer_in_words(name: str, place: str, made: str, kept: str) -> None:
    assert run_one(name, made, frame(place, from_chat=True)) == kept


@pytest.mark.parametrize(
    ("language", "mark", "line"),
    [
        ("python", "@property", "def rows(self):"),
        ("python", '@app.get("/")', "def rows(self):"),
        ("rust", "#[test]", "fn rows() {}"),
        ("java", "/**", "* The rows."),
        ("csharp", "[Fact]", "void rows() {}"),
    ],
)
def test_many_things_begin_with_the_same_mark(language: str, mark: str, line: str) -> None:
    """So it does not tell that what follows, or what stands above, comes again; the line behind it does."""
    made, other = f"{mark}\n    {line}", f"{mark}\n    {line.replace('rows', 'names')}"
    for place in (f"class A {{\n    <|>\n    {other}\n}}\n", f"class A {{\n    {mark}\n    <|>\n}}\n"):
        text, offset = at_cursor(place)
        at = Frame(hole_at(text, offset, language), "block", place=Place("a", language, text, offset))
        for name in ("end", "line above", "line below"):
            assert run_one(name, made, at) == made
            assert run_one(name, mark, at) == mark
        assert run_one("line below", other, at) == ("" if other in text else other)


def test_a_fence_written_by_a_filling_model_is_left_alone() -> None:
    assert run_one("code fence", "```\na\n```", frame("<|>")) == "```\na\n```"


@pytest.mark.parametrize(
    ("place", "made", "kept"),
    [
        ("def f(a):\n    <|>", "return a\n    b\n", "return a\n    b"),
        ("def f(a):\n    <|>", "return a\n\n    b", "return a"),
        ("def f(a):\n    <|>", "return a\ndef g():", "return a"),
        ("def f(a):<|>", "\n    return a\ndef g():\n    return 1", "\n    return a"),
        ("function f() {<|>", "\n  return 1;\n}\nfunction g() {", "\n  return 1;\n}"),
        ("function f() {<|>\n}", "\n  return 1;\n}", "\n  return 1;"),
        ("def f(a):\n    <|>\n    return a", "a += 1\n    return a", "a += 1"),
        ("def f(a):\n    <|>\n    return a", "return a", ""),
        ("if a:\n    b()\nelse:<|>", "\n    c()", "\n    c()"),
        ("if a:<|>", "\n    b()\nelse:\n    c()", "\n    b()"),
        ("try:<|>", "\n    b()\nexcept E:\n    c()", "\n    b()\nexcept E:\n    c()"),
    ],
)
def test_where_a_paragraph_ends(place: str, made: str, kept: str) -> None:
    assert run_one("end", made, frame(place, "paragraph")) == kept


def test_a_block_goes_over_one_blank_line_but_not_two() -> None:
    at = frame("def f(a):\n    <|>", "block")
    assert run_one("end", "b = 1\n\n    return a\n\n\n    c", at) == "b = 1\n\n    return a"


@pytest.mark.parametrize(
    ("place", "made", "extent", "why"),
    [
        ("x = <|>", "", "line", NOTHING_MADE),
        ("x = <|>", "  \n ", "paragraph", NOTHING_MADE),
        ("x = <|>", "<|endoftext|>", "paragraph", "the model answered with control tokens only"),
        ("a = 12\n<|>", "a = 12", "paragraph", "the model repeated the line above"),
        ("return a <|> b", "b", "line", "the model repeated what follows"),
        ("foo(<|>)", ")", "line", "the model closed what is closed already"),
    ],
)
def test_why_nothing_is_left(place: str, made: str, extent: Extent, why: str) -> None:
    filtered = apply_filters(made, frame(place, extent))
    assert (filtered.text, filtered.why_empty) == ("", why)


def test_the_trace_counts_and_never_quotes() -> None:
    filtered = apply_filters("secret)", frame("foo(<|>)"))
    assert filtered.text == "secret"
    assert filtered.trace == ("filter closing brackets: 7 to 6 characters",)


@pytest.mark.parametrize(
    ("place", "made", "kept"),
    [
        # Behind an indentation, the first line begins where the cursor is; the lines behind it are right as they are.
        ("def f(path):\n    <|>\n", "    with open(path) as a:\n        b(a)", "with open(path) as a:\n        b(a)"),
        ("for a in b:\n        <|>\n", "    if a < b:\n            c()", "if a < b:\n            c()"),
        ("    f(\n        a,\n        <|>\n    )", "    b=a,", "b=a,"),
        ("class A {\n\tf() {\n\t\t<|>\n", "\t\treturn 1;\n\t\tb();", "return 1;\n\t\tb();"),
        ("if a:\n   <|>\n", "b()\n   c()", "b()\n   c()"),
        ("if a:\n   b()\n   <|>\n", "   c()\n   d()", "c()\n   d()"),
        # The cursor is not indented yet.
        ("if a:\n<|>\n", "    b()\n    c()", "    b()\n    c()"),
        ("if a:\n<|>\n", "b()\nc()", "    b()\n    c()"),
        ("class A:\n  def f(self):\n    if a:\n      b()\n    if c:\n    <|>\n", "d()", "  d()"),
        ("  if a:\n  <|>\n", "    b()", "    b()"),
        ("f() {\n<|>\n", "}", "}"),
        ("a = 1\n<|>\n", "b = 2\nc = 3", "b = 2\nc = 3"),
        # A new block.
        ("if a:<|>\n", "\nb()\nc()", "\n    b()\n    c()"),
        ("\tif (a) {<|>\n", "\n\tb();\n\t}", "\n\t\tb();\n\t}"),
        ("if a:<|>\n", "\n   b()", "\n   b()"),
        ("    if a:<|>\n", "\nb()", "\nb()"),
        ("x = <|>\n", "\ny = 1", "\ny = 1"),
        # The file's own blanks.
        ("f() {\n\ta();\n\t<|>\n}", "if (b) {\n        c();\n    }", "if (b) {\n\t\tc();\n\t}"),
        ("f() {\n    a();\n    <|>\n}", "if (b) {\n\t\tc();\n\t}", "if (b) {\n\t\tc();\n\t}"),
        ("x = '<|>'", "    a", "    a"),
        # What ends like a head is none, or ends one of several lines.
        ("# Note:\n<|>\n", "a()", "a()"),
        ("def f(a,\n      b):\n    <|>\n", "return a", "return a"),
        ("def f(\n    a,\n):\n<|>\n", "return a", "    return a"),
    ],
)
def test_indentation(place: str, made: str, kept: str) -> None:
    at = full_frame(place)
    assert run_one("indentation", made, at) == kept
    assert run_one("indentation", kept, at) == kept


SWITCHES = "void g(int b) {\n\tswitch (b) {\n\tcase 1:\n\t\tc();\n\t}\n}\n"


@pytest.mark.parametrize(
    ("language", "place", "made", "kept"),
    [
        ("go", "\tswitch x {\n\t<|>\n\t}\n", "case 1:\n\t\ta()", "case 1:\n\t\ta()"),
        ("go", "\tselect {\n\t<|>\n\t}\n", "default:\n\t\ta()", "default:\n\t\ta()"),
        ("go", "\tswitch x {<|>\n\t}\n", "\n\tcase 1:\n\t\ta()", "\n\tcase 1:\n\t\ta()"),
        ("go", "\tif x {\n\t<|>\n\t}\n", "a()", "\ta()"),
        ("c", "\tswitch (x) {\n\t<|>\n\t}\n", "case 1:", "\tcase 1:"),
        ("c", SWITCHES + "\tswitch (x) {\n\t<|>\n\t}\n", "case 1:", "case 1:"),
    ],
)
def test_a_case_stands_as_deep_as_the_file_has_it(language: str, place: str, made: str, kept: str) -> None:
    assert run_one("indentation", made, full_frame(place, language)) == kept


@pytest.mark.parametrize(
    ("place", "made", "kept"),
    [
        ("    total += one.price * one.count\n    <|>", "total += one.price * one.count\n    x", ""),
        ("f(a)\n<|>", "f(a)\nf(b)", "f(a)\nf(b)"),
        (
            "    first = read(one)\n    second = read(two)\n    <|>",
            "first = read(one)\n    second = read(two)\n    x",
            "",
        ),
        (
            "<|>",
            "first = read(one)\nsecond = read(two)\nfirst = read(one)\nsecond = read(two)",
            "first = read(one)\nsecond = read(two)",
        ),
        ("a: int\n<|>", "name_of_it: str\nname_of_it: str\nb", "name_of_it: str"),
        # Further away, code is alike and meant.
        (
            "first = read(one)\nsecond = read(two)\n\nx = 1\n<|>",
            "first = read(one)\nsecond = read(two)",
            "first = read(one)\nsecond = read(two)",
        ),
        ("first = read(one)\nfirst = <|>", "read(one)", "read(one)"),
        ("    first = read(one)\r\n    <|>\r\n", "first = read(one)\n    x", ""),
    ],
)
def test_copies(place: str, made: str, kept: str) -> None:
    assert run_one("copies", made, full_frame(place)) == kept


@pytest.mark.parametrize(
    ("language", "made", "kept"),
    [
        ("python", "return a\n\n```\n\nThis code returns a.", "return a"),
        ("python", "```python\nreturn a\n```\nIt returns a.", "return a"),
        ("python", "return '```'", "return '```'"),
        ("markdown", "```\na\n```", "```\na\n```"),
    ],
)
def test_fences_of_a_filling_model_are_no_code(language: str, made: str, kept: str) -> None:
    at = Frame(hole_at("    ", 4, language), "block")
    assert run_one("code fence", made, at) == kept


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ("1", ""),
        (")", ""),
        ("x)", ""),
        ("})", ""),
        ("):", ""),
        ("ab", "ab"),
        ("12", "12"),
        (")))", ")))"),
        ("= 1", "= 1"),
    ],
)
def test_what_is_as_quick_to_type_is_not_offered_unasked(made: str, kept: str) -> None:
    at = full_frame("x<|>")
    assert run_one("trivial", made, at) == kept
    assert run_one("trivial", made, replace(at, automatic=False)) == made


@pytest.mark.parametrize(
    ("place", "language", "made", "kept"),
    [
        ("impl A {\n    <|>\n}\n", "rust", "#[inline]", ""),
        ("impl A {\n    <|>\n}\n", "rust", "fn a() {}\n    #[inline]\n    #[must_use]", "fn a() {}"),
        ("impl A {\n    <|>\n    fn b() {}\n}\n", "rust", "#[inline]", "#[inline]"),
        ("impl A {\n    <|>\n}\n", "rust", "#[inline]\n    fn a() {}", "#[inline]\n    fn a() {}"),
        ("class A:\n    <|>\n", "python", "x = 1\n\n    @property", "x = 1"),
        ("class A {\n  <|>\n}\n", "typescript", '@Input({ a: "b" })', ""),
        ("a <|>\n", "python", "@ b", "@ b"),
    ],
)
def test_attributes_need_something_that_has_them(place: str, language: str, made: str, kept: str) -> None:
    assert run_one("attributes", made, full_frame(place, language)) == kept


@pytest.mark.parametrize(
    ("language", "place", "made", "kept"),
    [
        # What a model of half a billion parameters wrote in real files, and what is left of it.
        (
            "python",
            "def f(path):\n    try:\n        return Spec(<|>)\n    except E:\n        return\n",
            "path.read_text())",
            "path.read_text()",
        ),
        ("python", "def f(a):\n    if len(<|>\n        raise E(a)\n", "len(found) < numbers]:", ""),
        (
            "python",
            "def f(path):\n    <|>\n",
            '    with open(path, "r") as file:\n        spec = load(file)\n        return spec\n\n\ndef main():',
            'with open(path, "r") as file:\n        spec = load(file)\n        return spec',
        ),
        (
            "python",
            "def f(a):\n    rows = [a]\n    <|>\n    return rows\n",
            "    return rows\n    return rows\n\n\ndef g():",
            "",
        ),
        ("typescript", "function f(map: M): void {\n  <|>\n}\n", "}", ""),
        ("typescript", "f(() => {<|>\n})\n", " observer, options),", " observer, options"),
        (
            "typescript",
            "const [a] =<|>\n\ng(a)\n",
            " observer.observe(options.queryKey, {",
            " observer.observe",
        ),
        (
            "python",
            "def f(a):\n    <|>\n",
            '"""Find the end of a line.\n\n    Args:\n        text (str): The text to search.',
            "",
        ),
    ],
)
def test_real_answers(language: str, place: str, made: str, kept: str) -> None:
    assert apply_filters(made, full_frame(place, language)).text == kept


def test_code_that_people_wrote_is_left_alone() -> None:
    source = Path(assist_context.__file__).parent / "positions.py"
    text = source.read_text(encoding="utf-8")
    lines = text.split("\n")
    start = 0
    changed = []
    for number, line in enumerate(lines, 1):
        if line.startswith("    ") and not line.strip().startswith(('"', "#", "else", "elif", "except", "finally")):
            indent = len(line) - len(line.lstrip())
            for column in (indent, indent + len(line.strip()) * 2 // 3):
                place, truth = start + column, line[column:]
                marked = text[:place] + "<|>" + text[place + len(truth) :]
                if len(truth) > 3 and apply_filters(truth, full_frame(marked, extent="line")).text != truth:
                    changed.append((number, truth))
        start += len(line) + 1
    assert changed == []


PIECES = st.lists(
    st.sampled_from(
        [*"abc01 \t\n()[]{}'\",;:.=+", "\n    ", "return a", "x = f(x)", "<|fim_middle|>", "<|cursor|>", "```", "é漢😀"]
    ),
    max_size=24,
).map("".join)


def is_left(kept: str, made: str) -> bool:
    """Tell whether a text has nothing but characters of another, in their order."""
    remaining = iter(made)
    return all(character in remaining for character in kept)


@given(
    before=PIECES, after=PIECES, made=PIECES, extent=st.sampled_from(["line", "paragraph", "block"]), chat=st.booleans()
)
@example(before="f(", after=")", made="a)\n)", extent="line", chat=False)
def test_what_is_left_is_safe_to_insert(before: str, after: str, made: str, extent: Extent, chat: bool) -> None:
    text = before + after
    at = Frame(hole_at(text, len(before)), extent, chat, OWN, control_tokens_in(text, OWN))
    filtered = apply_filters(made, at)
    kept = filtered.text
    assert (filtered.why_empty is None) == bool(kept.strip())
    assert is_left("".join(kept.split()), "".join(made.split()))
    assert not (extent == "line" and "\n" in kept)
    assert not any(token in kept for token in OWN - at.literals)
    assert apply_filters(kept, at).text == kept, "a second run must change nothing"
    following = at.hole.after.strip()
    assert not (kept and following.isalnum() and kept.split()[-1:] == [following])
