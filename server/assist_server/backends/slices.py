"""Filling in through a slot of its own, a prompt in slices, so that who leaves is soon out of the way.

llama.cpp's server looks at a request's socket once a second and leaves a prompt only between batches. So a long prompt
goes out in slices, requests for no text that end a little later each; between two of them one can stop at no cost.
Whoever leaves within a slice lets it end before the next request is sent: the server would otherwise work through
everything that was typed past, because it does not see in time that nobody waits for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from assist_server.backends.base import Done, Event, EventStream, Usage
from assist_server.core.errors import BadResponse

# llama.cpp's kernels for attention take 64 tokens at a time: slices of 48 made a cold prompt 16 % slower, of 64 5 %.
_TILE = 64
_SECONDS = 0.45  # a slice may take so long
_UNSLICED = 1.25  # times a slice: a prompt with no more to read goes out as a whole, as most do while one types
_SPEED = 150.0  # tokens/s until there is a measured one
_NEWEST = 0.3  # the share of the last slice in the measured speed
_SLOWEST, _LONGEST_WAIT = 3.0, 10.0  # how many times its expected seconds a slice is waited for, and seconds at most


@dataclass(slots=True)
class _Run:
    """A request in the slot. evaluated, ms: tokens and time of its slices; left: nobody waits for it any more."""

    tokens: Sequence[int]
    read: Callable[[int], EventStream]
    write: Callable[[], EventStream]
    evaluated: int = 0
    ms: float = 0.0
    left: bool = False
    answer: EventStream | None = None


@dataclass(slots=True)
class FillSlot:
    """The slot for filling in: one request at a time, and what the engine has read there."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _read: Sequence[int] = ()
    _speed: float = _SPEED
    _leaving: dict["asyncio.Task[None]", "asyncio.Task[Event | None]"] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what the engine has read and how quick it was: it may be another one."""
        self._read, self._speed = (), _SPEED

    async def fill(
        self,
        tokens: Sequence[int],
        read: Callable[[int], EventStream],
        write: Callable[[], EventStream],
        *,
        sliced: bool,
    ) -> AsyncGenerator[Event, None]:
        """Stream the answer to a prompt.

        read: makes the request that has so many tokens of the prompt read and nothing written. write: the whole one.
        sliced: False for a prompt that the server will refuse anyway.
        """
        await self._turn.acquire()
        run = _Run(tokens, read, write)
        opening = asyncio.create_task(self._open(run, sliced=sliced))
        try:
            event = await asyncio.shield(opening)
            while event is not None:
                yield _whole(event, run)
                event = await _next(run)
        finally:
            if opening.done():
                await self._close(run)
            else:  # cancelled meanwhile
                run.left = True
                leaving = asyncio.create_task(self._leave(run, opening))
                self._leaving[leaving] = opening
                leaving.add_done_callback(self._leaving.pop)

    async def aclose(self) -> None:
        """End what is still being left."""
        for opening in self._leaving.values():
            opening.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _open(self, run: _Run, *, sliced: bool) -> Event | None:
        """Have the prompt read and wait for the first event of the answer; None where it was left before."""
        # A slice that ended before what is cached would make the server drop the rest of that.
        total, place = len(run.tokens), shared_beginning(self._read, run.tokens)
        self._read = run.tokens[:place]
        sliced = sliced and total - place > self._size * _UNSLICED
        while sliced and total - place > self._size:
            end = place + self._size
            usage = await _usage(run.read(end))
            if run.left:
                self._read = run.tokens[:end]
                return None
            if not self._take(run, usage, end - place):
                break
            place = end
        run.answer = run.write()
        event = await _next(run)
        self._read = run.tokens
        return event

    def _take(self, run: _Run, usage: Usage, expected: int) -> bool:
        """Count a slice; False where slices are of no use, because somebody else fills the same slot in between."""
        evaluated = expected if usage.cached is None else max(0, usage.prompt - usage.cached)
        ms = usage.prompt_ms or 0.0
        run.evaluated, run.ms = run.evaluated + evaluated, run.ms + ms
        self._read = run.tokens[: usage.prompt]
        if evaluated >= _TILE // 2 and ms > 0:
            self._speed += _NEWEST * (evaluated / ms * 1000 - self._speed)
        return evaluated <= expected + _TILE

    @property
    def _size(self) -> int:
        """How many tokens a slice has: whole tiles."""
        return max(_TILE, int(self._speed * _SECONDS) // _TILE * _TILE)

    async def _leave(self, run: _Run, opening: "asyncio.Task[Event | None]") -> None:
        """Wait for the end of what the engine works on, but not for ever, and let the next request in."""
        try:
            await asyncio.wait({opening}, timeout=min(_LONGEST_WAIT, _SLOWEST * self._size / self._speed))
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            await self._close(run)

    async def _close(self, run: _Run) -> None:
        try:
            if run.answer is not None:
                await run.answer.aclose()
        finally:
            self._turn.release()


def shared_beginning(first: Sequence[object], second: Sequence[object]) -> int:
    """Count the elements at the beginning that are the same in both."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


async def _next(run: _Run) -> Event | None:
    return None if run.answer is None else await anext(run.answer, None)


async def _usage(stream: EventStream) -> Usage:
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, Done):
                return event.usage
    raise BadResponse("the engine did not say what it has read")


def _whole(event: Event, run: _Run) -> Event:
    """Add the slices to the usage: what they evaluated was not cached before."""
    if not isinstance(event, Done) or not run.ms:
        return event
    usage = event.usage
    cached = None if usage.cached is None else max(0, usage.cached - run.evaluated)
    prompt_ms = None if usage.prompt_ms is None else usage.prompt_ms + run.ms
    return replace(event, usage=replace(usage, cached=cached, prompt_ms=prompt_ms))
