"""Answers of a model: one at a time, none asked for twice, and what they teach of its speed."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import pytest

from assist_context.prompt.segments import Control, Prompt, Text
from assist_server.backends.base import ChatRequest, Delta, Done, Event, FillRequest, Message, Usage
from assist_server.backends.scripted import ScriptedBackend, ScriptStep
from assist_server.core.errors import BackendTimeout, BadResponse
from assist_server.features.completion.generate import Answer, Generator, Request
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.rates import RateBook, Rates
from assist_server.features.selection import Target
from support.completion import Held, StillClock

SOURCE = ("scripted", "m")
HOLE = hole_at("x = ", 4, "python")
SOON = 10  # seconds


def prompt(text: str) -> Prompt:
    return Prompt((Control("<|fim_prefix|>"), Text(text), Control("<|fim_middle|>")))


FILL = FillRequest("m", prompt("x = "), 32)
CHAT = ChatRequest("m", (Message("user", "x = ?"),), 32)


@dataclass
class Scene:
    """A generator over one model. target: that model."""

    backend: ScriptedBackend
    clock: StillClock = field(default_factory=StillClock)
    rates: RateBook = field(default_factory=RateBook)

    def __post_init__(self) -> None:
        self.generator = Generator(self.clock, self.rates)
        self.target = Target(self.backend, "m", 8192, "sha256:1")

    def known(self, request: Request = FILL) -> Answer | None:
        return self.generator.known(self.target, request, HOLE, "line")

    async def answer(self, request: Request = FILL) -> Answer:
        return await self.generator.answer(self.target, request, HOLE, "line", prompt_tokens=7)


def plays(*steps: ScriptStep) -> Scene:
    return Scene(ScriptedBackend(steps))


async def test_an_answer_is_known_once_it_is_whole() -> None:
    held = Held()
    scene = plays(ScriptStep("fill", ("1", held, "1")))
    task = asyncio.create_task(scene.answer())
    await asyncio.wait_for(held.reached.wait(), SOON)
    assert scene.known() is None
    held.set()
    answer = await task
    assert (answer.text, answer.ended) == ("11", "the model was done")
    assert scene.known() == answer


async def test_one_of_which_only_the_beginning_is_wanted_is_known() -> None:
    held = Held()
    scene = plays(ScriptStep("fill", ("11", "\n\n", held)))
    answer = await asyncio.wait_for(scene.answer(), SOON)
    assert (answer.text, answer.usage) == ("11", Usage(prompt=7, generated=2, exact=False))
    assert scene.known() == answer
    assert not held.reached.is_set()
    assert scene.backend.closed == 1


async def test_a_failure_is_not_remembered() -> None:
    scene = plays(ScriptStep("fill", ("11",), error=BackendTimeout("late")), ScriptStep("fill", ("22",)))
    with pytest.raises(BackendTimeout):
        await scene.answer()
    assert scene.known() is None
    assert scene.generator.heat.fresh(SOURCE, FILL.prompt) == 1.0
    assert (await scene.answer()).text == "22"


class BreaksOff(ScriptedBackend):
    """Ends a stream without a word."""

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        async for event in super().fill(request):
            if not isinstance(event, Done):
                yield event


async def test_a_stream_without_an_end_is_a_failure() -> None:
    scene = Scene(BreaksOff(fills=["11"]))
    with pytest.raises(BadResponse, match="broke off"):
        await scene.answer()
    assert scene.known() is None


async def test_what_was_cancelled_is_not_remembered_and_holds_nobody_up() -> None:
    held = Held()
    scene = plays(ScriptStep("fill", ("11", held)), ScriptStep("fill", ("22",)))
    task = asyncio.create_task(scene.answer())
    await asyncio.wait_for(held.reached.wait(), SOON)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (scene.known(), scene.backend.closed) == (None, 1)
    assert (await asyncio.wait_for(scene.answer(), SOON)).text == "22"


async def test_one_request_at_a_time_reaches_a_model() -> None:
    held = Held()
    scene = plays(ScriptStep("fill", ("11", held)), ScriptStep("fill", ("33",)))
    first, second, third = (
        asyncio.create_task(scene.answer(replace(FILL, prompt=prompt(text)))) for text in ("a", "b", "c")
    )
    await asyncio.wait_for(held.reached.wait(), SOON)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert len(scene.backend.requests) == 1
    held.set()
    assert [(await first).text, (await asyncio.wait_for(third, SOON)).text] == ["11", "33"]
    assert [request.prompt for request in scene.backend.requests if isinstance(request, FillRequest)] == [
        prompt("a"),
        prompt("c"),
    ], "what was given up while it waited is never sent"


async def test_only_the_same_request_to_the_same_model_in_the_same_place_is_known() -> None:
    scene = plays(ScriptStep("fill", ("11",)), ScriptStep("chat", ("22",)))
    answer = await scene.answer()
    assert scene.known(replace(FILL)) == answer
    for other in (
        replace(FILL, prompt=prompt("y = ")),
        replace(FILL, seed=1),
        replace(FILL, temperature=0.8),
        replace(FILL, max_tokens=33),
        replace(FILL, stop=("\n",)),
        CHAT,
    ):
        assert scene.known(other) is None
    generator, hole = scene.generator, hole_at("y = ", 4, "python")
    assert generator.known(scene.target, FILL, hole, "line") is None
    assert generator.known(scene.target, FILL, HOLE, "block") is None
    assert generator.known(replace(scene.target, digest="sha256:2"), FILL, HOLE, "line") is None
    assert generator.known(replace(scene.target, context_length=4096), FILL, HOLE, "line") == answer
    assert (await scene.answer(CHAT)).text == "22"


async def test_an_answer_teaches_how_quick_the_model_is_by_the_servers_clock() -> None:
    usage = Usage(prompt=150, generated=40, cached=50, prompt_ms=250.0, generated_ms=500.0)
    scene = plays(ScriptStep("fill", ("11",), usage=usage))
    await scene.answer()
    assert scene.rates.of(SOURCE) == Rates(pytest.approx(400), pytest.approx(80))


class Ticking(ScriptedBackend):
    """Takes two seconds to the first text and one more to the end, by a clock that is moved."""

    clock = StillClock()

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        async for event in super().fill(request):
            self.clock.now += 2.0 if isinstance(event, Delta) else 1.0
            yield event


async def test_an_answer_teaches_by_our_clock_where_the_server_has_none() -> None:
    backend = Ticking([ScriptStep("fill", ("11",), usage=Usage(prompt=100, generated=11), repeat=True)])
    scene = Scene(backend, backend.clock)
    start = backend.clock.now
    answer = await scene.answer()
    assert answer.first == start + 2.0
    assert scene.rates.of(SOURCE) == Rates(pytest.approx(50), pytest.approx(10))
    again = Scene(backend, backend.clock, scene.rates)
    again.generator.heat.read(SOURCE, FILL.prompt)
    await again.answer()
    assert scene.rates.of(SOURCE).prefill == pytest.approx(50), "a prompt that is cached tells nothing"


async def test_what_a_model_has_read_is_known_to_be_warm() -> None:
    scene = plays(ScriptStep("fill", ("11",), repeat=True), ScriptStep("chat", ("22",)))
    heat = scene.generator.heat
    long = prompt("value = compute()\n" * 20)
    await scene.answer(CHAT)
    assert heat.fresh(SOURCE, long) == 1.0
    await scene.answer(replace(FILL, prompt=long))
    assert heat.fresh(SOURCE, long) == 0.0
    assert 0.0 < heat.fresh(SOURCE, prompt("value = compute()\n" * 20 + "more")) < 0.2
    assert heat.fresh(("scripted", "other"), long) == 1.0
