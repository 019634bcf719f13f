"""The files of a local Ollama: which file is which model. Nothing here is ever written, and no Ollama need run."""

import json
import re
from collections.abc import Mapping, Sequence
from errno import EINVAL
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO

from assist_server.core.errors import ModelError
from assist_server.core.ollama_name import OllamaName

_MODEL = "application/vnd.ollama.image.model"
_ADAPTER = "application/vnd.ollama.image.adapter"
_TENSOR = "application/vnd.ollama.image.tensor"
# The systemd unit of the installer, distributions' packages, the snap.
_SERVICE_FOLDERS = (
    "/usr/share/ollama/.ollama/models",
    "/var/lib/ollama/.ollama/models",
    "/var/lib/ollama/models",
    "/var/lib/ollama",
    "/var/snap/ollama/common/models",
)
_DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")


def ollama_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Give where a local Ollama may keep its models: OLLAMA_MODELS alone, else the user's and the services' folders."""
    named = environ.get("OLLAMA_MODELS")
    if named:
        return (Path(named),)
    return (Path.home() / ".ollama/models", *map(Path, _SERVICE_FOLDERS))


def ollama_file(name: OllamaName, environ: Mapping[str, str]) -> Path:
    """Find the GGUF file of a model of the local Ollama; raises ModelError for one that is not there too."""
    file = find_ollama_file(name, environ)
    if file is None:
        raise ModelError(f"the local Ollama does not have the model {name}", hint=f"run `ollama pull {name}`")
    return file


def find_ollama_file(name: OllamaName, environ: Mapping[str, str]) -> Path | None:
    """Find the GGUF file of a model of the local Ollama, None where there is none of that name.

    Raises ModelError for a model that this user may not read, that is damaged, or that is no single GGUF file.
    """
    closed: Path | None = None
    for folder in ollama_folders(environ):
        found = _look(folder, name)
        if isinstance(found, Path):
            return found
        if isinstance(found, PermissionError):
            closed = closed or folder
    if closed is not None:
        raise ModelError(
            f"you may not read Ollama's models in {closed}, which belong to the user of its service",
            hint="become a member of its group (`sudo usermod -aG ollama $USER`, then log in anew), "
            "or let Ollama run the model: `--backend ollama`",
        )
    return None


def _look(folder: Path, name: OllamaName) -> Path | PermissionError | None:
    try:
        manifest = _manifest(folder, name)
        return None if manifest is None else _blob(folder, name, manifest)
    except PermissionError as error:
        return error


def _manifest(folder: Path, name: OllamaName) -> Any:
    """Read what a store says of a model, None where it has none of that name."""
    path = folder / "manifests" / name.registry / name.namespace / name.model / name.tag
    try:
        with _opened(path) as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(name) from error


def _opened(path: Path) -> BinaryIO:
    """Open a file, and nothing else: a named pipe would keep us waiting for ever."""
    if not S_ISREG(path.stat().st_mode):
        raise OSError(EINVAL, "is no file", str(path))
    return path.open("rb")


def _unreadable(name: OllamaName) -> ModelError:
    return ModelError(f"what Ollama's store says of {name} cannot be read", hint=f"run `ollama pull {name}` again")


def _blob(folder: Path, name: OllamaName, manifest: Any) -> Path:
    layers = (manifest.get("layers") or []) if isinstance(manifest, dict) else None
    if not isinstance(layers, list):
        raise _unreadable(name)
    kinds = [(str(layer.get("mediaType")), str(layer.get("digest"))) for layer in layers if isinstance(layer, dict)]
    digest = _DIGEST.fullmatch(_only_file(name, kinds))
    if digest is None:
        raise _unreadable(name)
    blob = folder / "blobs" / f"sha256-{digest[1]}"
    try:
        with _opened(blob):
            return blob
    except FileNotFoundError:
        raise ModelError(
            f"the file of {name} is not in Ollama's store", hint=f"run `ollama pull {name}` again"
        ) from None
    except PermissionError:
        raise
    except OSError as error:
        raise ModelError(
            f"the file of {name} in Ollama's store cannot be read: {error.strerror}",
            hint=f"run `ollama rm {name}`, then `ollama pull {name}`",
        ) from error


def _only_file(name: OllamaName, kinds: Sequence[tuple[str, str]]) -> str:
    """Give the digest of the one file that the model is; kinds: media type and digest of each part."""
    through = "let Ollama run it: `--backend ollama`"
    if any(kind == _TENSOR for kind, _ in kinds):
        raise ModelError(f"{name} is no GGUF file in Ollama's store, but tensors of another format", hint=through)
    if any(kind == _ADAPTER for kind, _ in kinds):
        raise ModelError(f"{name} is an adapter on top of another model in Ollama's store", hint=through)
    files = [digest for kind, digest in kinds if kind == _MODEL]
    if not files:
        raise ModelError(
            f"{name} has no file in Ollama's store: another machine runs it",
            hint="take a model that runs on this machine; `assist model list` shows them",
        )
    if len(files) > 1:
        raise ModelError(f"{name} lies in Ollama's store in {len(files)} parts", hint=through)
    return files[0]
