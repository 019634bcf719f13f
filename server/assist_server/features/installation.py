"""What is installed on this machine, checked without a server: settings, folders, disk, the embedded engine."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from assist_server.config.resolve import Resolved
from assist_server.config.settings import EngineSettings, Settings
from assist_server.core.errors import AssistError
from assist_server.core.folders import Folders
from assist_server.core.hardware import Machine
from assist_server.features.models import EngineModel, engine_model, memory_need
from assist_server.models.gguf import check_gguf
from assist_server.models.store import ModelStore

State = Literal["ok", "warn", "fail"]

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: message is a sentence without a final stop, fix what to do where it is not ok."""

    id: str
    state: State
    message: str
    fix: str | None = None


def check_configuration(resolved: Resolved, folders: Folders) -> Iterator[Check]:
    """Give every problem of the settings, or say that there is none; what a workspace gets wrong is not the user's."""
    for problem in resolved.problems:
        state: State = "warn" if problem.origin.kind == "workspace file" else "fail"
        yield Check("configuration", state, f"{problem.where}: {problem.message}", problem.hint)
    if not resolved.problems:
        file = folders.config_file
        yield Check("configuration", "ok", f"no problem; your file {'is' if file.is_file() else 'would be'} {file}")


def check_folders(folders: Folders) -> Iterator[Check]:
    """Tell which of the folders that assist writes to cannot be written."""
    named = {"cache": folders.cache, "data": folders.data, "log": folders.log}
    closed = {name: folder for name, folder in named.items() if not _writable(folder)}
    for name, folder in closed.items():
        fix = "change its permissions" + ("" if name == "log" else f", or set ASSIST_{name.upper()}_DIR")
        yield Check("folders", "fail", f"the {name} folder {folder} cannot be written", fix)
    if not closed:
        yield Check("folders", "ok", f"{folders.cache}, {folders.data} and {folders.log} can be written")


def check_disk(settings: Settings, folders: Folders, store: ModelStore, machine: Machine) -> Iterator[Check]:
    """Tell whether the model that is still to be fetched fits on the disk."""
    if machine.disk_free is None:
        yield Check("disk", "warn", f"the free space at {folders.data} is not known")
        return
    model = store.catalogue.find(settings.engine.model)
    # A download from the package index is put together from parts, which takes its size once more.
    need = 0 if model is None or store.state(model) == "installed" else 2 * model.file.size
    free = f"{machine.disk_free / _GIB:.1f} GiB are free at {folders.data}"
    if machine.disk_free < max(need, _GIB // 4):
        wanted = f", {settings.engine.model} may take {need / _GIB:.1f} GiB while it is fetched" if need else ""
        yield Check("disk", "warn", free + wanted, "make room, or move the models with ASSIST_DATA_DIR")
    else:
        yield Check("disk", "ok", free)


def check_engine(
    settings: Settings, store: ModelStore, machine: Machine, *, running: bool, needed: bool
) -> Iterator[Check]:
    """Tell whether the embedded engine has its program, a whole model file and the memory for both.

    running: an engine is up already, so its memory is no longer free. needed: no other server answers; otherwise what
    is missing is told and is no fault.
    """
    missing: State = "fail" if needed else "ok"
    yield _program(settings.engine, missing)
    try:
        model = engine_model(settings.engine, store)
        size = check_gguf(model.path).size
    except AssistError as error:
        yield Check("model", missing, error.message, error.hint)
        return
    yield Check("model", "ok", f"{model.name} is here, {size / _GIB:.2f} GiB in {model.path}")
    if needed:
        yield _memory(settings.engine, model, machine, running=running)


def _program(settings: EngineSettings, missing: State) -> Check:
    if settings.command:
        program = shutil.which(str(Path(settings.command).expanduser()))
        if program is None:
            return Check("engine", missing, f"there is no program {settings.command}", "correct engine.command")
        return Check("engine", "ok", f"the embedded engine is your own {program}")
    if find_spec("xllamacpp") is None:
        fix = 'run `pip install "assist-lsp[embedded]"`, or name a llama-server in engine.command'
        return Check("engine", missing, "the embedded engine is not installed", fix)
    return Check("engine", "ok", "the embedded engine is installed")


def _memory(settings: EngineSettings, model: EngineModel, machine: Machine, *, running: bool) -> Check:
    need = _need(model, settings.context_length)
    told = f"{model.name} needs about {need / _GIB:.1f} GiB with {settings.context_length} tokens of context"
    available = machine.memory_total if running else machine.memory_available
    fix = "close other programs, lower engine.contextLength, or see `assist model recommend`"
    if need > 0.98 * machine.memory_total:
        return Check("memory", "fail", f"{told}; this machine has {machine.memory_total / _GIB:.1f} GiB", fix)
    if need > available:
        return Check("memory", "warn", f"{told}; {available / _GIB:.1f} GiB are free now", fix)
    return Check("memory", "ok", f"{told}; {machine.memory_available / _GIB:.1f} GiB are free now")


def _need(model: EngineModel, context_length: int) -> int:
    header = check_gguf(model.path)
    length = min(context_length, header.context_length or context_length)
    return memory_need(header.size, header.kv_bytes_per_token or 0, length)


def _writable(folder: Path) -> bool:
    """Tell whether a folder can be written, or be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
