"""One workspace's index as it is now: what is on disk, with the open documents laid over it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from assist_context.index.batch import terms_of
from assist_context.index.records import Definition, FileRecord, Reads, Totals
from assist_context.index.segments import definition_term
from assist_context.syntax.symbols import FileSyntax, Import, Reference, Symbol

_BESIDE = 64  # more of the disk is asked for than wanted, in place of what open documents hide


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A document as its editor has it.

    record: stands for the file that it hides; terms: as the index has them.
    """

    record: FileRecord
    syntax: FileSyntax
    terms: frozenset[str]


class View:
    """An index in which open documents hide the files of their paths; implements `Reads`."""

    def __init__(self, base: Reads, opened: Mapping[str, OpenFile]) -> None:
        self._base = base
        self._open = opened

    def files(self) -> Mapping[str, FileRecord]:
        """Give all files, by path."""
        return {**self._base.files(), **{path: one.record for path, one in self._open.items()}}

    def file_count(self) -> int:
        """Give the number of files; open documents that are nowhere else are not counted."""
        return self._base.file_count()

    def file(self, path: str) -> FileRecord | None:
        """Give one file."""
        return self._open[path].record if path in self._open else self._base.file(path)

    def has_files(self, paths: Collection[str]) -> frozenset[str]:
        """Give those of some paths that are indexed or open."""
        return self._base.has_files(paths) | (self._open.keys() & set(paths))

    def definitions(self, name: str, limit: int) -> tuple[Definition, ...]:
        """Give the definitions of exactly this name, in the order of paths and lines."""
        closed = (d for d in self._base.definitions(name, limit + _BESIDE) if d.path not in self._open)
        term = definition_term(name)
        having = ((path, one.syntax.symbols) for path, one in self._open.items() if term in one.terms)
        opened = (Definition(path, symbol) for path, symbols in having for symbol in symbols if symbol.name == name)
        return self._in_order(chain(closed, opened), limit)

    def names_starting(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Give distinct names of definitions that start with a text, whatever its case; the shortest first."""
        wanted = prefix.casefold()
        names = (name for name in self._names() if name.casefold().startswith(wanted))
        return tuple(sorted({*self._base.names_starting(prefix, limit), *names}, key=_shortest)[:limit])

    def names_containing(self, text: str, limit: int) -> tuple[str, ...]:
        """Give distinct names of definitions that contain a text of three and more characters, whatever its case."""
        wanted = text.casefold()
        names = (name for name in self._names() if wanted in name.casefold())
        return tuple(sorted({*self._base.names_containing(text, limit), *names}, key=_shortest)[:limit])

    def names_like(self, text: str, limit: int) -> tuple[str, ...]:
        """Give distinct names that share three-character pieces with a text, those that share the most first."""
        wanted = pieces(text)
        shared = {name: len(wanted & pieces(name)) for name in self._names()}
        for name in self._base.names_like(text, limit):
            shared.setdefault(name, len(wanted & pieces(name)))
        ranked = sorted((name for name, count in shared.items() if count), key=lambda name: (-shared[name], len(name)))
        return tuple(ranked[:limit])

    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        """Give the definitions of a file, in its order."""
        return self._open[path].syntax.symbols if path in self._open else self._base.symbols_of(path)

    def references_of(self, path: str) -> tuple[Reference, ...]:
        """Give the names that a file uses, in its order."""
        return tuple(self._open[path].syntax.references) if path in self._open else self._base.references_of(path)

    def imports_of(self, path: str) -> tuple[Import, ...]:
        """Give what a file imports."""
        return self._open[path].syntax.imports if path in self._open else self._base.imports_of(path)

    def paths_with(self, term: str, limit: int) -> tuple[str, ...]:
        """Give files that have a term."""
        closed = (path for path in self._base.paths_with(term, limit + len(self._open)) if path not in self._open)
        return tuple(islice(chain(self._paths_open_with(term), closed), limit))

    def paths_with_each(self, terms: Collection[str], most: int) -> Mapping[str, tuple[str, ...]]:
        """Give for each term the files that have it, () if more than `most` have it; terms of no file are left out."""
        found = self._base.paths_with_each(terms, most)
        if not self._open:
            return found
        merged = {term: paths for term, paths in found.items() if not paths}
        for term in terms:
            closed = (path for path in found.get(term, ()) if path not in self._open)
            if term not in merged and (paths := (*self._paths_open_with(term), *closed)):
                merged[term] = paths
        return merged

    def totals(self) -> Totals:
        """Count what is on disk."""
        return self._base.totals()

    def _names(self) -> set[str]:
        return {symbol.name for one in self._open.values() for symbol in one.syntax.symbols}

    def _paths_open_with(self, term: str) -> Iterable[str]:
        return (path for path, one in self._open.items() if term in one.terms)

    @staticmethod
    def _in_order(found: Iterable[Definition], limit: int) -> tuple[Definition, ...]:
        return tuple(sorted(found, key=lambda d: (d.path, d.symbol.start))[:limit])


def open_file(path: str, language: str, syntax: FileSyntax, words: Collection[str], size: int) -> OpenFile:
    """Make what hides the file of a path while its document is open; its time is never to be trusted.

    words: of its text; the other terms are added. size: of its text as UTF-8, in bytes.
    """
    return OpenFile(FileRecord(path, language, b"", size, 0), syntax, frozenset([*words, *terms_of(path, syntax)]))


def pieces(name: str) -> frozenset[str]:
    """Give the three-character pieces of a name, whatever its case."""
    text = name.casefold()
    return frozenset(text[start : start + 3] for start in range(len(text) - 2))


def _shortest(name: str) -> tuple[int, str]:
    return len(name), name
