"""Where a suggestion is made, and how far it may go."""

import pytest

from assist_context.document import Document
from assist_context.syntax.incremental import Parsed
from assist_context.syntax.parse import parse
from assist_server.config.settings import CompletionSettings
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.trigger import Extent, Trigger, covers, decide
from support.completion import at_cursor

ANY = CompletionSettings()


def plan(marked: str, trigger: Trigger = "automatic", settings: CompletionSettings = ANY) -> tuple[str | None, str]:
    text, offset = at_cursor(marked)
    made = decide(Document("file:///a.py", "a.py", "python", text), hole_at(text, offset), trigger, settings)
    return made.extent, made.why


@pytest.mark.parametrize(
    ("marked", "automatic", "invoked"),
    [
        ("x = <|>", "paragraph", "block"),
        ("x = <|>\r\ny = 1\r\n", "paragraph", "block"),
        ("x = <|>  \ny = 1", "paragraph", "block"),
        ("def f():\n    <|>", "paragraph", "block"),
        ("foo(<|>)", "line", "line"),
        ("foo(<|>", "paragraph", "block"),
        ("return a <|> b", "line", "line"),
        ("pri<|>nt()", None, "line"),
        ("_<|>_x", None, "line"),
        ("a.<|>b", "line", "line"),
        ("<|>", None, None),
        (" \n<|>\n", None, None),
        ("é漢<|>😀", "line", "line"),
        ("x" * 3000 + " = <|>", None, "block"),
    ],
)
def test_extent(marked: str, automatic: str | None, invoked: str | None) -> None:
    assert plan(marked)[0] == automatic
    assert plan(marked, "invoked")[0] == invoked


@pytest.mark.parametrize("trigger", ["automatic", "invoked"])
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (CompletionSettings(enable=False), "completions are off (completion.enable)"),
        (CompletionSettings(exclude=("go", "python")), "completions are off for python (completion.exclude)"),
    ],
)
def test_what_is_switched_off_says_which_setting_did_it(
    trigger: Trigger, settings: CompletionSettings, why: str
) -> None:
    assert plan("x = <|>", trigger, settings) == (None, why)


def syntax_plan(language: str, marked: str, trigger: Trigger = "automatic") -> tuple[str | None, str]:
    text, offset = at_cursor(marked)
    source = text.encode()
    parsed = Parsed(source, parse(language, source), exact=True)
    document = Document("file:///a", "a", language, text)
    made = decide(document, hole_at(text, offset, language), trigger, ANY, parsed)
    return made.extent, made.why


