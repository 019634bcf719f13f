"""The index of one workspace for a command: brought up to date once, then asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from assist_context.index.records import Totals
from assist_server.core.errors import AssistError
from assist_server.features.indexing.messages import FATAL, Event, Progress, Ready, Trouble, Waiting
from assist_server.features.indexing.process import MEGABYTES, IndexProcess
from assist_server.features.indexing.workspace import NoIndex, clear, index_folder, reads

_LOOK_SECONDS = 0.1


class IndexFailed(AssistError):
    """An index that cannot be built."""

    code = "index"


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What is in an index after a build; skipped: how many files were left out, by reason.

    by_other: another process keeps this index, and has just brought it up to date.
    """

    totals: Totals
    read: int
    removed: int
    seconds: float
    skipped: tuple[tuple[str, int], ...]
    by_other: bool = False


class WorkspaceIndex:
    """The index of one workspace. cache: the user's cache folder. output: where the indexing process prints."""

    def __init__(self, cache: Path, workspace: Path, *, output: Path, megabytes: int = MEGABYTES) -> None:
        self._cache = cache
        self._folder = index_folder(cache, workspace)
        self._output = output
        self._megabytes = megabytes

    async def build(self, progress: Callable[[int, int], None]) -> IndexReport:
        """Bring it up to date; raises IndexFailed where it cannot be."""
        began = monotonic()
        build = _Build(progress)
        async with IndexProcess(self._cache, self._output, build.hear, megabytes=self._megabytes) as process:
            process.add(self._folder.root, watch=False)
            while not build.ended.done():
                await asyncio.wait({build.ended}, timeout=_LOOK_SECONDS)
                if build.waits and self._folder.complete.exists():
                    return IndexReport(self.totals(), 0, 0, monotonic() - began, (), by_other=True)
        ready = build.ended.result()
        totals = Totals(ready.files, ready.symbols, ready.bytes)
        return IndexReport(totals, ready.read, ready.removed, ready.seconds, ready.skipped)

    def totals(self) -> Totals:
        """Count what is there; nothing where there is no index."""
        try:
            with reads(self._folder) as store:
                return store.totals()
        except NoIndex:
            return Totals(0, 0, 0)

    def clear(self) -> bool:
        """Delete the index, and tell whether there was one."""
        return clear(self._folder)


class _Build:
    """What is heard of one build. For use in the event loop."""

    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self._progress = progress
        self.ended: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self.waits = False

    def hear(self, event: Event) -> None:
        """Take an event of the indexing process."""
        if isinstance(event, Progress):
            self.waits = False
            self._progress(event.done, event.total)
        elif isinstance(event, Waiting):
            self.waits = True
        elif isinstance(event, Ready) and not self.ended.done():
            self._progress(event.files, event.files)
            self.ended.set_result(event)
        elif isinstance(event, Trouble) and event.code in FATAL and not self.ended.done():
            self.ended.set_exception(IndexFailed(event.text, hint="see `assist --version --json` for the log"))
