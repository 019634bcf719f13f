import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.prompt.tokens import HIGHEST_FACTOR, LOWEST_FACTOR, Calibration, estimate

# Counts of Qwen2.5-Coder's tokenizer.
COUNTED = [
    ("", 0),
    ("def add(a, b):\n    return a + b\n", 13),
]


@given(st.text(max_size=200))
def test_an_estimate_is_between_nothing_and_the_bytes(text):
    assert (text != "") <= estimate(text) <= len(text.encode("utf-8", "surrogatepass"))


@given(st.text(alphabet=st.sampled_from("abAB1 \n(){}=é漢😀"), max_size=60), st.integers(0, 60))
def test_parts_are_never_estimated_at_less_than_the_whole(text, at):
    assert estimate(text) <= estimate(text[:at]) + estimate(text[at:])


def test_lone_surrogates_do_no_harm():
    assert estimate("a\ud83d") > 0


def test_calibration_rises_quickly_and_falls_slowly():
    risen = Calibration().with_observation(100, 200)
    fallen = Calibration().with_observation(100, 50)
    assert risen.factor - 1 > 1 - fallen.factor > 0
    assert risen.apply(10) == 15
    assert Calibration(1.01).apply(1) == 2


def test_calibration_learns_nothing_from_nothing():
    calibration = Calibration(1.5)
    assert calibration.with_observation(0, 10) is calibration
    assert calibration.with_observation(10, 0) is calibration


def test_calibration_comes_to_a_steady_ratio():
    calibration = Calibration()
    for _ in range(60):
        calibration = calibration.with_observation(100, 75)
    assert calibration.factor == pytest.approx(0.75, abs=0.01)


@given(st.lists(st.tuples(st.integers(-5, 10**6), st.integers(-5, 10**6)), max_size=20))
def test_calibration_stays_within_its_bounds(observations):
    calibration = Calibration()
    for estimated, actual in observations:
        calibration = calibration.with_observation(estimated, actual)
    assert LOWEST_FACTOR <= calibration.factor <= HIGHEST_FACTOR