@pytest.mark.parametrize(
    ("language", "marked", "extent", "why"),
    [
        ("python", "x = <|>", "statement", "the line is not finished"),
        ("python", "x = <|>\ny = 1\n", "statement", "the line is not finished"),
        ("python", "def f() -> <|>\n", "statement", "the line is not finished"),
        ("python", "x: <|>", "statement", "the line is not finished"),
        ("python", "import <|>", "statement", "the line is not finished"),
        ("python", "f(<|>)", "line", "only punctuation follows on the line"),
        ("python", "x = a <|> b", "line", "code follows on the line"),
        ("python", "def f():<|>\n", "block", "a block was just opened"),
        ("python", "if x:<|>\n    y\n", "line", "the line is not finished"),
        ("python", "f(<|>", "block", "a block was just opened"),
        ("python", "x = [<|>", "block", "a block was just opened"),
        ("python", "x = a[1:<|>", "statement", "the line is not finished"),
        ("python", 'd = {"a":<|>\n}', "line", "inside brackets"),
        ("python", "def f():\n    <|>\n", "block", "the block above is empty"),
        ("python", "x = [\n    <|>\n]\n", "block", "the block above is empty"),
        ("python", "f(\n    a,\n    <|>\n)\n", "line", "inside brackets"),
        ("python", "def f():\n    x = 1\n    <|>\n", "paragraph", "an empty line where nothing follows directly"),
        ("python", "def f():\n    x = 1\n    <|>\n    return x\n", "statement", "a line between others"),
        ("python", "def f(x):\n    <|>\n        return x\n", "line", "the head of the lines below"),
        (
            "python",
            "def f():\n    x = 1\n    <|>\n\n    y = 1\n",
            "paragraph",
            "an empty line where nothing follows directly",
        ),
        ("typescript", "function f() {<|>\n}", "block", "a block was just opened"),
        ("typescript", "if (a) {\n  <|>\n} else {\n}", "block", "the block above is empty"),
        ("typescript", "const f = () =><|>\n", "block", "a block was just opened"),
        ("typescript", "const o = {\n  a: 1,\n  <|>\n};", "line", "inside brackets"),
        ("typescript", "class A {\n  a() {}\n\n  <|>\n}", "paragraph", "an empty line where nothing follows directly"),
        ("go", "func f() {\n\t<|>\n}", "block", "the block above is empty"),
        ("rust", "fn f() -> <|>\n", "statement", "the line is not finished"),
        ("shellscript", "if a; then<|>\nfi", "block", "a block was just opened"),
        ("python", "f(<|>\n    a,\n)\n", "line", "inside brackets"),
        ("python", "f(\n    <|>\n    a,\n)\n", "line", "inside brackets"),
        ("python", "f(<|>\ng()\n", "block", "a block was just opened"),
        ("python", "def f():\n    if a<|>\n        b\n", "line", "the line is not finished"),
        ("python", "def f():  # as g(\n    x = 1  # see (\n    <|>\n    y\n", "statement", "a line between others"),
        ("python", "if a:  # b<|>", None, "the cursor is in a comment"),
        ("python", "if a:  # b\n    <|>\n", "block", "the block above is empty"),
        ("typescript", "f(a);\n<|>\ng();\n", "statement", "a line between others"),
        ("typescript", "if (a<|>\ng();\n", "statement", "the line is not finished"),
        ("typescript", "a.map((b<|>\ng();\n", "statement", "the line is not finished"),
        ("typescript", "a.map(<|>)\ng();\n", "line", "only punctuation follows on the line"),
        ("typescript", "f(a,<|>\n  b);\n", "line", "inside brackets"),
        ("typescript", "f({\n  a: <|>\n});\n", "line", "inside brackets"),
        ("go", "func f() error {\n\ta()\n\t<|>\n\treturn nil\n}\n", "statement", "a line between others"),
        ("go", "func f() error {\n\tif err<|>\n\treturn nil\n}\n", "statement", "the line is not finished"),
        ("go", "func f() {\n\tg(\n\t\ta,\n\t\t<|>\n\t)\n}\n", "line", "inside brackets"),
        ("rust", "fn f() {\n    a();\n    <|>\n    b();\n}\n", "statement", "a line between others"),
        ("rust", "fn f() {\n    let a = <|>\n    b();\n}\n", "statement", "the line is not finished"),
        ("cpp", "void f() {\n    a();\n    <|>\n    b();\n}\n", "statement", "a line between others"),
        ("cpp", "void f() {\n    for (int i<|>\n    b();\n}\n", "statement", "the line is not finished"),
        ("cpp", "void f() {\n    g(<|>\n      a,\n      b);\n}\n", "line", "inside brackets"),
        ("python", 'x = f"{a<|>}"', "line", "only punctuation follows on the line"),
        ("python", 'x = "a<|>"', None, "the cursor is in a string"),
        ("python", 'x = "a<|>', None, "the cursor is in a string"),
        ("python", 'def f():\n    """A<|>\n    """\n', None, "the cursor is in a string"),
        ("python", "x = 1  # a<|>\n", None, "the cursor is in a comment"),
        ("typescript", "import a from '<|>';", None, "the cursor is in a string"),
        ("rust", "/// a<|>\nfn f() {}", None, "the cursor is in a comment"),
    ],
)
def test_the_tree_tells_how_far(language: str, marked: str, extent: Extent | None, why: str) -> None:
    assert syntax_plan(language, marked) == (extent, why)


@pytest.mark.parametrize("marked", ['x = "a<|>"', "# a<|>", 'def f():\n    """A<|>\n    """\n'])
def test_strings_and_comments_are_for_who_asks(marked: str) -> None:
    assert syntax_plan("python", marked)[0] is None
    assert syntax_plan("python", marked, "invoked")[0] is not None


