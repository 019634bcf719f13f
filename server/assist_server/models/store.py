"""The folder in which our own model files lie.

A file is hashed once; a marker beside it then holds the hash with the size and the time of change that it was taken
at, so that a start of the engine does not read a gigabyte again.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from assist_server.core.errors import ModelError
from assist_server.models.catalogue import Catalogue, CatalogueModel

ModelState = Literal["installed", "damaged", "partial", "absent"]
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The catalogue's models as files of one folder, which need not exist yet.

    What was hashed is remembered here too, for a folder in which no marker can be written.
    """

    folder: Path
    catalogue: Catalogue
    _hashes: dict[tuple[Path, int, int], str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def path_of(self, name: str) -> Path | None:
        """Give a model's file, None where it is not there or is not the file that the catalogue pins."""
        model = self.catalogue.model(name)
        return self.file(model) if self.state(model) == "installed" else None

    def installed(self) -> tuple[CatalogueModel, ...]:
        """Give the models whose files are there and whole."""
        return tuple(model for model in self.catalogue.models if self.state(model) == "installed")

    def state(self, model: CatalogueModel) -> ModelState:
        """Tell what there is of a model; hashes a file that was not hashed since it changed."""
        path = self.file(model)
        try:
            size = path.stat().st_size
            if size == model.file.size and self._hash(path) == model.file.sha256:
                return "installed"
        except FileNotFoundError:
            return "partial" if self.partial(model).exists() else "absent"
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        return "damaged"

    def _hash(self, path: Path) -> str:
        status = path.stat()
        key = (path, status.st_size, status.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = _known_hash(path)
        return self._hashes[key]

    def file(self, model: CatalogueModel) -> Path:
        """Give the place of a model's file, whether it is there or not."""
        return self.folder / model.file.name

    def partial(self, model: CatalogueModel) -> Path:
        """Give the place of a download that has not ended."""
        return self.folder / f"{model.file.name}.part"

    def remove(self, name: str) -> int:
        """Delete a model and what was begun of it; give the bytes freed. Raises ModelError where there is nothing."""
        model = self.catalogue.model(name)
        path = self.file(model)
        freed, found = 0, False
        with self.locked():
            for victim in (path, self.partial(model), _marker(path)):
                try:
                    size = victim.stat().st_size
                    victim.unlink()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise ModelError(f"{victim} cannot be removed: {error.strerror}") from error
                freed, found = freed + size, True
        if not found:
            raise ModelError(f"{name} is not installed", hint="`assist model list` shows what is")
        return freed

    def link(self, model: CatalogueModel, source: Path) -> bool:
        """Give a checked file of this machine a second name in the store; False where the file system cannot.

        Call it with the store locked. Nothing ever writes to a model's file, which may thus be shared.
        """
        fresh = self.folder / ".link"
        try:
            fresh.unlink(missing_ok=True)
            fresh.hardlink_to(source.resolve())
            fresh.replace(self.file(model))
            mark(self.file(model), model.file.sha256)
            self.partial(model).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone, making it where need be; raises ModelError where another process holds it."""
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise ModelError(
                "another assist is fetching or removing a model", hint="wait until it has ended, then try again"
            ) from None
        except OSError as error:
            raise ModelError(f"{self.folder} cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()


def mark(path: Path, digest: str) -> None:
    """Note the SHA-256 of a file as it is now."""
    status = path.stat()
    note = {"sha256": digest, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    _marker(path).write_text(json.dumps(note) + "\n", "utf-8")


def hash_of(path: Path) -> str:
    """Read a whole file and give its SHA-256 in hexadecimal."""
    digest = sha256()
    for _ in read_through(path, digest.update):
        pass
    return digest.hexdigest()


def read_through(path: Path, take: Callable[[bytes], object]) -> Iterator[int]:
    """Hand over a whole file block by block, and yield after each how many bytes have been read."""
    done = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            take(block)
            done += len(block)
            yield done


def _known_hash(path: Path) -> str:
    status = path.stat()
    try:
        note = json.loads(_marker(path).read_text("utf-8"))
        if (note["size"], note["mtime_ns"]) == (status.st_size, status.st_mtime_ns):
            return str(note["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no marker, or one that says nothing: the file is hashed
    digest = hash_of(path)
    with suppress(OSError):  # a folder that cannot be written costs a hashing in every process
        mark(path, digest)
    return digest


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256.json")
