"""The files of one engine, in a folder that only its user can enter.

<cache>/engine/<key>/
    connection.json   where the running engine listens, and its key; whoever removes it stops the engine
    process.json      the host process, from before it loads the model, and its child where it has one
    spec.json         what was asked for
    failure.json      why the last start failed
    lock              held by the client that starts the engine
    host.lock         held by the host as long as it lives
    leases/           one file a client, touched on every use
    engine.log        llama.cpp's own log
"""

import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assist_server.core.errors import EngineError
from assist_server.core.folders import make_private

_LONGEST_RECORD = 65_536


@dataclass(frozen=True, slots=True)
class EngineFolder:
    """Where one engine keeps what."""

    path: Path

    @property
    def connection(self) -> Path:
        """The address and key of the running engine."""
        return self.path / "connection.json"

    @property
    def process(self) -> Path:
        """The host process."""
        return self.path / "process.json"

    @property
    def spec(self) -> Path:
        """What was asked for."""
        return self.path / "spec.json"

    @property
    def failure(self) -> Path:
        """Why the last start failed."""
        return self.path / "failure.json"

    @property
    def lock(self) -> Path:
        """The lock of whoever starts the engine, or ends an idle one."""
        return self.path / "lock"

    @property
    def host_lock(self) -> Path:
        """The lock that the host holds as long as it lives."""
        return self.path / "host.lock"

    @property
    def leases(self) -> Path:
        """The folder of the leases."""
        return self.path / "leases"

    @property
    def log(self) -> Path:
        """The log of llama.cpp and the host."""
        return self.path / "engine.log"

    @property
    def keys(self) -> Path:
        """The API key as a `llama-server` program reads it."""
        return self.path / "api-key"


def engine_root(cache: Path) -> Path:
    """Give the folder that holds all engines of the user of this cache."""
    return (cache / "engine").absolute()


def engine_folders(cache: Path) -> tuple[EngineFolder, ...]:
    """List the engines that ever ran here, by their keys; raises EngineError for a folder of another user."""
    root = engine_root(cache)
    with reported(root):
        if not root.is_dir():
            return ()
        check_private(root)
        return tuple(EngineFolder(path) for path in sorted(root.iterdir()) if path.is_dir())


def make_engine_folder(cache: Path, key: str) -> EngineFolder:
    """Create an engine's folder; raises EngineError where it cannot be made private."""
    root = engine_root(cache)
    folder = EngineFolder(root / key)
    with reported(root):
        if not folder.leases.is_dir():
            make_private(folder.leases)
        check_private(root)
    return folder


def check_private(root: Path) -> None:
    """Raise EngineError unless the folder is this user's own; take away what rights others have in it."""
    found = root.lstat()
    hint = "name another cache folder in `ASSIST_CACHE_DIR`"
    if not stat.S_ISDIR(found.st_mode):
        raise EngineError(f"{root} is not a folder", hint=hint)
    if sys.platform == "win32":
        return  # a profile's folders are private by inheritance there
    if found.st_uid != os.geteuid():
        raise EngineError(f"{root} belongs to another user, who could listen in", hint=hint)
    if found.st_mode & 0o077:
        root.chmod(0o700)


@contextmanager
def reported(root: Path) -> Iterator[None]:
    """Turn the system's refusal (a full disk, a folder without rights) into an EngineError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EngineError(
            f"the engine's folder {root} cannot be used: {reason}",
            hint="make room or rights there, or set `ASSIST_CACHE_DIR`",
        ) from error


def read_record(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None for a file that is missing, half-written or anything else."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_LONGEST_RECORD))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_record(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object that only the user can read; readers see all of it or what was there before."""
    write_private(path, json.dumps(value, ensure_ascii=False).encode())


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step by one that only the user can read."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
