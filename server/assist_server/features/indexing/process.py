"""The indexing process as its owner sees it: started, watched over, started anew, stopped."""

import asyncio
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from assist_server import __version__
from assist_server.core.folders import make_private
from assist_server.features.indexing.left_out import At, leave_out, read_mark
from assist_server.features.indexing.messages import Event, Job, Ready, Trouble, Updated, job_line, read_event
from assist_server.features.indexing.watchdog import Watchdog
from assist_server.features.indexing.workspace import IndexFolder, index_folder, index_root

MEGABYTES = 2000
# Far more than the parser's own deadline: a busy machine is no reason to take a file for harmful.
PATIENCE = 30.0
# Before each start after a failure; when they are used up a new job is waited for.
DELAYS = (0.0, 1.0, 5.0, 30.0)
_STOP_SECONDS = 3.0
_LONGEST_LINE = 1 << 20
_LARGEST_LOG = 1_000_000
# A file at which the process has died so often is left out.
_DEATHS = 2
# What git and Python need; keys and tokens of the user's other programs are no business of this process.
_ENVIRONMENT = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP", "XDG_CONFIG_HOME", "VIRTUAL_ENV"}
    | {"SYSTEMROOT", "WINDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PATHEXT", "LD_LIBRARY_PATH"}
    | {"PYTHONPATH", "PYTHONHOME"}
)

log = logging.getLogger(__name__)


