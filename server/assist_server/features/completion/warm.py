"""Have the next completion's prompt read before anybody waits for it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from assist_context.prompt.segments import Prompt
from assist_server.backends.base import Backend, Done, FillRequest, Usage
from assist_server.backends.slices import shared_beginning
from assist_server.core.clock import Clock, SystemClock
from assist_server.core.errors import AssistError
from assist_server.features.completion.rates import RateBook, Source, sample_of

_log = logging.getLogger(__name__)

IDLE = 0.7  # seconds without a key after which somebody is likely to go on reading
_WORTH_WARMING = 100  # characters; fewer are read as quickly when they are needed
_SOURCES = 8


class Heat:
    """Which prompt each model has read last: what a new one shares with it need not be read again."""

    def __init__(self) -> None:
        self._read: OrderedDict[Source, str] = OrderedDict()

    def read(self, source: Source, prompt: Prompt) -> None:
        """Hear that a model has read a prompt."""
        self._read[source] = prompt.as_string()
        self._read.move_to_end(source)
        while len(self._read) > _SOURCES:
            self._read.popitem(last=False)

    def cold(self, source: Source, prompt: Prompt) -> int:
        """Count the characters of a prompt that the model has not read."""
        text = prompt.as_string()
        return len(text) - shared_beginning(self._read.get(source, ""), text)

    def fresh(self, source: Source, prompt: Prompt) -> float:
        """Give the share of a prompt that the model has not read, 0..1."""
        return self.cold(source, prompt) / max(1, len(prompt.as_string()))


@dataclass(frozen=True, slots=True)
class Warming:
    """The request that the next completion would send, and to whom.

    rest: how many characters of its prompt are read again at every key, as they follow the cursor.
    """

    backend: Backend
    request: FillRequest
    source: Source
    rest: int = 0


class Warmer:
    """Warm one prompt at a time, and only where nobody is waiting for an answer.

    is_here: tells whether a backend's model runs on this machine; another one's owner may pay for every prompt.
    """

    def __init__(
        self, heat: Heat, rates: RateBook, *, is_here: Callable[[Backend], bool], clock: Clock | None = None
    ) -> None:
        self._heat = heat
        self._rates = rates
        self._is_here = is_here
        self._clock = clock or SystemClock()
        self._task: asyncio.Task[None] | None = None
        self._document = ""

    def plan(self, make: Callable[[], Awaitable[Warming | None]], *, document: str = "", after: float = IDLE) -> None:
        """Warm what `make` gives then, `after` seconds from now; takes the place of what was planned before.

        make: builds the request from the document as it is at that time; None where there is nothing to warm. Its
        `AssistError`s are no more than a missed chance. document: whose request it is.
        """
        self.stop()
        self._document = document
        self._task = asyncio.create_task(self._warm(make, after))

    def stop(self, document: str | None = None) -> None:
        """Give up at once what is planned or running: a real request comes, or the document is closed.

        document: give up only what is for this one.
        """
        if self._task is not None and document in (None, self._document):
            self._task.cancel()

    async def aclose(self) -> None:
        """Give up, and return when nothing is left."""
        self.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _warm(self, make: Callable[[], Awaitable[Warming | None]], after: float) -> None:
        await self._clock.sleep(after)
        try:
            warming = await make()
            if warming is not None and self._is_worth(warming):
                await self._ask(warming)
        except AssistError as error:
            _log.debug("warming: %s", type(error).__name__)

    def _is_worth(self, warming: Warming) -> bool:
        cold = self._heat.cold(warming.source, warming.request.prompt) - warming.rest
        return cold >= _WORTH_WARMING and self._is_here(warming.backend)

    async def _ask(self, warming: Warming) -> None:
        fresh = self._heat.fresh(warming.source, warming.request.prompt)
        started = self._clock.monotonic()
        # A backend that cannot ask for nothing asks for one token.
        request = replace(warming.request, max_tokens=0, stop=())
        async with aclosing(warming.backend.fill(request)) as events:
            async for event in events:
                if isinstance(event, Done):
                    self._learn(warming, event.usage, fresh, self._clock.monotonic() - started)

    def _learn(self, warming: Warming, usage: Usage, fresh: float, seconds: float) -> None:
        self._heat.read(warming.source, warming.request.prompt)
        self._rates.learn(warming.source, sample_of(usage, fresh=fresh, first=seconds, rest=None))
        _log.debug("warmed; %s tokens were cached", usage.cached)
