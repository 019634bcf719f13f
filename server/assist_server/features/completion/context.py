"""What a model reads beside the text around the cursor: pieces of other places, kept as long as they serve.

A server evaluates a prompt again from the first token that is new, so what is chosen for a document stays as long as
somebody writes there. It is only appended to where the cursor is moved into another scope or far away, and chosen anew
where there is no room left. In a pause it is appended to where another scope was written, and chosen anew where other
files have changed since, or where a source was late.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple, Protocol

from assist_context.document import Document
from assist_context.errors import IndexUnusable
from assist_context.positions import lines_of
from assist_context.prompt.fill import window
from assist_context.prompt.tokens import UNCALIBRATED, Calibration, estimate
from assist_context.retrieval.rank import choose
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import SOURCES, Place, Snippet, SourceName
from assist_context.retrieval.sources.alike import alike
from assist_context.retrieval.sources.below import below
from assist_context.retrieval.sources.defined import defined
from assist_context.retrieval.sources.imported import imported
from assist_context.retrieval.sources.outline import outline
from assist_context.retrieval.sources.similar import related
from assist_context.secrets import find_secrets
from assist_context.syntax.incremental import Parsed, edit_between
from assist_context.syntax.scope import enclosing
from assist_context.syntax.symbols import Symbol
from assist_server.core.clock import Clock
from assist_server.features.completion.asking import Ask, Beside, Budget, make_ask
from assist_server.features.completion.cache import Lru
from assist_server.features.completion.recent import JUMP
from assist_server.features.fim import FimChoice
from assist_server.features.selection import Target

HURRY, PATIENCE = 0.12, 2.0
"""Seconds for all sources together while somebody types, and where somebody waits; what is not there then is left."""

PAUSE = 3.0
"""Seconds without a key after which a context that is out of date may be chosen anew."""

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
        """Tell whether a name occurs in another file of the workspace; True as long as nobody can tell."""
        ...

    def changes(self) -> int:
        """Count the changes of the workspace's other files; only that the number has grown means something."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """The text around the cursor that the prompt holds anyway; first, last: its lines, from 1."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the context may be, by `estimate`, and how long all sources together may take.

    in_pause: nobody has typed for some seconds. keeps: it is that of the document from now on.
    """

    tokens: int
    seconds: float
    in_pause: bool = False
    keeps: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """What stands before the document in a prompt, in that order.

    tokens: an estimate. notes: what happened, for the trace; without text of documents. is_new: the snippets are not
    those of the request before. whole: no source was late.
    """

    snippets: tuple[Snippet, ...] = ()
    tokens: int = 0
    notes: tuple[str, ...] = ()
    is_new: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a prompt is to be made of: see `asking`. notes: for the trace."""

    beside: Beside
    budget: Budget
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """What the sources are asked; see: gives what is seen, once something is to be chosen."""

    place: Place
    around: Surroundings
    project: Project
    see: Callable[[], Seen]
    limits: Limits

    @property
    def offset(self) -> int:
        """The place in bytes."""
        return len(self.place.text[: self.place.offset].encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Kept:
    """The context of a document.

    text, offset: where it was last asked for. scope: what it was last chosen for. changes: of other files, then.
    """

    block: Block
    text: str
    offset: int
    scope: tuple[str, ...]
    budget: int
    changes: int


@dataclass(slots=True)
class _Found:
    """What the sources have given; notes, whole: as of a block."""

    snippets: list[Snippet] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    whole: bool = True


class _Left(NamedTuple):
    """A place that the cursor was moved away from: where it is by now, in bytes, and how many lines away."""

    offset: int
    lines: int


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
        if around is None or not self._sources or limits.tokens <= 0:
            return Block()
        known = self._kept.get(document.uri)
        kept = known if known is not None and known.budget == limits.tokens else None
        place = Place(around.path, document.language, document.text, offset, around.parsed())
        question = _Question(place, around, around.project(), see, limits)
        try:
            now = await self._now(kept, question)
        except IndexUnusable as error:
            if kept is None:
                return Block(notes=(f"context: none, {error}",))
            return replace(kept.block, notes=(f"context: as before, {error}",), is_new=False)
        now = replace(now, text=document.text, offset=offset)
        if limits.keeps and now.block.snippets:
            self._kept.put(document.uri, now)
        elif limits.keeps:
            self.forget(document.uri)  # there may be an index by the next time
        return replace(now.block, is_new=now.block.snippets != (known.block.snippets if known is not None else ()))

    def forget(self, uri: str) -> None:
        """Choose anew for a document."""
        self._kept.drop(uri)

    async def _now(self, kept: _Kept | None, question: _Question) -> _Kept:
        """Give what is to be kept by now; raises IndexUnusable."""
        in_pause = question.limits.in_pause
        left = _left(kept, question) if kept is not None else None
        passed = kept is not None and _is_passed(kept.block, question.place)
        if kept is not None and left is None and not in_pause and not passed:  # no index is asked at most keys
            return _as_before(kept)
        changes = question.around.changes()
        symbols = question.project.reads.symbols_of(question.place.path)
        scope = _names(symbols, question.offset)
        if kept is None or passed or (in_pause and (changes != kept.changes or not kept.block.whole)):
            chosen = await self._chosen(question)
            return _Kept(chosen, question.place.text, question.place.offset, scope, question.limits.tokens, changes)
        is_known = _is_within(scope, kept.scope) or (
            left is not None and _is_within(scope, _names(symbols, left.offset))
        )
        if is_known and (left is None or left.lines <= JUMP):
            return _as_before(kept)
        return replace(kept, block=await self._extended(kept.block, question), scope=scope)

    async def _chosen(self, question: _Question) -> Block:
        found = await self._found(question)
        return _block(_best(found.snippets, question), found)

    async def _extended(self, before: Block, question: _Question) -> Block:
        """Append what is new here; choose anew where that does not fit, or where a piece is on the screen by now."""
        found = await self._found(question)
        snippets = _best(found.snippets, question)
        known = {(snippet.path, snippet.text) for snippet in before.snippets}
        new = [snippet for snippet in snippets if (snippet.path, snippet.text) not in known]
        grown = _block((*before.snippets, *new), found)
        fits = grown.tokens <= question.limits.tokens
        return (
            grown if fits and len(_best(before.snippets, question)) == len(before.snippets) else _block(snippets, found)
        )

    async def _found(self, question: _Question) -> _Found:
        """Ask the sources one after the other; one that fails or is late costs only what it would have given."""
        found = _Found()
        end = self._clock.monotonic() + question.limits.seconds
        for name in self._sources:
            if self._clock.monotonic() > end:
                found.notes.append(f"context: {name} was not asked, it is late")
                found.whole = False
                continue
            task = asyncio.ensure_future(_taken(_ask(name, question), self._clock, end))
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
            # Read, not raised: whatever is wrong with a source, the suggestion can do without it.
            if (error := task.exception()) is not None:
                found.notes.append(f"context: {name} failed ({type(error).__name__})")
                found.whole = found.whole and not isinstance(error, IndexUnusable)  # it may be there the next time
                continue
            snippets, late = task.result()
            found.snippets += (snippet for snippet in snippets if not find_secrets(snippet.text))
            if late:
                found.notes.append(f"context: {name} was late")
                found.whole = False
        return found


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
    in_pause: bool = False,
    keeps: bool = True,
    calibration: Calibration = UNCALIBRATED,
) -> tuple[Ask, tuple[str, ...]]:
    """Choose the context of a place and build the request: see `prepare` and `make_ask`; gives notes for the trace."""
    limits = Limits(budget.context, seconds, in_pause, keeps)
    prepared = await prepare(document, offset, around, budget=budget, blocks=blocks, keep=keep, limits=limits)
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
    # What the context has left went to the prefix of this request only.
    ask = replace(ask, budget=budget.scaled(ask.budget.prefix / max(1, prepared.budget.prefix)))
    notes = prepared.notes
    if (left_out := len(prepared.beside.snippets) - len(ask.snippets)) > 0:
        notes = (*notes, f"context: {left_out} pieces left out after all, the prompt was too long")
    return ask, notes


