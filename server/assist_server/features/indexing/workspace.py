"""Where the index of a workspace lies, who may write it, and how it is read.

<cache>/index/
    <name>-<hash>.lock    held by the process that writes this index; stays, so that nobody holds a deleted one
    <name>-<hash>/
        index.db          the index, and what SQLite keeps beside it
        complete          there while all files are in the index
        used              touched when a process begins with it: the oldest go first where room is needed
        at                the file that the indexing process is working on
        left-out.json     files that stop the parser
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import ClassVar

from filelock import FileLock, Timeout

from assist_context.index.store import IndexReader
from assist_server.core.errors import AssistError
from assist_server.core.folders import make_private


class NoIndex(AssistError):
    """A workspace that has no index yet."""

    code: ClassVar[str] = "no-index"


@dataclass(frozen=True, slots=True)
class IndexFolder:
    """Where the index of one workspace is kept. root: the workspace, resolved."""

    root: Path
    path: Path

    @property
    def database(self) -> Path:
        """The index itself."""
        return self.path / "index.db"

    @property
    def complete(self) -> Path:
        """Says that all files are in the index."""
        return self.path / "complete"

    @property
    def used(self) -> Path:
        """Tells when this index was last begun with."""
        return self.path / "used"

    @property
    def at(self) -> Path:
        """The file that is being worked on."""
        return self.path / "at"

    @property
    def left_out(self) -> Path:
        """Files that stop the parser."""
        return self.path / "left-out.json"

    def lock(self) -> FileLock:
        """Give the lock of whoever writes; any thread may take and release it."""
        return _lock(self.path)

    def touch(self) -> None:
        """Make the folder, and say that it is used now; raises OSError."""
        make_private(self.path)
        self.used.touch(mode=0o600)
        os.utime(self.used)


def index_root(cache: Path) -> Path:
    """Give the folder that holds the indexes of all workspaces."""
    return cache / "index"


def index_folder(cache: Path, workspace: Path) -> IndexFolder:
    """Tell where a workspace's index lies; never inside the workspace."""
    root = workspace.resolve()
    key = sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return IndexFolder(root, index_root(cache) / f"{root.name[:40]}-{key}")


def is_too_wide(folder: Path) -> bool:
    """Tell whether a folder holds all that a user has: the home folder, or one above it, is no workspace to index."""
    try:
        home = Path.home().resolve()
    except RuntimeError:  # a user without a home folder
        return folder.resolve() == Path(folder.anchor)
    return folder.resolve() in {home, *home.parents}


@contextmanager
def reads(folder: IndexFolder) -> Iterator[IndexReader]:
    """Open an index to ask it; raises NoIndex where there is none yet."""
    if not folder.database.is_file():
        raise NoIndex(f"{folder.root} has no index yet", hint="run `assist index build`")
    with IndexReader(folder.database) as store:
        yield store


def clear(folder: IndexFolder) -> bool:
    """Delete an index, and tell whether there was one; a process that keeps it sees that and builds it anew."""
    there = folder.database.is_file()
    with suppress(OSError, Timeout), folder.lock().acquire(timeout=0):
        rmtree(folder.path, ignore_errors=True)
        return there
    for path in (folder.complete, folder.left_out, folder.database):
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return there


def make_room(cache: Path, most: int, *, keep: IndexFolder) -> int:
    """Delete the indexes that were not used for the longest time until all are at most `most` bytes.

    Never `keep`, nor one that a process is writing. Returns how many are deleted.
    """
    sizes = {path: _size(path) for path in _folders(index_root(cache))}
    total, deleted = sum(sizes.values()), 0
    for path in sorted(sizes.keys() - {keep.path}, key=_last_use):
        if total <= most:
            break
        with suppress(OSError, Timeout), _lock(path).acquire(timeout=0):
            rmtree(path, ignore_errors=True)
            total -= sizes[path]
            deleted += 1
    return deleted


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"), mode=0o600, thread_local=False)


def _folders(root: Path) -> list[Path]:
    try:
        return [path for path in root.iterdir() if path.is_dir()]
    except OSError:
        return []


def _size(path: Path) -> int:
    total = 0
    with suppress(OSError):
        for file in path.iterdir():
            total += file.stat().st_size
    return total


def _last_use(path: Path) -> float:
    for file in (path / "used", path):
        with suppress(OSError):
            return file.stat().st_mtime
    return 0.0
