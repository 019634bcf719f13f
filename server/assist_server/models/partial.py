"""A model file on its way in: what has come so far stays in a `.part` file, so that the next run goes on from there."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from assist_server.core.errors import ModelError
from assist_server.models.catalogue import CatalogueModel
from assist_server.models.store import ModelStore, mark

Progress = Callable[[int, int], None]
"""Takes the bytes that are there and the bytes of the whole file."""

_BLOCK = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartialFile:
    """The `.part` file of one model, open for appending, with the running hash of its bytes.

    Used as a context manager while the store is locked. `length` is the number of bytes that are there.
    """

    def __init__(self, store: ModelStore, model: CatalogueModel, progress: Progress) -> None:
        self.model = model
        self.path = store.partial(model)
        self.length = 0
        self._final = store.file(model)
        self._digest = sha256()
        self._progress = progress

    def __enter__(self) -> "PartialFile":
        with self.reported():
            if self.left_behind() > self.model.file.size:
                self.path.unlink()
            self._file = self.path.open("ab", buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def keep(self, length: int | None = None) -> None:
        """Take up what an earlier run left: all of it, or so many bytes; the rest is cut off."""
        self._digest, self.length = sha256(), 0
        with self.reported(), self.path.open("rb") as file:
            while block := file.read(min(_BLOCK, _BLOCK if length is None else length - self.length)):
                self._digest.update(block)
                self.length += len(block)
            self._file.truncate(self.length)
        self._progress(self.length, self.model.file.size)

    def left_behind(self) -> int:
        """Give the bytes that an earlier run left."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def check_room(self, beside: int = 0) -> None:
        """Raise ModelError unless the disk holds what is still to come and so many bytes beside it."""
        need = self.model.file.size - self.length + beside
        with self.reported():
            free = shutil.disk_usage(self.path.parent).free
        if free < need:
            raise ModelError(
                f"{self.path.parent} has {_megabytes(free)} free, and {self.model.name} needs {_megabytes(need)} more",
                hint="make room there, or move the folder by ASSIST_DATA_DIR",
            )

    def append(self, block: bytes) -> None:
        """Write more bytes; raises ModelError for a full disk, and for more bytes than the file has."""
        if self.length + len(block) > self.model.file.size:
            raise self._wrong("it is longer than the file that the catalogue names")
        rest = memoryview(block)
        with self.reported():
            while rest:
                written = self._file.write(rest)
                self._digest.update(rest[:written])
                self.length += written
                rest = rest[written:]
        self._progress(self.length, self.model.file.size)

    def finish(self) -> Path:
        """Check the SHA-256, give the file its name and mark it; a wrong file is deleted, and raises ModelError."""
        if self.length < self.model.file.size:
            raise ModelError(
                f"the download of {self.model.name} ended after {self.length:,} of {self.model.file.size:,} bytes",
                hint="run the command again: it goes on where it stopped",
            )
        digest = self._digest.hexdigest()
        if digest != self.model.file.sha256:
            raise self._wrong("its SHA-256 is not the one that the catalogue names")
        with self.reported():
            os.fsync(self._file.fileno())
            self.path.replace(self._final)
            mark(self._final, digest)
        return self._final

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Raise ModelError for what goes wrong with the store's folder."""
        try:
            yield
        except OSError as error:
            raise self._failed(error) from error

    def _wrong(self, why: str) -> ModelError:
        """Delete what came, and give the error that says so."""
        with self.reported():
            self.path.unlink()
        return ModelError(
            f"what was fetched as {self.model.name} is something else: {why}",
            hint="nothing was kept; run the command again or try another `--source`",
        )

    def _failed(self, error: OSError) -> ModelError:
        if error.errno in _FULL:
            need = _megabytes(self.model.file.size - self.length)
            return ModelError(
                f"the disk is full: {self.model.name} needs {need} more in {self.path.parent}",
                hint="make room, then run the command again: it goes on where it stopped",
            )
        return ModelError(f"{self.path} cannot be written: {error.strerror or error}")


def _megabytes(size: int) -> str:
    return f"{-(-size // 1_000_000):,} MB"
