"""A real indexing process, spoken to line by line, and what is seen of its work from outside."""

import json
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path
from time import monotonic
from typing import TypeVar

from assist_context.errors import IndexUnusable
from assist_server.features.indexing import child
from assist_server.features.indexing.left_out import read_mark
from assist_server.features.indexing.messages import Event, Job, Ready, job_line, read_event
from assist_server.features.indexing.workspace import NoIndex, index_folder, reads

SECONDS = 20.0
E = TypeVar("E")
T = TypeVar("T")


class RawChild:
    """An indexing process with its pipes. prefix: a command that runs it, with what limits it."""

    def __init__(
        self, cache: Path, *, megabytes: int = 2000, prefix: Sequence[str] = (), cwd: Path | None = None
    ) -> None:
        command = [sys.executable, "-m", child.__name__, str(cache), str(megabytes)]
        self._process = subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input = self._process.stdin
        self._output = self._process.stdout
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.heard: list[Event] = []
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._output:
            self._events.put(read_event(line))
        self._events.put(None)

    def __enter__(self) -> "RawChild":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._output.close()
        with suppress(BrokenPipeError):
            self._input.close()

    def send(self, job: Job) -> None:
        """Give it a job."""
        self._input.write(job_line(job))
        self._input.flush()

    def add(self, root: Path, *near: str, watch: bool = False) -> str:
        """Have it index a workspace; give its name in events."""
        name = str(root.resolve())
        self.send(Job("add", name, near, watch))
        return name

    def event(self) -> Event | None:
        """Give its next event, None at its end."""
        event = self._events.get(timeout=SECONDS)
        if event is not None:
            self.heard.append(event)
        return event

    def until(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for an event."""
        deadline = monotonic() + SECONDS
        while monotonic() < deadline and (event := self.event()) is not None:
            if isinstance(event, kind) and fits(event):
                return event
        raise AssertionError(f"no {kind.__name__}, but {self.heard[-5:]}; status {self._process.poll()}")

    def end_input(self) -> None:
        """Close its input, as the end of whoever started it does."""
        self._input.close()

    def quit(self) -> int:
        """Let it end in good order; give its status."""
        self.send(Job("quit"))
        while self.event() is not None:
            pass
        return self._process.wait(SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> int:
        """Kill it, and wait until it is gone."""
        self._process.kill()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; give its status."""
        status = self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        return status


def built(cache: Path, *roots: Path) -> list[Ready]:
    """Bring indexes up to date by a process that ends in good order."""
    with RawChild(cache) as process:
        for root in roots:
            process.add(root)
        found = [process.until(Ready) for _ in roots]
        assert process.quit() == 0
    return found


def indexed(cache: Path, root: Path) -> dict[str, bytes]:
    """Give the files of an index with the digests of their bytes; none where there is no index."""
    try:
        with reads(index_folder(cache, root)) as store:
            return {path: record.digest for path, record in store.files().items()}
    except (NoIndex, IndexUnusable):
        return {}


def eventually(look: Callable[[], T], fits: Callable[[T], object] = bool) -> T:
    """Look again and again until what is seen fits, and give it."""
    deadline = monotonic() + SECONDS
    pause = threading.Event()
    while not fits(seen := look()):
        assert monotonic() < deadline, f"still {seen!r}"
        pause.wait(0.01)
    return seen


def at_file(cache: Path, root: Path, path: str, pid: int) -> None:
    """Wait until a process is at a file."""
    mark = index_folder(cache, root).at
    eventually(lambda: read_mark(mark, pid), lambda at: at is not None and at.path == path)


@contextmanager
def blocked(path: Path) -> Iterator[None]:
    """Make everybody wait who opens a file for reading: a lease that is not given back (Linux, for 45 seconds)."""
    import fcntl

    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # the system's word that somebody waits
    descriptor = os.open(path, os.O_WRONLY)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)


class Kennel:
    """Indexing processes that are forked from one which has everything imported: real ones, and quick to start."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([child.__name__])

    def start(self, cache: Path) -> "ForkedChild":
        """Start one."""
        return ForkedChild(self._context, cache)


class ForkedChild:
    """A forked indexing process with its pipes."""

    def __init__(self, context: ForkServerContext, cache: Path) -> None:
        jobs, self._jobs = context.Pipe(duplex=False)
        self._events, events = context.Pipe(duplex=False)
        self.process = context.Process(target=_run_child, args=(str(cache), jobs, events), daemon=True)
        self.process.start()
        jobs.close()
        events.close()
        self._left = b""

    def send(self, *jobs: Job) -> None:
        """Give it jobs; one that is dead already does not take them."""
        with suppress(BrokenPipeError):
            os.write(self._jobs.fileno(), b"".join(map(job_line, jobs)))

    def event(self) -> Event | None:
        """Give its next event, None at its end."""
        while b"\n" not in self._left:
            piece = os.read(self._events.fileno(), 65536)
            if not piece:
                return None
            self._left += piece
        line, _, self._left = self._left.partition(b"\n")
        return read_event(line)

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        self.process.kill()
        self.process.join(SECONDS)
        self.process.close()
        self._jobs.close()
        self._events.close()


def _run_child(
    cache: str, jobs: "multiprocessing.connection.Connection", events: "multiprocessing.connection.Connection"
) -> None:
    os.dup2(jobs.fileno(), 0)
    os.dup2(events.fileno(), 1)
    jobs.close()
    events.close()
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the fork server's own is closed
    os._exit(child.main([cache, "2000"]))


def limited(limits: Mapping[str, str], mount: Path | None = None, options: str = "size=1m") -> list[str]:
    """Give a command that runs another with limits of its own on what the system gives, in name spaces of its own.

    limits: values below /proc/sys. mount: where a small disk is put. No right of another user's is needed.
    """
    steps = [f"echo {value} > /proc/sys/{name}" for name, value in limits.items()]
    if mount is not None:
        steps.append(f"mount -t tmpfs -o {options} tmpfs {json.dumps(str(mount))}")
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh"]
