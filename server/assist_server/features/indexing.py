"""The index of a workspace: where it lies, and how it is brought up to date."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from time import monotonic

from filelock import FileLock

from assist_context.index.build import Progress, build
from assist_context.index.scan import walk
from assist_context.index.store import IndexedSymbol, Store, Totals
from assist_server.core.errors import RepositoryError
from assist_server.core.folders import make_private
from assist_server.git import listed_files


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What is in an index after a build; skipped: how many files were left out, by reason."""

    totals: Totals
    read: int
    removed: int
    seconds: float
    skipped: tuple[tuple[str, int], ...]


class WorkspaceIndex:
    """The index of one workspace, in the user's cache folder; never inside the workspace."""

    def __init__(self, cache: Path, workspace: Path) -> None:
        self._workspace = workspace.resolve()
        key = sha256(str(self._workspace).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._cache = cache
        self._folder = cache / "index" / f"{self._workspace.name[:40]}-{key}"

    async def build(self, progress: Progress) -> IndexReport:
        """Read what has changed since the last time."""
        start = monotonic()
        try:
            paths = await listed_files(self._workspace)
        except RepositoryError:
            paths = await asyncio.to_thread(walk, self._workspace)
        make_private(self._folder)
        with FileLock(self._folder / "lock"), Store(self._file) as store:
            built = build(store, self._workspace, paths, progress)
            totals = store.totals()
        skipped = tuple(sorted(built.skipped.items(), key=lambda one: (-one[1], one[0])))
        return IndexReport(totals, built.read, built.removed, monotonic() - start, skipped)

    def totals(self) -> Totals:
        """Count what is there; nothing where there is no index."""
        if not self._file.is_file():
            return Totals(0, 0, 0)
        with Store(self._file) as store:
            return store.totals()

    def symbols(self, query: str, limit: int) -> tuple[IndexedSymbol, ...]:
        """Find definitions by a part of their name."""
        with Store(self._file) as store:
            return store.symbols(query, limit)

    def clear(self) -> bool:
        """Delete the index, and tell whether there was one."""
        there = self._folder.is_dir()
        rmtree(self._folder, ignore_errors=True)
        return there

    @property
    def _file(self) -> Path:
        return self._folder / "index.db"
