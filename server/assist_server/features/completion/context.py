"""What a model reads beside the text around the cursor: pieces of other places, kept as long as they serve.

A server evaluates a prompt again from the first token that is new, so what is chosen for a document stays: it is only
appended to where another scope is entered or the cursor has jumped, and chosen anew in another file, when there is no
room left, or in a pause.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

from assist_context.document import Document
from assist_context.errors import IndexUnusable
from assist_context.positions import LineIndex
from assist_context.prompt.fill import window
from assist_context.prompt.tokens import UNCALIBRATED, Calibration, estimate
from assist_context.retrieval.rank import choose
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import SOURCES, Place, Snippet, SourceName
from assist_context.retrieval.sources.defined import defined
from assist_context.retrieval.sources.imported import imported
from assist_context.retrieval.sources.outline import outline
from assist_context.retrieval.sources.similar import related
from assist_context.secrets import find_secrets
from assist_context.syntax.incremental import Parsed
from assist_context.syntax.scope import enclosing
from assist_server.core.clock import Clock
from assist_server.features.completion.asking import Ask, Beside, Budget, make_ask
from assist_server.features.completion.cache import Lru
from assist_server.features.fim import FimChoice
from assist_server.features.selection import Target

_JUMP = 32  # lines
HURRY, PATIENCE = 0.12, 2.0
"""Seconds for all sources together while somebody types, and where somebody waits; what is not there then is left."""

_DOCUMENTS = 16  # whose context is kept


class Surroundings(Protocol):
    """What is known of the workspace around one document."""

    @property
    def repository(self) -> str:
        """The name of the workspace's folder."""
        ...

    @property
    def path(self) -> str:
        """The document's path below that, with slashes."""
        ...

    def project(self) -> Project:
        """Give what imports are resolved and names are looked up in; for one answer only."""
        ...

    def parsed(self) -> Parsed | None:
        """Give the document's tree, which may be a few keys old."""
        ...

    def recent(self) -> Iterable[Snippet]:
        """Give what was edited, looked at or opened lately."""
        ...

    def known(self, name: str) -> bool:
        """Tell whether a name occurs anywhere in the workspace; True as long as nobody can tell."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """The text around the cursor that the prompt holds anyway; first, last: its lines, from 1."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the context may be, by `estimate`, and how long all sources together may take."""

    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Block:
    """What stands before the document in a prompt, in that order.

    tokens: an estimate. notes: what happened, for the trace; without text of documents. is_new: not that of the
    request before.
    """

    snippets: tuple[Snippet, ...] = ()
    tokens: int = 0
    notes: tuple[str, ...] = ()
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a prompt is to be made of: see `asking`. notes: for the trace."""

    beside: Beside
    budget: Budget
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """What the sources are asked.

    see: gives what is seen, once something is to be chosen. scope: the names of the definitions around the place.
    line: from 0.
    """

    place: Place
    around: Surroundings
    project: Project
    see: Callable[[], Seen]
    limits: Limits
    scope: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class _Kept:
    block: Block
    scope: tuple[str, ...]
    line: int
    budget: int

    def serves(self, question: _Question) -> bool:
        return self.scope == question.scope and abs(self.line - question.line) <= _JUMP


class ContextBlocks:
    """The context of each document that is worked on; one for all documents."""

    def __init__(self, sources: Sequence[str], clock: Clock) -> None:
        self._sources = tuple(name for name in SOURCES if name in sources)
        self._clock = clock
        self._kept: Lru[_Kept] = Lru(_DOCUMENTS)

    async def block(
        self, document: Document, offset: int, around: Surroundings | None, see: Callable[[], Seen], limits: Limits
    ) -> Block:
        """Give the context for a place: the one before wherever that will do."""
        budget = limits.tokens
        if around is None or not self._sources or budget <= 0:
            return Block()
        try:
            question = _question(document, offset, around, see, limits)
        except IndexUnusable as error:
            return Block(notes=(f"context: none, {error}",))
        kept = self._kept.get(document.uri)
        if kept is None or kept.budget != budget:
            block = await self._chosen(question)
        elif kept.serves(question):
            return Block(kept.block.snippets, kept.block.tokens, ("context: as before",))
        else:
            block = await self._extended(kept.block, question)
        if block.snippets:  # else there may be an index by the next time
            self._kept.put(document.uri, _Kept(block, question.scope, question.line, budget))
        return block

    def forget(self, uri: str) -> None:
        """Choose anew for a document."""
        self._kept.drop(uri)

    async def _chosen(self, question: _Question) -> Block:
        found, notes = await self._found(question)
        return _block(_best(found, question), notes)

    async def _extended(self, before: Block, question: _Question) -> Block:
        """Append what is new here; choose anew where that does not fit, or where a piece is on the screen by now."""
        found, notes = await self._found(question)
        snippets = _best(found, question)
        known = {(snippet.path, snippet.text) for snippet in before.snippets}
        new = [snippet for snippet in snippets if (snippet.path, snippet.text) not in known]
        grown = _block((*before.snippets, *new), notes)
        fits = grown.tokens <= question.limits.tokens
        return (
            grown if fits and len(_best(before.snippets, question)) == len(before.snippets) else _block(snippets, notes)
        )

    async def _found(self, question: _Question) -> tuple[list[Snippet], list[str]]:
        """Ask the sources one after the other; one that fails or is late costs only what it would have given."""
        found: list[Snippet] = []
        notes: list[str] = []
        end = self._clock.monotonic() + question.limits.seconds
        for name in self._sources:
            if self._clock.monotonic() > end:
                notes.append(f"context: {name} was not asked, it is late")
                continue
            task = asyncio.ensure_future(_taken(_ask(name, question), self._clock, end))
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
            # Read, not raised: whatever is wrong with a source, the suggestion can do without it.
            if (error := task.exception()) is not None:
                notes.append(f"context: {name} failed ({type(error).__name__})")
                continue
            snippets, late = task.result()
            found += snippets
            if late:
                notes.append(f"context: {name} was late")
        return [snippet for snippet in found if not find_secrets(snippet.text)], notes


async def ask_in_context(
    document: Document,
    offset: int,
    around: Surroundings | None,
    *,
    target: Target,
    choice: FimChoice,
    budget: Budget,
    one_line: bool,
    blocks: ContextBlocks,
    keep: int | None,
    seconds: float,
    calibration: Calibration = UNCALIBRATED,
) -> tuple[Ask, tuple[str, ...]]:
    """Choose the context of a place and build the request: see `prepare` and `make_ask`; gives notes for the trace."""
    prepared = await prepare(document, offset, around, budget=budget, blocks=blocks, keep=keep, seconds=seconds)
    ask = await make_ask(
        document,
        offset,
        target=target,
        choice=choice,
        budget=prepared.budget,
        one_line=one_line,
        beside=prepared.beside,
        calibration=calibration,
    )
    return ask, prepared.notes


async def prepare(
    document: Document,
    offset: int,
    around: Surroundings | None,
    *,
    budget: Budget,
    blocks: ContextBlocks,
    keep: int | None,
    seconds: float,
) -> Prepared:
    """Choose the context of a place and divide the budget: what the context leaves goes to the prefix.

    keep: the line, from 0, at which the prefix began before. seconds: for all sources of context together.
    """
    see = cache(lambda: _seen(document.text, offset, budget, keep))
    block = await blocks.block(document, offset, around, see, Limits(budget.context, seconds))
    # A context that is new has all that follows evaluated anew: the prefix may as well begin where it is best.
    beside = Beside(block.snippets, around.repository if around else "", None if block.is_new else keep)
    left = budget.context - block.tokens
    return Prepared(beside, replace(budget, prefix=budget.prefix + left, context=block.tokens), block.notes)


def _seen(text: str, offset: int, budget: Budget, keep: int | None) -> Seen:
    sides = {"prefix_tokens": budget.prefix, "suffix_tokens": budget.suffix}
    prefix, suffix = window(text, offset, **sides, count=estimate, keep=keep)
    here = LineIndex(text).line_of(offset) + 1
    return Seen(prefix + suffix, here - prefix.count("\n"), here + suffix.removesuffix("\n").count("\n"))


def _question(
    document: Document, offset: int, around: Surroundings, see: Callable[[], Seen], limits: Limits
) -> _Question:
    project = around.project()
    place = Place(around.path, document.language, document.text, offset, around.parsed())
    before = document.text[:offset]
    symbols = enclosing(project.reads.symbols_of(around.path), len(before.encode("utf-8", "replace")))
    scope = tuple(symbol.name for symbol in symbols)
    return _Question(place, around, project, see, limits, scope, LineIndex(document.text).line_of(offset))


def _ask(name: SourceName, question: _Question) -> Iterator[Snippet]:
    place, project = question.place, question.project
    if name == "outline":
        seen = question.see()
        yield from outline(place, (seen.first, seen.last))
    elif name == "imports":
        yield from imported(place, project)
    elif name == "definitions":
        yield from defined(place, project)
    elif name == "related":
        yield from related(place, project)
    else:
        yield from (snippet for snippet in question.around.recent() if snippet.source == name)


async def _taken(found: Iterator[Snippet], clock: Clock, end: float) -> tuple[list[Snippet], bool]:
    """Take what comes until the end of the time; tell whether more might have come."""
    taken: list[Snippet] = []
    for snippet in found:
        taken.append(snippet)
        await asyncio.sleep(0)
        if clock.monotonic() > end:
            return taken, True
    return taken, False


def _best(found: Sequence[Snippet], question: _Question) -> tuple[Snippet, ...]:
    return choose(found, question.see().text, question.limits.tokens, estimate, question.place.path)


def _block(snippets: Sequence[Snippet], notes: Sequence[str]) -> Block:
    tokens = sum(estimate(f"{snippet.path}\n") + estimate(f"{snippet.text}\n") for snippet in snippets)
    by_source = ", ".join(f"{name} {number}" for name in SOURCES if (number := sum(s.source == name for s in snippets)))
    said = f"context: {len(snippets)} pieces ({by_source}), about {tokens} tokens" if snippets else "context: none"
    return Block(tuple(snippets), tokens, (said, *notes), is_new=bool(snippets))