class IndexProcess:
    """The one process that writes the indexes of this server's workspaces.

    cache: the user's cache folder. output: the file for what the process would print. hear: called with each event, in
    the event loop. megabytes: the bound of all indexes together. patience: seconds without a sign of life while there
    is work. Used as an asynchronous context manager; the other methods only put a job on its way.
    """

    def __init__(
        self,
        cache: Path,
        output: Path,
        hear: Callable[[Event], None],
        *,
        megabytes: int = MEGABYTES,
        patience: float = PATIENCE,
        delays: Sequence[float] = DELAYS,
    ) -> None:
        self._cache = cache
        self._output = output
        self._hear = hear
        self._megabytes = megabytes
        self._delays = delays
        self._workspaces: dict[str, Job] = {}
        self._deaths: Counter[tuple[Path, At]] = Counter()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._watchdog = Watchdog(patience, self._stuck)
        self._wanted = asyncio.Event()
        self._over = asyncio.Event()
        self._number = 0
        self._fruitful = False
        self._blamed = False

    async def __aenter__(self) -> "IndexProcess":
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the process close its indexes; kill it where that takes too long."""
        self._over.set()
        self._wanted.set()
        self._watchdog.stop()
        if self._task is not None:
            try:
                self._send(Job("quit"))
                await asyncio.wait({self._task}, timeout=_STOP_SECONDS)
            finally:
                self.kill()
                await asyncio.wait({self._task}, timeout=_STOP_SECONDS)
                self._task.cancel()

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process is not None else None

    def add(self, workspace: Path, *, near: Collection[str] = (), watch: bool = True) -> str:
        """Index a workspace, the files near some first, and follow it; give the name it has in events."""
        job = Job("add", str(workspace.resolve()), tuple(near), watch)
        self._workspaces[job.root] = job
        self._give(job)
        return job.root

    def remove(self, root: str) -> None:
        """Have done with a workspace."""
        self._workspaces.pop(root, None)
        self._give(Job("remove", root))

    def changed(self, root: str, paths: Collection[str]) -> None:
        """Say that files were saved; they come before everything else."""
        self._give(Job("changed", root, tuple(paths)))

    def near(self, root: str, paths: Collection[str]) -> None:
        """Say which files are open."""
        if root in self._workspaces:
            self._workspaces[root] = replace(self._workspaces[root], paths=tuple(paths))
        self._give(Job("near", root, tuple(paths)))

    def rescan(self, root: str) -> None:
        """Have all files looked at again."""
        self._give(Job("rescan", root))

    def kill(self) -> None:
        """End the process at once; nothing is lost but the work on a few files."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _give(self, job: Job) -> None:
        self._wanted.set()
        self._send(job)

    def _send(self, job: Job) -> None:
        pipe = self._process.stdin if self._process is not None else None
        if pipe is None or pipe.is_closing():
            return  # all workspaces are given again when it starts
        self._number += 1
        pipe.write(job_line(replace(job, number=self._number)))
        self._watchdog.expect(self._number)

    async def _keep(self) -> None:
        failures = 0
        while not self._over.is_set():
            await self._run()
            failures = 1 if self._fruitful else failures + 1
            if failures > len(self._delays) and not self._over.is_set():
                self._hear(
                    Trouble("", "stopped", "the indexing process ends again and again: the index is not kept up")
                )
                self._wanted.clear()
                await self._wanted.wait()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._over.wait(), self._delays[min(failures, len(self._delays)) - 1])

    async def _run(self) -> None:
        """Start the process and listen to it until it ends."""
        self._fruitful = self._blamed = False
        try:
            process = self._process = await self._start()
        except OSError as error:
            self._hear(Trouble("", "storage", f"there is no index: {error.strerror or 'the cache cannot be used'}"))
            return
        for job in self._workspaces.values():
            self._send(job)
        if self._over.is_set():
            self._send(Job("quit"))
        try:
            while process.stdout is not None and (line := await process.stdout.readline()):
                self._take(line)
        except ValueError:
            log.warning("the indexing process wrote a line without an end")
            self.kill()
        # One that has closed its output and goes on is of no use. One that has ended must not be asked, or the loop
        # does not hear how.
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        if process.returncode is None:
            self.kill()
            await process.wait()
        self._watchdog.stop()
        self._process = None
        if not self._over.is_set():
            log.warning("the indexing process ended with %s", process.returncode)
            self._blame(process.pid)

    async def _start(self) -> asyncio.subprocess.Process:
        folder = make_private(index_root(self._cache))
        make_private(self._output.parent)
        full = self._output.exists() and self._output.stat().st_size > _LARGEST_LOG
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if full else os.O_APPEND)
        output = os.open(self._output, flags, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "assist_server.features.indexing.child", str(self._cache), str(self._megabytes),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=output,
                # `-m` looks for modules in the working directory first, which must not be a project's
                cwd=folder, env=_environment(os.environ), limit=_LONGEST_LINE, **_niced(),
            )  # fmt: skip
        finally:
            os.close(output)

    def _take(self, line: bytes) -> None:
        try:
            event = read_event(line)
        except (ValueError, TypeError):
            log.warning("the indexing process wrote %d bytes that are no event", len(line))
            return
        self._fruitful = self._fruitful or isinstance(event, (Ready, Updated))
        self._watchdog.heard(event)
        self._hear(event)

    def _stuck(self) -> None:
        """Kill a process that gives no sign of life, and leave out the file that it was at."""
        log.warning("the indexing process does not go on")
        found = self._at(self.pid)
        if found is not None:
            self._leave_out(*found)
        self._blamed = True
        self.kill()

    def _blame(self, pid: int) -> None:
        """Leave out a file at which the process has died again."""
        found = None if self._blamed else self._at(pid)
        if found is None:
            return
        folder, at = found
        self._deaths[folder.path, at] += 1
        if self._deaths[folder.path, at] >= _DEATHS:
            self._leave_out(folder, at)

    def _at(self, pid: int | None) -> tuple[IndexFolder, At] | None:
        folders = (index_folder(self._cache, Path(root)) for root in self._workspaces)
        found = ((folder, read_mark(folder.at, pid or 0)) for folder in folders)
        return next(((folder, at) for folder, at in found if at is not None), None)

    def _leave_out(self, folder: IndexFolder, at: At) -> None:
        try:
            leave_out(folder.left_out, __version__, at)
        except OSError as error:
            log.warning("a file that stops the parser cannot be noted: %s", error.strerror)
            return
        self._fruitful = True
        self._hear(
            Trouble(str(folder.root), "left-out", f"{at.path} stops the parser: it is left out until it changes")
        )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.upper() in _ENVIRONMENT}


def _niced() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    return {"start_new_session": True}  # an interrupt from a terminal is for whoever started it
