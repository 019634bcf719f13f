"""What needs no model: bounded memory, and typing what was suggested."""

from dataclasses import replace

import pytest

from assist_context.document import Document
from assist_server.features.completion.cache import Lru, Offer, TypeThrough
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
    return typed.rest(document(text), offset, extent, SOURCE)


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
        ("def f(a):\n    retu<|>)\nx", "rn a"),
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
    assert rest(offered("print<|>\n", "(a, b)"), "print(<|>)\n", "line") == "a, b)"


def test_another_document_model_or_longer_extent_gets_nothing() -> None:
    typed = offered("x = <|>", "1 + 2")
    here = document("x = 1")
    assert typed.rest(here, 5, "paragraph", SOURCE) == " + 2"
    assert typed.rest(here, 5, "line", SOURCE) == " + 2"
    assert typed.rest(here, 5, "block", SOURCE) is None
    assert typed.rest(here, 5, "paragraph", ("embedded", SOURCE[1])) is None
    assert typed.rest(replace(here, uri="file:///b.py"), 5, "paragraph", SOURCE) is None


def test_the_newest_offer_wins() -> None:
    typed = offered("x = <|>", "1 + 2")
    typed.remember(Offer(document("x = 1"), 5, "paragraph", SOURCE, " * 3"))
    assert rest(typed, "x = 1<|>") == " * 3"
    assert rest(typed, "x = <|>") == "1 + 2"


def test_lru_forgets_what_was_not_used_for_longest() -> None:
    kept: Lru[int] = Lru(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)
    assert list(kept.newest_first()) == [3, 1]
