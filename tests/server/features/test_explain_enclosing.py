"""The piece of code around a place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.features.actions.enclosing import enclosing
from support.completion import at_cursor

PYTHON = """import os

@cache
def outer(a):
    if a:
        return 1

    return 2


class C:
    x = 1

    def m(self):
        return self.x
"""
JS = """const a = 1;
const b = 2;

// Adds.
function add(a, b) {
  if (a) {
    return a + b;
  }
}

add(1, 2);
"""


def around(text: str, at: str) -> str:
    offset = text.index(at)
    start, end = enclosing(text, offset)
    return text[start:end]


@pytest.mark.parametrize(
    ("text", "at", "first", "last"),
    [
        (PYTHON, "import", "import os", "import os"),
        (PYTHON, "return 1", "@cache", "    return 2"),
        (PYTHON, "def outer", "@cache", "    return 2"),
        (PYTHON, "if a", "@cache", "    return 2"),
        (PYTHON, "return self", "    def m(self):", "        return self.x"),
        (PYTHON, "x = 1", "class C:", "        return self.x"),
        (JS, "return a", "// Adds.", "}"),
        (JS, "const b", "const a = 1;", "const b = 2;"),
        (JS, "add(1", "add(1, 2);", "add(1, 2);"),
        ("if a:\n    b\n    c\n", "c", "if a:", "    c"),
    ],
)
def test_enclosing(text: str, at: str, first: str, last: str) -> None:
    lines = around(text, at).split("\n")
    assert (lines[0], lines[-1]) == (first, last)


def test_a_blank_line_takes_the_nearest_code_and_an_empty_text_nothing() -> None:
    text, offset = at_cursor("a = 1\n\n\n<|>\nb = 2\n")
    start, end = enclosing(text, offset)
    assert text[start:end] == "b = 2"
    assert enclosing(" \n\n", 1) == (1, 1)
    assert enclosing("", 0) == (0, 0)


@given(text=st.text(alphabet="ab \t\n:{}", max_size=60), data=st.data())
def test_whole_lines_inside_the_text(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    start, end = enclosing(text, offset)
    assert 0 <= start <= end <= len(text)
    if start < end:
        assert start == 0 or text[start - 1] == "\n"
        assert text[start:end].strip()
