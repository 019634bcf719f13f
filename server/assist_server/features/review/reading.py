"""Put every unit of a review before the model and collect what it says."""

import logging
from collections import deque
from collections.abc import Callable
from contextlib import aclosing

from assist_context.prompt.segments import Prompt, Text
from assist_server.backends.base import ChatRequest, Done, Usage
from assist_server.core.clock import Clock
from assist_server.core.errors import (
    AssistError,
    AuthFailed,
    BackendTimeout,
    BackendUnavailable,
    BadResponse,
    ConfigError,
    EngineError,
    ModelError,
    ModelLoading,
    ModelMissing,
    PromptTooLong,
    RateLimited,
    ServerBusy,
)
from assist_server.features.review.anchor import anchored
from assist_server.features.review.ask import review_request
from assist_server.features.review.ledger import Ledger
from assist_server.features.review.parse import UnreadableAnswer, parse_remarks
from assist_server.features.review.report import Finding, Suppressed, Tokens
from assist_server.features.review.units import Plan, Unit, halves
from assist_server.features.room import RESERVE, size_of
from assist_server.features.selection import Target

_log = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]

# After these nothing will come of asking again; after any other the next unit may do better.
_GONE = (BackendUnavailable, AuthFailed, ModelMissing, ConfigError, EngineError, ModelError)
_MOST_TIMEOUTS = 2  # in a row
_BUSY = (RateLimited, ServerBusy, ModelLoading)
_WAITS = (1.0, 2.0, 4.0, 8.0)
_LONGEST_WAIT = 30.0


class Reading:
    """Ask about one unit after the other; afterwards the answers are in its attributes."""

    def __init__(self, plan: Plan, target: Target, clock: Clock) -> None:
        self._units = deque(plan.units)
        self._target = target
        self._clock = clock
        self._gone: AssistError | None = None
        self._timeouts = 0
        self.ledger = Ledger(plan)
        self.findings: list[Finding] = []
        self.suppressed: list[Suppressed] = []
        self.tokens = Tokens()

    async def run(self, progress: Progress) -> None:
        """Read until nothing is left; raise the backend's error where it has gone before the first answer."""
        done = 0
        while self._units:
            unit = self._units.popleft()
            progress(done, done + 1 + len(self._units), unit.hunk.path)
            if self._gone:
                self.ledger.failed(unit, self._gone.message)
            else:
                await self._read(unit)
            done += 1
        progress(done, done, "")

    async def _read(self, unit: Unit) -> None:
        try:
            await self._judge(unit)
        except PromptTooLong:
            self._divide(unit)
        except UnreadableAnswer as error:
            self.ledger.failed(unit, str(error))
        except AssistError as error:
            _log.warning("a part of the review failed: %s", error.code)
            self.tokens = Tokens(self.tokens.prompt, self.tokens.completion, exact=False)
            self.ledger.failed(unit, error.message)
            self._timeouts += isinstance(error, BackendTimeout)
            if isinstance(error, _GONE) or self._timeouts == _MOST_TIMEOUTS:
                self._gone = error
                if not self.ledger.answers:
                    raise

    async def _judge(self, unit: Unit) -> None:
        request = review_request(unit, self._target.model)
        if not await self._fits(request):
            self._divide(unit)
            return
        answer, done = await self._ask(request)
        self._timeouts = 0
        self._count(done.usage)
        if done.reason == "length":
            raise UnreadableAnswer(f"the model's answer was cut off after {done.usage.generated} tokens")
        for remark in parse_remarks(answer):
            outcome = anchored(unit, remark)
            if isinstance(outcome, Finding):
                self.findings.append(outcome)
            else:
                self.suppressed.append(outcome)
        self.ledger.reviewed()

    def _divide(self, unit: Unit) -> None:
        parts = halves(unit)
        if not parts:
            self.ledger.skipped(unit, f"it does not fit the model's {self._target.context_length} tokens of context")
        self._units.extendleft(reversed(parts))

    async def _fits(self, request: ChatRequest) -> bool:
        room = self._target.context_length - request.max_tokens
        prompt = Prompt(tuple(Text(message.content) for message in request.messages))
        tokens, _ = await size_of(prompt, self._target, room, extra=RESERVE * len(request.messages))
        return tokens <= room

    async def _ask(self, request: ChatRequest, waits: tuple[float, ...] = _WAITS) -> tuple[str, Done]:
        try:
            return await self._answer(request)
        except _BUSY as error:
            if not waits:
                raise
            told = error.retry_after if isinstance(error, RateLimited) else None
        await self._clock.sleep(min(told or waits[0], _LONGEST_WAIT))
        return await self._ask(request, waits[1:])

    async def _answer(self, request: ChatRequest) -> tuple[str, Done]:
        pieces: list[str] = []
        async with aclosing(self._target.backend.chat(request)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return "".join(pieces), event
                pieces.append(event.text)
        raise BadResponse("the model's answer ended early")

    def _count(self, usage: Usage) -> None:
        spent = self.tokens
        self.tokens = Tokens(
            spent.prompt + usage.prompt, spent.completion + usage.generated, exact=spent.exact and usage.exact
        )
