"""All that an index answers from, in a form that two indexes can be compared by."""

from typing import NamedTuple

from assist_context.index.records import FileRecord, Totals
from assist_context.index.store import IndexReader
from assist_context.syntax.symbols import Import, Reference, Symbol

_ALL = 1_000_000
_RELIABLE = slice(0, 4)  # all fields of a record but its time, which says when a file was written


class FileContent(NamedTuple):
    """What an index has of a file."""

    record: tuple[object, ...]
    symbols: tuple[Symbol, ...]
    references: tuple[Reference, ...]
    imports: tuple[Import, ...]


class IndexContent(NamedTuple):
    """What is in an index: each file; for each term the files that have it; for each name where it is defined."""

    totals: Totals
    files: dict[str, FileContent]
    terms: dict[str, tuple[str, ...]]
    names: dict[str, list[tuple[str, int]]]
    found_by_part: frozenset[str]
    """The names that a search for the first, middle and last three letters of each name finds."""


def content_of(index: IndexReader) -> IndexContent:
    """Read all of an index through the methods that answer from it."""
    files = {path: _file(index, record) for path, record in index.files().items()}
    names = sorted({symbol.name for file in files.values() for symbol in file.symbols})
    parts = {name[at : at + 3] for name in names for at in (0, len(name) // 2, max(0, len(name) - 3))}
    return IndexContent(
        index.totals(),
        files,
        {term: paths for term in index.terms() if (paths := index.paths_with(term, _ALL))},
        {name: [(d.path, d.symbol.start) for d in index.definitions(name, _ALL)] for name in names},
        frozenset(name for part in parts if len(part) == 3 for name in index.names_containing(part, _ALL)),
    )


def assert_same_content(found: IndexContent, wanted: IndexContent) -> None:
    """Say what differs first between an index and the one it should equal."""
    for field, mine, theirs in zip(IndexContent._fields, found, wanted, strict=True):
        if isinstance(mine, dict) and isinstance(theirs, dict):
            differing = sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))
            shown = [(key, mine.get(key), theirs.get(key)) for key in differing[:3]]
            assert not differing, f"{field}: {len(differing)} differ, such as {shown}"
        assert mine == theirs, f"{field}: {mine} is not {theirs}"


def _file(index: IndexReader, record: FileRecord) -> FileContent:
    path = record.path
    return FileContent(record[_RELIABLE], index.symbols_of(path), index.references_of(path), index.imports_of(path))
