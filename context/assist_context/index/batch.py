"""Files on their way into an index: read one after the other, written together."""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from assist_context.index.columns import pack_imports, pack_references, pack_symbols
from assist_context.index.records import FileRecord
from assist_context.index.segments import Run, definition_term, member_term, number, run_of
from assist_context.index.terms import file_terms
from assist_context.syntax.symbols import FileSyntax, words

_NAME = re.compile(r"[\w$]+")


class Entry(NamedTuple):
    """A file as it is written: its number, its record, how many symbols it has, and what it holds in compact form."""

    number: int
    record: FileRecord
    symbols: int
    content: tuple[bytes, bytes, bytes]
    """Imports, symbols and references."""


class Batch:
    """Files to be written together; nothing of them is in the index before `Store.write`.

    Of two that have the same path the one that was put last is meant, also where they are in different batches.
    """

    def __init__(self, numbering: "Numbering") -> None:
        self._numbering = numbering
        self._terms: list[tuple[int, Collection[str]]] = []
        self.entries: dict[str, Entry] = {}
        self.removed: dict[str, int] = {}
        self.dated: dict[str, FileRecord] = {}
        self.postings = 0

    def put(self, record: FileRecord, syntax: FileSyntax, words: Collection[str]) -> None:
        """Add a file, in place of what the index knows of it."""
        self._forget(record.path)
        at = self._numbering.next()
        content = (pack_imports(syntax.imports), pack_symbols(syntax.symbols), pack_references(syntax.references))
        self.entries[record.path] = Entry(at, record, len(syntax.symbols), content)
        self._terms += [(at, words), (at, terms_of(record.path, syntax))]
        self.postings += len(words)

    def remove(self, path: str) -> None:
        """Take a file out of the index."""
        self._forget(path)
        self.removed[path] = self._numbering.next()

    def date(self, record: FileRecord) -> None:
        """Set when a file was changed whose content is the same."""
        self.dated[record.path] = record

    def record(self, path: str) -> FileRecord | None:
        """Give what the index will say of a file, if it is among these."""
        return self.entries[path].record if path in self.entries else self.dated.get(path)

    def run(self) -> Run:
        """Give the terms of all files."""
        # All at once and not file by file: between two parses everything would be far away in memory each time.
        found: dict[str, bytes] = {}
        have = found.get
        for at, terms in self._terms:
            mark = number(at)
            for term in terms:
                found[term] = have(term, b"") + mark
        return run_of(found)

    @property
    def newest(self) -> dict[str, int]:
        """Give the numbers under which paths were put or removed."""
        return {**self.removed, **{path: entry.number for path, entry in self.entries.items()}}

    def _forget(self, path: str) -> None:
        self.entries.pop(path, None)
        self.removed.pop(path, None)
        self.dated.pop(path, None)

    def __bool__(self) -> bool:
        return bool(self.entries or self.removed or self.dated)


class Numbering:
    """Gives the numbers of files: each once, in order."""

    def __init__(self, first: int) -> None:
        self.value = first

    def next(self) -> int:
        """Give the next number."""
        self.value += 1
        return self.value - 1


def terms_of(path: str, syntax: FileSyntax) -> Collection[str]:
    """Give a file's terms beside its words: what it imports and is called, defines, has definitions in; short names."""
    found = file_terms(path, syntax.imports)
    found.update([definition_term(name) for name in {symbol.name for symbol in syntax.symbols}])
    found.update([member_term(around) for around in {symbol.parent for symbol in syntax.symbols} if around])
    found.update(_names_without_words(syntax.references.names))
    return [term for term in found if "\0" not in term]


def _names_without_words(names: bytes) -> Iterator[str]:
    """Give those of some names, one a line, that can be found by none of their words, such as `go` and `$on`."""
    for name in set(names.decode("utf-8", "replace").split("\n")):
        if len(name) > 2 and name.isidentifier():  # a word itself, as nearly all are
            continue
        if _NAME.fullmatch(name) and not words(name.encode()):
            yield name
