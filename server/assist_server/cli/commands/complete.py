"""`assist complete PLACE`."""

import argparse
import asyncio
from pathlib import Path

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.places import Place, read_place
from assist_server.cli.session import session, workspace_of
from assist_server.core.errors import UsageError
from assist_server.features.completion.service import Completion, CompletionQuery
from assist_server.features.indexing.surroundings import surroundings_on_disk
from assist_server.features.indexing.workspace import index_folder


def run(args: argparse.Namespace, output: Output) -> int:
    """Complete the code at one place and print the text that belongs there."""
    workspace = workspace_of(args)
    place = read_place(args.place, name=args.path, workspace=workspace)
    if place.start != place.end:
        raise UsageError("a completion needs one place, not a range", hint="write FILE:LINE:COL")
    completion = asyncio.run(_complete(args, output, place, workspace))
    if output.as_json:
        output.result(completion_json(completion))
    elif completion.items:
        output.text(completion.items[0].text)
    else:
        output.note(f"assist: no completion: {completion.why_empty or 'the model had nothing to offer'}")
    return EXIT_DONE


async def _complete(args: argparse.Namespace, output: Output, place: Place, workspace: Path) -> Completion:
    async with session(args, output, workspace=workspace) as app:
        with surroundings_on_disk(index_folder(app.folders.cache, workspace), place.document) as around:
            return await app.completion.complete(CompletionQuery(place.document, place.start, "invoked", around))


def completion_json(completion: Completion) -> dict[str, object]:
    """Give the JSON of `assist complete --json`."""
    usage = completion.usage
    return {
        "items": [{"text": item.text} for item in completion.items],
        "model": completion.model,
        "backend": completion.backend,
        "tokens": {"prompt": usage.prompt, "cached": usage.cached, "generated": usage.generated} if usage else None,
        "ms": {
            "context": completion.ms.context,
            "first_token": completion.ms.first_token,
            "total": completion.ms.total,
        },
        "trace": list(completion.trace),
        "why_empty": completion.why_empty,
    }
