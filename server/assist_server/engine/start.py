"""Find the shared engine, or start it. Blocks: for a thread.

The lock lets one client at a time start an engine; the host's own lock, held as long as the host lives, makes sure that
there is never a second one, even where a client dies between starting a host and saying so.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from time import monotonic
from typing import Any

import filelock
import psutil

from assist_server.core.errors import EngineError
from assist_server.engine.connection import Connection, running
from assist_server.engine.failure import last_words, read_failure
from assist_server.engine.folder import EngineFolder, read_record, write_record
from assist_server.engine.process import ProcessId, alive, end, identify, read_process
from assist_server.engine.spec import EngineSpec

_LOOK_EVERY = 0.05
# a host may wait for a child of its own for a while
_PATIENCE = 15.0

log = logging.getLogger(__name__)


class Start:
    """One client's wait for the engine; `abandoned` ends it from another thread."""

    def __init__(self, folder: EngineFolder, spec: EngineSpec, abandoned: threading.Event) -> None:
        self._folder = folder
        self._spec = spec
        self._abandoned = abandoned
        self._deadline = monotonic() + spec.start_timeout_ms / 1000

    def run(self) -> Connection:
        """Give the connection of the engine, started where it did not run; raises EngineError, OSError."""
        with self._lock():
            host = live_host(self._folder)
            while True:
                started = host is None
                process = self._spawn() if started else None
                host = host or _identify(process)
                connection = self._wait(host)
                if connection is not None:
                    return connection
                host = live_host(self._folder)
                if started and host is None:
                    raise self._failure(process)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        lock = filelock.FileLock(self._folder.lock, mode=0o600)
        while not hold(lock):
            self._check_patience()
        try:
            yield
        finally:
            lock.release()

    def _wait(self, host: ProcessId | None) -> Connection | None:
        """Wait until the engine listens, or its host has ended (None)."""
        while True:
            connection = running(self._folder)
            if connection is not None or host is None or not alive(host):
                return connection
            try:
                self._check_patience()
            except EngineError:
                if not self._abandoned.is_set():
                    end_host(host)
                raise
            self._abandoned.wait(_LOOK_EVERY)

    def _check_patience(self) -> None:
        if self._abandoned.is_set():
            raise EngineError("the wait for the engine was given up")
        if monotonic() > self._deadline:
            raise EngineError(
                f"the engine did not load its model within {self._spec.start_timeout_ms / 1000:.0f} s",
                hint=f"take a smaller model or a longer `engine.startTimeoutMs`; its log is {self._folder.log}",
            )

    def _spawn(self) -> "subprocess.Popen[bytes]":
        """Start a host that outlives this process and has nothing of its session, streams or folder."""
        clean(self._folder)
        write_record(self._folder.spec, asdict(self._spec))
        output = os.open(self._folder.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module by our own interpreter
                [sys.executable, "-m", "assist_server.engine.host", str(self._folder.spec)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # `-m` looks for modules in the working directory first, which must not be a project's
                cwd=self._folder.path,
                **_detached(),
            )
        finally:
            os.close(output)
        # somebody has to wait for it, or it stays as a zombie when it ends before this process does
        threading.Thread(target=process.wait, name="engine-reaper", daemon=True).start()
        log.info("engine started: pid %s, model %s", process.pid, self._spec.alias)
        return process

    def _failure(self, process: "subprocess.Popen[bytes] | None") -> EngineError:
        reported = read_failure(self._folder)
        if reported is not None:
            return reported
        words = last_words(self._folder.log)
        reason = f": {words}" if words else ""
        return EngineError(
            f"the engine ended while it started{_by_signal(process)}{reason}", hint=f"its log is {self._folder.log}"
        )


def hold(lock: filelock.BaseFileLock) -> bool:
    """Take a lock, or give up soon (False)."""
    try:
        lock.acquire(timeout=4 * _LOOK_EVERY, poll_interval=_LOOK_EVERY)
    except filelock.Timeout:
        return False
    return True


def live_host(folder: EngineFolder) -> ProcessId | None:
    """Give the host that runs or is loading its model."""
    host = read_process(read_record(folder.process))
    return host if host is not None and alive(host) else None


def end_host(host: ProcessId) -> int:
    """Stop a host with all that it started; 1 where it ran."""
    return end([host], patience=_PATIENCE)


def clean(folder: EngineFolder) -> None:
    """Remove what an engine that has ended left behind, a child of a killed host included; needs the lock."""
    child = read_process((read_record(folder.process) or {}).get("child"))
    if child is not None:
        end([child], patience=_PATIENCE)
    for path in (folder.connection, folder.process, folder.failure, folder.keys):
        path.unlink(missing_ok=True)


def _identify(process: "subprocess.Popen[bytes] | None") -> ProcessId | None:
    try:
        return identify(process.pid) if process is not None else None
    except psutil.NoSuchProcess:
        return None


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _by_signal(process: "subprocess.Popen[bytes] | None") -> str:
    try:
        code = process.wait(timeout=1) if process is not None else 0
    except subprocess.TimeoutExpired:
        return ""
    if code >= 0:
        return ""
    try:
        return f", ended by {signal.Signals(-code).name}"
    except ValueError:
        return f", ended by signal {-code}"
