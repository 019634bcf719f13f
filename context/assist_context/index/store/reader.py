"""Answers from the index on disk, while another process may write it."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from assist_context.errors import IndexDamaged, IndexMissing
from assist_context.index.columns import unpack_imports, unpack_references, unpack_symbols, unpack_symbols_named
from assist_context.index.records import Definition, FileRecord, Totals
from assist_context.index.seal import condemn
from assist_context.index.segments import PIECE, Posting, definition_term, numbers, posting_at, terms_of
from assist_context.index.store import names
from assist_context.index.store.tables import (
    files_at,
    gone_files,
    opened_to_read,
    parts_at,
    postings,
    select,
    sensible,
    typed_errors,
)
from assist_context.syntax.symbols import Import, Reference, Symbol

_FEWEST_LOOKED_AT = 64  # files that are put in order for a definition, and so the first of a name that many have
_LOOKED_UP = 512  # numbers of files at a time
_PATHS_KEPT = 50_000
_SYMBOLS = "SELECT symbols FROM content WHERE file = (SELECT id FROM file WHERE path = ?)"
_USES = "SELECT uses FROM content WHERE file = (SELECT id FROM file WHERE path = ?)"
_IMPORTS = "SELECT imports FROM content WHERE file = (SELECT id FROM file WHERE path = ?)"


class Live(NamedTuple):
    """A file that is there, by its number."""

    path: str
    number: int


class IndexReader:
    """One workspace's index as it was last written; implements `Reads`. Used as a context manager, by one caller at a
    time.

    Sees each commit of the writer at once, also a file that took the place of a damaged one. Every method raises
    IndexMissing, IndexDamaged or IndexBusy; a file in which damage is met is condemned.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._paths: dict[int, str] = {}  # by number, "" for a file that is gone; true for one version of the data
        self._version = -1

    def __enter__(self) -> "IndexReader":
        with typed_errors(self._path):
            self._connected()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def files(self) -> Mapping[str, FileRecord]:
        """Give all files, by path."""
        with self._reading() as database:
            rows = database.execute("SELECT path, language, digest, size, changed FROM file")
            return {row[0]: FileRecord(*row) for row in rows}

    def file_count(self) -> int:
        """Give the number of files."""
        return self.totals().files

    def totals(self) -> Totals:
        """Count what is there."""
        with self._reading() as database:
            return Totals(*database.execute("SELECT files, symbols, bytes FROM state").fetchone())

    def file(self, path: str) -> FileRecord | None:
        """Give one file."""
        with self._reading() as database:
            row = database.execute(
                "SELECT path, language, digest, size, changed FROM file WHERE path = ?", (path,)
            ).fetchone()
            return FileRecord(*row) if row else None

    def has_files(self, paths: Collection[str]) -> frozenset[str]:
        """Give those of some paths that are indexed."""
        with self._reading() as database:
            return frozenset(path for (path,) in select(database, "SELECT path FROM file WHERE path IN ({})", paths))

    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        """Give the definitions of a file, in its order."""
        with self._reading() as database:
            return unpack_symbols(_content(database, _SYMBOLS, path))

    def references_of(self, path: str) -> tuple[Reference, ...]:
        """Give the names that a file uses, in its order."""
        with self._reading() as database:
            return unpack_references(_content(database, _USES, path))

    def imports_of(self, path: str) -> tuple[Import, ...]:
        """Give what a file imports."""
        with self._reading() as database:
            return unpack_imports(_content(database, _IMPORTS, path))

    def definitions(self, name: str, limit: int) -> tuple[Definition, ...]:
        """Give the definitions of exactly this name, in the order of paths and lines.

        Of a name that very many files define some are given.
        """
        with self._reading() as database:
            files = self._files_of(database, definition_term(name), max(limit, _FEWEST_LOOKED_AT))
            return _symbols_in(database, files, limit, lambda packed: unpack_symbols_named(packed, name))

    def paths_with(self, term: str, limit: int) -> tuple[str, ...]:
        """Give files that have a term, in order; of very many some."""
        with self._reading() as database:
            return tuple(file.path for file in self._files_of(database, term, limit))[:limit]

    def paths_with_each(self, terms: Collection[str], most: int) -> Mapping[str, tuple[str, ...]]:
        """Give for each term the files that have it, () if more than `most` have it; terms of no file are left out."""
        with self._reading() as database:
            return self._paths_with_each(database, terms, most)

    def terms(self) -> frozenset[str]:
        """Give all terms, also those that only files had which are gone; of a large index a great many."""
        with self._reading() as database:
            blocks = database.execute("SELECT data FROM block")
            return frozenset(term for (block,) in blocks for term in terms_of(block) if term[0] != PIECE)

    def names_starting(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Give distinct names of definitions that start with a text, whatever its case; the shortest first.

        Of very many names the first in their order are looked at.
        """
        if not prefix:
            return ()
        with self._reading() as database:
            return self._defined(database, names.starting(database, prefix), limit)

    def names_containing(self, text: str, limit: int) -> tuple[str, ...]:
        """Give distinct names of definitions that contain a text of three and more characters, whatever its case.

        The shortest first; of very many names some are looked at.
        """
        with self._reading() as database:
            return self._defined(database, names.containing(database, text), limit)

    def names_like(self, text: str, limit: int) -> tuple[str, ...]:
        """Give distinct names that share three-character pieces with a text, those that share the most first."""
        with self._reading() as database:
            return self._defined(database, names.like(database, text, limit), limit)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give the file as it is at one moment."""
        with typed_errors(self._path), sensible(self._path):
            database = self._connected()  # one of another version is refused here, and no damage
        with self._condemning(), typed_errors(self._path), sensible(self._path):
            if database.in_transaction:
                yield database
                return
            database.execute("BEGIN")
            try:
                yield database
            finally:
                database.rollback()

    @contextmanager
    def _condemning(self) -> Iterator[None]:
        """Leave word of damage: the writer alone can make the file anew, and may never read what is damaged."""
        try:
            yield
        except IndexDamaged:
            with suppress(OSError):
                found = self._path.stat()
                if self._identity == (found.st_dev, found.st_ino):  # else it has been made anew meanwhile
                    condemn(self._path)
            raise

    def _connected(self) -> sqlite3.Connection:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self.close()
            raise IndexMissing("there is no index yet", hint="assist index build") from None
        if self._database is not None and self._identity == (found.st_dev, found.st_ino):
            return self._database
        self.close()
        database = opened_to_read(self._path)
        self._database, self._identity, self._version = database, (found.st_dev, found.st_ino), -1
        return database

    def _files_of(self, database: sqlite3.Connection, term: str, enough: int) -> list[Live]:
        """Give files that have a term, by path."""
        live: list[Live] = []
        for _, segment, posting in postings(database, [term]):
            for part in parts_at(database, segment, term, posting):
                found = self._paths_of(database, numbers(part), enough - len(live))
                live += [Live(path, at) for at, path in found.items()]
                if len(live) >= enough:
                    return sorted(live)
        return sorted(live)

    def _paths_of(self, database: sqlite3.Connection, known: Sequence[int], enough: int) -> Mapping[int, str]:
        """Give the paths of the files that are there, of the first of some numbers until there are enough."""
        (version,) = database.execute("PRAGMA data_version").fetchone()
        if version != self._version or len(self._paths) > _PATHS_KEPT:
            self._paths.clear()
            self._version = version
        paths, found = self._paths, {}
        size = _LOOKED_UP if enough > _FEWEST_LOOKED_AT else _FEWEST_LOOKED_AT
        for first in range(0, len(known), size):
            part = known[first : first + size]
            new = [at for at in part if at not in paths]
            if new:
                # Noted when all are known: what a question did not get to know is not gone.
                there = dict(select(database, "SELECT id, path FROM file WHERE id IN ({})", new))
                paths.update((at, there.get(at, "")) for at in new)
            found.update({at: path for at in part if (path := paths[at])})
            if len(found) >= enough:
                break
        return found

    def _paths_with_each(
        self, database: sqlite3.Connection, terms: Collection[str], most: int
    ) -> dict[str, tuple[str, ...]]:
        counts: Counter[str] = Counter()
        parts: defaultdict[str, list[tuple[int, Posting]]] = defaultdict(list)
        for term, segment, posting in postings(database, terms):
            counts[term] += posting.many
            parts[term].append((segment, posting))
        allowed = most if gone_files(database) == 0 else 2 * most  # files that are gone are counted too
        found: dict[str, tuple[str, ...]] = {}
        for term, lists in parts.items():
            if counts[term] > allowed:
                found[term] = ()
                continue
            known = [at for segment, one in lists for at in numbers(files_at(database, segment, term, one))]
            if paths := self._paths_of(database, known, len(known)).values():
                found[term] = tuple(paths) if len(paths) <= most else ()
        return found

    def _defined(self, database: sqlite3.Connection, hits: Iterable[names.Hit], limit: int) -> tuple[str, ...]:
        """Give the first distinct names that a file still defines."""
        all_there = gone_files(database) == 0
        there: dict[str, bool] = {}
        left = limit
        for _, name, segment, place, block in hits:
            if left and name not in there:
                there[name] = all_there or self._is_defined(database, name, segment, posting_at(block, place))
                left -= there[name]
        return tuple(name for name, is_there in there.items() if is_there)

    def _is_defined(self, database: sqlite3.Connection, name: str, segment: int, posting: Posting) -> bool:
        """Tell whether a file has a definition of a name: one of these here, else any."""
        term = definition_term(name)
        parts = parts_at(database, segment, term, posting)
        here = any(self._paths_of(database, numbers(part), 1) for part in parts)
        return here or bool(self._files_of(database, term, 1))


def _content(database: sqlite3.Connection, query: str, path: str) -> bytes:
    row = database.execute(query, (path,)).fetchone()
    return row[0] if row else b""


def _symbols_in(
    database: sqlite3.Connection, files: Iterable[Live], limit: int, wanted: Callable[[bytes], Iterable[Symbol]]
) -> tuple[Definition, ...]:
    found: list[Definition] = []
    for path, at in files:
        (packed,) = database.execute("SELECT symbols FROM content WHERE file = ?", (at,)).fetchone()
        found += [Definition(path, symbol) for symbol in wanted(packed)]
        if len(found) >= limit:
            break
    return tuple(found[:limit])
