"""The shared engine as one client sees it: ask for its address before every request."""

import asyncio
import logging
import threading
from pathlib import Path
from time import monotonic

from assist_server.config.settings import EngineSettings
from assist_server.core.errors import EngineError
from assist_server.engine.connection import Connection, running
from assist_server.engine.folder import EngineFolder, make_engine_folder, reported
from assist_server.engine.leases import drop_lease, touch_lease
from assist_server.engine.process import this_process
from assist_server.engine.spec import EngineSpec, make_spec
from assist_server.engine.start import Start
from assist_server.net.address import Address

# an engine that failed to start fails the same way at the next keystroke
_FAILURE_HOLDS = 3.0

log = logging.getLogger(__name__)


class Engine:
    """llama.cpp in a process of its own, shared by all clients of the user that ask for the same model and settings."""

    def __init__(self, *, cache: Path, settings: EngineSettings, model_path: Path, alias: str) -> None:
        self._cache = cache
        self._settings = settings
        self._model_path = model_path
        self._alias = alias
        self._me = this_process()
        self._folder: EngineFolder | None = None
        self._abandoned = threading.Event()
        self._start: asyncio.Task[Connection | EngineError] | None = None
        self._failed: tuple[str, float, EngineError] | None = None

    async def address(self) -> Address:
        """Give the engine's address and say that it is used; start it where it does not run.

        Quick while it runs. A start goes on when the caller is cancelled: the next one finds the engine loaded.
        Raises ModelError where the model file is missing, EngineError where the engine cannot start.
        """
        spec = make_spec(self._settings, model_path=self._model_path, alias=self._alias)
        folder = make_engine_folder(self._cache, spec.key)
        self._folder = folder
        with reported(folder.path):
            touch_lease(folder, self._me)  # before the connection is read: an idle host looks at it in the other order
        connection = running(folder)
        return (connection or await self._started(folder, spec)).address

    async def release(self) -> None:
        """Say that this client has done with the engine; others keep it, and it ends when it was idle long enough."""
        self._abandoned.set()
        if self._start is not None:
            await asyncio.wait([self._start])
        if self._folder is not None:
            with reported(self._folder.path):
                drop_lease(self._folder, self._me)

    async def _started(self, folder: EngineFolder, spec: EngineSpec) -> Connection:
        if self._failed is not None and self._failed[0] == spec.key and monotonic() < self._failed[1]:
            raise _again(self._failed[2])
        if self._start is None or self._start.done():
            self._abandoned = threading.Event()
            self._start = asyncio.create_task(self._run(Start(folder, spec, self._abandoned), self._abandoned))
        task = self._start
        await asyncio.wait([task])
        outcome = task.result()
        if isinstance(outcome, EngineError):
            self._failed = (spec.key, monotonic() + _FAILURE_HOLDS, outcome)
            raise _again(outcome)
        return outcome

    async def _run(self, start: Start, abandoned: threading.Event) -> Connection | EngineError:
        begin = monotonic()
        try:
            with reported(self._cache):
                connection = await asyncio.to_thread(start.run)
        except EngineError as error:
            return error
        except asyncio.CancelledError:
            abandoned.set()  # or the thread would hold up the end of the program
            raise
        log.info("engine ready after %.1f s: process %s", monotonic() - begin, connection.process.pid)
        return connection


def _again(error: EngineError) -> EngineError:
    """Copy an error, so that each of those who wait raises one of its own."""
    return EngineError(error.message, hint=error.hint)
