"""Files that stop the parser: which one is being worked on, and which are left out until they change.

No signal ends an external scanner of a grammar that loops, so the file it was at must be known from outside.
"""

import json
import os
from collections.abc import Mapping
from mmap import mmap
from pathlib import Path
from typing import NamedTuple

_ROOM = 8192
_HEAD = 4
_LONGEST = 1_000_000


class Version(NamedTuple):
    """A file as it was when it was worked on: size in bytes, time of the last change in nanoseconds."""

    size: int
    changed: int


class At(NamedTuple):
    """What a process was working on."""

    path: str
    version: Version


class Mark:
    """The file that says what this process is working on.

    It is mapped into memory: saying it costs a microsecond, and what was said stays when the process is killed.
    Raises OSError where it cannot be made.
    """

    def __init__(self, file: Path) -> None:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            os.write(descriptor, bytes(_ROOM))  # a hole in it could not be filled on a full disk, which kills
            self._map = mmap(descriptor, _ROOM)
        finally:
            os.close(descriptor)
        self._process = os.getpid()
        self.clear()

    def set(self, path: str, version: Version) -> None:
        """Say that a file is being worked on."""
        said = b"%d %d %d " % (self._process, *version) + path.encode("utf-8", "surrogateescape")
        self.clear()
        if len(said) <= _ROOM - _HEAD:
            self._map[_HEAD : _HEAD + len(said)] = said
            self._map[:_HEAD] = len(said).to_bytes(_HEAD, "little")

    def clear(self) -> None:
        """Say that no file is being worked on."""
        self._map[:_HEAD] = bytes(_HEAD)

    def close(self) -> None:
        """Let go of the file, so that it can be deleted."""
        self.clear()
        self._map.close()


def read_mark(file: Path, process: int) -> At | None:
    """Tell what a process was working on; None where that was no file, or another process has the folder."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_ROOM)
        said = content[_HEAD : _HEAD + int.from_bytes(content[:_HEAD], "little")]
        number, size, changed, path = said.split(b" ", 3)
        if int(number) != process:
            return None
        return At(path.decode("utf-8", "surrogateescape"), Version(int(size), int(changed)))
    except (OSError, ValueError):
        return None


def read_left_out(file: Path, product: str) -> Mapping[str, Version]:
    """Read which files are left out; none where another version of the product wrote it, whose grammars were others."""
    try:
        with file.open("rb") as stream:
            found = json.loads(stream.read(_LONGEST))
        if found["product"] != product:
            return {}
        return {str(path): Version(int(size), int(changed)) for path, size, changed in found["files"]}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}


def leave_out(file: Path, product: str, at: At) -> None:
    """Add a file, in one step; raises OSError."""
    files = {**read_left_out(file, product), at.path: at.version}
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            json.dump({"product": product, "files": [(path, *version) for path, version in files.items()]}, stream)
        unfinished.replace(file)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
