"""What `assist model` does with the models of the user's Ollama."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from assist_server.app import ollama_config, ollama_steps
from assist_server.backends.ollama_models import OllamaModels
from assist_server.cli.model_place import Place
from assist_server.cli.output import EXIT_DONE, Output
from assist_server.core.errors import AssistError, BackendUnavailable, ModelError, UsageError
from assist_server.core.ollama_name import OllamaName, parse_ollama_name
from assist_server.features.fim import FimChoice
from assist_server.features.models import user_path
from assist_server.features.ollama_models import (
    Given,
    OllamaEntry,
    describe_pulled,
    give,
    hash_file,
    list_ollama,
    to_give,
)
from assist_server.models.download import Pulled
from assist_server.models.ollama_store import find_ollama_file

T = TypeVar("T")


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


def fills_in(entry: OllamaEntry) -> str:
    """Say in a word how a model fills in, `unknown` where nothing tells."""
    fim = entry.fim
    if fim is None or fim.mode == "chat":
        return "unknown" if fim is None and entry.roles else "no"
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
        return await describe_pulled(ollama, name, place.settings.completion.fim_template)

    entry = _asked(place, pull)
    if output.as_json:
        told = entry_json(entry) if entry else {"name": str(name), "backend": "ollama", "path": None}
        output.result({**told, "source": name.registry})
        return EXIT_DONE
    fills = f"; filling in: {fills_in(entry)}" if entry is not None and entry.fim is not None else ""
    output.note(f"assist: Ollama has {name}, from {name.registry}{fills}")
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


def path(args: argparse.Namespace, output: Output, place: Place) -> int:
    """Print which file of Ollama's store a model is; Ollama is asked only where no store of this machine has it."""
    name = parse_ollama_name(args.name)
    file = find_ollama_file(name, os.environ)
    if file is None:
        raise _no_file(name, place)
    if output.as_json:
        output.result({"name": str(name), "backend": "ollama", "path": str(file)})
    else:
        output.text(str(file))
    return EXIT_DONE


def _no_file(name: OllamaName, place: Place) -> ModelError:
    if name.is_cloud:  # of which Ollama would ask its cloud
        return ModelError(
            f"{name} has no file: another machine runs it",
            hint="take a model that runs on this machine; `assist model list` shows them",
        )
    if _asked(place, lambda ollama: ollama.describe(str(name))) is not None:
        return ModelError(
            f"Ollama has {name}, but in none of the folders where models of this machine's Ollama are",
            hint="name the folder in the environment variable OLLAMA_MODELS",
        )
    return ModelError(
        f"Ollama does not have the model {name}",
        hint=f"run `{ollama_steps(place.settings, os.environ).pull(str(name))}`",
    )


def _asked(place: Place, ask: Callable[[OllamaModels], Awaitable[T]]) -> T:
    async def main() -> T:
        ollama = OllamaModels(ollama_config(place.settings, place.own, os.environ))
        try:
            return await ask(ollama)
        except BackendUnavailable:
            raise ollama_steps(place.settings, os.environ).unreachable() from None
        finally:
            await ollama.aclose()

    return asyncio.run(main())
