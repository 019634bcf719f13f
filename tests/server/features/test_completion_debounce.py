"""How long to wait after a key."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.features.completion.debounce import Debounce, is_pause

DOC = "file:///a.py"


def typed(*gaps: float) -> tuple[Debounce, float]:
    """A document with keys at these distances, and the time of the last one."""
    debounce, now = Debounce(), 100.0
    debounce.key(DOC, now)
    for gap in gaps:
        now += gap
        debounce.key(DOC, now)
    return debounce, now


def wait(debounce: Debounce, now: float, *, before: str = "x = ab", answer: float = 1.0, longest: float = 1.0) -> float:
    return debounce.wait(DOC, now, before=before, answer=answer, longest=longest)


def test_waits_a_little_longer_than_a_person_between_two_keys() -> None:
    assert wait(*typed(*[0.2] * 10)) == pytest.approx(0.24)
    assert wait(*typed(*[0.1] * 10)) == pytest.approx(0.12)


def test_knows_how_long_no_key_came_before_the_last() -> None:
    debounce, _ = typed(0.2, 4.0)
    assert debounce.quiet(DOC) == pytest.approx(4.0)
    assert math.isinf(debounce.quiet("file:///other.py"))
    assert math.isinf(typed()[0].quiet(DOC))
    debounce.forget(DOC)
    assert math.isinf(debounce.quiet(DOC))


def test_asks_at_once_where_the_answer_comes_before_the_next_key() -> None:
    assert wait(*typed(*[0.2] * 10), answer=0.19) == 0.0


def test_never_waits_longer_than_half_an_answer() -> None:
    assert wait(*typed(*[0.3] * 10), answer=0.4) == pytest.approx(0.2)


def test_the_time_since_the_key_has_been_waited_already() -> None:
    debounce, now = typed(*[0.2] * 10)
    assert wait(debounce, now + 0.2) == pytest.approx(0.04)
    assert wait(debounce, now + 5) == 0.0


def test_a_pause_is_no_gap_between_keys() -> None:
    assert wait(*typed(*[0.2, 3.0] * 10, 0.2)) == pytest.approx(0.24)


def test_nothing_known_is_the_usual_speed() -> None:
    assert wait(Debounce(), 100.0) == pytest.approx(0.18)
    assert wait(*typed(0.5, 0.5)) == pytest.approx(0.18)


def test_a_closed_document_is_forgotten() -> None:
    debounce, now = typed(*[0.4] * 10)
    debounce.forget(DOC)
    debounce.forget(DOC)
    assert wait(debounce, now) == pytest.approx(0.18)


def test_documents_are_bounded() -> None:
    debounce, now = typed(*[0.4] * 10)
    for number in range(100):
        debounce.key(str(number), now)
    assert wait(debounce, now) == pytest.approx(0.18)


@pytest.mark.parametrize(
    ("before", "pauses"),
    [
        ("", True),
        ("x = 1\n", True),
        ("def f():\n    ", True),
        ("def f(", True),
        ("a = [", True),
        ("if (x) { ", True),
        ("if x:", True),
        ("x", False),
        ("x = ", False),
        ("f()", False),
        ("f(a, ", False),
        ("a.", False),
        (" " * 500 + "x", False),
    ],
)
def test_pauses_are_where_something_begins(before: str, pauses: bool) -> None:
    assert is_pause(before) is pauses
    assert (wait(*typed(*[0.2] * 10), before=before) == 0.0) is pauses


number = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(number, max_size=40), number, number, number, st.sampled_from(["x", "\n"]))
def test_never_below_nothing_or_above_the_bound(
    keys: list[float], now: float, answer: float, longest: float, before: str
) -> None:
    debounce = Debounce()
    for key in keys:
        debounce.key(DOC, key)
    found = wait(debounce, now, before=before, answer=answer, longest=longest)
    assert math.isfinite(found)
    assert found >= 0
    assert found <= longest or found == 0
