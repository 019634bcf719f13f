"""Stop strings across pieces."""

from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.backends.base import Delta, Done, Event, Usage
from assist_server.backends.stops import StopFilter, apply_stops
from assist_server.core.errors import BadResponse
from support.backend_contract import collect, gather

few = st.text("ab<|", max_size=12)


def filtered(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    stop = StopFilter(stops)
    text = "".join(stop.feed(piece) for piece in pieces) + stop.rest()
    return text, stop.stopped


@given(st.lists(few, max_size=6), st.lists(few, max_size=4))
def test_where_the_pieces_end_makes_no_difference(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    assert filtered(pieces, stops) == filtered(list(whole), stops) == filtered([whole], stops)


@given(st.lists(few, max_size=6), st.lists(few, max_size=4))
def test_no_stop_is_ever_given_and_nothing_else_is_lost(pieces: list[str], stops: list[str]) -> None:
    text, stopped = filtered(pieces, stops)
    whole = "".join(pieces)
    assert whole.startswith(text)
    assert not any(stop in text for stop in stops if stop)
    assert stopped or text == whole
    assert stopped == any(stop in whole for stop in stops if stop)


def test_gives_text_as_soon_as_it_is_certain() -> None:
    stop = StopFilter(["<|end|>"])
    assert [stop.feed(piece) for piece in ("a", " <", "b <|", "end", "!", "<|end|>", "more")] == [
        "a",
        " ",
        "<b ",
        "",
        "<|end!",
        "",
        "",
    ]
    assert stop.stopped
    assert stop.rest() == ""


class TestApplyStops:
    @pytest.fixture
    def closed(self) -> list[bool]:
        return []

    def events(
        self, texts: list[str], closed: list[bool], error: Exception | None = None
    ) -> AsyncGenerator[Event, None]:
        async def stream() -> AsyncGenerator[Event, None]:
            try:
                for text in texts:
                    yield Delta(text)
                if error is not None:
                    raise error
                yield Done("length", Usage(1, 2))
            finally:
                closed.append(True)

        return stream()

    async def test_close_the_server_before_they_say_that_it_is_done(self, closed: list[bool]) -> None:
        stream = apply_stops(self.events(["a", "STO", "P", "never read"], closed), ("STOP",), 5)
        assert await anext(stream) == Delta("a")
        assert not closed
        assert await anext(stream) == Done("stop", Usage(5, 3, exact=False))
        assert closed
        await stream.aclose()

    async def test_give_what_was_held_back_at_the_end(self, closed: list[bool]) -> None:
        text, done = await collect(apply_stops(self.events(["a", "STO"], closed), ("STOP",), 5))
        assert (text, done) == ("aSTO", Done("length", Usage(1, 2)))

    async def test_give_what_was_held_back_before_an_error(self, closed: list[bool]) -> None:
        seen: list[str] = []
        with pytest.raises(BadResponse):
            await gather(apply_stops(self.events(["a", "STO"], closed, BadResponse("cut")), ("STOP",), 5), seen)
        assert seen == ["a", "STO"]

    async def test_close_the_server_when_they_are_closed(self, closed: list[bool]) -> None:
        stream = apply_stops(self.events(["a", "b"], closed), (), 5)
        assert await anext(stream) == Delta("a")
        await stream.aclose()
        assert closed
