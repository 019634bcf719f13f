"""What stands below the cursor."""

import pytest

from assist_context.retrieval.sources.below import below
from support.sources import place_in


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("a = 1\nb = <|>\nc = 3\nd = 4\n", [(3, 4, "c = 3\nd = 4")]),
        ("a = <|>  # later\n\n\n  b\n\n\n", [(4, 4, "  b")]),
        ("a = <|>", []),
        ("a = <|>\n\n\n", []),
        ("a = <|>\r\nb\r\nc\r\n", [(2, 3, "b\nc")]),
        ("<|>\n" + "x = 1\n" * 40, [(2, 13, "\n".join(["x = 1"] * 12))]),
        ("<|>\nshort\n" + "y" * 400 + "\nz\n", [(2, 2, "short")]),
    ],
)
def test_the_first_whole_lines(text, given):
    place = place_in("a.py", text)
    here = text[: text.index("<|>")].count("\n") + 1
    assert [(one.start, one.end, one.text) for one in below(place, here)] == given


def test_nothing_where_the_prompt_holds_what_follows():
    assert below(place_in("a.py", "a = <|>\nb = 2\n"), 2) == ()
