"""The indexing process: `python -m assist_server.features.indexing.child CACHE MEGABYTES`.

Jobs come in on standard input and events go out on standard output, a JSON object a line. The main thread does all the
work; other threads only put something in its queue. It ends when its input ends, so it never outlives who started it.
"""

import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

from assist_context.errors import IndexUnusable
from assist_server.core.logs import log_crash
from assist_server.features.indexing.containment import Result
from assist_server.features.indexing.messages import Alive, Event, Job, event_line, read_job
from assist_server.features.indexing.threads import Heard
from assist_server.features.indexing.work import Office, Work

_NICE = 10
_BEAT_SECONDS = 1.0
_LOOK_SECONDS = 2.0
# How long the file that is being read may take once the input has ended.
_LAST_SECONDS = 5.0
_PIECE = 65536

log = logging.getLogger("assist_server.features.indexing.child")  # __name__ is __main__ here


class Child:
    """The process from its start to its end. tell: writes an event."""

    def __init__(self, cache: Path, most_bytes: int, tell: Callable[[Event], None]) -> None:
        self._queue: SimpleQueue[Job | Heard] = SimpleQueue()
        self._tell = tell
        self._office = Office(cache, most_bytes, self._queue.put, tell, contained)
        self._works: dict[str, Work] = {}
        self._seen = 0
        self._alive = Alive(0, busy=False)
        self._told_at = 0.0
        self._over = False

    @property
    def give(self) -> Callable[[Job], None]:
        """Give a job from another thread."""
        return self._queue.put

    def run(self) -> None:
        """Work until told to quit, then close all indexes in good order."""
        while not self._over:
            job = self._next()
            if job is not None:
                self._take(job)
            else:
                self._go_on()
            self._beat()
        for root in tuple(self._works):
            self._remove(root)

    def _next(self) -> Job | Heard | None:
        works = self._works.values()
        try:
            if any(work.pending for work in works):
                return self._queue.get_nowait()
            return self._queue.get(timeout=_BEAT_SECONDS if any(work.busy for work in works) else _LOOK_SECONDS)
        except Empty:
            return None

    def _take(self, job: Job | Heard) -> None:
        if isinstance(job, Heard):
            if job.root in self._works:
                work = self._works[job.root]
                self._attempt(work, lambda: work.heard(job))
            return
        self._seen = job.number
        if job.do == "quit":
            self._over = True
        elif job.do == "add":
            self._add(job)
        elif job.do == "remove":
            self._remove(job.root)
        elif job.root in self._works:
            work = self._works[job.root]
            actions: dict[str, Callable[[], None]] = {
                "changed": lambda: work.changed(job.paths),
                "near": lambda: work.near(job.paths),
                "rescan": work.rescan,
            }
            self._attempt(work, actions[job.do])

    def _add(self, job: Job) -> None:
        if job.root in self._works:
            self._works[job.root].near(job.paths)
            return
        work = Work(job.root, self._office, near=job.paths, watch=job.watch)
        self._works[job.root] = work
        self._attempt(work, work.start)

    def _remove(self, root: str) -> None:
        work = self._works.pop(root, None)
        if work is not None:
            self._attempt(work, work.close)

    def _go_on(self) -> None:
        for work in tuple(self._works.values()):
            self._attempt(work, partial(work.step, self._urgent) if work.pending else work.idle)

    def _urgent(self) -> bool:
        return self._over or not self._queue.empty()

    def _attempt(self, work: Work, action: Callable[[], None]) -> None:
        """Do something; what goes wrong costs that workspace and not the others."""
        try:
            action()
        except (OSError, IndexUnusable) as error:
            reason = error.message if isinstance(error, IndexUnusable) else error.strerror or type(error).__name__
            self._fail(work, "storage", reason, error)
        except Exception as error:  # noqa: BLE001 - the edge of the process: the other workspaces go on
            log_crash(log, error)
            self._fail(work, "failed", type(error).__name__, error)

    def _fail(self, work: Work, code: str, reason: str, error: Exception) -> None:
        log.warning("no index of %s: %s", work.root, reason)
        try:
            work.fail(code, f"there is no index of {work.root}: {reason}", error)
        except (OSError, IndexUnusable) as again:
            work.fail(code, f"there is no index of {work.root}: {reason}", again)

    def _beat(self) -> None:
        alive = Alive(self._seen, busy=any(work.busy for work in self._works.values()))
        now = monotonic()
        if alive != self._alive or (alive.busy and now - self._told_at >= _BEAT_SECONDS):
            self._alive, self._told_at = alive, now
            self._tell(alive)


def contained(action: Callable[[], Result]) -> Result | Exception:
    """Do something, and give what comes of it: its value, or the error that nobody foresaw."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - the edge of the process: a file or a listing costs only itself
        return error


def main(arguments: list[str]) -> int:
    """Run until the input ends."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    faulthandler.enable()
    if hasattr(os, "nice"):
        os.nice(_NICE)  # on Windows whoever starts this process gives it its priority
    # Whatever prints by mistake must not end up among the events.
    output = os.dup(1)
    os.dup2(2, 1)

    def tell(event: Event) -> None:
        try:
            _write(output, event_line(event))
        except OSError:
            child.give(Job("quit"))  # nobody listens any more

    child = Child(Path(arguments[0]), int(arguments[1]) * 1_000_000, tell)
    signal.signal(signal.SIGTERM, lambda _number, _frame: child.give(Job("quit")))
    threading.Thread(target=_read, args=(child.give,), name="reader", daemon=True).start()
    child.run()
    return 0


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _read(give: Callable[[Job], None]) -> None:
    """Pass the jobs on until there are no more, and see to it that the process ends then whatever it is at."""
    left = b""
    while piece := os.read(0, _PIECE):
        *lines, left = (left + piece).split(b"\n")
        for job in filter(None, map(_job, lines)):
            give(job)
    give(Job("quit"))
    threading.Event().wait(_LAST_SECONDS)
    os._exit(1)


def _job(line: bytes) -> Job | None:
    try:
        return read_job(line)
    except (ValueError, TypeError):
        log.warning("a job of %d bytes cannot be read", len(line))
        return None


if __name__ == "__main__":
    # Not by the interpreter's own end, which waits for threads that sit in the system's watch.
    os._exit(main(sys.argv[1:]))
