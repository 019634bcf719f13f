"""What a place is in: text or code, brackets or statements; also while the tree is older than the text."""

import pytest

from assist_context.syntax.cursor import CursorPlace, cursor_place
from assist_context.syntax.incremental import Parsed
from assist_context.syntax.lexing import Inside
from assist_context.syntax.parse import parse


def look(language: str, marked: str, parsed_text: str | None = None) -> CursorPlace:
    before, _, after = marked.partition("<|>")
    source = (before + after).encode()
    parsed = source if parsed_text is None else parsed_text.encode()
    tree = parse(language, parsed)
    return cursor_place(language, Parsed(parsed, tree, exact=True), source, len(before.encode()))


@pytest.mark.parametrize(
    ("language", "marked", "inside"),
    [
        ("python", "x = <|>", "code"),
        ("python", 'x = "a<|>"', "string"),
        ("python", 'x = "a"<|>', "code"),
        ("python", 'x = <|>"a"', "code"),
        ("python", 'x = "a<|>\ny = 1\n', "string"),
        ("python", 'x = f"{a<|>}"', "code"),
        ("python", "# a<|>", "comment"),
        ("python", "# a\n<|>", "code"),
        ("python", "x = 1  # a<|>\n", "comment"),
        ("python", 'def f():\n    """é<|>\n    """\n', "string"),
        ("python", 'def f():\n    """a\n    b<|>\n', "string"),
        ("typescript", "const a = `x${b<|>}`;", "code"),
        ("typescript", "const a = `x<|>${b}`;", "string"),
        ("typescript", "import a from '<|>", "string"),
        ("typescript", "/* a */<|>\n", "code"),
        ("typescript", "/* a <|> */\n", "comment"),
        ("typescript", "const a = /b<|>/;", "string"),
        ("rust", "fn f<'a>(x: &'a <|>) {}", "code"),
        ("rust", "/// a<|>\nfn f() {}", "comment"),
        ("rust", "/// a\n<|>fn f() {}", "code"),
        ("go", "x := `a<|>`", "string"),
        ("cpp", '#include "<|>"', "string"),
        ("c", "char c = '<|>';\n", "code"),
        ("lua", "--[[ a <|>]]", "comment"),
        ("shellscript", "echo 'a<|>'", "string"),
    ],
)
def test_inside(language: str, marked: str, inside: Inside) -> None:
    assert look(language, marked).inside == inside


@pytest.mark.parametrize(
    ("language", "marked", "in_list"),
    [
        ("python", "f(a, <|>)", True),
        ("python", "f(a, <|>", True),
        ("python", "f(\n    a,\n    <|>\n)\n", True),
        ("python", 'd = {"a": <|>}', True),
        ("python", "f(a)<|>", False),
        ("python", "def f():\n    <|>\n", False),
        ("typescript", "function f() {\n  <|>\n}", False),
        ("typescript", "const o = {\n  a: 1,\n  <|>\n};", True),
        ("typescript", "f(() => {\n  <|>\n});", False),
        ("typescript", "class A {\n  <|>\n}", False),
        ("rust", "fn f() { g(<|>) }", True),
        ("rust", "fn f() {\n    <|>\n}", False),
        ("go", "package a\n\nfunc f() {\n\t<|>\n}\n", False),
        ("go", "package a\n\nvar a = []int{<|>}\n", True),
    ],
)
def test_in_list(language: str, marked: str, in_list: bool) -> None:
    assert look(language, marked).in_list is in_list


def test_a_tree_of_a_few_keys_ago_serves() -> None:
    assert look("python", 'def f():\n    """abcd<|>"""\n', 'def f():\n    """a"""\n').inside == "string"
    assert look("python", "# é\nx = f(a, b<|>)\n", "# é\nx = f(a)\n").in_list