@pytest.mark.parametrize(
    ("language", "marked", "inside"),
    [
        ("python", "x = 1  # a<|>", "comment"),
        ("python", "x = 'a<|>", "string"),
        ("python", "x = 'a<|>'", "string"),
        ("python", 'x = "a" <|>', None),
        ("typescript", "f(`a<|>", "string"),
        ("rust", "fn f<'a>(<|>", None),
        ("yaml", "a: 1 # b<|>", "comment"),
        ("ocaml", "let f (x : 'a list) <|>", None),
        ("latex", "``a'' is <|>", None),
    ],
)
def test_without_a_tree_the_line_tells_strings_and_comments(language: str, marked: str, inside: str | None) -> None:
    text, offset = at_cursor(marked)
    document, hole = Document("file:///a", "a", language, text), hole_at(text, offset, language)
    automatic = decide(document, hole, "automatic", ANY)
    if inside:
        assert (automatic.extent, automatic.why) == (None, f"the cursor is in a {inside}")
    else:
        assert automatic.extent == "paragraph"
    assert decide(document, hole, "invoked", ANY).extent is not None


def test_a_person_who_asks_gets_a_block_at_every_end_of_a_line() -> None:
    for marked in ("x = <|>", "f(\n    a,\n    <|>\n)\n", "def f():\n    x = 1\n    <|>\n    return x\n"):
        assert syntax_plan("python", marked, "invoked") == ("block", "asked for at the end of a line")


def test_a_longer_suggestion_serves_a_shorter_place() -> None:
    assert covers("block", "line")
    assert covers("line", "line")
    assert not covers("line", "paragraph")
    assert covers("paragraph", "statement")
    assert covers("statement", "line")
    assert not covers("line", "statement")


def test_the_hole_sees_the_lines_around() -> None:
    text, offset = at_cursor("a\nb\n\n\tx = <|>1\r\n\nc\nd\n")
    hole = hole_at(text, offset)
    assert (hole.before, hole.after, hole.above, hole.indent) == ("\tx = ", "1", "b", 4)
    assert hole.below == "c"
    assert (hole_at("", 0).above, hole_at("", 0).below) == ("", "")
    assert (hole.adjacent, hole_at("a\nb", 1).adjacent) == (False, True)


@pytest.mark.parametrize(
    ("marked", "owed"),
    [
        ("f(<|>", "("),
        ("f(<|>)", ""),
        ("f({<|>", "({"),
        ("f({<|>)", "{"),
        ("f({<|>\n})", ""),
        ("f(')<|>'", "("),
        ("a {<|>\n  b\n}", ""),
        ("a {<|>\nb {\n}", "{"),
        ("  a {<|>\n}", "{"),
        ("a {\n  b\n<|>", "{"),
        ("a {\n  b\n<|>\n}", ""),
        ("a {\n}\n<|>", ""),
        ("a {\n  <|>", ""),
        ("f(a)<|>", ""),
    ],
)
def test_the_brackets_that_may_be_closed(marked: str, owed: str) -> None:
    assert hole_at(*at_cursor(marked), "typescript").owed == owed


@pytest.mark.parametrize(
    ("marked", "closed"),
    [
        ("a {\n  <|>\n}", True),
        ("a(\n  b,\n  <|>\n\n  c,\n)", True),
        ("a {\n  b {\n    <|>\n  }\n", True),
        ("a {\n  <|>", False),
        ("a {\n  b {\n    <|>\n  c\n}", False),
        ("a {\n<|>\n}", False),
        ("a {\n  b<|>\n}", False),
        ("a {\n  <|>b\n}", False),
        ("a {<|>\n}", False),
    ],
)
def test_whether_what_stands_around_a_blank_line_is_closed_below(marked: str, *, closed: bool) -> None:
    assert hole_at(*at_cursor(marked), "typescript").closed is closed


@pytest.mark.parametrize(
    ("marked", "inside", "quote"),
    [("f('a<|>", "string", "'"), ("f('a'<|>", "code", ""), ("f() # a<|>", "comment", ""), ('f("<|>")', "string", '"')],
)
def test_what_the_line_opens(marked: str, inside: str, quote: str) -> None:
    hole = hole_at(*at_cursor(marked), "python")
    assert (hole.inside, hole.quote) == (inside, quote)


def test_a_place_is_the_same_wherever_it_is_in_a_document() -> None:
    assert hole_at("x\n\n\nf()", 5) == hole_at("x\nf()", 3)
