"""Processes by number and time of birth, so that a number that was given again is not taken for an engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

# the system's clock may have been set between two readings of the same time
_SAME_BIRTH = 2.0


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process; created is in seconds since the epoch."""

    pid: int
    created: float

    def record(self) -> dict[str, Any]:
        """Give it as it is written to a file."""
        return {"pid": self.pid, "created": self.created}


def identify(pid: int) -> ProcessId:
    """Give the identity of a process that is there; raises psutil.NoSuchProcess where it has gone."""
    return ProcessId(pid, psutil.Process(pid).create_time())


def this_process() -> ProcessId:
    """Give the identity of the running process."""
    process = psutil.Process()
    return ProcessId(process.pid, process.create_time())


def read_process(record: Mapping[str, Any] | None) -> ProcessId | None:
    """Read what `record` wrote; None for anything else."""
    if record is None:
        return None
    pid, created = record.get("pid"), record.get("created")
    if type(pid) is not int or pid <= 0 or not isinstance(created, (int, float)):
        return None
    return ProcessId(pid, float(created))


def alive(identity: ProcessId) -> bool:
    """Tell whether this very process runs; one that has ended and waits for its parent does not."""
    return _find(identity) is not None


def end(identities: Iterable[ProcessId], *, patience: float) -> int:
    """Ask processes to stop, wait for so many seconds, then kill them and all their children.

    Returns how many of them were running; all have ended then.
    """
    found = [process for process in map(_find, identities) if process is not None]
    everyone = {process for parent in found for process in (parent, *_children(parent))}
    for process in found:
        _signal(process, "terminate")
    _, left = psutil.wait_procs(everyone, timeout=patience)
    for process in left:
        _signal(process, "kill")
    psutil.wait_procs(left, timeout=patience)
    return len(found)


def family(identity: ProcessId) -> tuple[psutil.Process, ...]:
    """Give a process that runs and all that it started; empty where it does not run."""
    process = _find(identity)
    return () if process is None else (process, *_children(process))


def _find(identity: ProcessId) -> psutil.Process | None:
    try:
        process = psutil.Process(identity.pid)
        if abs(process.create_time() - identity.created) > _SAME_BIRTH:
            return None
        return None if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else process
    except psutil.Error:
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _signal(process: psutil.Process, name: str) -> None:
    try:
        getattr(process, name)()
    except psutil.Error:
        return  # it has ended by itself
