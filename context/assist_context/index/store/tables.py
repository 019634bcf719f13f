"""The tables of an index, and what is common to reading and writing them."""

import sqlite3
import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from assist_context.errors import IndexBusy, IndexDamaged, IndexMissing
from assist_context.index.segments import NUMBER, Posting, posting_of
from assist_context.syntax.grammars import index_queries

_FORM = 3  # of the tables and of what is in them; to be raised where these change, or what is read out of a file

# sum: of the other columns, see `sum_of`; of a file without when it was changed, which is set alone.
SCHEMA = """
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1), next_file INTEGER NOT NULL, next_block INTEGER NOT NULL,
    next_segment INTEGER NOT NULL, files INTEGER NOT NULL, symbols INTEGER NOT NULL, bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, language TEXT NOT NULL, digest BLOB NOT NULL,
    size INTEGER NOT NULL, changed INTEGER NOT NULL, symbols INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE content (
    file INTEGER PRIMARY KEY, imports BLOB NOT NULL, symbols BLOB NOT NULL, uses BLOB NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE segment (
    id INTEGER PRIMARY KEY, count INTEGER NOT NULL, postings INTEGER NOT NULL, first_name INTEGER NOT NULL,
    after_names INTEGER NOT NULL, files BLOB NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE block (
    id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, first TEXT NOT NULL, data BLOB NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX block_first ON block (segment, first);
CREATE TABLE long (
    id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, term TEXT NOT NULL, part INTEGER NOT NULL, files BLOB NOT NULL,
    sum INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX long_term ON long (segment, term, part);
INSERT INTO state VALUES (1, 1, 1, 1, 0, 0, 0);
"""


FIND = (
    "SELECT t.column1, s.id, (SELECT b.data FROM block b WHERE b.segment = s.id AND b.first <= t.column1 "
    "ORDER BY b.first DESC LIMIT 1) FROM (VALUES {}) t CROSS JOIN segment s"
)

_SUMMED = (
    "SELECT id, path, language, digest, size, symbols, sum FROM file",
    "SELECT file, imports, symbols, uses, sum FROM content",
    "SELECT id, postings, first_name, after_names, files, count, sum FROM segment",
    "SELECT id, segment, first, data, sum FROM block",
    "SELECT segment, term, part, files, sum FROM long",
)

_AGREES = (
    "SELECT files = (SELECT count(*) FROM file) AND symbols = (SELECT total(symbols) FROM file) "
    "AND bytes = (SELECT total(size) FROM file) AND next_file > (SELECT ifnull(max(id), 0) FROM file) "
    "AND next_block > (SELECT ifnull(max(id), 0) FROM block) "
    "AND next_segment > (SELECT ifnull(max(id), 0) FROM segment) FROM state"
)

_READ_PATIENCE, _WRITE_PATIENCE = 0.25, 10.0  # seconds to wait for a lock
_AT_ONCE = (8, 64, 512)  # how many values one statement takes: few forms of a statement, so that all stay prepared
_PAGE = 8192  # bytes: what is kept of a file seldom needs more than one
_LOG_PAGES = 4_000  # after so many pages the log is written back: 32 MB


def schema_for(version: tuple[int, ...]) -> str:
    """Give the tables as a version of SQLite can make them: older ones know no STRICT, and do without."""
    return SCHEMA if version >= (3, 37) else SCHEMA.replace(" STRICT", "")


def opened_to_read(path: Path) -> sqlite3.Connection:
    """Open the file that a writer made."""
    # By an address, because only so SQLite can be told to make no file where there is none.
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=_READ_PATIENCE,
        check_same_thread=False,
    )
    with ExitStack() as unless_sound:
        unless_sound.callback(database.close)
        check_version(database)
        unless_sound.pop_all()
    return database


def is_sound(path: Path) -> bool:
    """Tell whether a file, of which its log is a part, is one to SQLite and has the rows that were written."""
    database = sqlite3.connect(path, isolation_level=None, timeout=_WRITE_PATIENCE)
    try:
        if database.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            return False
        if database.execute(_AGREES).fetchone() != (1,):
            return False
        return all(sum_of(*row) == said for rows in _SUMMED for *row, said in database.execute(rows))
    except sqlite3.DatabaseError as error:
        if _is_passing(error):
            raise
        return False
    finally:
        database.close()


def sum_of(*values: bytes | str | int) -> int:
    """Give the checksum of a row: SQLite itself keeps none, and takes changed bytes in a value for the value."""
    found = 0
    for value in values:
        found = crc32(value if isinstance(value, bytes) else str(value).encode(), found)
    return found


