"""A text is cut until it adds no syntax error to its document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.syntax import check
from assist_context.syntax.check import Sound, around, is_sound, longest_sound, problems
from assist_context.syntax.incremental import Parsed
from assist_context.syntax.parse import parse

PATIENT = 60.0


def sound(language: str, marked: str, text: str, *, parsed_text: str | None = None, seconds: float = PATIENT) -> Sound:
    before, _, after = marked.partition("<|>")
    source = (before + after if parsed_text is None else parsed_text).encode()
    parsed = Parsed(source, parse(language, source), exact=True)
    return longest_sound(text, language, parsed, before + after, len(before), seconds=seconds)


@pytest.mark.parametrize(
    ("language", "marked", "text", "kept"),
    [
        ("python", "x = <|>\n", "f(a, b)", "f(a, b)"),
        ("python", "x = <|>\n", "f(", "f"),
        ("python", "x = <|>\n", "f(a=1, b)", "f"),
        ("python", "é = 'é'\nx = <|>\n", "é + 1)", "é + 1"),
        # A head alone is cut, unless it ends what a person began.
        ("python", "x = 1\n<|>\n", "if x:", ""),
        ("python", "def f():\n    <|>\n", "if x:", ""),
        ("python", "def f():\n    <|>\n    return 1\n", "x = 1\n    if x:", "x = 1"),
        ("python", "def f():\n    <|>\n        return 1\n", "if x:", "if x:"),
        ("python", "def f():\n    if <|>\n", "x:", "x:"),
        ("python", "def f():\n    for x in <|>\n    return 1\n", "y:", "y:"),
        ("python", "def f():\n    try:<|>\n", "\n        x()", "\n        x()"),
        # Indentation.
        ("python", "def f():\n    x = 1\n    <|>\n", "    y = 1", ""),
        ("python", "def f():\n    x = 1\n<|>\n", "   y = 1", ""),
        # Brackets that are open already, and brackets that are not.
        ("python", "f(<|>\n", "a, b", "a, b"),
        ("python", "f(<|>\n", "a, b)", "a, b)"),
        ("python", "f(\n    a,\n    <|>\n)\n", "b)", "b"),
        ("python", "f(\n    a,\n    <|>\n)\n", "b=3,", "b=3,"),
        ("python", "def f():\n    <|>\n", '"""A line.\n\n    Args:', ""),
        # Where no end of a long text is whole, its beginning may be.
        ("go", "package a\n\nfunc f() {\n\t<|>\n}\n", "return a, " + 'g("a", ' * 20, "return a, g"),
        ("python", "f(\n    <|>\n)\n", "g(\n" + "        a=(1, 2),\n" * 30 + "        b=(", "g"),
        # Code of another Python is no reason.
        ("python", 'print "a"\nx = <|>\n', "1", "1"),
        ("python", 'print "a"\n\ndef f():\n    return <|>\n', "1", "1"),
        ("typescript", "const x = <|>\n", "f(", "f"),
        ("typescript", "function f() {\n  <|>\n}\n", "for (const a of b) {", ""),
        ("typescript", "function f() {\n  <|>\n}\n", "a();\n  for (const a of b) {", "a();"),
        ("typescript", "function f() {<|>\n", "\n  return 1;\n}", "\n  return 1;\n}"),
        ("typescript", "function f() {<|>\n", "\n  return 1;", "\n  return 1;"),
        ("typescript", "for (<|>\n", "let i = 0; i < n; i++) {", "let i = 0; i < n; i++) {"),
        ("typescript", "function f(): void {<|>\n}\n", "}", ""),
        ("go", "package a\n\nfunc f() {\n\t<|>\n}\n", "return a b", "return a"),
        (
            "go",
            "package a\n\nfunc f() {\n\t<|>\n}\n",
            "if e != nil {\n\t\treturn e\n\t}",
            "if e != nil {\n\t\treturn e\n\t}",
        ),
        ("rust", "fn f() {\n    let a = <|>\n}\n", "g(1);", "g(1);"),
        ("rust", "fn f() {\n    let a = <|>\n}\n", "g(1", "g"),
        ("cpp", "int f() {\n  return <|>\n}\n", "a + b;", "a + b;"),
        # What the grammar takes and the language does not.
        ("typescript", "try {\n  a();\n  <|>\n} catch (e) {\n}\n", "finally", ""),
        ("typescript", "const a = <|>\n", "b.finally(c)", "b.finally(c)"),
        ("typescript", "const a = <|>\n", "{ default: 1 }", "{ default: 1 }"),
        ("typescript", "const a = <|>\n", "return", ""),
        ("rust", "fn f() {\n    <|>\n    let a = 1;\n}\n", 'println!("a")', ""),
        ("rust", "fn f() {\n    <|>\n    // last\n}\n", 'println!("a")', 'println!("a")'),
        ("rust", "fn f() {\n    <|>\n    let a = 1;\n}\n", "t! { a }", "t! { a }"),
        ("rust", "fn f() {\n    println!<|>\n    let a = 1;\n}\n", '("a");', '("a");'),
        ("a language without a grammar", "x <|>", "((", "(("),
    ],
)
def test_what_is_kept(language: str, marked: str, text: str, kept: str) -> None:
    if language not in check.GRAMMARS:
        tree = parse("python", b"")
        assert longest_sound(text, language, Parsed(b"", tree, exact=True), "x ", 2) == Sound(text, whole=True)
        return
    assert sound(language, marked, text) == Sound(kept, whole=kept == text)


