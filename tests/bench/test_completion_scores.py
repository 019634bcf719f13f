"""The scores reject what is wrong, and an interval is as wide as the repositories are unlike."""

from dataclasses import replace

import pytest
from completion_scores import common_subsequence, compare, f1_of, judge, similarity
from completion_tasks import Task
from hypothesis import given
from hypothesis import strategies as st

TEXT = "def load(path):\n    total = 0\n    \n    return total\n"
HOLE = "for entry in path.read_entries():\n        total += entry.size"
OFFSET = TEXT.index("    \n") + 4
TASK = Task("one", "repo", "Python", "tune", "block", "a.py", "python", TEXT, OFFSET, HOLE, repeated=False)
LINE = replace(TASK, kind="line", hole="total = compute(path)")


def known(*words):
    return lambda word: word in words


@pytest.mark.parametrize(
    ("shown", "exact", "em"),
    [
        (HOLE, True, True),
        (HOLE + "\n", True, True),
        (HOLE + "\n    print(total)", False, True),
        (HOLE.split("\n", maxsplit=1)[0], False, False),
        ("    " + HOLE, False, False),
        (HOLE.replace("size", "sizes"), False, False),
        (HOLE.replace("        ", "    "), False, False),
        ("", False, False),
        ("   \n", False, False),
    ],
)
def test_exact_and_em(shown, exact, em):
    score = judge(TASK, shown, known())
    assert (score.exact, score.em) == (exact, em)
    assert score.shown == bool(shown.strip())


def test_what_was_not_shown_counts_as_nothing():
    score = judge(TASK, "", known())
    assert (score.similarity, score.identifier_f1, score.invented) == (0.0, 0.0, ())


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [("abc", "abc", 1.0), ("", "", 1.0), ("abc", "", 0.0), ("abc", "xyz", 0.0), ("abcd", "acbd", 0.75)],
)
def test_similarity(left, right, expected):
    assert similarity(left, right) == pytest.approx(expected)


def by_table(left, right):
    row = [0] * (len(right) + 1)
    for character in left:
        above = row[:]
        for place, other in enumerate(right, 1):
            row[place] = above[place - 1] + 1 if character == other else max(row[place - 1], above[place])
    return row[-1]


@given(st.text("ab \n", max_size=70), st.text("abc\n", max_size=70))
def test_the_common_subsequence_is_that_of_the_table(left, right):
    assert common_subsequence(left, right) == by_table(left, right)


@pytest.mark.parametrize(
    ("written", "wanted", "expected"),
    [
        (["a", "b"], ["b", "a"], 1.0),
        (["a"], ["a", "a"], 2 / 3),
        (["a", "a"], ["a"], 2 / 3),
        (["a", "x"], ["a", "b"], 0.5),
        (["x"], ["a"], 0.0),
        ([], ["a"], 0.0),
    ],
)
def test_f1(written, wanted, expected):
    assert f1_of(written, wanted) == pytest.approx(expected)


def test_a_hole_without_identifiers_has_no_f1():
    assert judge(replace(LINE, hole="return 0"), "total = 1", known()).identifier_f1 is None


@pytest.mark.parametrize(
    ("shown", "words", "invented"),
    [
        ("total = guess(path)", (), ("guess",)),
        ("total = guess(path)", ("guess",), ()),
        ("total = compute(path)", (), ()),
        ("total = path.guess().guess(more)", (), ("guess", "more")),
        ("print('guess')  # more", ("print",), ()),
        ("if load is not None:", (), ()),
        ("", (), ()),
    ],
)
def test_invented_is_what_nothing_accounts_for(shown, words, invented):
    assert judge(LINE, shown, known(*words)).invented == invented


def test_a_word_that_the_cursor_cuts_is_one_word():
    text = "def load(path):\n    total = comp\n"
    task = replace(TASK, kind="tail", text=text, offset=len(text) - 1, hole="ute(path)")
    assert judge(task, "ute(path)", known()).identifier_f1 == 1.0
    assert judge(task, "ute(path)", known()).invented == ()
    assert judge(task, "any(path)", known()).invented == ("company",)


def test_the_difference_of_an_arm_that_is_always_better_excludes_nothing():
    pairs = {f"repo{number}": [(0.5 + number / 100, 0.3)] * 4 for number in range(10)}
    found = compare(pairs)
    assert found is not None
    assert found.mean == pytest.approx(0.245)
    assert 0.2 <= found.low < found.mean < found.high <= 0.29
    assert (found.tasks, found.repositories) == (40, 10)
    turned = compare({name: [(other, one) for one, other in each] for name, each in pairs.items()})
    assert turned is not None
    assert turned.mean == pytest.approx(-found.mean)


def test_an_arm_that_is_better_in_some_repositories_only_is_uncertain():
    pairs = {f"repo{number}": [(number % 2, 0.5)] * 50 for number in range(10)}
    found = compare(pairs)
    assert found is not None
    assert found.low < 0 < found.high
    # The same tasks taken as if they had nothing to do with each other would seem certain.
    apart = compare({f"{name}{place}": [pair] for name, each in pairs.items() for place, pair in enumerate(each)})
    assert apart is not None
    assert apart.high - apart.low < 0.5 * (found.high - found.low)


def test_comparing_is_the_same_each_time_and_nothing_without_tasks():
    pairs = {"a": [(0.1, 0.3), (0.5, 0.5)], "b": [(0.9, 0.2)], "c": []}
    assert compare(pairs) == compare(pairs)
    assert compare({"a": []}) is None
