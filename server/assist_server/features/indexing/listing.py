"""Which files of a workspace are new, changed or gone, found in a thread of its own."""

import asyncio
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from assist_context.errors import IndexMissing, IndexUnusable
from assist_context.index.ignore import LARGEST
from assist_context.index.records import FileRecord
from assist_context.index.scan import changes, walk
from assist_context.index.store import IndexReader
from assist_server.core.errors import RepositoryError
from assist_server.features.indexing.containment import Contained
from assist_server.features.indexing.left_out import Version
from assist_server.features.indexing.workspace import IndexFolder
from assist_server.git import listed_files

_LONGEST_PAUSE = 5.0


class Listed(NamedTuple):
    """What was found.

    only: the paths that were asked for, none for all. new: files that are not in the index as they are. gone: files of
    the index that are none any more, or do not belong there. left_out: how many others there are, by reason. there:
    whether there is a folder. failure: why nothing could be found. foreign: those of `only` that are files and do not
    belong there, whatever is written into them.
    """

    only: tuple[str, ...]
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    there: bool = True
    failure: Exception | None = None
    foreign: tuple[str, ...] = ()


class Lister:
    """Lists a workspace's files on demand, one listing at a time.

    What is asked for meanwhile is put together. After each listing it rests for as long as that took, so that somebody
    who changes files without end costs a bounded part of the machine.
    found: called in the listing's thread.
    """

    def __init__(self, folder: IndexFolder, found: Callable[[Listed], None], contained: Contained) -> None:
        self._folder = folder
        self._contained = contained
        self._found = found
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._only: set[str] = set()
        self._all = False
        self._runs = False

    def ask(self, only: Collection[str] = ()) -> None:
        """Ask for some paths, or for all files."""
        with self._lock:
            self._only.update(only)
            self._all = self._all or not only
            if self._runs:
                return
            self._runs = True
        threading.Thread(target=self._run, name="listing", daemon=True).start()

    def stop(self) -> None:
        """Begin no listing any more."""
        self._stop.set()

    @property
    def busy(self) -> bool:
        """Tell whether something is being listed."""
        return self._runs

    def _run(self) -> None:
        while (only := self._next()) is not None:
            began = monotonic()
            found = self._look(only)
            with self._lock:
                # Before it is told, so that whoever hears of it sees whether there is more to come.
                done = not (self._all or self._only)
                self._runs = not done
            if self._stop.is_set():
                return
            self._found(found)
            if done:
                return
            self._stop.wait(min(monotonic() - began, _LONGEST_PAUSE))

    def _look(self, only: tuple[str, ...]) -> Listed:
        found = self._contained(lambda: look(self._folder, only))
        return Listed(only, failure=found) if isinstance(found, Exception) else found  # the main thread raises it

    def _next(self) -> tuple[str, ...] | None:
        with self._lock:
            if self._stop.is_set() or not (self._all or self._only):
                self._runs = False
                return None
            only = () if self._all else tuple(sorted(self._only))
            self._only.clear()
            self._all = False
            return only


def look(folder: IndexFolder, only: tuple[str, ...] = ()) -> Listed:
    """Compare a workspace, or some paths of it and below them, with its index as it was last written."""
    root = folder.root
    if not root.is_dir():
        return Listed(only, there=False)
    try:
        with IndexReader(folder.database) as index:
            known = _records(index, root, only)
    except IndexMissing:
        known = {}
    except IndexUnusable as error:
        return Listed(only, failure=error)
    small = {path for path in only if _is_small(root, path)}  # before and after: meanwhile it could be gone and new
    try:
        paths = asyncio.run(listed_files(root, only))
    except RepositoryError:
        paths = walk(root)
        if only:
            paths = tuple(path for path in paths if is_within(path, only))
    found = changes(root, paths, known)
    reasons = Counter(reason.value for _, reason in found.left_out)
    foreign = tuple(path for path in small.difference(found.new_or_changed, found.gone) if _is_small(root, path))
    return Listed(only, found.new_or_changed, found.gone, tuple(reasons.items()), foreign=foreign)


def _is_small(root: Path, path: str) -> bool:
    """Tell whether there is a file that no listing leaves out for its size, which may change."""
    try:
        found = (root / path).lstat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST


def _records(index: IndexReader, root: Path, only: tuple[str, ...]) -> Mapping[str, FileRecord]:
    if not only:
        return index.files()
    if all(version_of(root, path) is not None for path in only):
        # Plain files: nothing of the index is below them.
        return {path: record for path in only if (record := index.file(path)) is not None}
    return {path: record for path, record in index.files().items() if is_within(path, only)}


def version_of(root: Path, path: str) -> Version | None:
    """Give a file's size and time; None where there is none of this name."""
    try:
        found = os.stat(f"{root}/{path}", follow_symlinks=False)  # noqa: PTH116 - called for each file of a workspace
    except OSError:
        return None
    return None if stat.S_ISDIR(found.st_mode) else Version(found.st_size, found.st_mtime_ns)


def is_within(path: str, places: Collection[str]) -> bool:
    """Tell whether a path is one of some, or below one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def nearest_first(paths: Collection[str], near: Collection[str]) -> list[str]:
    """Sort paths by how many folders lie between them and the nearest of some files, then by name."""
    homes = {tuple(path.split("/")[:-1]) for path in near}
    distances: dict[str, int] = {}

    def distance(path: str) -> int:
        folder = path.rpartition("/")[0]
        if folder not in distances:
            parts = tuple(folder.split("/")) if folder else ()
            distances[folder] = min((_between(parts, home) for home in homes), default=0)
        return distances[folder]

    return sorted(paths, key=lambda path: (distance(path), path))


def _between(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    return len(one) + len(other) - 2 * shared
