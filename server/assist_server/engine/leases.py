"""Who uses an engine: one file a client process, touched on every use."""

import os
from pathlib import Path

from assist_server.engine.folder import EngineFolder, read_record, write_record
from assist_server.engine.process import ProcessId, alive, read_process


def lease_path(folder: EngineFolder, client: ProcessId) -> Path:
    """Give the lease of a client."""
    return folder.leases / f"{client.pid}-{client.created:.2f}.json"


def touch_lease(folder: EngineFolder, client: ProcessId) -> None:
    """Say that a client uses the engine now; raises OSError where it cannot be written."""
    path = lease_path(folder, client)
    try:
        os.utime(path)
    except FileNotFoundError:
        folder.leases.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_record(path, client.record())


def drop_lease(folder: EngineFolder, client: ProcessId) -> None:
    """Say that a client has done with the engine."""
    lease_path(folder, client).unlink(missing_ok=True)


def clients(folder: EngineFolder) -> tuple[ProcessId, ...]:
    """List the clients whose processes run."""
    found = (read_process(read_record(path)) for path in _leases(folder))
    return tuple(client for client in found if client is not None and alive(client))


def drop_dead_leases(folder: EngineFolder) -> None:
    """Delete the leases of processes that have ended."""
    for path in _leases(folder):
        client = read_process(read_record(path))
        if client is None or not alive(client):
            path.unlink(missing_ok=True)


def last_touch(folder: EngineFolder) -> int:
    """Give the time of the newest lease in nanoseconds since the epoch, 0 where there is none."""
    return max(map(_touched, _leases(folder)), default=0)


def _touched(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0  # its client has just done with it


def _leases(folder: EngineFolder) -> tuple[Path, ...]:
    try:
        return tuple(path for path in folder.leases.iterdir() if path.suffix == ".json" and path.name[0] != ".")
    except OSError:
        return ()