def test_errors_elsewhere_are_not_the_texts() -> None:
    broken = "function g( {\n}\n\nfunction f() {\n  return <|>\n}\n"
    assert sound("typescript", broken, "a + 1;").text == "a + 1;"
    assert sound("typescript", broken, "a + 1;\n  )").text == "a + 1;"


def test_the_tree_may_be_a_few_keys_old() -> None:
    marked = "def f():\n    return g(<|>)\n"
    old = "def f():\n    retu\n"
    assert sound("python", marked, "a, b", parsed_text=old).text == "a, b"
    assert sound("python", marked, "a, b))", parsed_text=old).text == "a, b"


def test_a_large_document_is_judged_by_what_is_around_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_WHOLE", 400)
    functions = [f"function f{n}() {{\n  return {n};\n}}\n" for n in range(40)]
    before, after = "".join(functions[:20]), "".join(functions[20:])
    marked = f"{before}function g() {{\n  <|>\n}}\n{after}"
    assert sound("typescript", marked, "return 1;").text == "return 1;"
    assert sound("typescript", marked, "return g(").text == "return g"
    assert sound("typescript", marked, "}\n}").text == ""


@pytest.mark.parametrize(
    ("text", "kept"), [("y = 1", "y = 1"), ("    y = 1", ""), ("y = 1\n      z = 2", "y = 1"), ("f(a=1, b)", "f")]
)
def test_broken_python_is_judged_by_the_definition_around_the_place(text: str, kept: str) -> None:
    methods = [f"    def f{n}(self):\n        return {n}\n\n" for n in range(1200)]
    above, below = "class A:\n" + "".join(methods[:600]), "".join(methods[600:])
    rest = "\n\ndef g():\n    return (\n"  # what somebody else writes in the same file
    marked = f"{above}    def here(self):\n        x = 1\n        <|>\n\n{below}{rest}"
    assert len(marked) > check._OWN_PARSER
    assert sound("python", marked, text).text == kept


def test_comments_do_not_tell_where_a_statement_begins() -> None:
    above = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(200))
    marked = f"{above}def g():\n    if a:\n        # why\n        # and how\n        <|>\n    return 1\n"
    assert len(marked) > check._LEAST_PART
    assert sound("python", marked, "b()") == Sound("b()", whole=True)
    assert sound("python", marked, "b(") == Sound("b", whole=False)


def test_whether_a_text_is_sound_is_told_without_cutting() -> None:
    document = "fn f() {\n    \n    let a = 1;\n}\n"
    parsed = Parsed(document.encode(), parse("rust", document.encode()), exact=True)
    offset = document.index("\n    let")
    assert is_sound("b();", "rust", parsed, document, offset, seconds=PATIENT)
    assert not is_sound("b()", "rust", parsed, document, offset, seconds=PATIENT)
    assert not is_sound("b();", "rust", parsed, document, offset, seconds=-1.0)
    assert is_sound("((", "a language without a grammar", parsed, document, offset)


def test_the_statements_around_a_place_are_whole_lines() -> None:
    source = b"a = 1\n\n\ndef f():\n    b = 1\n\n    c = 2\n\n\nd = 3\n" * 3
    root = parse("python", source).root_node
    place = source.index(b"c = 2", 60)
    start, end = around(root, source, place, 20)
    assert source[start:end] in source
    assert source[start:end].startswith(b"    b = 1")
    assert b"c = 2" in source[start:end]
    assert around(root, source, place) == (0, len(source))


def test_without_time_nothing_is_kept() -> None:
    assert sound("python", "x = <|>\n", "f(", seconds=-1.0) == Sound("", whole=False, decided=False)


def test_problems_are_errors_and_what_is_missing() -> None:
    assert problems(parse("typescript", b"a();")) == []
    assert [kind for kind, _, _ in problems(parse("typescript", b"if (a) {"))] == ["}"]
    assert [kind for kind, _, _ in problems(parse("python", b"x = "))] == ["ERROR"]


LINES = st.sampled_from(
    ["x = 1", "if x:", "    y = f(x)", "return x", "f(", ")", "for a in b:", '"""', "# a", "else:", "@a", "x ="]
)


@given(
    st.sampled_from(["x = 1\n<|>\n", "def f():\n    <|>\n    return 1\n", "x = <|>\ny = 2\n", "if a:\n    b\n<|>\n"]),
    st.lists(LINES, max_size=5).map("\n".join),
)
def test_what_is_kept_is_a_beginning_and_stays_kept(marked: str, text: str) -> None:
    kept = sound("python", marked, text)
    assert text.startswith(kept.text)
    assert kept.decided
    assert sound("python", marked, kept.text).text == kept.text
    before, _, after = marked.partition("<|>")
    if kept.text and "= <|>" not in marked:
        compile(before + kept.text + after, "a.py", "exec", flags=check.ast.PyCF_ONLY_AST)
