"""Turns: those a person waits for go first, nobody is forgotten, and who gives up holds up nobody."""

import asyncio

import pytest

from assist_server.backends.lane import Lane


class Walker:
    """One request: `done` lets it leave the lane."""

    def __init__(self, lane: Lane, name: str, log: list[str], *, urgent: bool = False) -> None:
        self.done = asyncio.Event()
        self.task = asyncio.ensure_future(self._walk(lane, name, log, urgent=urgent))

    async def _walk(self, lane: Lane, name: str, log: list[str], *, urgent: bool) -> None:
        async with lane.turn(urgent=urgent, waits=lambda: log.append(f"{name} waits")):
            log.append(name)
            await self.done.wait()


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_answers_in_order_with_the_urgent_first() -> None:
    lane, log = Lane(1), list[str]()
    walkers = [Walker(lane, "explain 1", log)]
    await settled()
    walkers += [Walker(lane, "explain 2", log), Walker(lane, "explain 3", log), Walker(lane, "fill", log, urgent=True)]
    await settled()
    for walker in (walkers[0], walkers[3], walkers[1], walkers[2]):
        walker.done.set()
        await walker.task
        await settled()
    waits = [f"{name} waits" for name in ("explain 2", "explain 3", "fill")]
    assert log == ["explain 1", *waits, "fill", "explain 2", "explain 3"]


async def test_lets_as_many_in_as_it_is_wide() -> None:
    lane, log = Lane(2), list[str]()
    walkers = [Walker(lane, str(number), log) for number in range(3)]
    await settled()
    assert log == ["0", "1", "2 waits"]
    for walker in walkers:
        walker.done.set()
    await asyncio.gather(*(walker.task for walker in walkers))


@pytest.mark.parametrize("handed_over", [False, True])
async def test_goes_on_when_one_gives_up(handed_over: bool) -> None:
    """Also in the moment in which it was given the place and had no time to take it."""
    lane, log = Lane(1), list[str]()
    first = Walker(lane, "first", log)
    await settled()
    second, third = Walker(lane, "second", log), Walker(lane, "third", log)
    await settled()
    if handed_over:
        first.done.set()
        await first.task
        second.task.cancel()
    else:
        second.task.cancel()
        await settled()
        first.done.set()
        await first.task
    await settled()
    assert second.task.cancelled()
    assert log[-1] == "third"
    third.done.set()
    await third.task
    async with lane.turn(urgent=False, waits=lambda: log.append("waits after all")):
        assert "waits after all" not in log


async def test_goes_on_when_telling_of_a_wait_fails() -> None:
    lane, log = Lane(1), list[str]()
    first = Walker(lane, "first", log)
    await settled()

    def fails() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        async with lane.turn(urgent=True, waits=fails):
            pass
    first.done.set()
    await first.task
    async with lane.turn(urgent=False, waits=fails):
        assert log == ["first"]
