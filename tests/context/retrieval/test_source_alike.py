"""What goes like the lines before the cursor, elsewhere in the file."""

import pytest

from assist_context.retrieval.snippet import Place
from assist_context.retrieval.sources.alike import alike
from support.completion import at_cursor

FIELDS = "\n".join(f"    def read_{name}(self, row):\n        return self.{name}_of(row)\n" for name in "abcd")
PARTS = """\
class Account:
    def load_open(self, book):
        rows = book.rows_of(self.open_key)
        self.open_total = sum_of(rows)
        return rows

    def unlike(self):
        pass


    def load_closed(self, book):
        rows = book.rows_of(self.closed_key)
        <|>

    def load_late(self, ledger):
        late = ledger.late_ones(self.late_key)
"""


def given(marked: str, lines: int = 3) -> tuple[str, ...]:
    """Ask at a cursor; lines: those that the prompt holds before it."""
    text, offset = at_cursor(marked)
    here = text.count("\n", 0, offset) + 1
    found = alike(Place("a.py", "python", text, offset), (here - lines, here))
    for one in found:
        assert text.split("\n")[one.start - 1 : one.end] == one.text.split("\n")
        assert (one.path, one.source) == ("a.py", "alike")
        assert 0 < one.score <= 1
    return tuple(one.text for one in found)


def test_what_follows_the_lines_that_are_most_alike_is_given() -> None:
    (text,) = given(PARTS)
    assert (
        "        rows = book.rows_of(self.open_key)\n        self.open_total = sum_of(rows)\n        return rows"
        in text
    )


@pytest.mark.parametrize("typed", ["self.closed_total = ", "self.cl", "", "\n"])
def test_the_line_that_is_being_typed_may_be_anything(typed: str) -> None:
    (text,) = given(PARTS.replace("<|>", f"{typed}<|>"))
    assert "self.open_total = sum_of(rows)" in text


def test_it_may_be_below_the_cursor() -> None:
    first, second = PARTS.split("    def load_closed")
    begun = "    def load_closed" + second.split("<|>")[0] + "<|>\n\n"
    (text,) = given(f"class Account:\n{begun}{first.split(chr(10), 1)[1]}")
    assert "self.open_total = sum_of(rows)" in text


def test_what_the_prompt_holds_is_not_given() -> None:
    assert "self.open_total" not in "".join(given(PARTS, lines=12))


@pytest.mark.parametrize("marked", ["<|>", "x = 1\n<|>", "x = 1\n\n\ny = 2\nz = 3\n<|>", "import os\n\nx = 1\n\n<|>"])
def test_nothing_is_given_where_nothing_is_alike(marked: str) -> None:
    assert given(marked) == ()


def test_what_is_given_is_short_and_has_no_blank_lines_around_it() -> None:
    long = "value = [\n" + "".join(f"    one_of_many_entries_{number},\n" for number in range(400)) + "]\n"
    (text,) = given(f"{long}\nother = [\n    one_of_many_entries_7,\n    <|>")
    assert "one_of_many_entries_8," in text
    assert len(text) <= 360
    (text,) = given(FIELDS + "\n    def read_e(self, row):\n        <|>\n")
    assert text == text.strip("\n")


def test_line_endings_are_not_given() -> None:
    text, offset = at_cursor(PARTS.replace("\n", "\r\n"))
    here = text.count("\n", 0, offset) + 1
    (one,) = alike(Place("a.py", "python", text, offset), (here - 3, here))
    assert "\r" not in one.text


def test_of_a_very_large_file_what_is_near_is_looked_through() -> None:
    far = PARTS.split("    def unlike", maxsplit=1)[0]
    begun = PARTS[PARTS.index("    def load_closed") : PARTS.index("<|>")] + "<|>"
    assert given(f"{far}{begun}")
    assert given(f"{far}{'pass' + chr(10)}" + "pass\n" * 6000 + begun) == ()
