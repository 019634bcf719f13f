"""What `assist model` does with the models of the user's Ollama."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from assist_server.app import ollama_config
from assist_server.backends.ollama_models import OllamaModels
from assist_server.cli.output import EXIT_DONE, Output
from assist_server.config.settings import Settings
from assist_server.core.errors import AssistError, ModelError, UsageError
from assist_server.core.folders import Folders
from assist_server.core.ollama_name import OllamaName, parse_ollama_name
from assist_server.features.fim import FimChoice
from assist_server.features.models import user_path
from assist_server.features.ollama_models import Given, OllamaEntry, give, hash_file, list_ollama, to_give
from assist_server.models.download import Pulled
from assist_server.models.ollama_store import ollama_file
from assist_server.models.store import ModelStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the models of a command are. ollama: the command means those of Ollama and no others."""

    settings: Settings
    own: Folders
    store: ModelStore
    ollama: bool


FetchOurs = Callable[[], Pulled]
"""Fetches the model of our catalogue that a command names, unless it is here."""


def listed(place: Place) -> tuple[OllamaEntry, ...]:
    """List the models of the user's Ollama; where there is none, that is an error only if the user named it."""
    template = place.settings.completion.fim_template
    try:
        return _asked(place, lambda ollama: list_ollama(ollama, template))
    except AssistError:
        if place.ollama:
            raise
        return ()


def entry_json(entry: OllamaEntry) -> dict[str, Any]:
    """Give an entry of the list as JSON has it; the keys are those of our own models."""
    return {
        "name": entry.name,
        "backend": "ollama",
        "title": entry.name,
        "state": "installed" if entry.remote_host is None else "remote",
        "path": None,
        "size_bytes": entry.size,
        "licence": None,
        "parameters": entry.parameters,
        "quantization": entry.quantization,
        "context_length": entry.context_length,
        "roles": list(entry.roles),
        "fim": fim_json(entry.fim),
        "loaded": entry.loaded,
        "remote_host": entry.remote_host,
    }


def fim_json(fim: FimChoice | None) -> dict[str, Any] | None:
    """Give how a model fills in as JSON has it."""
    return None if fim is None else {"mode": fim.mode, "format": fim.format.id if fim.format else None, "why": fim.why}


def fim_word(fim: FimChoice | None) -> str:
    """Say in a word how a model fills in."""
    if fim is None or fim.mode == "chat":
        return "no"
    if fim.mode == "suffix":
        return "inserts"
    return "your template" if fim.format is not None and fim.format.id == "custom" else "tokens"


def pull_through(args: argparse.Namespace, output: Output, place: Place) -> int:
    """Have Ollama download a model."""
    if args.source != "auto":
        raise UsageError("--source is for models of assist's own; Ollama knows where its models come from")
    name = parse_ollama_name(args.name)

    async def pull(ollama: OllamaModels) -> OllamaEntry | None:
        with output.progress(str(name)) as progress:
            await ollama.pull(name, progress)
        return _named(await list_ollama(ollama, place.settings.completion.fim_template), name)

    entry = _asked(place, pull)
    if output.as_json:
        told = entry_json(entry) if entry else {"name": str(name), "backend": "ollama", "path": None}
        output.result({**told, "source": name.registry})
        return EXIT_DONE
    output.note(
        f"assist: Ollama has {name}, from {name.registry}; filling in: {fim_word(entry.fim if entry else None)}"
    )
    output.text(str(name))
    return EXIT_DONE


def pull_into(args: argparse.Namespace, output: Output, place: Place, fetch: FetchOurs) -> int:
    """Give a model of ours, or a GGUF file of the user's, to Ollama."""
    catalogue = place.store.catalogue
    known = catalogue.find(args.name)
    if known is None and _is_file(args.name):
        path, source = user_path(args.name), "file"
        with output.progress(f"reading {path.name}") as progress:
            digest = hash_file(path, progress)
    else:
        pulled = fetch()
        path, source, digest = pulled.path, pulled.source, catalogue.model(args.name).file.sha256
    gguf = to_give(path, digest, catalogue)
    name = parse_ollama_name(args.as_name or gguf.usual_name)
    if name.is_cloud:
        raise UsageError(f"{name} is the name of a model that runs elsewhere", hint="give it another by `--as NAME`")

    async def hand_over(ollama: OllamaModels) -> Given:
        with output.progress(f"giving {name} to Ollama") as progress:
            return await give(gguf, name, ollama, progress)

    return _given(output, path, source, _asked(place, hand_over))


def _is_file(name: str) -> bool:
    return name.lower().endswith(".gguf") or user_path(name).is_file()


def _given(output: Output, path: Path, source: str, given: Given) -> int:
    if output.as_json:
        output.result(
            {
                "name": given.name,
                "backend": "ollama",
                "path": str(path),
                "source": source,
                "created": given.created,
                "insert": given.inserts,
                "sent_bytes": given.sent,
            }
        )
        return EXIT_DONE
    did = "is in Ollama now" if given.created else "was in Ollama already"
    fills = "fills in" if given.inserts else "has no template for filling in, only the file's own"
    output.note(f"assist: {given.name} {did} and {fills}")
    output.text(given.name)
    return EXIT_DONE


def remove(args: argparse.Namespace, output: Output, place: Place) -> int:
    """Delete a model from Ollama."""
    name = parse_ollama_name(args.name)
    _asked(place, lambda ollama: ollama.delete(name))
    if output.as_json:
        output.result({"name": str(name), "backend": "ollama", "path": None, "freed_bytes": None})
    else:
        output.text(f"{name} is removed from Ollama")
    return EXIT_DONE


def path(args: argparse.Namespace, output: Output) -> int:
    """Print which file of Ollama's store a model is."""
    name = parse_ollama_name(args.name)
    file = ollama_file(name, os.environ)
    if output.as_json:
        output.result({"name": str(name), "backend": "ollama", "path": str(file)})
    else:
        output.text(str(file))
    return EXIT_DONE


def unknown(name: str) -> AssistError | None:
    """Give the error for a name that is not of our catalogue but looks like one of Ollama's or like a file."""
    if name.lower().endswith(".gguf"):
        return ModelError(
            f"{name} would be a file, which is not fetched",
            hint="to run a file, name its path in `engine.model`; to give it to Ollama, add `--into ollama`",
        )
    if ":" not in name and "/" not in name:
        return None
    try:
        parse_ollama_name(name)
    except UsageError:
        return None
    return ModelError(
        f"assist's own catalogue has no model {name}, which looks like one of Ollama's",
        hint=f"run `assist model pull {name} --backend ollama`",
    )


def _asked(place: Place, ask: Callable[[OllamaModels], Awaitable[T]]) -> T:
    async def main() -> T:
        ollama = OllamaModels(ollama_config(place.settings, place.own, os.environ))
        try:
            return await ask(ollama)
        finally:
            await ollama.aclose()

    return asyncio.run(main())


def _named(entries: tuple[OllamaEntry, ...], name: OllamaName) -> OllamaEntry | None:
    return next((entry for entry in entries if entry.name == str(name)), None)
