"""Signatures of what is used near a place and defined elsewhere, though no import names it."""

from collections.abc import Iterable, Sequence
from math import log2
from typing import NamedTuple

from assist_context.index.records import Definition
from assist_context.index.segments import definition_term
from assist_context.languages import language_of
from assist_context.retrieval.related import distance
from assist_context.retrieval.resolve.families import FAMILIES
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import Place, Snippet
from assist_context.retrieval.sources.declarations import Wanted, declarations
from assist_context.retrieval.sources.meanings import bound_names, symbols_in
from assist_context.retrieval.sources.near import uses
from assist_context.syntax.symbols import Symbol

_NEAR = 10  # lines before the cursor
_MOST = 24  # names that are looked up
_FILES = 200  # a name that more files have tells as little as can be
_PLACES = 5  # a name that is defined in more of them tells nothing, unless one is nearest
_MANY = 24  # files: of more, only those of the same folder are looked at
_KEPT = 2  # places of a name
_WAYS = 3  # definitions of a name in one place
_SHOWN = 10
_OF_TYPES = frozenset({"method", "field"})


class _Asked(NamedTuple):
    """A name and how it is used. member: after a dot. plain: neither called nor written like a type."""

    name: str
    member: bool
    plain: bool
    weight: float


def defined(place: Place, project: Project) -> tuple[Snippet, ...]:
    """Give the signatures of names that are used near a place, those first that few files have."""
    asked = _asked(place, project)
    files = max(project.reads.file_count(), 1)
    terms = {one.name: definition_term(one.name) for one in asked}
    having = project.reads.paths_with_each([*terms, *terms.values()], _FILES)
    wanted: list[Wanted] = []
    for one in asked:
        places = _places(place, project, one, having.get(terms[one.name], ()))
        rarity = log2(1 + files / min(len(having.get(one.name, ())) or _FILES, files)) / log2(1 + files)
        for definitions in places:
            weight = one.weight * rarity / len(places)
            wanted += [Wanted(definition, weight, frozenset(), f"{one.name}, used here") for definition in definitions]
    wanted.sort(key=lambda one: -one.weight)
    return declarations(project, wanted[:_SHOWN], "definitions")


def _asked(place: Place, project: Project) -> list[_Asked]:
    """Give the names to look up, the nearest first; none that the file defines or imports by name."""
    known = {symbol.name for symbol in symbols_in(project, place.path)} | bound_names(
        project, place.path, place.language
    ).keys()
    family = FAMILIES.get(place.language)
    found: dict[str, _Asked] = {}
    for use in uses(place, _NEAR, project.reads.imports_of(place.path)):
        last = len(use.names) - 1
        for number, name in enumerate(use.names):
            plain = not number and not name[:1].isupper() and not (use.called and number == last)
            if len(name) < 3 or name in known or (plain and not (family and family.shares)):
                continue
            one = _Asked(name, number > 0, plain, use.weight)
            old = found.get(name)
            if old is None or (one.weight, not one.plain) > (old.weight, not old.plain):
                found[name] = one
    return sorted(found.values(), key=lambda one: -one.weight)[:_MOST]


def _places(place: Place, project: Project, asked: _Asked, paths: Iterable[str]) -> Sequence[Sequence[Definition]]:
    """Give the definitions that can be meant, by file and type, the nearest first; () where nothing decides."""
    others = [path for path in paths if path != place.path and _is_of(project, place.language, path)]
    if len(others) > _MANY:
        folder = place.path.rpartition("/")[0]
        others = [path for path in others if path.rpartition("/")[0] == folder]
    away = {path: distance(place.path, path) for path in others}
    if len(away) > _PLACES:
        least = min(away.values())
        away = {path: far for path, far in away.items() if far == least}
        if len(away) > _KEPT:
            return ()
    grouped: dict[tuple[bool, int, str, str], list[Definition]] = {}
    for path, far in away.items():
        for symbol in symbols_in(project, path):
            if symbol.name == asked.name and _fits(symbol, asked, far):
                key = (asked.member and not symbol.parent, far, path, symbol.parent)
                grouped.setdefault(key, []).append(Definition(path, symbol))
    if len(grouped) > _PLACES:
        nearest = min(grouped)[:2]
        grouped = {key: found for key, found in grouped.items() if key[:2] == nearest}
        if len(grouped) > _KEPT:
            return ()
    return [grouped[key][:_WAYS] for key in sorted(grouped)[:_KEPT]]


def _is_of(project: Project, language: str, path: str) -> bool:
    """Tell whether the definitions of a file can be used in a language."""
    ending = path.rpartition(".")[2]
    family = project.once(("family", ending), lambda: FAMILIES.get(language_of(path)))
    return family is FAMILIES.get(language)


def _fits(symbol: Symbol, asked: _Asked, far: int) -> bool:
    """Tell whether a definition can be meant by a name: a plain one only where a folder is a package, at its top."""
    if asked.plain and (symbol.parent or far):
        return False
    return symbol.kind != "module" and (asked.member or symbol.kind not in _OF_TYPES)
