"""`assist model list|pull|path|remove|recommend`."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from assist_server.cli.model_place import Place
from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.session import load
from assist_server.core.errors import AssistError, EngineError, ModelError, UsageError
from assist_server.core.folders import Folders
from assist_server.core.ollama_name import parse_ollama_name
from assist_server.features.models import ModelEntry, list_models, recommend
from assist_server.models.catalogue import load_catalogue
from assist_server.models.store import ModelStore
from assist_server.privacy.audit import AuditLog

if TYPE_CHECKING:
    from assist_server.features.ollama_models import OllamaEntry
    from assist_server.models.download import Pulled, SourceName

_SOURCES = ("auto", "ollama", "huggingface", "package-index")


def run(args: argparse.Namespace, output: Output) -> int:
    """Do one thing with the models of the embedded engine or of Ollama."""
    resolved, own = load(args, workspace=None)
    # Only what was typed says whose models are meant; the setting says who answers.
    ollama = args.backend == "ollama"
    place = Place(resolved.settings, own, ModelStore(own.models, load_catalogue()), ollama)
    return _ACTIONS[args.action](args, output, place)


def _list(args: argparse.Namespace, output: Output, place: Place) -> int:
    from assist_server.cli.model_ollama import entry_json, listed

    ours = () if place.ollama else list_models(place.store)
    running = _running(place.own) if ours else frozenset()
    theirs = () if args.backend == "embedded" else listed(place)
    if output.as_json:
        told = [*(_entry_json(entry, running) for entry in ours), *map(entry_json, theirs)]
        output.result({"models": told})
        return EXIT_DONE
    rows = [_row(entry, running) for entry in ours] + [_ollama_row(entry) for entry in theirs]
    output.table(("model", "backend", "state", "size", "quantization", "context", "fills in", "licence", "file"), rows)
    return EXIT_DONE


def _running(own: Folders) -> frozenset[str]:
    """Give the models that embedded engines have in memory."""
    from assist_server.engine.status import engine_statuses

    try:
        return frozenset(status.model for status in engine_statuses(own.cache) if status.running)
    except EngineError:
        return frozenset()  # `assist engine status` says what is wrong with the folder


def _entry_json(entry: ModelEntry, running: frozenset[str]) -> dict[str, Any]:
    model = entry.model
    why = "the catalogue says so"
    return {
        "name": model.name,
        "backend": "embedded",
        "title": model.title,
        "state": entry.state,
        "path": str(entry.path) if entry.path else None,
        "size_bytes": entry.size,
        "licence": model.licence,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "context_length": model.context_length,
        "roles": list(model.roles),
        "fim": {"mode": "tokens" if model.fim else "chat", "format": model.fim, "why": why},
        "loaded": model.name in running,
        "remote_host": None,
    }


def _row(entry: ModelEntry, running: frozenset[str]) -> tuple[str, ...]:
    model = entry.model
    state = "loaded" if model.name in running else entry.state
    fills = "tokens" if model.fim else "no"
    size, context = _megabytes(entry.size), str(model.context_length)
    return model.name, "embedded", state, size, model.quantization, context, fills, model.licence, str(entry.path or "")


def _ollama_row(entry: "OllamaEntry") -> tuple[str, ...]:
    from assist_server.cli.model_ollama import fills_in

    state = "loaded" if entry.loaded else "installed" if entry.remote_host is None else f"on {entry.remote_host}"
    size = "" if entry.size is None else _megabytes(entry.size)
    context = str(entry.context_length or "")
    return entry.name, "ollama", state, size, entry.quantization or "", context, fills_in(entry), "", ""


def _pull(args: argparse.Namespace, output: Output, place: Place) -> int:
    if args.as_name and not args.into:
        raise UsageError("--as is for a model that goes into Ollama", hint="add `--into ollama`")
    if place.ollama and args.into:
        raise UsageError(
            "--backend ollama and --into ollama exclude each other",
            hint="the first has Ollama download a model of its own, the second gives it one of ours",
        )
    if place.ollama:
        from assist_server.cli.model_ollama import pull_through

        return pull_through(args, output, place)
    if args.into:
        from assist_server.cli.model_ollama import pull_into

        return pull_into(args, output, place, lambda: _fetched(args, output, place))
    return _pulled(args.name, output, _fetched(args, output, place))


def _fetched(args: argparse.Namespace, output: Output, place: Place) -> "Pulled":
    """Bring a model of the catalogue into our store."""
    import asyncio

    from assist_server.models.download import pull

    if place.store.catalogue.find(args.name) is None and (error := _unknown(args.name)) is not None:
        raise error
    source, audit = _source(args.source), AuditLog(place.own.log / "audit.log")
    with output.progress(args.name) as progress:
        return asyncio.run(pull(args.name, place.store, source=source, audit=audit, progress=progress))


def _unknown(name: str) -> AssistError | None:
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


def _pulled(name: str, output: Output, pulled: "Pulled") -> int:
    if output.as_json:
        output.result({"name": name, "backend": "embedded", "path": str(pulled.path), "source": pulled.source})
    else:
        came = "was here already" if pulled.source == "store" else f"fetched from {pulled.source}, its hash is right"
        output.note(f"assist: {name} {came}")
        output.text(str(pulled.path))
    return EXIT_DONE


def _source(named: str) -> "SourceName | Path":
    if named in _SOURCES:
        return cast("SourceName", named)
    if Path(named).is_file():
        return Path(named)
    raise UsageError(f"there is no source and no file called {named}", hint=f"sources are {', '.join(_SOURCES)}")


def _path(args: argparse.Namespace, output: Output, place: Place) -> int:
    if place.ollama:
        from assist_server.cli.model_ollama import path as path_in_ollama

        return path_in_ollama(args, output, place)
    path = place.store.path_of(args.name)
    if path is None:
        raise ModelError(f"{args.name} is not installed", hint=f"run `assist model pull {args.name}`")
    if output.as_json:
        output.result({"path": str(path)})
    else:
        output.text(str(path))
    return EXIT_DONE


def _remove(args: argparse.Namespace, output: Output, place: Place) -> int:
    if place.ollama:
        from assist_server.cli.model_ollama import remove as remove_from_ollama

        return remove_from_ollama(args, output, place)
    store = place.store
    freed = store.remove(args.name)
    if output.as_json:
        output.result({"path": str(store.file(store.catalogue.model(args.name))), "freed_bytes": freed})
    else:
        output.text(f"{args.name} is removed, {_megabytes(freed)} freed")
    return EXIT_DONE


def _recommend(_args: argparse.Namespace, output: Output, place: Place) -> int:
    from assist_server.core.hardware import machine

    store = place.store
    here = machine(store.folder)
    rows = recommend(store.catalogue, total=here.memory_total, available=here.memory_available)
    if output.as_json:
        output.result(
            {
                "models": [
                    {
                        "name": r.model.name,
                        "fit": r.fit,
                        "best": r.best,
                        "need_bytes": r.need,
                        "context_length": r.context_length,
                    }
                    for r in rows
                ],
                "memory_bytes": {"total": here.memory_total, "available": here.memory_available},
            }
        )
        return EXIT_DONE
    table = [
        (
            r.model.name,
            {"good": "fits", "tight": "tight", "none": "too large"}[r.fit],
            _megabytes(r.need),
            "recommended" if r.best else "",
        )
        for r in rows
    ]
    output.table(("model", "memory", "needs (estimate)", ""), table)
    output.note(f"assist: {_megabytes(here.memory_available)} of {_megabytes(here.memory_total)} memory is available")
    return EXIT_DONE


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.0f} MB"


_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Output, Place], int]] = MappingProxyType(
    {"list": _list, "pull": _pull, "path": _path, "remove": _remove, "recommend": _recommend}
)
