"""Bring an index up to date with the files of a workspace: what has changed is read, what is gone is forgotten."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import NamedTuple

from assist_context.errors import ParseTimeout
from assist_context.index.batch import Batch
from assist_context.index.ignore import Reason, as_utf8, why_not_content
from assist_context.index.records import FileRecord
from assist_context.index.scan import changes, read_dated
from assist_context.index.store import Store
from assist_context.languages import language_of
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import NOTHING, FileSyntax, file_syntax, words

_PARSE_SECONDS = 5.0
_SURE = 100_000  # bytes; a smaller file is parsed in no time, without asking the clock
_FIRST_BATCH, _LARGEST_BATCH = 20_000, 200_000  # postings: the first answers come soon, later fewer segments are better
_LONGEST_BATCH = 2.0  # seconds

Progress = Callable[[int, int], None]
"""Takes the files that are done and all of them."""

Quarantine = Mapping[str, tuple[int, int]]
"""Files that stopped the parser, by path: size in bytes and time of change in nanoseconds as they were then."""

_NONE: Quarantine = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did. read: files whose text was new. skipped: how many files were left out, by reason."""

    read: int
    removed: int
    skipped: Mapping[str, int]


class Step(NamedTuple):
    """A file that is about to be read, and how many of how many are done."""

    path: str
    done: int
    total: int


class Content(NamedTuple):
    """A file that was read."""

    record: FileRecord
    source: bytes
    """UTF-8."""


class Build:
    """The way of an index to some files, in steps that leave room for other work.

    Between two steps nothing is locked and other batches may be written to the same store: of two versions of a file
    the one that was read last is kept. What was not yet written when the steps are left is lost.
    """

    def __init__(self, store: Store, root: Path, quarantine: Quarantine = _NONE) -> None:
        self._store = store
        self._root = root
        self._quarantine = quarantine
        self._read = self._removed = 0
        self._skipped: Counter[str] = Counter()

    @property
    def built(self) -> Built:
        """Tell what was done so far."""
        return Built(self._read, self._removed, dict(self._skipped))

    def whole(self, paths: Iterable[str]) -> Iterator[Step]:
        """Make the index one of exactly these files, read in this order; paths are below the root, with slashes."""
        return self._update(paths, self._store.files())

    def some(self, paths: Iterable[str]) -> Iterator[Step]:
        """Bring these files up to date; what is no file any more is forgotten. The others stay as they are."""
        wanted = list(dict.fromkeys(paths))
        return self._update(wanted, {path: record for path in wanted if (record := self._store.file(path))})

    def _update(self, paths: Iterable[str], known: Mapping[str, FileRecord]) -> Iterator[Step]:
        found = changes(self._root, paths, known)
        self._skipped.update(reason.value for _, reason in found.left_out)
        batch = self._store.batch()
        self._forget(batch, found.gone)
        self._store.write(batch)
        batch, most, begun = self._store.batch(), _FIRST_BATCH, monotonic()
        for done, path in enumerate(found.new_or_changed):
            yield Step(path, done, len(found.new_or_changed))
            self._take(batch, path, known.get(path))
            if batch.postings >= most or monotonic() - begun > _LONGEST_BATCH:
                self._store.write(batch)
                batch, most, begun = self._store.batch(), min(2 * most, _LARGEST_BATCH), monotonic()
        self._store.write(batch)

    def _take(self, batch: Batch, path: str, known: FileRecord | None) -> None:
        taken = index_file(batch, self._root, path, known, self._quarantine)
        if not isinstance(taken, Reason):
            self._read += taken
        else:
            self._removed += known is not None
            if taken is not Reason.MISSING:
                self._skipped[taken.value] += 1

    def _forget(self, batch: Batch, paths: Collection[str]) -> None:
        self._removed += len(paths)
        for path in paths:
            batch.remove(path)


def build(store: Store, root: Path, paths: Iterable[str], progress: Progress = lambda _done, _all: None) -> Built:
    """Make the index one of exactly these files, in one go."""
    work = Build(store, root)
    for step in work.whole(paths):
        progress(step.done, step.total)
    for _ in store.tidy():
        pass
    return work.built


def read(root: Path, path: str, quarantine: Quarantine = _NONE) -> Content | Reason:
    """Read a file of a workspace, unless there is a reason to leave it out."""
    found = read_dated(root, path)
    if isinstance(found, Reason):
        return found
    content, changed = found
    if path in quarantine and quarantine[path] == (len(content), changed):
        return Reason.QUARANTINED
    reason = why_not_content(path, content)
    if reason is not None:
        return reason
    source = as_utf8(content)
    first_line = source[: source.find(b"\n")][:200].decode("utf-8", "replace") if source.startswith(b"#!") else ""
    digest = blake2b(content, digest_size=16).digest()
    return Content(FileRecord(path, language_of(path, first_line), digest, len(content), changed), source)


def index_file(
    batch: Batch, root: Path, path: str, known: FileRecord | None, quarantine: Quarantine = _NONE
) -> bool | Reason:
    """Bring a file up to date with the next write of a batch.

    known: what the index has of it. Gives whether its text is new, or why it is left out, and so forgotten.
    """
    content = read(root, path, quarantine)
    if isinstance(content, Reason):
        if known is not None:
            batch.remove(path)
        return content
    record = content.record
    if known is not None and (known.language, known.digest) == (record.language, record.digest):
        if known != record:
            batch.date(record)
        return False
    batch.put(record, syntax_of(record.language, content.source), words(content.source))
    return True


def syntax_of(language: str, source: bytes) -> FileSyntax:
    """Read the syntax of a text; nothing where its language has no grammar, or the grammar takes too long."""
    if language not in GRAMMARS:
        return NOTHING
    try:
        tree = parse(language, source, seconds=_PARSE_SECONDS if len(source) > _SURE else None)
        return file_syntax(language, source, tree)
    except ParseTimeout:
        return NOTHING
