"""The comparison itself: it rejects what misses definitions and what tells of too many."""

import re
from collections import Counter
from pathlib import Path

import pytest

from support.recall.found import found_in, python_found
from support.recall.python_truth import python_truth
from support.recall.score import Facts, Score, check_recall, gathered, once, renamed, scores

SOURCE = b"""
import os.path as p
from .b import c


class Shape(Base, p.Other[int]):
    a = b = 1

    def area(this):
        this.size, x = measure(1), 2

        def inner():
            return lambda: this.run()


def free():
    pass
"""


def test_tells_what_a_file_has() -> None:
    assert {kind: sorted(count) for kind, count in gathered(python_truth("f.py", SOURCE)).items()} == {
        "import": [("f.py", 2, "os.path", "", "p"), ("f.py", 3, ".b", "c", "")],
        "class": [("f.py", 6, "Shape")],
        "base": [("f.py", 6, "Base"), ("f.py", 6, "Other")],
        "class attribute": [("f.py", "Shape", "a"), ("f.py", "Shape", "b")],
        "method": [("f.py", 9, "Shape", "area")],
        "instance attribute": [("f.py", "Shape", "size")],
        "call": [("f.py", 10, "measure"), ("f.py", 13, "run")],
        "nested function": [("f.py", 12, "Shape", "area", "inner")],
        "function": [("f.py", 16, "free")],
    }


def test_finds_all_that_a_file_has() -> None:
    truth, found = gathered(python_truth("f.py", SOURCE)), gathered(python_found("f.py", SOURCE))
    truth["attribute"] = truth.pop("class attribute") + truth.pop("instance attribute")
    assert found.keys() == truth.keys()
    assert scores(truth, found)["class"] == Score("class", 1, 1, 0)


def calls(first: int, last: int) -> Facts:
    return gathered(("call", ("f.py", line, "run")) for line in range(first, last))


@pytest.mark.parametrize(
    ("found", "recall", "precision"),
    [
        (calls(0, 100), 1.0, 1.0),
        (calls(0, 97), 0.97, 1.0),
        (calls(-25, 100), 1.0, 0.8),
        (calls(100, 200), 0.0, 0.0),
        ({}, 0.0, 1.0),
    ],
)
def test_scores(found: Facts, recall: float, precision: float) -> None:
    score = scores(calls(0, 100), found)["call"]
    assert (score.recall, score.precision) == (recall, precision)


def test_a_fact_that_is_told_twice_is_wrong_once() -> None:
    told = gathered([*[("call", ("f.py", 1, "run"))] * 2])
    assert scores(calls(1, 2), told)["call"] == Score("call", 1, 1, 1)
    assert scores(once(told, "call"), told)["call"].extra == 1
    assert scores(told, told)["call"].extra == 0


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(calls(0, 98), id="definitions dropped"),
        pytest.param(calls(-2, 100), id="too many"),
        pytest.param(calls(2, 102), id="at other lines"),
        pytest.param({}, id="nothing"),
        pytest.param(renamed(calls(0, 100), {"call": "new"}), id="of another kind"),
        pytest.param(calls(0, 100) | renamed(calls(0, 9), {"call": "new"}), id="a kind more"),
    ],
)
def test_rejects_what_is_wrong(wrong: Facts) -> None:
    least = {"call": (0.99, 0.99)}
    check_recall(calls(0, 100), calls(0, 99), least)
    with pytest.raises(AssertionError, match=r"kind +n"):
        check_recall(calls(0, 100), wrong, least)


def test_rejects_an_empty_truth() -> None:
    with pytest.raises(AssertionError, match="other kinds"):
        check_recall({}, {}, {"call": (0.99, 0.99)})


def test_tells_what_is_missed() -> None:
    with pytest.raises(AssertionError, match=re.escape("call: missed 2: [('f.py', 98, 'run'), ('f.py', 99, 'run')]")):
        check_recall(calls(0, 100), calls(0, 98), {"call": (0.99, 0.99)})


def test_a_file_that_loses_its_definitions_fails(tmp_path: Path) -> None:
    (tmp_path / "whole.ts").write_text("class A { run() {} }\nclass B { go() { new A().run(); } }\n")
    truth = found_in(tmp_path, ["whole.ts"], {"owner": Counter({("whole.ts", 1, "run"): 1, ("whole.ts", 2, "go"): 1})})
    least = dict.fromkeys(truth, (0.99, 0.99))
    check_recall(truth, truth, least)
    (tmp_path / "whole.ts").write_text("class A { run() {} }\n\n")
    with pytest.raises(AssertionError, match="method: missed 1"):
        check_recall(truth, found_in(tmp_path, ["whole.ts"], truth), least)
