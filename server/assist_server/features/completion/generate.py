"""Have a model write the text for a place: one request at a time, and none twice."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from assist_server.backends.base import ChatRequest, Done, EventStream, FillRequest, Usage
from assist_server.core.clock import Clock
from assist_server.core.errors import BadResponse
from assist_server.features.completion.cache import Lru
from assist_server.features.completion.hole import Hole
from assist_server.features.completion.rates import RateBook, sample_of
from assist_server.features.completion.stopping import EndFinder
from assist_server.features.completion.trigger import Extent
from assist_server.features.completion.warm import Heat
from assist_server.features.selection import Target

_ANSWERS_KEPT = 128

Request = FillRequest | ChatRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote, cut where it left what may be suggested.

    ended: what ended it. first: when its first text came, by the clock; None where it wrote none.
    """

    text: str
    usage: Usage
    ended: str
    first: float | None


class Generator:
    """Ask models, and remember what they said and how quickly. Failures and what was cancelled are not remembered."""

    def __init__(self, clock: Clock, rates: RateBook) -> None:
        self.heat = Heat()
        self._clock = clock
        self._rates = rates
        self._answers: Lru[Answer] = Lru(_ANSWERS_KEPT)
        # A server that answers one request at a time would have a second one wait out of our sight.
        self._turn = asyncio.Lock()

    def known(self, target: Target, request: Request, hole: Hole, extent: Extent) -> Answer | None:
        """Give the answer to the same request in the same place."""
        return self._answers.get(_key(target, request, hole, extent))

    async def answer(
        self, target: Target, request: Request, hole: Hole, extent: Extent, *, prompt_tokens: int
    ) -> Answer:
        """Ask, when it is this request's turn; leaving closes the stream, which stops the model."""
        async with self._turn:
            started = self._clock.monotonic()
            source = target.backend.name, target.model
            fresh = self.heat.fresh(source, request.prompt) if isinstance(request, FillRequest) else 1.0
            answer = await self._stream(target, request, hole, extent, prompt_tokens)
            if isinstance(request, FillRequest):
                self.heat.read(source, request.prompt)
            first = None if answer.first is None else answer.first - started
            rest = None if answer.first is None else self._clock.monotonic() - answer.first
            self._rates.learn(source, sample_of(answer.usage, fresh=fresh, first=first, rest=rest))
        self._answers.put(_key(target, request, hole, extent), answer)
        return answer

    async def _stream(self, target: Target, request: Request, hole: Hole, extent: Extent, prompt_tokens: int) -> Answer:
        backend = target.backend
        finder = EndFinder(hole, extent) if isinstance(request, FillRequest) else None
        text, pieces, first = "", 0, None
        stream: EventStream = backend.fill(request) if isinstance(request, FillRequest) else backend.chat(request)
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Done):
                    return _ended(text, event, first)
                if first is None:
                    first = self._clock.monotonic()
                text, pieces = text + event.text, pieces + 1
                if finder is not None and (end := finder.add(event.text)):
                    # Nothing tells the counts of a stream that was left; a piece is a token with nearly every server.
                    usage = Usage(prompt=prompt_tokens, generated=pieces, exact=False)
                    return Answer(text[: end.length], usage, end.why, first)
        raise BadResponse(f"the answer of {backend.name} broke off")


def _key(target: Target, request: Request, hole: Hole, extent: Extent) -> tuple[object, ...]:
    """Say what an answer is the answer to; the request names the model.

    The digest tells that the model behind a name is still the same, as far as the choice of the target knew. It is None
    with a server that tells none, and then nothing here can know that another model has got the name: its predecessor's
    answers are given until they are forgotten.
    """
    return target.backend.name, target.digest, request, hole, extent


def _ended(text: str, done: Done, first: float | None) -> Answer:
    if done.reason == "stop":
        return Answer(text, done.usage, "the model was done", first)
    # The last of several lines is half a line.
    whole = text[: text.rindex("\n")] if "\n" in text else text
    return Answer(whole, done.usage, "the longest suggestion was reached", first)
