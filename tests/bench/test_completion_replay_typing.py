"""Keys are those of an editor that indents, and only what is true of a suggestion counts as right."""

from itertools import islice

import pytest
from completion_replay import keys_needed
from completion_replay_typing import WRONG, Right, gaps, next_key, pause_before, position, right_part

FUNCTION = "def double(x):\n    y = 2 * x\n\n    return y"


def test_each_key_inserts_a_character_and_a_new_line_with_its_indentation():
    place, keys = 0, []
    while place < len(FUNCTION):
        keys.append(next_key(FUNCTION, place))
        place += len(keys[-1])
    assert "".join(keys) == FUNCTION
    assert [key for key in keys if len(key) > 1] == ["\n    ", "\n    "]
    assert keys.count("\n") == 1
    assert len(keys) == keys_needed(FUNCTION, len(FUNCTION))


@pytest.mark.parametrize(
    ("shown", "rest", "right"),
    [
        ("2 * x", "2 * x\n\n    return y", Right(5, whole=True)),
        ("2 * x\n\n    return y", "2 * x\n\n    return y", Right(19, whole=True)),
        ("2 * x\n    print(x)", "2 * x\n\n    return y", Right(5, whole=False)),
        ("2 * x  ", "2 * x", Right(5, whole=True)),
        ("2 *", "2 * x", WRONG),
        ("2 * x + 1", "2 * x", WRONG),
        ("\n    y = 2 * x", "\n    y = 2 * x\n", Right(14, whole=True)),
        ("\n    z = 3", "\n    y = 2 * x\n", WRONG),
        ("", "2 * x", WRONG),
        ("", "", WRONG),
    ],
)
def test_whole_true_lines_are_right(shown, rest, right):
    assert right_part(shown, rest) == right


def test_gaps_are_near_the_pace_and_the_same_each_time():
    many = sorted(islice(gaps("a", 180), 1001))
    assert 0.16 < many[500] < 0.2
    assert list(islice(gaps("a", 180), 5)) == list(islice(gaps("a", 180), 5)) != list(islice(gaps("b", 180), 5))
    assert list(islice(gaps("a", 0), 5)) == [0] * 5


def test_people_think_where_a_line_begins():
    longer = [place for place in range(len(FUNCTION)) if pause_before(FUNCTION, place) > 1]
    assert longer == [0, *range(15, 20), *range(29, 35)]


def test_columns_are_counted_in_utf_16():
    assert position("a\n\U0001f600b", 4) == (1, 3)
