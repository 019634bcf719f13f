"""What an index holds of each file, and how it is read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from assist_context.syntax.symbols import Import, Reference, Symbol


class FileRecord(NamedTuple):
    """A file as it was indexed.

    path: below the workspace, with slashes. digest: of its bytes. size: in bytes. changed: the time that its file
    system gave for its last change, in nanoseconds; 0 where it must not be trusted.
    """

    path: str
    language: str
    digest: bytes
    size: int
    changed: int


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition and the file that has it."""

    path: str
    symbol: Symbol


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is in an index; bytes of source."""

    files: int
    symbols: int
    bytes: int


class Reads(Protocol):
    """What answers questions about an index: the store on disk, or that with open documents laid over it."""

    def files(self) -> Mapping[str, FileRecord]:
        """Give all files, by path."""
        ...

    def file_count(self) -> int:
        """Give the number of files, without counting them: as it was after the last change."""
        ...

    def file(self, path: str) -> FileRecord | None:
        """Give one file."""
        ...

    def has_files(self, paths: Collection[str]) -> frozenset[str]:
        """Give those of some paths that are indexed."""
        ...

    def definitions(self, name: str, limit: int) -> tuple[Definition, ...]:
        """Give the definitions of exactly this name, in the order of paths and lines."""
        ...

    def names_starting(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Give distinct names of definitions that start with a text, whatever its case; the shortest first."""
        ...

    def names_containing(self, text: str, limit: int) -> tuple[str, ...]:
        """Give distinct names of definitions that contain a text of three and more characters, whatever its case."""
        ...

    def names_like(self, text: str, limit: int) -> tuple[str, ...]:
        """Give distinct names that share three-character pieces with a text, those that share the most first."""
        ...

    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        """Give the definitions of a file, in its order."""
        ...

    def references_of(self, path: str) -> tuple[Reference, ...]:
        """Give the names that a file uses, in its order."""
        ...

    def imports_of(self, path: str) -> tuple[Import, ...]:
        """Give what a file imports."""
        ...

    def paths_with(self, term: str, limit: int) -> tuple[str, ...]:
        """Give files that have a term."""
        ...

    def paths_with_each(self, terms: Collection[str], most: int) -> Mapping[str, tuple[str, ...]]:
        """Give for each term the files that have it, () if more than `most` have it; terms of no file are left out."""
        ...

    def totals(self) -> Totals:
        """Count what is there."""
        ...
