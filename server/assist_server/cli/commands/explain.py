"""`assist explain PLACE`."""

import argparse
import asyncio
import time
from contextlib import aclosing
from pathlib import Path

from assist_server.backends.base import Delta, Done
from assist_server.cli.output import EXIT_DONE, EXIT_INCOMPLETE, Output
from assist_server.cli.places import Place, read_place
from assist_server.cli.session import session, workspace_of
from assist_server.features.actions.explain import NOT_ALL_READ, ExplainQuery


def run(args: argparse.Namespace, output: Output) -> int:
    """Explain the code at a place, printing the answer as it is written."""
    workspace = workspace_of(args)
    place = read_place(args.place, name=args.path, workspace=workspace)
    payload = asyncio.run(_explain(args, output, place, workspace))
    if output.as_json:
        output.result(payload)
    return EXIT_INCOMPLETE if payload["incomplete"] else EXIT_DONE


async def _explain(args: argparse.Namespace, output: Output, place: Place, workspace: Path) -> dict[str, object]:
    begun = time.monotonic()
    first: float | None = None
    done: Done | None = None
    pieces: list[str] = []
    async with session(args, output, workspace=workspace) as app:
        answer = await app.explain.start(ExplainQuery(place.document, place.start, place.end))
        async with aclosing(answer.events) as events:
            async for event in events:
                if isinstance(event, Delta):
                    first = first or time.monotonic()
                    pieces.append(event.text)
                    if not output.as_json:
                        output.text(event.text, end="")
                else:
                    done = event
    if not output.as_json:
        output.text("")
        if done and done.reason == "length":
            output.note("assist: the answer was cut at chat.maxTokens")
    usage = done.usage if done else None
    return {
        "text": "".join(pieces),
        "model": answer.model,
        "backend": answer.backend,
        "cut": done is not None and done.reason == "length",
        "incomplete": bool(pieces) and pieces[-1] == NOT_ALL_READ,
        "tokens": {"prompt": usage.prompt, "cached": usage.cached, "generated": usage.generated} if usage else None,
        "ms": {
            "first_token": round((first - begun) * 1000, 1) if first else None,
            "total": round((time.monotonic() - begun) * 1000, 1),
        },
    }
