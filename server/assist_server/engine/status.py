"""All engines of a user: what runs, and how to stop it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import filelock

from assist_server.engine.connection import read_connection
from assist_server.engine.folder import EngineFolder, engine_folders, reported
from assist_server.engine.leases import clients, drop_dead_leases
from assist_server.engine.process import ProcessId
from assist_server.engine.spec import read_spec
from assist_server.engine.start import clean, end_host, hold, live_host


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine whose process is there.

    running: it answers; False while it loads its model. url, started, version, context_length are None until then.
    clients: how many processes use it. started: seconds since the epoch. log: the path of its log.
    """

    running: bool
    pid: int
    model: str
    url: str | None
    clients: int
    started: float | None
    context_length: int | None
    version: str | None
    log: Path


def engine_statuses(cache: Path) -> tuple[EngineStatus, ...]:
    """List the engines that run or load; raises EngineError for a folder that is not this user's."""
    found = ((folder, live_host(folder)) for folder in engine_folders(cache))
    return tuple(_status(folder, host) for folder, host in found if host is not None)


async def stop_engines(cache: Path) -> int:
    """Stop all engines and wait until their processes have ended; returns how many ran. Raises EngineError."""
    return await asyncio.to_thread(_stop, cache)


def _stop(cache: Path) -> int:
    stopped = 0
    for folder in engine_folders(cache):
        host = live_host(folder)
        with reported(folder.path):
            stopped += end_host(host) if host is not None else 0
            _clean(folder)
    return stopped


def _clean(folder: EngineFolder) -> None:
    lock = filelock.FileLock(folder.lock, mode=0o600)
    if not hold(lock):
        return  # a client is starting the engine again, and has cleaned
    try:
        if live_host(folder) is None:
            clean(folder)
        drop_dead_leases(folder)
    finally:
        lock.release()


def _status(folder: EngineFolder, host: ProcessId) -> EngineStatus:
    connection = read_connection(folder)
    if connection is not None and connection.process != host:
        connection = None
    spec = read_spec(folder.spec)
    return EngineStatus(
        running=connection is not None,
        pid=host.pid,
        model=connection.model if connection else spec.alias if spec else "",
        url=connection.url if connection else None,
        clients=len(clients(folder)),
        started=connection.started if connection else None,
        context_length=connection.context_length if connection else None,
        version=connection.version if connection else None,
        log=folder.log,
    )