def opened_to_write(path: Path) -> sqlite3.Connection:
    """Open a sound file, or make it."""
    database = sqlite3.connect(path, isolation_level=None, timeout=_WRITE_PATIENCE)
    with ExitStack() as unless_sound:
        unless_sound.callback(database.close)
        database.execute(f"PRAGMA page_size = {_PAGE}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        (found,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (found, tables) == (0, 0):
            schema = schema_for(sqlite3.sqlite_version_info)
            database.executescript(f"BEGIN; {schema} PRAGMA user_version = {version()}; COMMIT;")
        check_version(database)
        unless_sound.pop_all()
    return database


@cache
def version() -> int:
    """Give the version of an index, 31 bits: also with other queries than it was made with it is to be made anew."""
    return crc32(index_queries().encode(), _FORM) & 0x7FFF_FFFF


def check_version(database: sqlite3.Connection) -> None:
    """See to it that this is an index of this version."""
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found == 0 and not database.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise IndexMissing("there is no index yet", hint="assist index build")
    if found != version():
        raise IndexDamaged(f"the index is of version {found}", hint="assist index build")


def segments(database: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """Give each segment and the numbers of its blocks of names: the first, and the one after the last."""
    found: list[tuple[int, int, int]] = database.execute("SELECT id, first_name, after_names FROM segment").fetchall()
    return found


def gone_files(database: sqlite3.Connection) -> int:
    """Count the files that segments name and that are gone."""
    (found,) = database.execute("SELECT (SELECT total(count) FROM segment) - files FROM state").fetchone()
    return int(found)


def blocks_at(database: sqlite3.Connection, wanted: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Give blocks by their numbers."""
    return select(database, "SELECT id, data FROM block WHERE id IN ({})", wanted)


def postings(database: sqlite3.Connection, terms: Collection[str]) -> Iterator[tuple[str, int, Posting]]:
    """Give what each segment says of each of some terms."""
    for term, segment, block in select(database, FIND, sorted(terms), "(?)"):
        posting = posting_of(block, term) if block else None
        if posting:
            yield term, segment, posting


def parts_at(database: sqlite3.Connection, segment: int, term: str, posting: Posting) -> Iterator[bytes]:
    """Give the numbers of a term's files, read from where long lists are kept if need be, a part at a time."""
    if posting.files is not None:
        yield posting.files
    else:
        query = "SELECT files FROM long WHERE segment = ? AND term = ? ORDER BY part"
        for (files,) in database.execute(query, (segment, term)):
            yield files


def files_at(database: sqlite3.Connection, segment: int, term: str, posting: Posting) -> bytes:
    """Give the numbers of all files of a term; raise ValueError where some are missing."""
    files = b"".join(parts_at(database, segment, term, posting))
    if len(files) != posting.many * NUMBER:
        raise ValueError(posting.many)
    return files


def select(
    database: sqlite3.Connection, form: str, values: Collection[str] | Collection[int], mark: str = "?"
) -> Iterator[tuple[Any, ...]]:
    """Run a statement over many values, a few statements of fixed sizes; NULL fills them up."""
    left = list(values)
    while left:
        size = next((size for size in _AT_ONCE if size >= len(left)), _AT_ONCE[-1])
        part, left = left[:size], left[size:]
        padded = [*part, *[None] * (size - len(part))]
        yield from database.execute(form.format(", ".join([mark] * size)), padded)


def _is_passing(error: sqlite3.Error) -> bool:
    """Tell whether an error says nothing against the file itself."""
    said = str(error)
    return isinstance(error, sqlite3.OperationalError) and not said.startswith(("no such", "Could not decode"))


@contextmanager
def typed_errors(path: Path) -> Iterator[None]:
    """Say what goes wrong with a file in this engine's own errors."""
    try:
        yield
    except sqlite3.Error as error:
        if _is_passing(error):
            raise IndexBusy(f"{path} cannot be used now: {error}") from error
        raise IndexDamaged(f"{path} is damaged: {error}", hint="assist index build") from error
    except OSError as error:
        raise IndexBusy(f"{path} cannot be used now: {error.strerror}") from error


@contextmanager
def sensible(path: Path) -> Iterator[None]:
    """Say of a file that it is damaged if what was read from it cannot be understood."""
    try:
        yield
    except UnicodeEncodeError as error:  # what was asked for is no text, which says nothing against the file
        raise IndexBusy(f"{path} cannot be asked for what is no text") from error
    except (ValueError, IndexError, KeyError, TypeError, struct.error) as error:
        raise IndexDamaged(f"{path} holds what no index holds", hint="assist index build") from error
