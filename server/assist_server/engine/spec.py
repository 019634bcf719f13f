"""What an engine is asked to be, and the key under which all who ask the same share it."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import assist_server
from assist_server.config.settings import EngineSettings
from assist_server.core.errors import EngineError, ModelError
from assist_server.engine.folder import read_record

# what does not change the engine, only how it is started and ended
_NOT_IN_THE_KEY = {"idle_minutes", "start_timeout_ms"}


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One engine.

    command: the `llama-server` program, an absolute path; empty for the built-in one. threads: 0 where llama.cpp
    chooses; gpu_layers: -1 where it does. model_size (bytes), model_changed (ns): a replaced file is another engine.
    """

    model_path: str
    model_size: int
    model_changed: int
    alias: str
    context_length: int
    batch_size: int
    threads: int
    gpu_layers: int
    command: str
    idle_minutes: float
    start_timeout_ms: int
    assist_version: str = assist_server.__version__

    @property
    def key(self) -> str:
        """The name of the engine's folder, the same for all who ask for the same engine."""
        known = {name: value for name, value in asdict(self).items() if name not in _NOT_IN_THE_KEY}
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def make_spec(settings: EngineSettings, *, model_path: Path, alias: str) -> EngineSpec:
    """Say what engine the settings ask for.

    Raises ModelError where the model file is missing, EngineError where `engine.command` names no program.
    """
    path = model_path.expanduser().absolute()
    try:
        found = path.stat()
        with path.open("rb"):
            pass
    except OSError as error:
        raise ModelError(
            f"the model file {path} cannot be read: {error.strerror}",
            hint="get a model with `assist model pull`, or name another in `engine.model`",
        ) from error
    return EngineSpec(
        model_path=str(path),
        model_size=found.st_size,
        model_changed=found.st_mtime_ns,
        alias=alias,
        context_length=settings.context_length,
        batch_size=settings.batch_size,
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
        command=_program(settings.command) if settings.command else "",
        idle_minutes=settings.idle_minutes,
        start_timeout_ms=settings.start_timeout_ms,
    )


def read_spec(path: Path) -> EngineSpec | None:
    """Read the spec that a client wrote for the host; None for anything else."""
    try:
        return EngineSpec(**(read_record(path) or {}))
    except TypeError:
        return None


def _program(command: str) -> str:
    """Find the user's program; a relative path is refused, because it would name a file of whatever project is open."""
    found = shutil.which(Path(command).expanduser())
    if found is None or not Path(found).is_absolute():
        raise EngineError(
            f"`engine.command` names {command!r}, which is not a program that can be run",
            hint="give the absolute path of a `llama-server`, or leave it empty for the built-in engine",
        )
    return str(found)
