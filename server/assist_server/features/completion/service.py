"""One completion, from the place in a document to the text that is offered.

The order: trigger, what is being typed out already, prompt, earlier answers, the model's stream, filters. Every way out
leaves a trace that says which model, which evidence, how many tokens, what the filters did and why there is nothing.
"""

import logging
from contextlib import aclosing
from dataclasses import dataclass, field

from assist_context.document import Document
from assist_server.backends.base import Done, EventStream, FillRequest, Usage
from assist_server.config.settings import Settings
from assist_server.core.clock import Clock, SystemClock
from assist_server.core.errors import AssistError, BadResponse, PromptTooLong, Unsupported, UsageError
from assist_server.features.completion.asking import Ask, Budget, budget_for, make_ask, smaller
from assist_server.features.completion.cache import Lru, Offer, TypeThrough
from assist_server.features.completion.filters import Frame, apply_filters, control_tokens_in
from assist_server.features.completion.hole import Hole, hole_at
from assist_server.features.completion.stopping import find_end
from assist_server.features.completion.trigger import Extent, Trigger, decide
from assist_server.features.fim import FimChoice
from assist_server.features.selection import Selector, Target

_log = logging.getLogger(__name__)

_ANSWERS_KEPT = 128


@dataclass(frozen=True, slots=True)
class CompletionQuery:
    """Ask for the text at an offset (characters) of a document; `invoked` where a person asked for it."""

    document: Document
    offset: int
    trigger: Trigger = "automatic"


