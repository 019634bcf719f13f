"""Definitions of other files as pieces of code: a type with its members, what stands alone, a member in its type."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from assist_context.index.records import Definition
from assist_context.retrieval.names import members
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import Snippet, SourceName
from assist_context.retrieval.sources.meanings import language_in, symbols_in
from assist_context.retrieval.sources.signatures import (
    TYPES,
    declared,
    decorated,
    members_of,
    most_useful,
    skeleton,
)
from assist_context.syntax.symbols import Symbol

_MEMBERS, _BESIDE, _MOST_MEMBERS = 12, 4, 16  # where none is named; beside those that are; in all
_IN_FOLDER = frozenset({"go"})  # a type's methods may stand in other files of its folder


class Wanted(NamedTuple):
    """A definition that may help. weight: from 0 to 1. members: names that are used of it."""

    definition: Definition
    weight: float
    members: frozenset[str]
    reason: str


def declarations(project: Project, wanted: Iterable[Wanted], source: SourceName) -> tuple[Snippet, ...]:
    """Give pieces of code: one for each type, one for all of a file that stands outside of types; the best first."""
    alone: defaultdict[str, list[Wanted]] = defaultdict(list)
    owned: defaultdict[tuple[str, str], list[Wanted]] = defaultdict(list)
    for one in wanted:
        path, symbol = one.definition.path, one.definition.symbol
        if symbol.kind in TYPES:
            owned[path, f"{symbol.parent}.{symbol.name}".lstrip(".")].append(one)
        elif symbol.parent and symbol.kind in ("method", "field", "constant"):
            owned[path, symbol.parent].append(one)
        else:
            alone[path].append(one)
    found = [_alone(project, path, ones, source) for path, ones in alone.items()]
    found += [_of_type(project, path, name, ones, source) for (path, name), ones in owned.items()]
    return tuple(sorted(found, key=lambda one: (-one.score, one.path, one.start)))


def _alone(project: Project, path: str, wanted: Sequence[Wanted], source: SourceName) -> Snippet:
    ordered = sorted(wanted, key=lambda one: one.definition.symbol.start)
    shown = _decorated(project, path, [one.definition.symbol for one in ordered])
    text = "\n".join(dict.fromkeys(declared(language_in(project, path), symbol) for symbol in shown))
    return _snippet(path, shown, text, wanted, source)


def _of_type(project: Project, path: str, name: str, wanted: Sequence[Wanted], source: SourceName) -> Snippet:
    """Give a type with members: those that are wanted, and others where the type itself is."""
    symbols = symbols_in(project, path)
    owner = next((one.definition.symbol for one in wanted if one.definition.symbol.kind in TYPES), None)
    if owner is None:
        last = name.rpartition(".")[2]
        owner = next((one for one in symbols if one.name == last and one.kind in TYPES | {"module"}), None)
        shown = tuple(sorted((one.definition.symbol for one in wanted), key=lambda one: one.start))
    else:
        used = frozenset[str]().union(*(one.members for one in wanted), (one.definition.symbol.name for one in wanted))
        found = _members(project, Definition(path, owner), symbols)
        named = sum(one.name in used for one in found)
        shown = most_useful(found, used, named + _BESIDE if named else _MEMBERS)[:_MOST_MEMBERS]
    shown = _decorated(project, path, shown)
    language = language_in(project, path)
    if owner is None:
        text = "\n".join(dict.fromkeys(declared(language, symbol) for symbol in shown))
        return _snippet(path, shown, text, wanted, source)
    (headed,) = _decorated(project, path, (owner,))
    return _snippet(path, (owner, *shown), skeleton(language, headed, shown), wanted, source)


def _members(project: Project, owner: Definition, symbols: Sequence[Symbol]) -> tuple[Symbol, ...]:
    if language_in(project, owner.path) not in _IN_FOLDER:
        return members_of(symbols, owner.symbol)
    # What stands in another file has places of that file: behind the type's end, it is outside of the type.
    return tuple(
        one.symbol if one.path == owner.path else one.symbol._replace(start=owner.symbol.end + 1 + number)
        for number, one in enumerate(members(project.reads, owner))
    )


def _decorated(project: Project, path: str, symbols: Sequence[Symbol]) -> tuple[Symbol, ...]:
    language = language_in(project, path)
    if language != "python":  # the only one with decorators that tell, and reading a file takes time
        return tuple(symbols)
    return decorated(language, symbols, project.once(("lines", path), lambda: (project.text(path) or "").split("\n")))


def _snippet(path: str, symbols: Sequence[Symbol], text: str, wanted: Sequence[Wanted], source: SourceName) -> Snippet:
    best = max(wanted, key=lambda one: one.weight)
    lines = [one.line for one in symbols]
    return Snippet(path, min(lines) + 1, max(lines) + 1, text, source, best.weight, best.reason)
