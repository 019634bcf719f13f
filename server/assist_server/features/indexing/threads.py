"""The threads of one workspace in the indexing process: they wait, list, watch, and put what they find in a queue."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple

from filelock import Timeout

from assist_server.core.folders import make_private
from assist_server.features.indexing.containment import Contained
from assist_server.features.indexing.listing import Listed, Lister
from assist_server.features.indexing.watch import Watch
from assist_server.features.indexing.workspace import IndexFolder

_LOCK_SECONDS = 0.5


class Heard(NamedTuple):
    """What a thread of a workspace has to say to the main one."""

    what: Literal["owned", "touched", "again", "polling", "listed"]
    root: str
    paths: tuple[str, ...] = ()
    listed: Listed | None = None


class Threads:
    """What goes on beside the main thread for one workspace, and its lock. hear: called in any of the threads."""

    def __init__(self, root: str, folder: IndexFolder, hear: Callable[[Heard], None], contained: Contained) -> None:
        self._root = root
        self._folder = folder
        self._hear = hear
        self._lock = folder.lock()
        self._ended = threading.Event()
        self._waiter: threading.Thread | None = None
        self._watch: Watch | None = None
        self.lister = Lister(folder, lambda found: hear(Heard("listed", root, listed=found)), contained)

    def take_lock(self) -> bool:
        """Try to become the one that writes; raises OSError."""
        make_private(self._folder.path.parent)
        with suppress(Timeout):
            self._lock.acquire(timeout=0)
        return self._lock.is_locked

    def wait_for_lock(self) -> None:
        """Try again until it works, and say so."""
        self._waiter = threading.Thread(target=self._wait, name="lock", daemon=True)
        self._waiter.start()

    def free_lock(self) -> None:
        """Let another process write."""
        self._lock.release(force=True)

    def join_waiter(self) -> None:
        """Be sure that the lock is not taken any more; only after `stop`."""
        if self._waiter is not None:
            self._waiter.join()

    def watch(self) -> None:
        """Begin to follow what changes; again where the watch has failed in a way that nobody foresaw."""
        if self._watch is None or not self._watch.alive:
            self._watch = Watch(self._folder.root, self)
            self._watch.start()

    def stop(self) -> None:
        """Let all threads end soon."""
        self._ended.set()
        self.lister.stop()
        if self._watch is not None:
            self._watch.stop()

    def touched(self, paths: tuple[str, ...]) -> None:
        """Pass on that files have changed."""
        self._hear(Heard("touched", self._root, paths))

    def look_again(self) -> None:
        """Pass on that anything may have changed."""
        self._hear(Heard("again", self._root))

    def polling(self) -> None:
        """Pass on that changes are found late."""
        self._hear(Heard("polling", self._root))

    def _wait(self) -> None:
        while not self._ended.wait(_LOCK_SECONDS):
            with suppress(Timeout, OSError):
                self._lock.acquire(timeout=0)
                self._hear(Heard("owned", self._root))
                return
