"""How long prompts and answers may be."""

from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.features.completion.rates import Rates
from assist_server.features.completion.speed import Lengths, SteadyRates, answer_seconds, lengths

LIMITS = Lengths(prefix=512, suffix=64, context=512, output=96)
CPU = Rates(prefill=150, decode=45)

rate = st.floats(0.01, 1e6)
limits = st.builds(Lengths, st.integers(0, 9999), st.integers(0, 9999), st.integers(0, 9999), st.integers(1, 2048))


@pytest.mark.parametrize(
    ("rates", "target", "expected"),
    [
        (CPU, 1000, Lengths(prefix=285, suffix=30, context=285, output=36)),
        (CPU, 500, Lengths(prefix=143, suffix=16, context=142, output=18)),
        (Rates(5000, 300), 500, LIMITS),
        (Rates(20, 5), 500, Lengths(prefix=64, suffix=16, context=64, output=16)),
    ],
)
def test_lengths_follow_the_speed(rates: Rates, target: float, expected: Lengths) -> None:
    assert lengths(rates, target, LIMITS) == expected


def test_what_the_context_does_not_take_goes_to_the_document() -> None:
    assert lengths(CPU, 1000, replace(LIMITS, context=0)).prefix == 512
    assert lengths(CPU, 1000, replace(LIMITS, context=100)).prefix == 470
    assert lengths(CPU, 1000, replace(LIMITS, prefix=100)) == Lengths(100, 30, 470, 36)


@given(rate, rate, st.floats(1, 60_000), limits)
def test_lengths_stay_within_the_limits(prefill: float, decode: float, target: float, most: Lengths) -> None:
    found = lengths(Rates(prefill, decode), target, most)
    assert all(0 <= each <= limit for each, limit in zip(astuple(found), astuple(most), strict=True))
    assert found.output >= 1


@given(st.tuples(rate, rate), st.tuples(rate, rate), st.tuples(st.floats(1, 60_000), st.floats(1, 60_000)), limits)
def test_quicker_is_never_shorter(
    prefill: tuple[float, float], decode: tuple[float, float], target: tuple[float, float], most: Lengths
) -> None:
    slow = lengths(Rates(min(prefill), min(decode)), min(target), most)
    quick = lengths(Rates(max(prefill), max(decode)), max(target), most)
    assert all(a <= b for a, b in zip(astuple(slow), astuple(quick), strict=True))


@given(rate, rate, st.floats(1, 60_000), limits)
def test_more_room_is_never_less(prefill: float, decode: float, target: float, most: Lengths) -> None:
    wider = Lengths(*(2 * each for each in astuple(most)))
    rates = Rates(prefill, decode)
    assert lengths(rates, target, wider).prompt >= lengths(rates, target, most).prompt


def test_an_answer_takes_reading_and_writing() -> None:
    assert answer_seconds(CPU, fresh=75, output=9) == pytest.approx(0.7)


class TestSteadyRates:
    SOURCE = ("embedded", "m")

    def test_stay_while_the_measured_ones_wander(self) -> None:
        steady = SteadyRates()
        found = {steady.of(self.SOURCE, Rates(150 * factor, 45 / factor)) for factor in (1, 1.1, 0.95, 1.12, 0.92, 1)}
        assert len(found) == 1

    def test_follow_a_clear_change_and_do_not_go_back_for_less(self) -> None:
        steady = SteadyRates()
        first = steady.of(self.SOURCE, CPU).prefill
        second = steady.of(self.SOURCE, replace(CPU, prefill=200)).prefill
        assert second > first
        assert steady.of(self.SOURCE, replace(CPU, prefill=175)).prefill == second
        assert steady.of(self.SOURCE, replace(CPU, prefill=150)).prefill == first

    def test_are_each_sources_own(self) -> None:
        steady = SteadyRates()
        steady.of(self.SOURCE, CPU)
        assert steady.of(("ollama", "m"), Rates(5000, 200)).prefill == pytest.approx(5000, rel=0.125)

    @given(st.lists(rate, min_size=1, max_size=20))
    def test_are_near_the_measured_ones(self, prefills: list[float]) -> None:
        steady = SteadyRates()
        for prefill in prefills:
            found = steady.of(self.SOURCE, replace(CPU, prefill=prefill)).prefill
            assert 1.25**-1.01 < found / prefill < 1.25**1.01
