"""The models a user has for the embedded engine: which one runs, which there are, which fit this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assist_server.config.settings import EngineSettings
from assist_server.core.errors import ModelError, UsageError
from assist_server.core.ollama_name import parse_ollama_name
from assist_server.models.catalogue import Catalogue, CatalogueModel
from assist_server.models.gguf import check_gguf
from assist_server.models.ollama_store import ollama_file
from assist_server.models.store import ModelState, ModelStore

Fit = Literal["good", "tight", "none"]

# What the engine needs beside weights and cache: 250 MiB for itself, 128 MiB to compute with at small batches.
_OVERHEAD = 378 * 1024 * 1024

_OLLAMA = "ollama:"


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model that the embedded engine can load.

    alias: how its server calls it, without the user's path. name: in the catalogue or in Ollama, or the file's own.
    """

    path: Path
    alias: str
    name: str


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the catalogue and what there is of it; path only where it is installed, size in bytes."""

    model: CatalogueModel
    state: ModelState
    path: Path | None
    size: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """How a model fits into memory: `need` bytes with a context of `context_length` tokens, an estimate from above."""

    model: CatalogueModel
    context_length: int
    need: int
    fit: Fit
    best: bool


def engine_model(settings: EngineSettings, store: ModelStore, environ: Mapping[str, str] | None = None) -> EngineModel:
    """Find the file of the model that the settings name: `ollama:NAME`, a GGUF path of the user's, else a name of the
    catalogue.

    environ: where OLLAMA_MODELS is looked up, the process's own by default.
    Raises ModelError that says which command helps.
    """
    if settings.model.startswith(_OLLAMA):
        return _from_ollama(settings.model.removeprefix(_OLLAMA), os.environ if environ is None else environ)
    if _is_path(settings.model):
        path = user_path(settings.model)
        check_gguf(path)
        return EngineModel(path, path.stem, path.stem)
    model = store.catalogue.find(settings.model)
    if model is None:
        raise ModelError(
            f"there is no model called {settings.model!r}",
            hint="`assist model list` shows the names; a file of your own is named by its path in `engine.model`, "
            "a model of Ollama's store as `ollama:NAME`",
        )
    path_here = store.path_of(model.name)
    if path_here is None:
        damaged = store.state(model) == "damaged"
        raise ModelError(
            f"the file of {model.name} is damaged" if damaged else f"{model.name} is not installed",
            hint=f"run `assist model pull {model.name}`",
        )
    return EngineModel(path_here, model.name, model.name)


def _from_ollama(text: str, environ: Mapping[str, str]) -> EngineModel:
    """Take a model where Ollama keeps it: the engine maps the very file, of which there is no second copy."""
    try:
        name = parse_ollama_name(text)
    except UsageError as error:
        raise ModelError(error.message, hint=error.hint) from error
    path = ollama_file(name, environ)
    check_gguf(path)
    return EngineModel(path, str(name), str(name))


def is_embedded_model(name: str, store: ModelStore) -> bool:
    """Tell whether a name can only mean a model for the embedded engine, whatever servers there are."""
    return name.startswith(_OLLAMA) or name.endswith(".gguf") or store.catalogue.find(name) is not None


def list_models(store: ModelStore) -> tuple[ModelEntry, ...]:
    """Give every model of the catalogue with what there is of it."""
    states = ((model, store.state(model)) for model in store.catalogue.models)
    return tuple(
        ModelEntry(model, state, store.file(model) if state == "installed" else None, model.file.size)
        for model, state in states
    )


def recommend(
    catalogue: Catalogue, *, total: int, available: int, context_length: int = 8192
) -> tuple[Recommendation, ...]:
    """Tell which models fit: `good` within 60 % of the memory that is available, `tight` within 98 % of all of it.

    total, available: memory in bytes. At most one is `best`: the largest that fills in and fits well, else the smallest
    that fits at all.
    """
    rows = [(model, min(context_length, model.context_length)) for model in catalogue.models]
    needs = {m.name: memory_need(m.file.size, m.kv_bytes_per_token, length) for m, length in rows}
    fits = {name: _fit(need, total, available) for name, need in needs.items()}
    able = [model for model in catalogue.models if model.fim is not None and fits[model.name] != "none"]
    good = [model for model in able if fits[model.name] == "good"]
    best = max(good, key=_size) if good else min(able, key=_size, default=None)
    return tuple(
        Recommendation(model, length, needs[model.name], fits[model.name], model is best) for model, length in rows
    )


def memory_need(size: int, kv_bytes_per_token: int, context_length: int) -> int:
    """Estimate from above the bytes that a model file of `size` bytes takes with a context of so many tokens."""
    return size + kv_bytes_per_token * context_length + _OVERHEAD


def user_path(name: str) -> Path:
    """Give the path that a user wrote; raises ModelError for the home of somebody unknown."""
    try:
        return Path(name).expanduser().absolute()
    except RuntimeError as error:  # the home of a user who is not known here
        raise ModelError(f"there is no model file {name}", hint="name a `.gguf` file") from error


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or name.startswith("~") or name.lower().endswith(".gguf")


def _fit(need: int, total: int, available: int) -> Fit:
    if need <= 0.6 * available:
        return "good"
    return "tight" if need <= 0.98 * total else "none"


def _size(model: CatalogueModel) -> int:
    return model.file.size
