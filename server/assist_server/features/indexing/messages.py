"""What the server and its indexing process say to each other: one JSON object a line.

Paths are below the workspace they belong to, with slashes; a root is the whole path of a workspace's folder.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Doing = Literal["add", "remove", "changed", "near", "rescan", "quit"]
MOST_PATHS = 1000
FATAL = frozenset({"storage", "failed", "stopped"})
"""Codes of the troubles that end a build."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the indexing process is to do.

    add: index a workspace, files near `paths` first, and follow its changes if `watch`. remove: have done with it.
    changed: these files were saved. near: these files are open now. rescan: look at all files again. quit: close all
    and end. number: counts the jobs of one process, from 1; 0 for those that it gives itself.
    """

    do: Doing
    root: str = ""
    paths: tuple[str, ...] = ()
    watch: bool = True
    number: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How many files of a build are done."""

    root: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A workspace has been looked through and its index is up to date.

    files, symbols, bytes: what it holds, bytes of source. read, removed: files whose text was new, files that are gone.
    skipped: how many files were left out, by reason.
    """

    root: str
    files: int
    symbols: int
    bytes: int
    read: int
    removed: int
    seconds: float
    skipped: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """Files whose answers are new; none where too many have changed to name them."""

    root: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process keeps this index; this one takes over when that has ended."""

    root: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person should know.

    code: `storage` (no index of this workspace: the disk is full, or may not be written), `polling` (changes are found
    late), `left-out` (a file stops the parser), `stopped` (the process ends again and again), `failed`.
    """

    root: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Alive:
    """The process is not stuck. seen: the number of the last job it took. busy: whether there is more to do."""

    seen: int
    busy: bool


Event = Progress | Ready | Updated | Waiting | Trouble | Alive

_EVENTS: Mapping[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in (Progress, Ready, Updated, Waiting, Trouble, Alive)
}


def job_line(job: Job) -> bytes:
    """Write a job."""
    return _line(asdict(job))


def read_job(line: bytes) -> Job:
    """Read what `job_line` wrote; raises ValueError, TypeError for anything else."""
    return Job(**_frozen(json.loads(line)))


def event_line(event: Event) -> bytes:
    """Write an event."""
    return _line({"event": type(event).__name__.lower(), **asdict(event)})


def read_event(line: bytes) -> Event:
    """Read what `event_line` wrote; raises ValueError, TypeError for anything else."""
    fields = _frozen(json.loads(line))
    kind = _EVENTS.get(str(fields.pop("event", "")))
    if kind is None:
        raise ValueError("no event of the indexing process")
    return kind(**fields)


def _line(fields: Mapping[str, Any]) -> bytes:
    # ASCII, so that names that are no UTF-8 (lone surrogates) come through whole.
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _frozen(fields: object) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise TypeError("not an object")
    return {name: _as_tuple(value) for name, value in fields.items()}


def _as_tuple(value: object) -> object:
    return tuple(_as_tuple(one) for one in value) if isinstance(value, list) else value
