"""A stream is left at the same place, whatever the pieces it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.stopping import End, find_end
from assist_server.features.completion.trigger import Extent
from support.completion import at_cursor


def streamed(marked: str, made: str, extent: Extent) -> tuple[str, str, str]:
    """Feed a text character by character; give what is kept, why it ended, and what was read to know."""
    hole = hole_at(*at_cursor(marked))
    for length in range(1, len(made) + 1):
        if end := find_end(made[:length], hole, extent):
            return made[: end.length], end.why, made[:length]
    return made, "", made


@pytest.mark.parametrize(
    ("marked", "made", "extent", "kept", "why", "read"),
    [
        ("f(<|>)", "a, b\nc", "line", "a, b", "the line ends", "a, b\n"),
        ("<|>", "a\n\nb", "paragraph", "a", "a blank line", "a\n\n"),
        ("<|>", "\n\na\n   \nb", "paragraph", "\n\na", "a blank line", "\n\na\n   \n"),
        ("    <|>", "a\nb", "paragraph", "a", "the block ends", "a\nb"),
        ("\t<|>", "a\n\tb\nc", "paragraph", "a\n\tb", "the block ends", "a\n\tb\nc"),
        ("if a:<|>", "\n    b\nx", "paragraph", "\n    b", "the block ends", "\n    b\nx"),
        ("if a:<|>", "\n    b\nel", "paragraph", "\n    b\nel", "", "\n    b\nel"),
        ("if a:<|>", "\n    b\nels = 1", "paragraph", "\n    b", "the block ends", "\n    b\nels "),
        ("f(<|>", "\n    a,\n)\nb", "paragraph", "\n    a,\n)", "the block ends", "\n    a,\n)\nb"),
        ("  <|>\n  total()", "a\n  total()\n", "block", "a", "the text that follows begins", "a\n  total()\n"),
        ("  <|>\n  total()", "a\n  totals", "block", "a\n  totals", "", "a\n  totals"),
        ("<|>", "a\n\nb\n\n\nc", "block", "a\n\nb", "a blank line", "a\n\nb\n\n\n"),
    ],
)
def test_the_end(*, marked: str, made: str, extent: Extent, kept: str, why: str, read: str) -> None:
    assert streamed(marked, made, extent) == (kept, why, read)


@given(
    before=st.sampled_from(["", "    ", "if a:", "  f(", "\tx = "]),
    below=st.sampled_from(["", "\n}", "\n    total()", "\nx"]),
    made=st.text(alphabet="ab \t\n)}:", max_size=40),
    extent=st.sampled_from(["line", "paragraph", "block"]),
)
def test_an_end_once_found_stays(before: str, below: str, made: str, extent: Extent) -> None:
    hole = hole_at(before + below, len(before))
    found: End | None = None
    for length in range(len(made) + 1):
        end = find_end(made[:length], hole, extent)
        if found is not None:
            assert end == found
        found = end
    if found is not None:
        assert find_end(made, hole, extent, final=True) == found
