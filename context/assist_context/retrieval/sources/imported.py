"""Signatures of what a file imports from the workspace and uses near a place, and of the types that these name."""

from collections.abc import Iterable
from typing import NamedTuple

from assist_context.index.records import Definition
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import Place, Snippet
from assist_context.retrieval.sources.declarations import Wanted, declarations
from assist_context.retrieval.sources.meanings import Meanings, bound_names, symbols_in
from assist_context.retrieval.sources.near import NAMES, Use, uses, weights
from assist_context.retrieval.sources.signatures import TYPES

_NEAR = 30  # lines before the cursor
_MOST = 12  # names that are looked up
_MOST_NAMED = 6  # types in signatures that are
_NAMED = 0.4  # how much such a type counts, of what names it


class _Used(NamedTuple):
    """A name that an import makes known and that is used. members: what is used of it, with dots before it."""

    name: str
    members: frozenset[str]
    weight: float


def imported(place: Place, project: Project) -> tuple[Snippet, ...]:
    """Give the signatures of what is imported and used near a place; nothing of the file itself."""
    near = uses(place, _NEAR, project.reads.imports_of(place.path))
    meanings = Meanings(project)
    found = [
        Wanted(definition, one.weight, one.members, f"{one.name}, imported and used here")
        for one in _used(place, project, near)
        for definition in meanings.imported(place.path, one.name, one.members)
    ]
    named = _named(place, project, found, near, meanings)
    wanted = [one for one in (*found, *named) if one.definition.path != place.path]
    return declarations(project, wanted, "imports")


def _used(place: Place, project: Project, near: Iterable[Use]) -> list[_Used]:
    """Give the names that imports make known and that are used near a place, the nearest first."""
    known = bound_names(project, place.path, place.language)
    longest = max((name.count(".") + 1 for name in known), default=0)
    found: dict[str, _Used] = {}
    for use in near:
        for end in range(min(longest, len(use.names)), 0, -1):
            name = ".".join(use.names[:end])
            if name in known:
                old = found.get(name, _Used(name, frozenset(), 0.0))
                members = old.members | set(use.names[end : end + 1])
                found[name] = _Used(name, members, max(old.weight, use.weight))
                break
    return sorted(found.values(), key=lambda one: -one.weight)[:_MOST]


def _named(
    place: Place, project: Project, found: Iterable[Wanted], near: Iterable[Use], meanings: Meanings
) -> list[Wanted]:
    """Give the types that signatures name: those of definitions that were found, and of this file's that are used."""
    weight_of = weights(near)
    own = [
        Wanted(Definition(place.path, symbol), weight_of[symbol.name], frozenset(), "")
        for symbol in symbols_in(project, place.path)
        if symbol.name in weight_of
    ]
    known = {one.definition.symbol.name for one in found} | bound_names(project, place.path, place.language).keys()
    asked: dict[tuple[str, str], Wanted] = {}
    for one in sorted((*found, *own), key=lambda one: -one.weight):
        for name in NAMES.findall(one.definition.symbol.signature):
            is_new = name not in weight_of or name not in known
            if is_new and name != one.definition.symbol.name and name[:1].isupper() and len(name) > 1:
                asked.setdefault((one.definition.path, name), one)
    named: dict[str, Wanted] = {}
    for (path, name), by in list(asked.items())[: 2 * _MOST_NAMED]:
        if name in named or len(named) == _MOST_NAMED:
            continue
        for definition in meanings.of_type(path, name)[:1]:
            if definition.symbol.kind in TYPES:
                reason = f"{name}, in the signature of {by.definition.symbol.name}"
                named[name] = Wanted(definition, _NAMED * by.weight, frozenset(), reason)
    return list(named.values())
