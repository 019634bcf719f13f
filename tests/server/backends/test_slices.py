"""A prompt in slices: what is asked for, whose turn it is, and what is left of a request that was cancelled."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from assist_server.backends.base import Delta, Done, Event, Usage
from assist_server.backends.slices import FillSlot
from assist_server.core.errors import BadResponse
from support.loopback_server import soon

SPEED = 150.0  # tokens/s, at which a slice has 64 tokens


@dataclass
class Engine:
    """An engine with one slot, as llama.cpp's is: it evaluates what its cache does not begin with, one at least."""

    slot: FillSlot = field(default_factory=FillSlot)
    speed: float = SPEED
    cache: list[int] = field(default_factory=list)
    asked: list[tuple[int, str]] = field(default_factory=list)
    holds_from: int | None = None  # the length of prompt from which on it waits for `go`
    began: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    closed: list[int] = field(default_factory=list)
    stolen: bool = False  # others use the slot too

    async def answer(self, tokens: list[int], text: str) -> AsyncGenerator[Event, None]:
        self.asked.append((len(tokens), text))
        try:
            if self.holds_from is not None and len(tokens) >= self.holds_from:
                self.began.set()
                await self.go.wait()
            if self.stolen:
                self.cache = []
            same = 0
            while same < min(len(tokens), len(self.cache)) and tokens[same] == self.cache[same]:
                same += 1
            cached = min(same, len(tokens) - 1)
            self.cache = list(tokens)
            if text:
                yield Delta(text)
                yield Delta(text)
            ms = (len(tokens) - cached) / self.speed * 1000
            yield Done("length", Usage(len(tokens), 2 if text else 0, cached, prompt_ms=ms, generated_ms=5.0))
        finally:
            self.closed.append(len(tokens))

    def fill(self, tokens: list[int], *, sliced: bool = True) -> AsyncGenerator[Event, None]:
        return self.slot.fill(
            tokens, lambda end: self.answer(tokens[:end], ""), lambda: self.answer(tokens, "x"), sliced=sliced
        )

    async def usage(self, tokens: list[int], *, sliced: bool = True) -> Usage:
        done = [event async for event in self.fill(tokens, sliced=sliced)][-1]
        assert isinstance(done, Done)
        return done.usage


def prompt(length: int, start: int = 0) -> list[int]:
    return list(range(start, start + length))


async def test_a_long_prompt_is_read_in_slices() -> None:
    engine = Engine()
    usage = await engine.usage(prompt(300))
    assert engine.asked == [(64, ""), (128, ""), (192, ""), (256, ""), (300, "x")]
    assert (usage.prompt, usage.cached, usage.generated) == (300, 0, 2)
    assert usage.prompt_ms == pytest.approx(300 / SPEED * 1000)


@pytest.mark.parametrize(("length", "requests"), [(1, 1), (64, 1), (80, 1), (81, 2), (128, 2), (129, 3)])
async def test_a_prompt_with_little_to_read_goes_out_as_a_whole(length: int, requests: int) -> None:
    engine = Engine()
    await engine.usage(prompt(length))
    assert len(engine.asked) == requests


async def test_only_what_the_engine_has_not_read_is_sliced() -> None:
    engine = Engine()
    await engine.usage(prompt(300))
    engine.asked.clear()
    usage = await engine.usage([*prompt(290), *prompt(20, start=1000)])
    assert engine.asked == [(310, "x")]
    assert usage.cached == 290
    usage = await engine.usage([*prompt(200), *prompt(100, start=2000)])
    assert engine.asked[1:] == [(264, ""), (300, "x")]
    assert usage.cached == 200


async def test_a_prompt_that_will_be_refused_is_not_read_before() -> None:
    engine = Engine()
    await engine.usage(prompt(500), sliced=False)
    assert engine.asked == [(500, "x")]


async def test_slices_grow_with_the_speed_of_the_engine() -> None:
    engine = Engine(speed=3000.0)
    for start in range(0, 20_000, 1000):
        await engine.usage(prompt(900, start))
    engine.asked.clear()
    await engine.usage(prompt(900, 50_000))
    assert engine.asked == [(900, "x")]


async def test_slices_end_where_somebody_else_uses_the_slot() -> None:
    engine = Engine(stolen=True)
    await engine.usage(prompt(600))
    assert [length for length, _ in engine.asked] == [64, 128, 192, 600]


async def cancelled(task: "asyncio.Task[Usage]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_leaves_within_a_slice_lets_only_that_one_end() -> None:
    engine = Engine(holds_from=128)
    task = asyncio.ensure_future(engine.usage(prompt(600)))
    await soon(engine.began.wait())
    await cancelled(task)
    next_ = asyncio.ensure_future(engine.usage(prompt(100)))
    await asyncio.sleep(0)
    assert engine.asked == [(64, ""), (128, "")], "the next one waits for its turn, and no further slice is sent"
    engine.go.set()
    usage = await soon(next_)
    assert engine.asked[2:] == [(100, "x")]
    assert usage.cached == 99, "what the cancelled one had read is known"


async def test_who_leaves_before_the_first_text_has_the_answer_closed_after_it() -> None:
    engine = Engine(holds_from=50)
    task = asyncio.ensure_future(engine.usage(prompt(50)))
    await soon(engine.began.wait())
    await cancelled(task)
    assert not engine.closed
    engine.go.set()
    engine.holds_from = None
    await soon(engine.usage(prompt(40)))
    assert engine.closed == [50, 40]


async def test_who_leaves_while_waiting_for_a_turn_asks_for_nothing() -> None:
    engine = Engine(holds_from=1)
    first = asyncio.ensure_future(engine.usage(prompt(10)))
    await soon(engine.began.wait())
    waiting = [asyncio.ensure_future(engine.usage(prompt(10, start))) for start in (100, 200, 300)]
    await asyncio.sleep(0)
    for task in waiting[:2]:
        await cancelled(task)
    engine.go.set()
    await soon(asyncio.gather(first, waiting[2]))
    assert len(engine.asked) == 2


async def test_who_leaves_the_answer_frees_the_slot_at_once() -> None:
    engine = Engine()
    stream = engine.fill(prompt(10))
    assert await anext(stream) == Delta("x")
    await stream.aclose()
    assert engine.closed == [10]
    await soon(engine.usage(prompt(10)))


async def test_a_failure_frees_the_slot() -> None:
    engine = Engine()

    async def fails() -> AsyncGenerator[Event, None]:
        raise BadResponse("gone")
        yield

    for fill in (
        engine.slot.fill(prompt(10), lambda _: fails(), fails, sliced=True),
        engine.slot.fill(prompt(600), lambda _: fails(), fails, sliced=True),
    ):
        with pytest.raises(BadResponse):
            await anext(fill)
    await soon(engine.usage(prompt(10)))


async def test_nothing_is_left_when_it_is_closed() -> None:
    engine = Engine(holds_from=1)
    task = asyncio.ensure_future(engine.usage(prompt(10)))
    await soon(engine.began.wait())
    await cancelled(task)
    await soon(engine.slot.aclose())
    assert engine.closed == [10]
    assert asyncio.all_tasks() == {asyncio.current_task()}