async def prepare(
    document: Document,
    offset: int,
    around: Surroundings | None,
    *,
    budget: Budget,
    blocks: ContextBlocks,
    keep: int | None,
    limits: Limits,
) -> Prepared:
    """Choose the context of a place and divide the budget: what the context leaves goes to the prefix.

    keep: the line, from 0, at which the prefix began before.
    """
    see = cache(lambda: _seen(document.text, offset, budget, keep))
    block = await blocks.block(document, offset, around, see, limits)
    # A context that is new has all that follows evaluated anew: the prefix may as well begin where it is best.
    beside = Beside(block.snippets, around.repository if around else "", None if block.is_new else keep)
    left = budget.context - block.tokens
    return Prepared(beside, replace(budget, prefix=budget.prefix + left, context=block.tokens), block.notes)


def _seen(text: str, offset: int, budget: Budget, keep: int | None) -> Seen:
    sides = {"prefix_tokens": budget.prefix, "suffix_tokens": budget.suffix}
    prefix, suffix = window(text, offset, **sides, count=estimate, keep=keep)
    here = lines_of(text).line_of(offset) + 1
    return Seen(prefix + suffix, here - prefix.count("\n"), here + suffix.removesuffix("\n").count("\n"))


def _left(kept: _Kept, question: _Question) -> _Left | None:
    """Give where the cursor was before it was moved; None where it is in the same line, or where something was written.

    What was written is what differs: it reaches from the cursor as it was to the cursor as it is, give or take the
    brackets, the indentation and the lines that an editor adds.
    """
    before, now = (text.encode("utf-8", "replace") for text in (kept.text, question.place.text))
    was, here = len(kept.text[: kept.offset].encode("utf-8", "replace")), question.offset
    edit = edit_between(before, now)
    if edit is not None:
        first, line_was, line_here = edit.start_place[0] - 1, before.count(b"\n", 0, was), now.count(b"\n", 0, here)
        if first <= line_was <= edit.old_end_place[0] + 1 and first <= line_here <= edit.new_end_place[0] + 1:
            return None
        was = was if was <= edit.start else max(edit.start, was + edit.new_end - edit.old_end)
    lines = now.count(b"\n", *sorted((was, here)))
    return _Left(was, lines) if lines else None


