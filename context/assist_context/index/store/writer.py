"""Writing the index: batches of files, and the merging of their segments."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet

from assist_context.errors import IndexBusy, IndexDamaged, IndexMissing
from assist_context.index.batch import Batch, Entry, Numbering
from assist_context.index.seal import (
    break_seal,
    condemn,
    discard,
    is_condemned,
    remove_logs,
    state_of,
    write_seal,
)
from assist_context.index.segments import (
    NUMBER,
    PIECE,
    Block,
    Cutter,
    Run,
    merged,
    number,
    numbers,
    postings_of,
    to_merge,
)
from assist_context.index.store.reader import IndexReader
from assist_context.index.store.tables import (
    files_at,
    gone_files,
    is_sound,
    opened_to_write,
    select,
    sensible,
    sum_of,
    typed_errors,
)

_BLOCKS_MERGED, _DELETED_AT_ONCE = 32, 2_000  # in one step
_LONG_PART = 1_000 * NUMBER  # bytes of a long list in a row, so that its beginning can be read alone
_STATE = "SELECT next_file, next_block, next_segment FROM state"
_LEFTOVERS = (
    (
        "SELECT segment FROM block WHERE segment NOT IN (SELECT id FROM segment) LIMIT 1",
        "DELETE FROM block WHERE id IN (SELECT id FROM block WHERE segment = ? LIMIT ?)",
    ),
    (
        "SELECT segment FROM long WHERE segment NOT IN (SELECT id FROM segment) LIMIT 1",
        "DELETE FROM long WHERE id IN (SELECT id FROM long WHERE segment = ? LIMIT ?)",
    ),
)


class Store(IndexReader):
    """One workspace's index, to be written; by one process at a time. Used as a context manager.

    A file that is damaged or of another version is thrown away when it is opened. Leaving it in good order seals it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._numbering = Numbering(1)
        self._next_block = self._next_segment = 1
        self._state = (1, 1, 1)
        self._sealed = False
        self._removed: dict[str, int] = {}
        self._batches: WeakSet[Batch] = WeakSet()

    def __enter__(self) -> "Store":
        with typed_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sealed = _made_sound(self._path)
        try:
            self._open()
        except IndexDamaged:
            self.close()
            with typed_errors(self._path):
                discard(self._path)
            self._sealed = False
            self._open()
        return self

    def __exit__(self, *raised: object) -> None:
        if raised[0] is None and not is_condemned(self._path):
            self.seal()
        self.close()
        if isinstance(raised[1], IndexDamaged):
            condemn(self._path)

    def batch(self) -> Batch:
        """Begin to collect files."""
        batch = Batch(self._numbering)
        self._batches.add(batch)
        return batch

    def write(self, batch: Batch) -> None:
        """Write what was collected at once, or nothing of it; the batch is used up."""
        if not batch:
            return
        cutter = Cutter()
        blocks = [*cutter.add(batch.run()), *cutter.finish()]
        with self._changing() as database:
            there = dict(select(database, "SELECT path, id FROM file WHERE path IN ({})", batch.newest))
            entries = [one for one in batch.entries.values() if not self._is_stale(one, there)]
            _delete(database, [at for path, at in there.items() if at < batch.newest[path]])
            _insert(database, entries)
            database.executemany(
                "UPDATE file SET changed = ? WHERE path = ? AND digest = ?",
                [(record.changed, path, record.digest) for path, record in batch.dated.items()],
            )
            if entries:
                segment, first_name = self._reserve(sum(block.of_names for block in blocks))
                after = self._write_blocks(database, segment, blocks, first_name)
                self._write_long(database, segment, cutter.long)
                files = b"".join([number(one.number) for one in batch.entries.values()])
                _insert_segment(database, (segment, batch.postings, first_name, after, files))
        self._batches.discard(batch)
        self._removed.update(batch.removed)
        if not any(other.entries for other in self._batches):
            self._removed.clear()

    def tidy(self) -> Iterator[None]:
        """Merge segments where there are many, in small steps; may be left at any of them."""
        yield from self._drop_leftovers()
        while True:
            with self._reading() as database:
                sizes = dict(database.execute("SELECT id, postings FROM segment"))
                (files,) = database.execute("SELECT files FROM state").fetchone()
                half_is_gone = gone_files(database) > 100 + files
            chosen = to_merge(sizes, half_is_gone=half_is_gone)
            if not chosen:
                return
            yield from self._merge(chosen)
            yield from self._drop_leftovers()

    def seal(self) -> None:
        """Write everything back into the file and seal it; the next change breaks the seal.

        Raises IndexDamaged, as writing does, where a reader has found damage.
        """
        with typed_errors(self._path):
            if self._database is None:
                return
            self._check_uncondemned()
            if self._sealed:
                return
            busy, *_ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                write_seal(self._path)
                self._sealed = True

    def _open(self) -> None:
        with typed_errors(self._path), sensible(self._path):
            self._database = opened_to_write(self._path)
            first, *_ = self._state = self._database.execute(_STATE).fetchone()
            self._numbering = Numbering(first)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Change all that is inside at once, or nothing."""
        with typed_errors(self._path):
            database = self._connected()
            self._check_uncondemned()
            if self._sealed:
                break_seal(self._path)
                self._sealed = False
            database.execute("BEGIN IMMEDIATE")
            try:
                if database.execute(_STATE).fetchone() != self._state:
                    raise IndexBusy("another process writes this index")
                _, self._next_block, self._next_segment = self._state
                yield database
                state = (self._numbering.value, self._next_block, self._next_segment)
                database.execute("UPDATE state SET (next_file, next_block, next_segment) = (?, ?, ?)", state)
                database.execute("COMMIT")
                self._state = state
            finally:
                self._paths.clear()
                if database.in_transaction:
                    database.rollback()

    def _check_uncondemned(self) -> None:
        """See to it that nothing is built on a file that a reader found damaged."""
        if is_condemned(self._path):
            raise IndexDamaged(f"{self._path} was found damaged", hint="assist index build")

    def _connected(self) -> sqlite3.Connection:
        if self._database is None:
            raise IndexMissing("the index is not open")
        return self._database

    def _is_stale(self, entry: Entry, there: Mapping[str, int]) -> bool:
        """Tell whether a path was written or removed by another batch after an entry was collected."""
        path = entry.record.path
        return max(there.get(path, 0), self._removed.get(path, 0)) > entry.number

    def _write_blocks(
        self, database: sqlite3.Connection, segment: int, blocks: Iterable[Block], first_name: int
    ) -> int:
        """Write blocks, those of names under numbers that were reserved; give the number after the last of these."""
        rows = []
        for block in blocks:
            if block.of_names:
                at = first_name
                first_name += 1
            else:
                at = self._next_block
                self._next_block += 1
            rows.append((at, segment, block.first, block.data, sum_of(at, segment, block.first, block.data)))
        database.executemany("INSERT INTO block VALUES (?, ?, ?, ?, ?)", rows)
        return first_name

    @staticmethod
    def _write_long(database: sqlite3.Connection, segment: int, long: list[tuple[str, bytes]]) -> None:
        rows = [
            (segment, term, at, part := files[at : at + _LONG_PART], sum_of(segment, term, at, part))
            for term, files in long
            for at in range(0, len(files), _LONG_PART)
        ]
        database.executemany("INSERT INTO long (segment, term, part, files, sum) VALUES (?, ?, ?, ?, ?)", rows)
        long.clear()

    def _merge(self, chosen: Sequence[int]) -> Iterator[None]:
        """Write some segments anew as one; until that is whole, it is not known to any reader."""
        with self._changing() as database:
            form = "SELECT postings, after_names - first_name, files FROM segment WHERE id IN ({})"
            rows = list(select(database, form, chosen))
            there = {at for (at,) in database.execute("SELECT id FROM file")}
            segment, first_name = self._reserve(sum(names for _, names, _ in rows))
        known = b"".join([files for _, _, files in rows])
        files = _only(known, there)
        keep = None if len(files) == len(known) else lambda files: _only(files, there)
        cutter, after, postings = Cutter(), first_name, 0
        for run in merged([self._terms_in(one) for one in chosen], keep):
            postings += sum(map(len, run.files)) // NUMBER
            with self._changing() as database:
                after = self._write_blocks(database, segment, cutter.add(run), after)
                self._write_long(database, segment, cutter.long)
            yield
        with self._changing() as database:
            after = self._write_blocks(database, segment, cutter.finish(), after)
            self._write_long(database, segment, cutter.long)
            database.executemany("DELETE FROM segment WHERE id = ?", [(one,) for one in chosen])
            _insert_segment(database, (segment, postings, first_name, after, files))
        yield

    def _reserve(self, name_blocks: int) -> tuple[int, int]:
        """Take a number for a segment, and numbers for its blocks of names, which must follow each other."""
        segment, first_name = self._next_segment, self._next_block
        self._next_segment += 1
        self._next_block += name_blocks
        return segment, first_name

    def _terms_in(self, segment: int) -> Iterator[Run]:
        """Give the terms of a segment with their files, but no pieces of names: those are made anew."""
        after = ""
        while True:
            with self._reading() as database:
                rows = database.execute(
                    "SELECT first, data FROM block WHERE segment = ? AND first > ? ORDER BY first LIMIT ?",
                    (segment, after, _BLOCKS_MERGED),
                ).fetchall()
                if not rows:
                    return
                after = rows[-1][0]
                found = [
                    (term, files_at(database, segment, term, posting))
                    for first, block in rows
                    if first[0] != PIECE
                    for term, posting in postings_of(block)
                ]
            if found:
                yield Run(*zip(*found, strict=True))

    def _drop_leftovers(self) -> Iterator[None]:
        """Delete the rows of segments that were merged, and of merges that were never finished."""
        for find, delete in _LEFTOVERS:
            while True:
                with self._reading() as database:
                    row = database.execute(find).fetchone()
                if row is None:
                    break
                with self._changing() as database:
                    database.execute(delete, (row[0], _DELETED_AT_ONCE))
                yield


def _made_sound(path: Path) -> bool:
    """Throw away what cannot be trusted; tell whether there is a file under its seal."""
    state = state_of(path)
    if state == "sealed":
        remove_logs(path)
        return True
    if state == "unsealed" and is_sound(path):
        return False
    discard(path)
    return False


def _delete(database: sqlite3.Connection, files: Sequence[int]) -> None:
    gone = list(select(database, "SELECT symbols, size, id FROM file WHERE id IN ({})", files))
    database.executemany("DELETE FROM file WHERE id = ?", [(at,) for at in files])
    database.executemany("DELETE FROM content WHERE file = ?", [(at,) for at in files])
    _count(database, -len(gone), -sum(symbols for symbols, _, _ in gone), -sum(size for _, size, _ in gone))


def _insert(database: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    database.executemany(
        "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(one.number, *one.record, one.symbols, sum_of(one.number, *one.record[:4], one.symbols)) for one in entries],
    )
    database.executemany(
        "INSERT INTO content VALUES (?, ?, ?, ?, ?)",
        [(one.number, *one.content, sum_of(one.number, *one.content)) for one in entries],
    )
    _count(database, len(entries), sum(one.symbols for one in entries), sum(one.record.size for one in entries))


def _count(database: sqlite3.Connection, files: int, symbols: int, size: int) -> None:
    database.execute(
        "UPDATE state SET files = files + ?, symbols = symbols + ?, bytes = bytes + ?", (files, symbols, size)
    )


def _insert_segment(database: sqlite3.Connection, row: tuple[int, int, int, int, bytes]) -> None:
    count = len(row[-1]) // NUMBER
    database.execute(
        "INSERT INTO segment (id, postings, first_name, after_names, files, count, sum) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*row, count, sum_of(*row, count)),
    )


def _only(files: bytes, there: set[int]) -> bytes:
    """Give those of some files that are there."""
    known = numbers(files)
    return files if there.issuperset(known) else b"".join([number(at) for at in known if at in there])
