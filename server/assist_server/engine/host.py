"""The engine's own process: `python -m assist_server.engine.host SPEC`.

It outlives the editor that started it, serves every client of its user, and ends when nobody has used it for a while,
when it is told to, or when its connection file is taken away. The client that starts it hears of a failure by a file.
"""

import logging
import signal
import sys
import time
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Protocol

import filelock

from assist_server.core.errors import AssistError, EngineError
from assist_server.core.logs import log_crash
from assist_server.engine.builtin import BuiltinServer
from assist_server.engine.connection import Connection, read_connection, write_connection
from assist_server.engine.failure import write_failure
from assist_server.engine.folder import EngineFolder, read_record, reported, write_record
from assist_server.engine.leases import drop_dead_leases, last_touch
from assist_server.engine.process import ProcessId, read_process, this_process
from assist_server.engine.program import ProgramServer
from assist_server.engine.slots import busy
from assist_server.engine.spec import EngineSpec, read_spec
from assist_server.engine.start import hold, live_host
from assist_server.engine.stopping import Stop

_TICK = 1.0
_LONGEST_LOG = 1_000_000

log = logging.getLogger("assist_server.engine.host")  # __name__ is __main__ here


class Server(Protocol):
    """What runs the model."""

    url: str
    api_key: str
    version: str
    context_length: int

    def ended(self) -> bool:
        """Tell whether it has gone by itself."""
        ...

    def close(self) -> None:
        """Stop it."""
        ...


class Host:
    """One engine, from its start to its end."""

    def __init__(self, spec: EngineSpec, folder: EngineFolder) -> None:
        self._spec = spec
        self._folder = folder
        self._stop = Stop()
        self._me = this_process()
        self._used = monotonic()
        self._touched = 0

    def run(self) -> None:
        """Serve until there is reason to stop; raises EngineError where the server cannot start."""
        self._tell_process(None)
        server = self._start()
        _on_signals(self._stop)
        try:
            connection = self._connection(server)
            write_connection(self._folder, connection)
            self._used, self._touched = monotonic(), last_touch(self._folder)
            log.info("ready: process %s", self._me.pid)
            while not self._over(server, connection):
                self._stop.wait(min(_TICK, self._spec.idle_minutes * 60))
        finally:
            self._remove_records()
            server.close()
            drop_dead_leases(self._folder)
            log.info("stopped")

    def _start(self) -> Server:
        if not self._spec.command:
            return BuiltinServer(self._spec, self._folder)
        _on_signals(self._stop)
        return ProgramServer(self._spec, self._folder, started=self._tell_process, stop=self._stop)

    def _connection(self, server: Server) -> Connection:
        return Connection(
            process=self._me,
            url=server.url,
            api_key=server.api_key,
            model=self._spec.alias,
            model_path=self._spec.model_path,
            context_length=server.context_length,
            started=time.time(),
            version=server.version,
        )

    def _tell_process(self, child: ProcessId | None) -> None:
        write_record(self._folder.process, {**self._me.record(), "child": child.record() if child else None})

    def _over(self, server: Server, connection: Connection) -> bool:
        if self._stop.wait(0):
            return True
        if server.ended():
            log.warning("the program has ended by itself")
            return True
        if read_connection(self._folder) != connection:
            log.warning("the connection file was taken away")
            return True
        drop_dead_leases(self._folder)
        _bound(self._folder.log)
        return self._idle(connection)

    def _idle(self, connection: Connection) -> bool:
        """Tell whether nobody has used the engine for the idle time; its connection file is gone then.

        A client touches its lease before it reads the connection file. So whoever got the file before it went has left
        a touch that is seen here, and the file comes back.
        """
        self._look_at_leases()
        if monotonic() - self._used < self._spec.idle_minutes * 60:
            return False
        if busy(connection.address):
            self._used = monotonic()
            return False
        try:
            with filelock.FileLock(self._folder.lock, mode=0o600).acquire(timeout=0):
                self._folder.connection.unlink(missing_ok=True)
                if not self._look_at_leases():
                    self._folder.process.unlink(missing_ok=True)
                    log.info("idle")
                    return True
                write_connection(self._folder, connection)
        except filelock.Timeout:
            log.info("a client is starting just now")
        return False

    def _look_at_leases(self) -> bool:
        """Tell whether a client has used the engine since the last look, by whatever clock the files have."""
        touched = last_touch(self._folder)
        used = touched not in (self._touched, 0)
        self._touched = touched
        if used:
            self._used = monotonic()
        return used

    def _remove_records(self) -> None:
        """Remove what points to this process, and nothing that a successor wrote."""
        for path in (self._folder.connection, self._folder.process):
            if read_process(read_record(path)) == self._me:
                path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Run an engine for the spec file named by the only argument."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    log.setLevel(logging.INFO)
    path = Path(arguments[0])
    folder, spec = EngineFolder(path.parent), read_spec(path)
    if spec is None:
        write_failure(folder, EngineError("the engine was started without a spec that can be read"))
        return 2
    # a host that is stopping holds it until its model is freed
    lock = filelock.FileLock(folder.host_lock, mode=0o600)
    deadline = monotonic() + spec.start_timeout_ms / 1000
    while not hold(lock):
        if live_host(folder) is not None:
            return 0  # it is loading, and whoever started this process will find it
        if monotonic() > deadline:
            write_failure(
                folder, EngineError("the engine before this one does not end", hint="run `assist engine stop`")
            )
            return 4
    try:
        return _run(spec, folder)
    finally:
        lock.release()


def _run(spec: EngineSpec, folder: EngineFolder) -> int:
    try:
        with reported(folder.path):
            Host(spec, folder).run()
    except AssistError as error:
        write_failure(folder, error)
        return 4
    except Exception as error:  # noqa: BLE001 - the edge of the process: whoever started it must hear of it
        log_crash(log, error)
        write_failure(
            folder, EngineError(f"the engine failed: {type(error).__name__}", hint=f"its log is {folder.log}")
        )
        return 4
    return 0


def _on_signals(stop: Stop) -> None:
    """Stop in good order when told to; until this is called a signal ends the process at once."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _bound(path: Path) -> None:
    try:
        if path.stat().st_size > _LONGEST_LOG:
            path.open("wb").close()
    except OSError:
        return  # the next look will do


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
