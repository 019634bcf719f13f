"""What needs no model: bounded memory, and typing what was suggested."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.document import Document
from assist_server.features.completion.cache import Lru, Offer, TypeThrough, with_endings_of
from assist_server.features.completion.trigger import Extent
from support.completion import at_cursor

SOURCE = ("ollama", "qwen2.5-coder:1.5b")


def document(text: str) -> Document:
    return Document("file:///a.py", "a.py", "python", text)


def offered(marked: str, suggestion: str, extent: Extent = "paragraph") -> TypeThrough:
    text, offset = at_cursor(marked)
    typed = TypeThrough()
    typed.remember(Offer(document(text), offset, extent, SOURCE, suggestion))
    return typed


def rest(typed: TypeThrough, marked: str, extent: Extent = "paragraph") -> str | None:
    text, offset = at_cursor(marked)
    return typed.rests(document(text), offset, extent).get(SOURCE)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("def f(a):\n    ret<|>\nx", "urn a"),
        ("def f(a):\n    retu<|>\nx", "rn a"),
        ("def f(a):\n    return <|>\nx", "a"),
        ("def f(a):\n    return a<|>\nx", None),
        ("def f(a):\n    retx<|>\nx", None),
        ("def f(a):\n    re<|>\nx", None),
        ("def f(a):\n    retu<|>\ny", None),
        ("def f(b):\n    retu<|>\nx", None),
        ("def f(a):\n    retu<|>)\nx", None),
        ("def f(a):\n    ret<|>)\nx", None),
    ],
)
def test_the_rest_is_offered_while_the_document_is_the_same_but_for_it(now: str, left: str | None) -> None:
    assert rest(offered("def f(a):\n    ret<|>\nx", "urn a"), now) == left


def test_deleting_what_was_typed_of_it_offers_it_whole_again() -> None:
    typed = offered("re<|>", "turn a")
    assert [rest(typed, now) for now in ("re<|>", "ret<|>", "retu<|>", "ret<|>", "re<|>")] == [
        "turn a",
        "urn a",
        "rn a",
        "urn a",
        "turn a",
    ]


def test_a_bracket_that_the_editor_added_does_not_hide_the_rest() -> None:
    assert rest(offered("print<|>\n", "(a, b)"), "print(<|>)\n", "line") == "a, b"


def test_another_document_model_or_longer_extent_gets_nothing() -> None:
    typed = offered("x = <|>", "1 + 2")
    here = document("x = 1")
    assert typed.rests(here, 5, "paragraph") == {SOURCE: " + 2"}
    assert typed.rests(here, 5, "line") == {SOURCE: " + 2"}
    assert typed.rests(here, 5, "block") == {}
    assert typed.rests(replace(here, uri="file:///b.py"), 5, "paragraph") == {}


def test_the_newest_offer_wins() -> None:
    typed = offered("x = <|>", "1 + 2")
    typed.remember(Offer(document("x = 1"), 5, "paragraph", SOURCE, " * 3"))
    assert rest(typed, "x = 1<|>") == " * 3"
    assert rest(typed, "x = <|>") == "1 + 2"


def test_of_two_models_each_has_its_own_newest_offer() -> None:
    typed, other = offered("x = <|>", "1 + 2"), ("embedded", "m")
    typed.remember(Offer(document("x = "), 4, "line", other, "1 * 2"))
    assert typed.rests(document("x = 1"), 5, "line") == {SOURCE: " + 2", other: " * 2"}


def test_several_suggestions_of_one_place_are_kept() -> None:
    typed = offered("x = <|>", "1 + 2")
    typed.remember(Offer(document("x = "), 4, "paragraph", SOURCE, "f(3)"))
    assert rest(typed, "x = 1<|>") == " + 2"
    assert rest(typed, "x = f<|>") == "(3)"


CALL = ("x = <|>\ny", 'print("hello", [a, b]) + 1')
BODY = ("def f(a):<|>\nx", "\n    a()\n\n    b()\n    return a")
BRACES = ("f = <|>;", "{\n  a: 1,\n}")
ONE_LINE = ("f(<|>)", "\n    a,\n    b,")


@pytest.mark.parametrize(
    ("offer", "now", "left"),
    [
        # A bracket or a quote that the editor has closed: up to what closes it in the offer.
        (CALL, "x = print(<|>)\ny", '"hello", [a, b]'),
        (CALL, 'x = print("<|>")\ny', "hello"),
        (CALL, 'x = print("hello"<|>)\ny', ", [a, b]"),
        (CALL, 'x = print("hello", [<|>])\ny', "a, b"),
        (CALL, 'x = print("hello", [a, b]<|>)\ny', None),
        (CALL, 'x = print("hello", [a, b])<|>\ny', " + 1"),
        (("x = <|>", 'f(")") + 1'), "x = f(<|>)", '")"'),
        (("x = <|>", "'it\\'s' + 1"), "x = '<|>'", "it\\'s"),
        (("<|>", '"""Say."""\nx'), '"""<|>"""', "Say."),
        # Or all of it, where that is what the offer ends with.
        (("x = <|>", "(a) + (b)"), "x = (<|>)", "a) + (b"),
        (("x = <|>", "<b>1</b>"), "x = <b><|></b>", "1"),
        (("x = <|>", "f(a)\ng(b)"), "x = f(<|>)", "a"),
        (("x = <|>", "<b>\n1\n</b>"), "x = <b><|></b>", "\n1\n"),
        # The offer leaves it open.
        (("x = <|>", "f(a,"), "x = f(<|>)", "a,"),
        # A line begun between brackets, with the closing one moved down.
        (BRACES, "f = {\n  <|>\n};", "a: 1,"),
        (BRACES, "f = {\n  a: 1,\n  <|>\n};", None),
        ((BRACES[0], BRACES[1] + " + 1"), "f = {\n  <|>\n};", "a: 1,"),
        ((BRACES[0], "{\n  a: 1,"), "f = {\n  <|>\n};", "a: 1,"),
        ((BRACES[0], "{\n  a: 1 } + 1"), "f = {\n  <|>\n};", None),
        (ONE_LINE, "f(\n    <|>\n)", "a,\n    b,"),
        (ONE_LINE, "f(\n    a,\n    <|>\n)", "b,"),
        # Indentation that an editor gives to a blank line, and blanks that it takes from the end of one.
        (BODY, "def f(a):\n    a()\n    <|>\nx", "\n    b()\n    return a"),
        (BODY, "def f(a):\n    a()\n    \n    <|>\nx", "b()\n    return a"),
        (BODY, "def f(a):\n    a()\n\n    <|>\nx", "b()\n    return a"),
        (BODY, "def f(a):\n<|>\nx", "    a()\n\n    b()\n    return a"),
        (BODY, "def f(a):\n    a()\n\n    b()\n        <|>\nx", None),
        (BODY, "def f(a):\n    a() <|>\nx", None),
        (("a<|>", "b  \nc"), "ab\n<|>", "c"),
        # An accepted item of the editor's own list.
        (("x = re<|>", "turn_value(a)"), "x = return_value<|>", "(a)"),
        (("x = re<|>", "turn_value(a)"), "x = return_value(<|>)", "a"),
        # Something else was typed, or stands behind the cursor now.
        (CALL, "x = print(<|>]\ny", None),
        (CALL, "x = print(<|> )\ny", None),
        (("f(<|>)", "a"), "f(a)<|>", None),
        (("x = <|>", "1 + 2"), "x = <|>)", None),
        (("x = <|>", "a + b"), "x = a<|>c", None),
        (("<|>", "a\nb"), "a\nb\nc<|>", None),
    ],
)
def test_what_an_editor_does_by_itself_leaves_the_rest(offer: tuple[str, str], now: str, left: str | None) -> None:
    typed = offered(*offer)
    assert rest(typed, now) == left
    windows = offered(offer[0].replace("\n", "\r\n"), offer[1])
    assert rest(windows, now.replace("\n", "\r\n")) == left


def test_text_gets_the_line_endings_of_its_document() -> None:
    assert with_endings_of("a\r\nb", "c\nd\n") == "c\r\nd\r\n"
    assert with_endings_of("a\nb", "c\nd\n") == "c\nd\n"


code = st.text(st.sampled_from("ab (){}[]'\"\n"), min_size=1, max_size=20)
ending = st.sampled_from(["\n", "\r\n"])


def bare(text: str) -> list[str]:
    """Give the lines of a text without the blanks at their ends; the last one as it is."""
    *lines, last = text.replace("\r\n", "\n").split("\n")
    return [*(line.rstrip() for line in lines), last]


@given(offer=code, before=code, after=code, end=ending, typed=st.integers(0, 20))
def test_what_is_typed_and_the_rest_are_the_offer(*, offer: str, before: str, after: str, end: str, typed: int) -> None:
    before, after = (text.replace("\n", end) for text in (before, after))
    kept = TypeThrough()
    kept.remember(Offer(document(before + after), len(before), "line", SOURCE, offer))
    beginning = before + offer[:typed].replace("\n", end)
    left = kept.rests(document(beginning + after), len(beginning), "line").get(SOURCE, "")
    assert offer[:typed] + left == offer


@given(offer=code, typed=code, added=st.text(st.sampled_from(")]}'\" \n"), max_size=4), end=ending)
def test_whatever_is_typed_a_rest_goes_on_with_the_offer(*, offer: str, typed: str, added: str, end: str) -> None:
    """Behind the rest there may only be what the editor has added; blanks at the ends of lines mean nothing."""
    kept = TypeThrough()
    kept.remember(Offer(document(f"x = {end}y"), 4, "line", SOURCE, offer))
    text = f"x = {typed}".replace("\n", end)
    left = kept.rests(document(text + added.replace("\n", end) + f"{end}y"), len(text), "line").get(SOURCE)
    if left is None:
        return
    whole, shown = bare(offer), bare(typed + left)
    if added:
        assert whole[: len(shown) - 1] == shown[:-1]
        assert whole[len(shown) - 1].startswith(shown[-1])
    else:
        assert shown == whole


PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'"}


class Editor:
    """Closes each bracket and quote that is typed in code; to type what it has closed is a step over it."""

    def __init__(self, before: str, after: str) -> None:
        self.before, self.after, self.closed = before, after, ""

    def type(self, key: str) -> None:
        self.before += key
        if self.closed.startswith(key):
            self.closed = self.closed[1:]
        elif self.closed[:1] not in {'"', "'"}:
            self.closed = PAIRS.get(key, "") + self.closed


calls = st.recursive(
    st.sampled_from(["a", "b + 1", '"c d"', "'('", "f()"]),
    lambda inner: st.tuples(st.sampled_from(["f({})", "[{}]", "{{{}}}", "({}) + a"]), st.lists(inner, max_size=3)).map(
        lambda made: made[0].format(", ".join(made[1]))
    ),
    max_leaves=6,
)


@given(offer=calls)
def test_an_editor_that_closes_brackets_needs_no_model_but_where_the_offer_closes_them(offer: str) -> None:
    kept, editor = TypeThrough(), Editor("x = ", "\ny")
    kept.remember(Offer(document("x = \ny"), 4, "line", SOURCE, offer))
    for place, key in enumerate(offer[:-1], 1):
        editor.type(key)
        now = document(editor.before + editor.closed + editor.after)
        left = kept.rests(now, 4 + place, "line").get(SOURCE)
        behind = offer[place:]
        if not editor.closed:
            assert left == behind
        elif left is not None:
            assert behind.startswith(left + editor.closed[0])
        else:
            assert behind.startswith(editor.closed[0])


def test_lru_forgets_what_was_not_used_for_longest() -> None:
    kept: Lru[int] = Lru(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)
    assert list(kept.newest_first()) == [3, 1]
