"""An index that is being written, and what is known of the files that do not belong in it."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from time import monotonic

from assist_context.errors import IndexUnusable
from assist_context.index.batch import Batch
from assist_context.index.build import index_file
from assist_context.index.ignore import Reason
from assist_context.index.records import FileRecord, Totals
from assist_context.index.store import Store
from assist_server import __version__
from assist_server.core.logs import log_crash
from assist_server.features.indexing.containment import Contained
from assist_server.features.indexing.left_out import At, Mark, Version, leave_out, read_left_out
from assist_server.features.indexing.listing import version_of
from assist_server.features.indexing.workspace import IndexFolder

# Terms that are written together: the first answers come soon, later fewer and larger pieces are better.
_FIRST_POSTINGS, _MOST_POSTINGS = 20_000, 200_000
_LONGEST_BATCH = 2.0

log = logging.getLogger(__name__)


class OpenIndex:
    """One workspace's index in the hands of the process that writes it; its methods raise OSError, IndexUnusable.

    Files of a build are collected and written together; what is urgent is written by itself, in between.
    """

    def __init__(self, folder: IndexFolder, contained: Contained) -> None:
        self._root = folder.root
        self._contained = contained
        self._left_out = folder.left_out
        self._stopping = read_left_out(folder.left_out, __version__)
        self._out: dict[str, tuple[Version, str]] = {}
        self._listed_out: Counter[str] = Counter()
        self._mark = Mark(folder.at)
        self._store = Store(folder.database)
        self._store.__enter__()
        self._tidying: Iterator[None] | None = None
        self.read = 0
        """How many files had new text since somebody set it to 0."""
        self._begin(_FIRST_POSTINGS)

    def close(self) -> None:
        """Write what is collected, and close it in good order."""
        try:
            self.flush()
        except IndexUnusable as error:
            self.abandon(error)
            raise
        self._mark.close()
        self._store.__exit__(None, None, None)

    def abandon(self, error: BaseException) -> None:
        """Close it because of an error."""
        self._mark.close()
        self._store.__exit__(type(error), error, None)

    def has(self, paths: Collection[str]) -> frozenset[str]:
        """Give those of some paths that are indexed, or collected."""
        return self._store.has_files(paths) | (self._batch.entries.keys() & set(paths))

    def totals(self) -> Totals:
        """Count what is there."""
        return self._store.totals()

    def knows(self, path: str) -> bool:
        """Tell whether a file was indexed or left out just as it is now."""
        now = version_of(self._root, path)
        if now is None:
            return False
        if path in self._out and self._out[path][0] == now:
            return True
        record = self._store.file(path)
        return record is not None and (record.size, record.changed) == now

    def collect(self, path: str) -> bool:
        """Read a file of a build; tell whether enough is collected to be written."""
        self._one(self._batch, path)
        return self._batch.postings >= self._most or monotonic() - self._begun > _LONGEST_BATCH

    def flush(self) -> tuple[str, ...]:
        """Write what is collected, and give its paths."""
        batch = self._batch
        self._begin(min(2 * self._most, _MOST_POSTINGS))
        return self._write(batch)

    def update(self, paths: Collection[str]) -> tuple[str, ...]:
        """Bring files up to date at once; give the paths of which the index says something else now."""
        batch = self._store.batch()
        for path in paths:
            self._one(batch, path)
        return self._write(batch)

    def remove(self, paths: Collection[str]) -> tuple[str, ...]:
        """Forget files; give the paths of which there was something to forget."""
        batch = self._store.batch()
        for path in paths:
            self._out.pop(path, None)
            batch.remove(path)
        return self._write(batch)

    def tidy(self) -> bool:
        """Do a little for the speed of later answers; tell whether there may be more to do."""
        if self._tidying is None:
            return False
        if next(self._tidying, self) is self:
            self._tidying = None
        return self._tidying is not None

    def seal(self) -> None:
        """Leave the file so that whoever opens it next need not check it."""
        self._store.seal()

    def left_out_by_listing(self, reasons: Counter[str], paths: Collection[str]) -> None:
        """Note how many files no listing gives, and forget why others were left out that are not among these now."""
        self._listed_out = reasons
        for path in self._out.keys() - set(paths):
            del self._out[path]

    def skipped(self) -> tuple[tuple[str, int], ...]:
        """Count the files that are left out by reason, the most frequent first."""
        counts = self._listed_out + Counter(reason for _, reason in self._out.values())
        return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    def _begin(self, most: int) -> None:
        self._batch, self._most, self._begun = self._store.batch(), most, monotonic()

    def _write(self, batch: Batch) -> tuple[str, ...]:
        paths = tuple({**batch.newest, **batch.dated})
        if paths:
            self._store.write(batch)
            self._tidying = self._store.tidy()
        return paths

    def _one(self, batch: Batch, path: str) -> None:
        version = version_of(self._root, path)
        known = self._batch.record(path) or self._store.file(path)
        if version is not None and self._stopping.get(path) == version:
            if known is not None:
                batch.remove(path)
            found: bool | Reason = Reason.QUARANTINED
        else:
            found = self._read(batch, path, version, known)
        self.read += found is True
        if isinstance(found, Reason) and version is not None:
            self._out[path] = (version, found.value)
        else:
            self._out.pop(path, None)

    def _read(self, batch: Batch, path: str, version: Version | None, known: FileRecord | None) -> bool | Reason:
        """Index a file; one at which something unforeseen happens is left out as one that stops the parser."""
        if version is not None:
            self._mark.set(path, version)
        try:
            found = self._contained(lambda: index_file(batch, self._root, path, known))
            if not isinstance(found, Exception):
                return found
            log_crash(log, found)
            batch.remove(path)  # what was collected of it before
            if version is not None:
                with suppress(OSError):
                    leave_out(self._left_out, __version__, At(path, version))
            return Reason.QUARANTINED
        finally:
            self._mark.clear()
