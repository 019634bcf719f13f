"""What changes in a workspace, seen by the system's own watches, or by looking again where those are too few."""

import logging
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from assist_context.index.ignore import IGNORE_FILE, is_tool_folder

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

# A change is told after one to two steps; changes that go on are told after `_LONGEST` at the latest. Milliseconds.
_STEP = 30
_LONGEST = 300
_LOOK_AT_ROOT = 1000
_POLL_SECONDS = 5.0
# After so many looks the watches are tried again: others may have given theirs back.
_POLLS = 100
_ADDED, _DELETED = 1, 3
# The system drops what it cannot queue without a word to us, so all files are looked at now and then.
_SAFETY_SECONDS = 300.0
# More than these at once are found quicker, and more surely, by looking at all files: the system's queue is bounded.
MOST_TOGETHER = 100
# What says which files there are.
_RULE_FILES = frozenset({".gitignore", ".gitmodules", IGNORE_FILE})
# What git changes when it changes which files it follows.
_GIT_FILES = frozenset({".git", ".git/HEAD", ".git/index", ".git/info/exclude"})

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Whoever wants to know; called in the watch's own thread."""

    def touched(self, paths: tuple[str, ...]) -> None:
        """Hear of files or folders that are new, changed or gone; below the root, with slashes."""
        ...

    def look_again(self) -> None:
        """Hear that anything may have changed."""
        ...

    def polling(self) -> None:
        """Hear that changes are found late, by looking again now and then."""
        ...


class Watch:
    """The watch on one folder, in a thread of its own; told once it is there, and whatever happens to it later."""

    def __init__(self, root: Path, listener: Listener, *, poll_seconds: float = _POLL_SECONDS) -> None:
        self._root = root
        self._listener = listener
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._told = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin; the listener is told to look again as soon as nothing can be missed any more."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Tell whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End soon."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._watch_once()

    def _watch_once(self) -> None:
        """Watch until told to stop, until the root is another folder, or until there is reason to poll."""
        from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError  # noqa: PLC0415 - takes a while

        try:
            identity = _identity(self._root)  # before the watch, which does not mind a folder that is not there
            with RustNotify([str(self._root)], False, False, 0, True, True) as notify:  # noqa: FBT003 - its own order
                self._check_enough()
                self._listener.look_again()
                self._follow(notify, identity)
        except FileNotFoundError:
            self._stop.wait(_LOOK_AT_ROOT / 1000)  # moved or deleted; it may come back
        except (OSError, WatchfilesRustInternalError) as error:
            log.warning("the watch on a workspace failed: %s", type(error).__name__)
            self._poll()

    def _follow(self, notify: "RustNotify", identity: tuple[int, int]) -> None:
        """Tell what changes; raise FileNotFoundError when the root is another folder than it was."""
        checked, looked = True, monotonic()
        while True:
            found = notify.watch(_LONGEST, _STEP, _LOOK_AT_ROOT, self._stop)
            if isinstance(found, set):
                checked = checked and all(change != _ADDED for change, _ in found)
                self._tell(path for _, path in found)
                if (_DELETED, str(self._root)) in found:
                    raise FileNotFoundError  # a folder that is made in its place may get the same number
            elif found != "timeout":
                return
            elif not checked:
                checked = True
                self._check_enough()
            if _identity(self._root) != identity:
                raise FileNotFoundError
            if monotonic() - looked > _SAFETY_SECONDS:
                looked = monotonic()
                self._listener.look_again()

    def _check_enough(self) -> None:
        """Raise OSError where the system gives no more watches.

        The watch itself is told to pass over folders without rights, and passes over a lack of watches as well.
        """
        from watchfiles._rust_notify import RustNotify  # noqa: PLC0415 - takes a while

        with suppress(FileNotFoundError, PermissionError), RustNotify([str(self._root)], False, False, 0, False, False):  # noqa: FBT003 - its own order
            return

    def _tell(self, changed: Iterable[str]) -> None:
        paths, again = sort_changes(self._root, changed)
        if again:
            self._listener.look_again()
        elif paths:
            self._listener.touched(paths)

    def _poll(self) -> None:
        if not self._told:
            self._told = True
            self._listener.polling()
        for _ in range(_POLLS):
            self._listener.look_again()
            if self._stop.wait(self._poll_seconds):
                return


def sort_changes(root: Path, changed: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Give the paths below the root that may matter, and whether all files must be looked at instead."""
    start = f"{root}{os.sep}" if not str(root).endswith(os.sep) else str(root)
    found: set[str] = set()
    for whole in changed:
        path = whole.removeprefix(start)
        if len(path) == len(whole):
            return (), True  # the root itself
        path = path if os.sep == "/" else path.replace(os.sep, "/")
        parts = path.split("/")
        if ".git" in parts:
            if path in _GIT_FILES:
                return (), True
        elif parts[-1] in _RULE_FILES:
            return (), True
        elif not any(map(is_tool_folder, parts[:-1])):
            found.add(path)
    return ((), True) if len(found) > MOST_TOGETHER else (tuple(sorted(found)), False)


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
