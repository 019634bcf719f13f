"""The models a user has for the embedded engine: which one runs, which there are, which fit this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assist_server.config.settings import EngineSettings
from assist_server.core.errors import ModelError
from assist_server.models.catalogue import Catalogue, CatalogueModel
from assist_server.models.gguf import check_gguf
from assist_server.models.store import ModelState, ModelStore

Fit = Literal["good", "tight", "none"]

# What the engine needs beside weights and cache: 250 MiB for itself, 128 MiB to compute with at small batches.
_OVERHEAD = 378 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model that the embedded engine can load.

    alias: how its server calls it, without the user's path. name: in the catalogue, or the file's own.
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


def engine_model(settings: EngineSettings, store: ModelStore) -> EngineModel:
    """Find the file of the model that the settings name: a GGUF path of the user's, else a name of the catalogue.

    Raises ModelError that says which command helps.
    """
    if _is_path(settings.model):
        path = _user_path(settings.model)
        check_gguf(path)
        return EngineModel(path, path.stem, path.stem)
    model = store.catalogue.find(settings.model)
    if model is None:
        raise ModelError(
            f"there is no model called {settings.model!r}",
            hint="`assist model list` shows the names; a file of your own is named by its path in `engine.model`",
        )
    path_here = store.path_of(model.name)
    if path_here is None:
        damaged = store.state(model) == "damaged"
        raise ModelError(
            f"the file of {model.name} is damaged" if damaged else f"{model.name} is not installed",
            hint=f"run `assist model pull {model.name}`",
        )
    return EngineModel(path_here, model.name, model.name)


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


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or name.startswith("~") or name.lower().endswith(".gguf")


def _user_path(name: str) -> Path:
    try:
        return Path(name).expanduser().absolute()
    except RuntimeError as error:  # the home of a user who is not known here
        raise ModelError(f"there is no model file {name}", hint="name a `.gguf` file") from error


def _fit(need: int, total: int, available: int) -> Fit:
    if need <= 0.6 * available:
        return "good"
    return "tight" if need <= 0.98 * total else "none"


def _size(model: CatalogueModel) -> int:
    return model.file.size
