"""One completion, from the place in a document to the texts that are offered.

The order: trigger, what is being typed out already, context, prompt, earlier answers, the model's stream, filters.
Every way out leaves a trace that says which model, which evidence, how many tokens, what the filters did and why there
is nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from assist_context.document import Document
from assist_context.errors import ContextError
from assist_context.positions import lines_of
from assist_context.prompt.tokens import UNCALIBRATED, Calibration
from assist_context.retrieval.snippet import Place, Snippet
from assist_context.syntax.incremental import Parsed
from assist_server.backends.base import Backend, ChatRequest, FillRequest, Usage
from assist_server.config.settings import Settings
from assist_server.core.clock import Clock, SystemClock
from assist_server.core.errors import AssistError, PromptTooLong, Unsupported, UsageError
from assist_server.features.completion.asking import Ask, Budget, budget_for, patient_budget, smaller
from assist_server.features.completion.beginning import beginning_for
from assist_server.features.completion.cache import Lru, Offer, TypeThrough, with_endings_of
from assist_server.features.completion.context import (
    HURRY,
    PATIENCE,
    PAUSE,
    ContextBlocks,
    Surroundings,
    ask_in_context,
)
from assist_server.features.completion.debounce import Debounce
from assist_server.features.completion.filters import Frame, apply_filters, control_tokens_in
from assist_server.features.completion.generate import Answer, Generator
from assist_server.features.completion.hole import Hole, hole_at
from assist_server.features.completion.rates import RateBook, Source
from assist_server.features.completion.speed import SteadyRates, answer_seconds
from assist_server.features.completion.trigger import Extent, Trigger, decide, is_one_line
from assist_server.features.completion.warm import IDLE, Warmer, Warming
from assist_server.features.fim import FimChoice
from assist_server.features.room import guess_of
from assist_server.features.selection import Selector, Target

_log = logging.getLogger(__name__)

_PLACES_KEPT = 64
_LIKELY = 16  # tokens of a usual answer
_CHARACTERS = 2  # of a token, at least
_WARMER = 0.8  # temperature of further alternatives: at 0 they would all be the first one


def _nothing() -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class CompletionQuery:
    """Ask for the text at an offset (characters) of a document; `invoked` where a person asked for it.

    around: the document's workspace, None where nothing is known of it. alternatives: how many texts are wanted at
    most. asked: is called when a model is asked, which not every request needs.
    """

    document: Document
    offset: int
    trigger: Trigger = "automatic"
    around: Surroundings | None = None
    alternatives: int = 1
    asked: Callable[[], None] = field(default=_nothing, compare=False)


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
    """What is offered, the best first.

    model, backend: empty where none was chosen. usage: None where no model was asked.
    trace: what happened, one short sentence each, and why each piece of context is there; of documents it holds no more
    than names. why_empty: None where there are items.
    """

    items: tuple[CompletionItem, ...]
    model: str
    backend: str
    usage: Usage | None
    ms: Milliseconds
    trace: tuple[str, ...]
    why_empty: str | None


@dataclass(slots=True)
class _Run:
    """One request on its way: the query, what is known of it, and the trace so far.

    frame: what the filters may know, once a model is to be asked for a text.
    is_guess: it is about a document as it may become. is_idle: nobody waits for it, in a pause. pieces: why each piece
    of context is there, for the trace but not for the log.
    """

    query: CompletionQuery
    hole: Hole
    extent: Extent
    started: float
    parsed: Parsed | None
    is_guess: bool = False
    is_idle: bool = False
    target: Target | None = None
    frame: Frame | None = None
    asked: float | None = None
    first: float | None = None
    usage: Usage | None = None
    trace: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)


class CompletionService:
    """Complete code; one for all documents.

    rates: the file that keeps how quick each model is. is_here: whether a backend's model runs on this machine.
    """

    def __init__(
        self,
        selector: Selector,
        settings: Settings,
        clock: Clock | None = None,
        *,
        rates: Path | None = None,
        is_here: Callable[[Backend], bool] = lambda _: False,
    ) -> None:
        self._selector = selector
        self._settings = settings.completion
        self._clock = clock or SystemClock()
        self._rates = RateBook(rates)
        self._steady = SteadyRates()
        self._generator = Generator(self._clock, self._rates)
        self._warmer = Warmer(self._generator.heat, self._rates, is_here=is_here, clock=self._clock)
        self._is_here = is_here
        self._ahead: asyncio.Task[None] | None = None
        self._ahead_in = ""
        self._debounce = Debounce()
        self._typed = TypeThrough()
        self._context = ContextBlocks(self._settings.sources, self._clock)
        self._starts: Lru[int] = Lru(_PLACES_KEPT)
        self._budgets: dict[Source, Budget] = {}
        self._calibrations: dict[Source, Calibration] = {}

    async def complete(self, query: CompletionQuery) -> Completion:
        """Give what belongs at the cursor, or why nothing is offered.

        Raises UsageError for an offset outside the document and whatever keeps the model from answering. Cancelling
        closes the model's stream at once.
        """
        if not 0 <= query.offset <= len(query.document.text):
            raise UsageError("the place is outside the document", hint="ask for a place that the text has")
        self._warmer.stop()
        self._stop_ahead()
        self._debounce.key(query.document.uri, self._clock.monotonic())
        completion = await self._complete(query)
        if completion.model:
            self._warm(query, after=PAUSE)
        return completion

    def ahead(self, query: CompletionQuery, text: str) -> None:
        """Find, in a pause, what would be offered next if this text were accepted; the next request comes before it."""
        self._stop_ahead()
        document, offset = query.document, query.offset
        text = with_endings_of(document.text, text)
        inserted = document.text[:offset] + text + document.text[offset:]
        accepted = replace(document, text=inserted, version=document.version + 1)
        after = CompletionQuery(accepted, offset + len(text), around=query.around)
        self._ahead_in = document.uri
        self._ahead = asyncio.get_running_loop().create_task(self._look_ahead(after))

    async def _look_ahead(self, query: CompletionQuery) -> None:
        await self._clock.sleep(IDLE)
        try:
            target = await self._selector.target("completion")
            if self._is_here(target.backend):
                await self._complete(query, is_guess=True)
        except (AssistError, ContextError) as error:
            _log.debug("looking ahead: %s", type(error).__name__)

    def _stop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()

    async def _complete(self, query: CompletionQuery, *, is_guess: bool = False) -> Completion:
        started = self._clock.monotonic()
        document = query.document
        hole = hole_at(document.text, query.offset, document.language)
        parsed = query.around.parsed() if query.around else None
        plan = decide(document, hole, query.trigger, self._settings, parsed)
        run = _Run(query, hole, plan.extent or "line", started, parsed, is_guess)
        run.trace.append(f"plan: {plan.extent or 'no suggestion'}, {plan.why}")
        # What was judged when it was offered is not judged again while it is typed, wherever it goes through.
        wanted: Extent | None = plan.extent if query.trigger == "invoked" else "line"
        rests = self._typed.rests(document, query.offset, wanted) if wanted and query.alternatives == 1 else {}
        if plan.extent is None and not rests:
            return self._finish(run, (), plan.why)
        target = run.target = await self._selector.target("completion")
        run.trace.append(f"model: {target.model} on {target.backend.name}")
        if left := rests.get(_source(target)):
            run.trace.append("typed as suggested: the rest of the last suggestion")
            return self._finish(run, (left,), None)
        if plan.extent is None:
            return self._finish(run, (), plan.why)
        try:
            return await self._ask_model(run, target)
        except Unsupported as error:
            run.trace += [f"hint: {error.hint}"] if error.hint else []
            return self._finish(run, (), error.message)
        except AssistError as error:
            self._budgets.pop(_source(target), None)
            raise self._selector.failed(target, error) from None

    def opened(self, document: Document, around: Surroundings | None) -> None:
        """Have the model read the beginning of a document in a pause: somebody is likely to write there."""
        end = min(len(document.text), self._settings.prefix_tokens * _CHARACTERS)
        offset = document.text.rfind("\n", 0, end) + 1 if end < len(document.text) else end
        if self._starts.get(document.uri) is None:  # else somebody writes there, and not where we would guess
            self._warm(CompletionQuery(document, offset, around=around), after=IDLE)

    def forget(self, uri: str) -> None:
        """Forget a document that was closed, and give up what is done for it in a pause."""
        self._warmer.stop(uri)
        if self._ahead_in == uri:
            self._stop_ahead()
        self._context.forget(uri)
        self._debounce.forget(uri)
        self._starts.drop(uri)

    async def aclose(self) -> None:
        """Stop what goes on by itself and keep what was learnt."""
        self._stop_ahead()
        if self._ahead is not None:
            await asyncio.wait({self._ahead})
        await self._warmer.aclose()
        await asyncio.to_thread(self._rates.save)

    async def _ask_model(self, run: _Run, target: Target) -> Completion:
        query = run.query
        choice = await self._selector.fim(target)
        run.trace.append(f"filling in by {choice.mode}: {choice.why}")
        frame = run.frame = _frame(run, choice)
        ask = await self._make_ask(run, target, choice, self._budget(target, query.trigger))
        answer, ask = await self._first_answer(run, target, choice, ask)
        run.trace.append(f"ended: {answer.ended}")
        filtered = apply_filters(answer.text, frame)
        run.trace += filtered.trace
        texts = [filtered.text] if filtered.text else []
        if query.alternatives > 1:
            await self._add_alternatives(run, target, frame, ask, texts)
        if texts:
            for text in reversed(texts):
                self._typed.remember(Offer(query.document, query.offset, run.extent, _source(target), text))
        return self._finish(run, tuple(texts), None if texts else filtered.why_empty)

    async def _first_answer(self, run: _Run, target: Target, choice: FimChoice, ask: Ask) -> tuple[Answer, Ask]:
        """Ask; once more with less, where the server counts the prompt differently from us."""
        if (known := self._generator.known(target, ask.request, run.hole, run.extent)) is not None:
            run.trace.append("asked before: the same answer")
            return known, ask
        if run.query.trigger == "automatic":
            await self._wait(run, target, ask)
        try:
            return await self._answer(run, target, ask), ask
        except PromptTooLong as error:
            run.trace.append(f"too long for the server ({error.prompt_tokens} of {error.context_length} tokens)")
            budget = self._budgets[_source(target)] = smaller(ask.budget, error, ask)
            ask = await self._make_ask(run, target, choice, budget)
            return await self._answer(run, target, ask), ask

    async def _answer(self, run: _Run, target: Target, ask: Ask) -> Answer:
        run.query.asked()
        run.asked = self._clock.monotonic()
        answer = await self._generator.answer(target, ask.request, run.hole, run.extent, prompt_tokens=ask.tokens)
        run.first = answer.first
        run.usage = answer.usage
        if answer.usage.exact:
            source = _source(target)
            known = self._calibrations.get(source, UNCALIBRATED)
            guess = guess_of(ask.prompt, extra=ask.extra)
            self._calibrations[source] = known.with_observation(guess, answer.usage.prompt)
        return answer

    async def _add_alternatives(self, run: _Run, target: Target, frame: Frame, ask: Ask, texts: list[str]) -> None:
        """Ask again, less strictly, until there are as many different texts as are wanted, or it has taken too long."""
        wanted, why = run.query.alternatives, ""
        end = self._clock.monotonic() + self._settings.latency_target_ms / 1000
        for seed in range(1, 2 * wanted):
            left = end - self._clock.monotonic()
            if len(texts) >= wanted or left <= 0:
                break
            request: FillRequest | ChatRequest = replace(ask.request, temperature=_WARMER, seed=seed)
            try:
                answer = await self._answer_within(left, run, target, request, ask)
            except AssistError as error:
                if not texts:
                    raise
                why = f", then {error.code}"
                break
            text = apply_filters(answer.text, frame).text if answer else ""
            if text and text not in texts:
                texts.append(text)
        run.trace.append(f"alternatives: {len(texts)}{why}")

    async def _answer_within(
        self, seconds: float, run: _Run, target: Target, request: FillRequest | ChatRequest, ask: Ask
    ) -> Answer | None:
        """Ask, but not for longer: who asked by hand must not wait for another's turn at the server."""
        if (known := self._generator.known(target, request, run.hole, run.extent)) is not None:
            return known
        run.query.asked()
        task = asyncio.ensure_future(
            self._generator.answer(target, request, run.hole, run.extent, prompt_tokens=ask.tokens)
        )
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
            return task.result() if done else None
        finally:
            task.cancel()

    async def _wait(self, run: _Run, target: Target, ask: Ask) -> None:
        """Wait for the next key where that is likely to come before the answer."""
        rates = self._rates.of(_source(target))
        fresh = ask.tokens * self._generator.heat.fresh(_source(target), ask.prompt)
        seconds = self._debounce.wait(
            run.query.document.uri,
            self._clock.monotonic(),
            before=run.hole.before if run.hole.before.strip() else "\n",
            answer=answer_seconds(rates, fresh=fresh, output=_LIKELY),
            longest=self._settings.debounce_ms / 1000,
        )
        if seconds > 0:
            run.trace.append(f"waited {_milliseconds(seconds):.0f} ms for the next key")
            await self._clock.sleep(seconds)

    def _budget(self, target: Target, trigger: Trigger) -> Budget:
        known = self._budgets.get(_source(target))
        if known is not None:
            return known
        rates = self._steady.of(_source(target), self._rates.of(_source(target)))
        divide = budget_for if trigger == "automatic" else patient_budget
        return divide(self._settings, target, rates)

    async def _make_ask(self, run: _Run, target: Target, choice: FimChoice, budget: Budget) -> Ask:
        document, offset = run.query.document, run.query.offset
        keep = self._starts.get(document.uri)
        is_hurry = run.query.trigger == "automatic" and not run.is_idle
        ask, notes = await ask_in_context(
            document,
            offset,
            run.query.around,
            target=target,
            choice=choice,
            budget=budget,
            one_line=is_one_line(run.extent, run.hole),
            blocks=self._context,
            keep=keep,
            calibration=self._calibrations.get(_source(target), UNCALIBRATED),
            seconds=HURRY if is_hurry else PATIENCE,
            in_pause=run.is_idle or (not run.is_guess and self._debounce.quiet(document.uri) >= PAUSE),
            keeps=not run.is_guess,
        )
        run.trace += notes
        run.pieces = [_why(snippet) for snippet in ask.snippets]
        if not run.is_guess:
            self._starts.put(document.uri, lines_of(document.text).line_of(offset) - ask.prefix.count("\n"))
        counted = "counted" if ask.exact else "estimated"
        run.trace.append(f"prompt: {ask.tokens} of {ask.budget.room} tokens ({counted}), {ask.budget.output} to write")
        if isinstance(ask.request, FillRequest) and run.frame is not None:
            begins = beginning_for(run.frame)
            ask = replace(ask, request=replace(ask.request, start=begins.start, avoid=begins.avoid))
            run.trace += [f"the text must begin {begins.why}"] if begins.why else []
        return ask

    def _warm(self, query: CompletionQuery, *, after: float) -> None:
        self._warmer.plan(lambda: self._warming(query), document=query.document.uri, after=after)

    async def _warming(self, query: CompletionQuery) -> Warming | None:
        """Give the request that has the model read what a completion here would; brings its context up to date."""
        document = query.document
        hole = hole_at(document.text, query.offset, document.language)
        if decide(document, hole, "invoked", self._settings).extent is None:
            return None
        target = await self._selector.target("completion")
        if not self._is_here(target.backend):
            return None
        choice = await self._selector.fim(target)
        run = _Run(query, hole, "line", self._clock.monotonic(), None, is_idle=True)
        ask = await self._make_ask(run, target, choice, self._budget(target, "automatic"))
        if not isinstance(ask.request, FillRequest):
            return None
        return Warming(target.backend, ask.request, _source(target), rest=len(ask.suffix))

    def _finish(self, run: _Run, texts: tuple[str, ...], why_empty: str | None) -> Completion:
        now = self._clock.monotonic()
        if why_empty is not None:
            run.trace.append(f"nothing offered: {why_empty}")
        _log.debug("completion: %s", "; ".join(run.trace))
        return Completion(
            items=tuple(CompletionItem(text) for text in texts),
            model=run.target.model if run.target else "",
            backend=run.target.backend.name if run.target else "",
            usage=run.usage,
            ms=Milliseconds(
                context=_milliseconds((now if run.asked is None else run.asked) - run.started),
                first_token=None if run.first is None or run.asked is None else _milliseconds(run.first - run.asked),
                total=_milliseconds(now - run.started),
            ),
            trace=(*run.trace, *run.pieces),
            why_empty=why_empty,
        )


def _source(target: Target) -> Source:
    return target.backend.name, target.model


def _why(snippet: Snippet) -> str:
    place = f"{snippet.path}:{snippet.start}-{snippet.end}"
    return f"piece: {place}, {snippet.source}, score {snippet.score:.2f}: {snippet.reason}"


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _frame(run: _Run, choice: FimChoice) -> Frame:
    """Say what the filters may know; choice: how the model was asked."""
    document, around = run.query.document, run.query.around
    form = choice.format
    control = form.all_tokens() | set(form.stops) if form else frozenset[str]()
    literals = control_tokens_in(document.text, control)
    return Frame(
        run.hole,
        run.extent,
        choice.mode == "chat",
        control,
        literals,
        place=Place(document.path, document.language, document.text, run.query.offset, run.parsed),
        automatic=run.query.trigger == "automatic",
        known=around.known if around is not None else None,
    )