def _is_passed(block: Block, place: Place) -> bool:
    """Tell whether what followed below the cursor does so no more: it was changed, or the cursor is behind it."""
    return any(
        place.text.find(snippet.text.rpartition("\n")[2].strip(), place.offset) < 0
        for snippet in block.snippets
        if snippet.source == "below"
    )


def _names(symbols: Sequence[Symbol], offset: int) -> tuple[str, ...]:
    """Give the names of the definitions around an offset in bytes, outermost first."""
    return tuple(symbol.name for symbol in enclosing(symbols, offset))


def _is_within(scope: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether a scope is another one or around it: that is all that is left of one where the code is broken."""
    return tuple(other[: len(scope)]) == tuple(scope)


def _as_before(kept: _Kept) -> _Kept:
    return replace(kept, block=replace(kept.block, notes=("context: as before",)))


def _ask(name: SourceName, question: _Question) -> Iterator[Snippet]:
    place, project = question.place, question.project
    if name == "below":
        yield from below(place, question.see().last)
    elif name == "alike":
        seen = question.see()
        yield from alike(place, (seen.first, seen.last))
    elif name == "outline":
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


def _block(snippets: Sequence[Snippet], found: _Found) -> Block:
    tokens = sum(estimate(f"{snippet.path}\n") + estimate(f"{snippet.text}\n") for snippet in snippets)
    by_source = ", ".join(f"{name} {number}" for name in SOURCES if (number := sum(s.source == name for s in snippets)))
    said = f"context: {len(snippets)} pieces ({by_source}), about {tokens} tokens" if snippets else "context: none"
    return Block(tuple(snippets), tokens, (said, *found.notes), whole=found.whole)
