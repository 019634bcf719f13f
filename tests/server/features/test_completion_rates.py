"""How quick a model is: learnt, kept, shared."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.backends.base import Usage
from assist_server.features.completion.rates import DECODE, PREFILL, RateBook, Rates, Sample, sample_of

HERE = ("embedded", "digest")
OTHER = ("ollama", "model:1b")


def answer(prefill: float, decode: float) -> Sample:
    """An answer of 200 tokens read and 40 written, at these rates."""
    return Sample(200, 200 / prefill, 40, 40 / decode)


def learnt(book: RateBook, *samples: Sample) -> Rates:
    for sample in samples:
        book.learn(HERE, sample)
    return book.of(HERE)


def test_an_unknown_model_is_taken_for_a_small_one_on_a_cpu() -> None:
    assert RateBook().of(HERE) == Rates(PREFILL, DECODE)


def test_the_first_answer_is_believed() -> None:
    rates = learnt(RateBook(), answer(5000, 300))
    assert (rates.prefill, rates.decode) == (pytest.approx(5000), pytest.approx(300))
    assert RateBook().of(OTHER) == Rates()


def test_rates_follow_a_machine_that_changes() -> None:
    book = RateBook()
    learnt(book, *[answer(150, 45)] * 10)
    rates = learnt(book, *[answer(60, 20)] * 30)
    assert rates.prefill == pytest.approx(60, rel=0.02)
    assert rates.decode == pytest.approx(20, rel=0.02)


@pytest.mark.parametrize("odd", [answer(1e5, 1e4), answer(0.5, 0.1)])
def test_one_odd_answer_moves_little(odd: Sample) -> None:
    book = RateBook()
    learnt(book, *[answer(150, 45)] * 5)
    rates = learnt(book, odd)
    assert 150 / 1.2 < rates.prefill < 150 * 1.2
    assert 45 / 1.2 < rates.decode < 45 * 1.2


@pytest.mark.parametrize(
    "nothing",
    [
        Sample(),
        Sample(31, 0.1, 7, 0.1),
        Sample(200, 0.0, 40, 0.0),
        Sample(200, math.nan, 40, math.nan),
        Sample(200, math.inf, 40, -1.0),
        Sample(-5, 1.0, -5, 1.0),
    ],
)
def test_what_tells_nothing_is_left_out(nothing: Sample) -> None:
    assert learnt(RateBook(), nothing) == Rates()


@given(st.lists(st.builds(Sample, st.integers(), st.floats(), st.integers(), st.floats()), max_size=8))
def test_rates_are_always_numbers_to_divide_by(samples: list[Sample]) -> None:
    rates = learnt(RateBook(), *samples)
    for rate in (rates.prefill, rates.decode):
        assert math.isfinite(rate)
        assert rate > 0


@pytest.mark.parametrize(
    ("usage", "sample"),
    [
        (Usage(300, 20, 100, prompt_ms=500.0, generated_ms=400.0), Sample(200, 0.5, 20, 0.4)),
        (Usage(300, 20, prompt_ms=500.0, generated_ms=400.0), Sample(75, 0.5, 20, 0.4)),
        (Usage(300, 21, exact=False), Sample(75, 2.0, 20, 1.0)),
        (Usage(300, 0, exact=False), Sample(75, 2.0, 0, 1.0)),
    ],
)
def test_the_servers_own_clock_goes_before_ours(usage: Usage, sample: Sample) -> None:
    assert sample_of(usage, fresh=0.25, first=2.0, rest=1.0) == sample


def test_an_answer_without_times_tells_nothing() -> None:
    sample = sample_of(Usage(300, 9), fresh=1.0, first=None, rest=None)
    assert learnt(RateBook(), sample) == Rates()


class TestTheFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "cache" / "rates.json"

    def test_is_read_by_the_next_run(self, path: Path) -> None:
        book = RateBook(path)
        book.learn(HERE, answer(150, 45))
        book.save()
        rates = RateBook(path).of(HERE)
        assert (rates.prefill, rates.decode) == (pytest.approx(150), pytest.approx(45))
        assert [entry.name for entry in path.parent.iterdir()] == ["rates.json"]

    def test_keeps_how_much_is_known(self, path: Path) -> None:
        book = RateBook(path)
        learnt(book, *[answer(150, 45)] * 5)
        book.save()
        assert learnt(RateBook(path), answer(1e5, 1e4)).prefill < 150 * 1.2

    def test_is_shared_by_servers_that_run_at_once(self, path: Path) -> None:
        one, two = RateBook(path), RateBook(path)
        one.learn(HERE, answer(150, 45))
        two.learn(OTHER, answer(80, 20))
        one.save()
        two.save()
        both = RateBook(path)
        assert both.of(HERE).prefill == pytest.approx(150)
        assert both.of(OTHER).prefill == pytest.approx(80)

    def test_is_written_only_where_there_is_news(self, path: Path) -> None:
        book = RateBook(path)
        book.save()
        assert not path.exists()
        book.learn(HERE, answer(150, 45))
        book.save()
        path.unlink()
        book.learn(HERE, answer(155, 46))
        book.save()
        assert not path.exists()
        book.learn(HERE, answer(500, 46))
        book.save()
        assert path.exists()

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            '{"rates": 1}',
            '{"rates": [1, null, {}, {"backend": "embedded", "model": "digest"}]}',
            *(
                json.dumps(
                    {
                        "rates": [
                            {"backend": "embedded", "model": "digest", "changed": 1, "prefill": p, "decode": [1, 1]}
                        ]
                    }
                )
                for p in ([], [0, 1], [-1, 1], [1e9, 1], ["x", 1], [math.nan, 1], [math.inf, 1], [100, -1], None)
            ),
        ],
    )
    def test_starts_anew_where_it_is_no_good(self, path: Path, content: str) -> None:
        path.parent.mkdir()
        path.write_text(content)
        book = RateBook(path)
        assert book.of(HERE) == Rates()
        book.learn(HERE, answer(150, 45))
        book.save()
        assert RateBook(path).of(HERE).prefill == pytest.approx(150)

    def test_is_bounded(self, path: Path) -> None:
        now = iter(range(1000))
        book = RateBook(path, lambda: float(next(now)))
        for number in range(100):
            book.learn(("embedded", str(number)), answer(100 + number, 45))
        book.save()
        assert len(json.loads(path.read_text())["rates"]) == 64
        kept = RateBook(path)
        assert kept.of(("embedded", "99")).prefill == pytest.approx(199)
        assert kept.of(("embedded", "0")) == Rates()

    def test_that_cannot_be_written_is_no_error(self, path: Path) -> None:
        path.parent.write_text("no folder")
        book = RateBook(path)
        book.learn(HERE, answer(150, 45))
        book.save()
        assert book.of(HERE).prefill == pytest.approx(150)
