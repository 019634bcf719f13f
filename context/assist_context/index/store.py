"""The index on disk: one SQLite file, and the only place that speaks SQL.

A file of another version, or one that is broken, is thrown away and made anew: it can always be built again.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assist_context.syntax.symbols import FileSyntax

VERSION = 1

_SCHEMA = """
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, language TEXT NOT NULL,
    digest BLOB NOT NULL, size INTEGER NOT NULL
) STRICT;
CREATE TABLE symbol (
    file INTEGER NOT NULL REFERENCES file (id) ON DELETE CASCADE, name TEXT NOT NULL COLLATE NOCASE, kind TEXT NOT NULL,
    parent TEXT NOT NULL, signature TEXT NOT NULL, doc TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, line INTEGER NOT NULL, last_line INTEGER NOT NULL
) STRICT;
CREATE TABLE reference (
    file INTEGER NOT NULL REFERENCES file (id) ON DELETE CASCADE,
    name TEXT NOT NULL, kind TEXT NOT NULL, line INTEGER NOT NULL
) STRICT;
CREATE TABLE import (
    file INTEGER NOT NULL REFERENCES file (id) ON DELETE CASCADE,
    source TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL, line INTEGER NOT NULL
) STRICT;
CREATE INDEX symbol_name ON symbol (name);
CREATE INDEX symbol_file ON symbol (file);
CREATE INDEX reference_name ON reference (name);
CREATE INDEX reference_file ON reference (file);
CREATE INDEX import_source ON import (source);
CREATE INDEX import_file ON import (file);
"""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file as it was indexed: path below the workspace with slashes, digest of its bytes, size in bytes."""

    path: str
    language: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class IndexedSymbol:
    """A definition and where it is; line from 0."""

    name: str
    kind: str
    path: str
    line: int
    signature: str
    parent: str


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is in an index; bytes of source."""

    files: int
    symbols: int
    bytes: int


class Store:
    """One workspace's index. Used as a context manager; raises sqlite3.Error only for a disk that fails."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "Store":
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._open()
        except sqlite3.DatabaseError:
            self._throw_away()
            self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def files(self) -> Mapping[str, IndexedFile]:
        """Give what is indexed, by path."""
        rows = self._database.execute("SELECT path, language, digest, size FROM file")
        return {row[0]: IndexedFile(*row) for row in rows}

    def put(self, file: IndexedFile, syntax: FileSyntax) -> None:
        """Write a file, in place of what was known of it."""
        self.remove(file.path)
        row = self._database.execute(
            "INSERT INTO file (path, language, digest, size) VALUES (?, ?, ?, ?)",
            (file.path, file.language, file.digest, file.size),
        )
        number = row.lastrowid
        self._database.executemany(
            "INSERT INTO symbol VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (number, s.name, s.kind, s.parent, s.signature, s.doc, s.start, s.end, s.line, s.last_line)
                for s in syntax.symbols
            ),
        )
        self._database.executemany(
            "INSERT INTO reference VALUES (?, ?, ?, ?)", ((number, r.name, r.kind, r.line) for r in syntax.references)
        )
        self._database.executemany(
            "INSERT INTO import VALUES (?, ?, ?, ?, ?)",
            ((number, i.source, i.name, i.alias, i.line) for i in syntax.imports),
        )

    def remove(self, path: str) -> None:
        """Forget a file."""
        self._database.execute("DELETE FROM file WHERE path = ?", (path,))

    @contextmanager
    def changes(self) -> Iterator[None]:
        """Write what is inside at once, or nothing of it."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield

    def symbols(self, query: str, limit: int) -> tuple[IndexedSymbol, ...]:
        """Find definitions whose name contains a text, whatever its case: exact names first, then beginnings."""
        escaped = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._database.execute(
            "SELECT s.name, s.kind, f.path, s.line, s.signature, s.parent FROM symbol s JOIN file f ON f.id = s.file "
            "WHERE s.name LIKE '%' || ?1 || '%' ESCAPE '\\' "
            "ORDER BY s.name != ?2, s.name NOT LIKE ?1 || '%' ESCAPE '\\', length(s.name), s.name, f.path, s.line "
            "LIMIT ?3",
            (escaped, query, limit),
        )
        return tuple(IndexedSymbol(*row) for row in rows)

    def totals(self) -> Totals:
        """Count what is there."""
        files, size = self._database.execute("SELECT count(*), coalesce(sum(size), 0) FROM file").fetchone()
        (symbols,) = self._database.execute("SELECT count(*) FROM symbol").fetchone()
        return Totals(files, symbols, size)

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.Error:
            self._database.close()
            raise

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA foreign_keys = ON")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION or self._database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError

    def _throw_away(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).unlink()
