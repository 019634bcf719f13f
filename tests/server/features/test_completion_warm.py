"""Prompts that are read before anybody waits for them."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import cast

import pytest

from assist_context.prompt.segments import Control, Prompt, Text
from assist_server.backends.base import Backend, Done, Event, FillRequest, Usage
from assist_server.core.errors import BackendUnavailable
from assist_server.features.completion.rates import RateBook, Rates
from assist_server.features.completion.warm import Heat, Warmer, Warming
from support.loopback_server import soon

SOURCE = ("embedded", "m")
LONG = "x = 1\n" * 50


def prompt(text: str) -> Prompt:
    return Prompt((Control("<|fim_prefix|>"), Text(text), Control("<|fim_middle|>")))


@dataclass
class Model:
    """Stands for a backend that answers a fill when it is let, and notes what it was asked."""

    asked: list[FillRequest] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int = 0
    fails: bool = False

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        self.began.set()
        try:
            if self.fails:
                raise BackendUnavailable("down")
            await self.go.wait()
            yield Done("length", Usage(120, 0, 20, prompt_ms=400.0, generated_ms=0.0))
        finally:
            self.closed += 1


class StepClock:
    """A clock whose sleepers wake when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.wake = asyncio.Event()

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.wake.wait()


@dataclass
class Scene:
    model: Model = field(default_factory=Model)
    heat: Heat = field(default_factory=Heat)
    rates: RateBook = field(default_factory=RateBook)
    clock: StepClock = field(default_factory=StepClock)
    here: bool = True
    made: int = 0

    def __post_init__(self) -> None:
        self.warmer = Warmer(self.heat, self.rates, is_here=lambda _: self.here, clock=self.clock)

    def plan(self, text: str | None = LONG, *, document: str = "", rest: int = 0) -> None:
        async def make() -> Warming | None:
            self.made += 1
            if text is None:
                return None
            request = FillRequest("m", prompt(text), 96, stop=("\n",))
            return Warming(cast("Backend", self.model), request, SOURCE, rest)

        self.warmer.plan(make, document=document)

    async def done(self) -> None:
        task = self.warmer._task
        assert task is not None
        await soon(asyncio.wait({task}))


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_reads_the_prompt_without_an_answer(scene: Scene) -> None:
    scene.plan()
    scene.clock.wake.set()
    scene.model.go.set()
    await scene.done()
    (asked,) = scene.model.asked
    assert (asked.max_tokens, asked.stop, asked.prompt) == (0, (), prompt(LONG))
    assert scene.heat.cold(SOURCE, prompt(LONG)) == 0
    assert scene.rates.of(SOURCE) == Rates(prefill=pytest.approx(250))


async def test_waits_until_the_person_is_idle_and_makes_the_prompt_then(scene: Scene) -> None:
    scene.plan()
    await asyncio.sleep(0)
    assert (scene.clock.slept, scene.made) == ([0.7], 0)
    scene.plan()
    await asyncio.sleep(0)
    scene.clock.wake.set()
    scene.model.go.set()
    await scene.done()
    assert (len(scene.clock.slept), scene.made, len(scene.model.asked)) == (2, 1, 1)


async def test_is_given_up_at_once_for_a_real_request(scene: Scene) -> None:
    scene.plan()
    scene.clock.wake.set()
    await soon(scene.model.began.wait())
    scene.warmer.stop()
    await scene.done()
    assert scene.model.closed == 1
    assert scene.heat.cold(SOURCE, prompt(LONG)) == len(prompt(LONG).as_string())
    scene.warmer.stop()


async def test_is_given_up_for_the_document_that_it_is_for(scene: Scene) -> None:
    scene.plan(document="file:///a.py")
    task = scene.warmer._task
    assert task is not None
    scene.warmer.stop("file:///b.py")
    assert not task.cancelling()
    scene.warmer.stop("file:///a.py")
    assert task.cancelling()


async def test_leaves_alone_what_is_read_again_at_every_key(scene: Scene) -> None:
    scene.heat.read(SOURCE, prompt(LONG))
    scene.plan(LONG + "y = 2\n" * 50, rest=300)
    scene.clock.wake.set()
    await scene.done()
    assert not scene.model.asked


@pytest.mark.parametrize("text", [None, "x", "x" * 50])
async def test_leaves_alone_what_is_read_quickly(scene: Scene, text: str | None) -> None:
    scene.plan(text)
    scene.clock.wake.set()
    await scene.done()
    assert not scene.model.asked


async def test_leaves_alone_what_is_warm(scene: Scene) -> None:
    scene.heat.read(SOURCE, prompt(LONG))
    scene.plan(LONG + "y = ")
    scene.clock.wake.set()
    await scene.done()
    assert not scene.model.asked


async def test_asks_no_other_machine(scene: Scene) -> None:
    scene.here = False
    scene.plan()
    scene.clock.wake.set()
    await scene.done()
    assert not scene.model.asked


async def test_a_failure_is_nobodys_matter(scene: Scene) -> None:
    scene.model.fails = True
    scene.plan()
    scene.clock.wake.set()
    await scene.done()
    assert scene.model.closed == 1


async def test_nothing_is_left_when_it_is_closed(scene: Scene) -> None:
    await scene.warmer.aclose()
    scene.plan()
    scene.clock.wake.set()
    await soon(scene.model.began.wait())
    await scene.warmer.aclose()
    assert scene.model.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_heat_is_what_the_last_prompt_shares_with_the_next() -> None:
    heat = Heat()
    heat.read(SOURCE, prompt("abc"))
    assert heat.cold(SOURCE, prompt("abc")) == 0
    assert heat.cold(SOURCE, prompt("abd")) == 1 + len("<|fim_middle|>")
    assert heat.fresh(SOURCE, prompt("abc")) == 0.0
    assert heat.fresh(("ollama", "m"), prompt("abc")) == 1.0
    assert heat.fresh(SOURCE, Prompt(())) == 0.0
    for number in range(20):
        heat.read(("ollama", str(number)), prompt("x"))
    assert heat.fresh(SOURCE, prompt("abc")) == 1.0
