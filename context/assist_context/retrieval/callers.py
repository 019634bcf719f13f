"""Who calls a name."""

from collections.abc import Callable
from dataclasses import dataclass

from assist_context.index.records import Definition, Reads
from assist_context.retrieval.imports import knows
from assist_context.retrieval.resolve.project import MOST, Project
from assist_context.syntax.symbols import Symbol, words

_CALLS = frozenset({"call", "class"})  # to make an object is to call its class


@dataclass(frozen=True, slots=True)
class Caller:
    """A call. line: from 0. name, parent: of the innermost definition around it, "" outside of all."""

    path: str
    line: int
    name: str
    parent: str


def callers(reads: Reads, name: str, limit: int) -> tuple[Caller, ...]:
    """Find the calls of anything of a name; in the order of paths and lines."""
    return _callers(reads, name, limit, lambda _path: True)


def callers_of(project: Project, definition: Definition, limit: int) -> tuple[Caller, ...]:
    """Find the calls of a name in files that can use a definition: that import it, or need not to."""
    return _callers(project.reads, definition.symbol.name, limit, lambda path: knows(project, path, definition))


def _callers(reads: Reads, name: str, limit: int, wanted: Callable[[str], bool]) -> tuple[Caller, ...]:
    found: list[Caller] = []
    for path in _paths(reads, name):
        if len(found) >= limit:
            break
        lines = [one.line for one in reads.references_of(path) if one.name == name and one.kind in _CALLS]
        if lines and wanted(path):
            symbols = reads.symbols_of(path)
            found += [_caller(path, line, symbols) for line in lines]
    return tuple(found[:limit])


def _paths(reads: Reads, name: str) -> list[str]:
    """Give the files that have a name, by the longest word in it; one without words is a term itself."""
    return sorted(reads.paths_with(max(words(name.encode()), key=len, default=name), MOST))


def _caller(path: str, line: int, symbols: tuple[Symbol, ...]) -> Caller:
    around = [
        s
        for s in symbols
        if s.line <= line <= s.last_line and s.kind in ("function", "method", "class", "interface", "enum")
    ]
    inner = max(around, key=lambda symbol: (symbol.start, -symbol.end), default=None)
    return Caller(path, line, inner.name, inner.parent) if inner else Caller(path, line, "", "")
