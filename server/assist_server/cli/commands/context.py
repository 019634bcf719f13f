"""`assist context PLACE`."""

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.places import Place, read_place
from assist_server.cli.session import session, workspace_of
from assist_server.core.errors import UsageError
from assist_server.features.completion.rates import RATES, RateBook
from assist_server.features.completion.window import Window, completion_window
from assist_server.features.indexing.surroundings import surroundings_on_disk
from assist_server.features.indexing.workspace import index_folder


def run(args: argparse.Namespace, output: Output) -> int:
    """Print what a model would read to complete the code at one place."""
    workspace = workspace_of(args)
    place = read_place(args.place, name=args.path, workspace=workspace)
    if place.start != place.end:
        raise UsageError("a context needs one place, not a range", hint="write FILE:LINE:COL")
    window = asyncio.run(_window(args, output, place, workspace))
    if window.why_empty:
        output.note(f"assist: nothing would be asked here: {window.why_empty}")
    if window.no_model is not None:
        output.note(
            f"assist: estimated for the default context length, as there is no model: {window.no_model.message}"
        )
    if output.as_json:
        output.result(window_json(window))
    elif window.why_empty is None:
        _print(window, output)
    return EXIT_DONE


async def _window(args: argparse.Namespace, output: Output, place: Place, workspace: Path) -> Window:
    async with session(args, output, workspace=workspace) as app:
        with surroundings_on_disk(index_folder(app.folders.cache, workspace), place.document) as around:
            return await completion_window(
                place.document,
                place.start,
                around=around,
                selector=app.selector,
                settings=app.settings,
                rates=RateBook(app.folders.cache / RATES),
            )


def window_json(window: Window) -> dict[str, object]:
    """Give the JSON of `assist context --json`."""
    return {
        "pieces": [asdict(piece) for piece in window.pieces],
        "budget": {"total": window.total, "used": window.used},
        "exact": window.exact,
        "model": window.model,
        "backend": window.backend,
        "why_empty": window.why_empty,
    }


def _print(window: Window, output: Output) -> None:
    about = "" if window.exact else "about "
    for piece in window.pieces:
        lines = f"{piece.start}-{piece.end}" if piece.end > piece.start else f"{piece.start}"
        output.styled(((f"{piece.path}:{lines}", "bold"), (f"  {piece.reason}, {about}{piece.tokens} tokens", "dim")))
        for line in piece.text.splitlines():
            output.text(f"    {line}".rstrip())
    of = f"{about}{window.used} of {window.total} tokens"
    output.text(f"{of} for {window.model} on {window.backend}" if window.model else of)