@dataclass(frozen=True, slots=True)
class CompletionItem:
    """A text to insert at the cursor; lines end with a line feed."""

    text: str


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """Where the time went.

    context: up to the request, the wait after a key included. first_token: from there to the first text, None where
    no model was asked or it wrote nothing. total: all of it.
    """

    context: float
    first_token: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Completion:
    """What is offered.

    model, backend: empty where none was chosen. usage: None where no model was asked.
    trace: what happened, one short sentence each, without text of the document. why_empty: None where there are items.
    """

    items: tuple[CompletionItem, ...]
    model: str
    backend: str
    usage: Usage | None
    ms: Milliseconds
    trace: tuple[str, ...]
    why_empty: str | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a model wrote, cut where it left what may be suggested; ended tells what ended it."""

    text: str
    usage: Usage
    ended: str


@dataclass(slots=True)
class _Run:
    """One request on its way: the query, what is known of it, and the trace so far."""

    query: CompletionQuery
    hole: Hole
    extent: Extent
    started: float
    target: Target | None = None
    asked: float | None = None
    first: float | None = None
    usage: Usage | None = None
    trace: list[str] = field(default_factory=list)


class CompletionService:
    """Complete code; one for all documents."""

    def __init__(self, selector: Selector, settings: Settings, clock: Clock | None = None) -> None:
        self._selector = selector
        self._settings = settings.completion
        self._clock = clock or SystemClock()
        self._answers: Lru[_Answer] = Lru(_ANSWERS_KEPT)
        self._typed = TypeThrough()
        self._budgets: dict[tuple[str, str], Budget] = {}

    async def complete(self, query: CompletionQuery) -> Completion:
        """Give what belongs at the cursor, or why nothing is offered.

        Raises UsageError for an offset outside the document and whatever keeps the model from answering. Cancelling
        closes the model's stream at once.
        """
        started = self._clock.monotonic()
        if not 0 <= query.offset <= len(query.document.text):
            raise UsageError("the place is outside the document", hint="ask for a place that the text has")
        hole = hole_at(query.document.text, query.offset)
        plan = decide(query.document, hole, query.trigger, self._settings)
        run = _Run(query, hole, plan.extent or "line", started)
        run.trace.append(f"plan: {plan.extent or 'no suggestion'}, {plan.why}")
        if plan.extent is None:
            return self._finish(run, "", plan.why)
        target = run.target = await self._selector.target("completion")
        run.trace.append(f"model: {target.model} on {target.backend.name}")
        if left := self._typed.rest(query.document, query.offset, plan.extent, _source(target)):
            literals = control_tokens_in(query.document.text)
            filtered = apply_filters(left, Frame(hole, plan.extent, literals=literals))
            if filtered.text:
                run.trace.append("typed as suggested: the rest of the last suggestion")
                return self._finish(run, filtered.text, None)
        try:
            return await self._ask_model(run, target)
        except Unsupported as error:
            run.trace += [f"hint: {error.hint}"] if error.hint else []
            return self._finish(run, "", error.message)
        except AssistError as error:
            self._budgets.pop(_source(target), None)
            raise self._selector.failed(target, error) from None

    async def _ask_model(self, run: _Run, target: Target) -> Completion:
        query = run.query
        choice = await self._selector.fim(target)
        run.trace.append(f"filling in by {choice.mode}: {choice.why}")
        budget = self._budgets.get(_source(target)) or budget_for(self._settings, target.context_length)
        ask = await self._make_ask(run, target, choice, budget)
        key = (target.backend.name, ask.request, run.hole, run.extent)
        answer = self._answers.get(key)
        if answer is not None:
            run.trace.append("asked before: the same answer")
        else:
            if query.trigger == "automatic" and self._settings.debounce_ms:
                await self._clock.sleep(self._settings.debounce_ms / 1000)
            answer = await self._answer(run, target, choice, ask)
            self._answers.put(key, answer)
            run.usage = answer.usage
        run.trace.append(f"ended: {answer.ended}")
        filtered = apply_filters(answer.text, _frame(run, choice))
        run.trace += filtered.trace
        if filtered.text:
            self._typed.remember(Offer(query.document, query.offset, run.extent, _source(target), filtered.text))
        return self._finish(run, filtered.text, filtered.why_empty)

    async def _make_ask(self, run: _Run, target: Target, choice: FimChoice, budget: Budget) -> Ask:
        ask = await make_ask(
            run.query.document,
            run.query.offset,
            target=target,
            choice=choice,
            budget=budget,
            one_line=run.extent == "line",
        )
        counted = "counted" if ask.exact else "estimated"
        run.trace.append(f"prompt: {ask.tokens} of {ask.budget.room} tokens ({counted}), {ask.budget.output} to write")
        return ask

    async def _answer(self, run: _Run, target: Target, choice: FimChoice, ask: Ask) -> _Answer:
        """Ask; once more with less, where the server counts the prompt differently from us."""
        try:
            return await self._stream(run, target, ask)
        except PromptTooLong as error:
            run.trace.append(f"too long for the server ({error.prompt_tokens} of {error.context_length} tokens)")
            budget = self._budgets[_source(target)] = smaller(ask.budget, error, ask)
            return await self._stream(run, target, await self._make_ask(run, target, choice, budget))

    async def _stream(self, run: _Run, target: Target, ask: Ask) -> _Answer:
        request, backend = ask.request, target.backend
        filling = isinstance(request, FillRequest)
        text, pieces = "", 0
        run.asked = self._clock.monotonic()
        stream: EventStream = backend.fill(request) if isinstance(request, FillRequest) else backend.chat(request)
        # Leaving closes the stream, which stops the model.
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Done):
                    return _ended(text, event)
                if run.first is None:
                    run.first = self._clock.monotonic()
                text, pieces = text + event.text, pieces + 1
                if filling and (end := find_end(text, run.hole, run.extent)):
                    # Nothing tells the counts of a stream that was left; a piece is a token with nearly every server.
                    usage = Usage(prompt=ask.tokens, generated=pieces, exact=False)
                    return _Answer(text[: end.length], usage, end.why)
        raise BadResponse(f"the answer of {backend.name} broke off")

    def _finish(self, run: _Run, text: str, why_empty: str | None) -> Completion:
        now = self._clock.monotonic()
        if why_empty is not None:
            run.trace.append(f"nothing offered: {why_empty}")
        _log.debug("completion: %s", "; ".join(run.trace))
        return Completion(
            items=(CompletionItem(text),) if text else (),
            model=run.target.model if run.target else "",
            backend=run.target.backend.name if run.target else "",
            usage=run.usage,
            ms=Milliseconds(
                context=_milliseconds((now if run.asked is None else run.asked) - run.started),
                first_token=None if run.first is None or run.asked is None else _milliseconds(run.first - run.asked),
                total=_milliseconds(now - run.started),
            ),
            trace=tuple(run.trace),
            why_empty=why_empty,
        )


def _source(target: Target) -> tuple[str, str]:
    return target.backend.name, target.model


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _frame(run: _Run, choice: FimChoice) -> Frame:
    form = choice.format
    control = form.all_tokens() | set(form.stops) if form else frozenset[str]()
    literals = control_tokens_in(run.query.document.text, control)
    return Frame(run.hole, run.extent, choice.mode == "chat", control, literals)


def _ended(text: str, done: Done) -> _Answer:
    if done.reason == "stop":
        return _Answer(text, done.usage, "the model was done")
    # The last of several lines is half a line.
    whole = text[: text.rindex("\n")] if "\n" in text else text
    return _Answer(whole, done.usage, "the longest suggestion was reached")
