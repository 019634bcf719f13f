import pytest

from support.marked import Marked, at_cursor, marked, selected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a<|>b", Marked("ab", offset=1)),
        ("<|>", Marked("", offset=0)),
        ("x <[yz]> w", Marked("x yz w", start=2, end=4)),
        ("é<[漢<|>😀]>", Marked("é漢😀", offset=2, start=1, end=3)),
        ("plain < | >", Marked("plain < | >")),
        ("<[]>", Marked("", start=0, end=0)),
    ],
)
def test_marks_become_offsets(source, expected):
    assert marked(source) == expected


@pytest.mark.parametrize("source", ["<|>a<|>", "<[a", "a]>", "]>a<[", "<[<[a]>"])
def test_bad_marks_are_refused(source):
    with pytest.raises(ValueError, match=r"mark|selection"):
        marked(source)


def test_cursor_and_selection_are_required_where_asked_for():
    assert at_cursor("a<|>b") == ("ab", 1)
    assert selected("a<[b]>") == ("ab", 1, 2)
    with pytest.raises(ValueError, match="no <"):
        at_cursor("ab")
    with pytest.raises(ValueError, match="no <"):
        selected("a<|>b")
