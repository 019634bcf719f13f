"""Pieces of other files that have to do with a place: those that share the most of its rare words."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from assist_context.retrieval.related import Related, related_files
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import Place, Snippet
from assist_context.retrieval.sources.meanings import language_in, symbols_in
from assist_context.retrieval.sources.near import code_near, without_comment
from assist_context.retrieval.sources.signatures import CALLABLES
from assist_context.syntax.symbols import Symbol, words

_NEAR = 40  # lines before the cursor
_FILES = 4
_LONGEST = 40  # lines of a unit
_LEAST = 6.0  # bits that a unit shares
_FULL = 40.0  # bits from which on a unit counts for all
_COMMON = 0.2  # bits that any shared word counts for
_BETWEEN = 0.6  # what lines count for that are no whole definition
_LOOKED_AT = 3  # units of a file
_LARGEST = 200_000  # characters of a file that is searched
_OCCURRENCES = 20  # of a word in a file


class Unit(NamedTuple):
    """Lines of a file, from 0; both are in it. whole: whether they are a definition, and not what lies between."""

    first: int
    last: int
    whole: bool


def related(place: Place, project: Project) -> tuple[Snippet, ...]:
    """Give from each file that shares rare words with a place the function, or part of a class, that shares most."""
    near = code_near(place, _NEAR)
    files = related_files(project.reads, near, near=place.path, without={place.path}, limit=_FILES)
    query = words(near.encode("utf-8", "replace"))
    found = [snippet for file in files if (snippet := _best(project, file, query))]
    return tuple(sorted(found, key=lambda one: (-one.score, one.path)))


def _best(project: Project, file: Related, query: set[str]) -> Snippet | None:
    text = project.text(file.path)
    if not text or len(text) > _LARGEST:
        return None
    lines = text.split("\n")
    language = language_in(project, file.path)
    shared: dict[Unit, set[str]] = {}
    units = units_of(symbols_in(project, file.path), lines)
    starts = [unit.first for unit in units]
    for word, line in _places(text, file.words):
        if word in without_comment(language, lines[line]):
            shared.setdefault(units[bisect_right(starts, line) - 1], set()).add(word)
    closest = sorted(shared, key=lambda unit: (-len(shared[unit]), unit))[:_LOOKED_AT]
    bits = file.score / len(file.words)  # of one word; the rarest have somewhat more

    def worth_of(unit: Unit) -> float:
        told = bits * len(shared[unit]) + _COMMON * len(_words(lines, unit) & query)
        return told if unit.whole else _BETWEEN * told

    worth = {unit: worth_of(unit) for unit in closest}
    unit = max(closest, key=lambda unit: (worth[unit], -unit.first), default=None)
    if unit is None or worth[unit] < _LEAST:
        return None
    first, last = _without_blank(lines, unit)
    names = ", ".join(word for word in file.words if word in shared[unit])
    score = min(worth[unit] / _FULL, 1.0)
    return Snippet(
        file.path, first + 1, last + 1, "\n".join(lines[first : last + 1]), "related", score, f"also has {names}"
    )


def _places(text: str, rare: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Give the lines in which words stand, each word's first ones."""
    for word in rare:
        line = counted = 0
        at = text.find(word)
        for _ in range(_OCCURRENCES):
            if at < 0:
                break
            if not (_is_part(text[at - 1 : at]) or _is_part(text[at + len(word) : at + len(word) + 1])):
                line += text.count("\n", counted, at)
                counted = at
                yield word, line
            at = text.find(word, at + len(word))


def _is_part(character: str) -> bool:
    return character.isalnum() or character == "_"


def _words(lines: Sequence[str], unit: Unit) -> set[str]:
    return words("\n".join(lines[unit.first : unit.last + 1]).encode("utf-8", "replace"))


def units_of(symbols: Iterable[Symbol], lines: Sequence[str]) -> list[Unit]:
    """Part a file into functions, types that are short, and what lies between, of which a unit ends at a blank line."""
    units: list[Unit] = []
    at = 0
    for symbol in sorted(symbols, key=lambda one: (one.start, -one.end)):
        first, last = symbol.line, min(symbol.last_line, len(lines) - 1)
        if first < at or last <= first or symbol.kind == "module":
            continue
        if last - first < _LONGEST:
            units += _between(lines, at, first - 1)
            units.append(Unit(first, last, whole=True))
            at = last + 1
        elif symbol.kind in CALLABLES:
            units += _between(lines, at, first - 1)
            units += _between(lines, first, last)
            at = last + 1
    return [*units, *_between(lines, at, len(lines) - 1)]


def _between(lines: Sequence[str], first: int, last: int) -> Iterator[Unit]:
    while first <= last:
        end = min(first + _LONGEST - 1, last)
        if end < last:
            blank = (line for line in range(end, first + _LONGEST // 2, -1) if not lines[line].strip())
            end = next(blank, end)
        yield Unit(first, end, whole=False)
        first = end + 1


def _without_blank(lines: Sequence[str], unit: Unit) -> tuple[int, int]:
    first, last = unit.first, unit.last
    while first < last and not lines[first].strip():
        first += 1
    while last > first and not lines[last].strip():
        last -= 1
    return first, last
