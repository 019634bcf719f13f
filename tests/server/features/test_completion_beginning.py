"""What the model is told of how a text must begin."""

import pytest

from assist_server.backends.base import Start
from assist_server.features.completion.beginning import beginning_for
from support.filters import full_frame

KNOWN = frozenset({"total"})


@pytest.mark.parametrize(
    ("place", "start"),
    [
        ("separator = 1\nprint(separ<|>", "word"),
        ("total = 1\nprint(total<|>", "any"),
        ("f(\n    a,\n    <|>\n)\n", "code"),
        ("f(\n    a,\n    <|>\n", "any"),
        ("x = 1\n<|>\n", "any"),
    ],
)
def test_with_what_a_text_must_begin(place: str, start: Start) -> None:
    assert beginning_for(full_frame(place, known=KNOWN)).start == start


@pytest.mark.parametrize(
    ("place", "avoid"),
    [
        ("def f(a):\n    <|>\n    note = a\n", "note "),
        ("def f(a):\n    self.a = a\n    <|>\n    self.b = b\n", "self.b "),
        # Where all of its names are above, up to the last one; key words are none.
        ("def f(a, b):\n    <|>\n    if a is not None:\n", "if a "),
        ("def f(a, b):\n    <|>\n\n    a(b)\n", "a(b)"),
        ("def f(a):\n    <|>\n    note", "note"),
        # Nothing of another level, of a line that has no names, beside other code, and of a line that is too long.
        ("def f(a):\n    <|>\n        note = a\n", ""),
        ("def f(a):\n    <|>\nnote = a\n", ""),
        ("def f(a):\n    <|>\n    return\n", ""),
        ("def f(a):\n    x<|>\n    note = a\n", ""),
        (f"def f(a):\n    <|>\n    ({'1 + ' * 30}note)\n", ""),
        ("def f(a):\n    <|>", ""),
    ],
)
def test_the_line_below_is_not_begun_again(place: str, avoid: str) -> None:
    found = beginning_for(full_frame(place, known=KNOWN))
    assert found.avoid == avoid
    assert ("not as the line below" in found.why) is bool(avoid)
