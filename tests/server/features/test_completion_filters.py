"""Each filter by table, then what must hold of all of them on any text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assist_server.features.completion.filters import FILTERS, NOTHING_MADE, Frame, apply_filters, control_tokens_in
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.trigger import Extent
from support.completion import at_cursor

OWN = frozenset({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>", "<PRE>", "<MID>"})


def frame(place: str, extent: Extent = "line", *, from_chat: bool = False) -> Frame:
    text, offset = at_cursor(place)
    return Frame(hole_at(text, offset), extent, from_chat, OWN, control_tokens_in(text, OWN))


def run_one(name: str, made: str, at: Frame) -> str:
    return next(row for row in FILTERS if row.name == name).apply(made, at)


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
        ("echo", "    ret<|>", "return a", "return a"),
        ("double space", "x = <|>", "  1", "1"),
        ("double space", "    <|>", "  1", "  1"),
        ("double space", "x =<|>", " 1", " 1"),
        ("closing brackets", "foo(<|>)", "a)", "a"),
        ("closing brackets", "foo(<|>)", "bar()", "bar()"),
        ("closing brackets", "foo(bar(<|>)", "x)", "x)"),
        ("closing brackets", "foo(bar(<|>)", "x))", "x)"),
        ("closing brackets", "foo(bar(<|>))", "x))", "x"),
        ("closing brackets", "    x, y<|>)", ", z)", ", z"),
        ("closing brackets", "def f(<|>):", "a, b) -> int:", "a, b"),
        ("closing brackets", "if (a && <|>) {", "b) {", "b"),
        ("closing brackets", 'print("<|>")', 'hello")', "hello"),
        ("closing brackets", "x = [<|>] + y", "1, 2] + z", "1, 2"),
        ("closing brackets", "return a <|> b", "+ c)", "+ c)"),
        ("overlap", "return a <|> b", "+ b", "+ "),
        ("overlap", "foo(a<|>, c)", ", b, c)", ", b"),
        ("overlap", "foo(<|>)", "bar()", "bar()"),
        ("overlap", "pri<|>nt(x)", "nt(x)", ""),
        ("overlap", "x = <|>;", "1;", "1"),
        ("overlap", "x = tot<|>al", "al", ""),
        ("overlap", "x = <|>al", "total", "total"),
        ("line above", "total = 1\n<|>", "total = 1", ""),
        ("line above", "    total = 1\n    to<|>", "tal = 1\n    x = 2", ""),
        ("line above", "}\n<|>", "}", "}"),
        ("line below", "<|>\ntotal = 1", "total = 1", ""),
        ("line below", "total = <|>\n\n\ntotal = 1\n", "1", ""),
        ("line below", "if x:\n    <|>\nleave()", "    leave()", ""),
        ("line below", "  <|>\n}", "}", "}"),
        ("loops", "<|>", "a = 1\na = 1\na = 1\na = 1", "a = 1"),
        ("loops", "<|>", "a()\nb()\na()\nb()\na()\nb()\nc()", "a()\nb()"),
        ("loops", "<|>", "a()\na()\nb()", "a()\na()\nb()"),
        ("loops", "x = <|>", "foo, foo, foo, foo, foo, foo, foo", "foo, "),
        ("loops", "<|>", "# ------------------------------", "# ------------------------------"),
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
        ("if a:<|>", "\n    b()\nelse:\n    c()", "\n    b()\nelse:\n    c()"),
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


PIECES = st.lists(
    st.sampled_from(
        [*"abc01 \t\n()[]{}'\",;:.=+", "\n    ", "return a", "x = f(x)", "<|fim_middle|>", "<|cursor|>", "```", "é漢😀"]
    ),
    max_size=24,
).map("".join)


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
    assert len(kept) <= len(made)
    assert not (extent == "line" and "\n" in kept)
    assert not any(token in kept for token in OWN - at.literals)
    assert apply_filters(kept, at).text == kept, "a second run must change nothing"
    following = at.hole.after.strip()
    assert not (kept and following.isalnum() and kept.split()[-1:] == [following])
