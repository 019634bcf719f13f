"""`assist engine status|stop`."""

import argparse
import asyncio

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.session import load
from assist_server.engine.status import EngineStatus, engine_statuses, stop_engines


def run(args: argparse.Namespace, output: Output) -> int:
    """Show or stop the engines of this user."""
    _, own = load(args, workspace=None)
    if args.action == "stop":
        stopped = asyncio.run(stop_engines(own.cache))
        if output.as_json:
            output.result({**_status_json(()), "stopped": stopped})
        else:
            output.text(f"stopped {stopped} engine{'' if stopped == 1 else 's'}")
        return EXIT_DONE
    statuses = engine_statuses(own.cache)
    if output.as_json:
        output.result(_status_json(statuses))
    elif not statuses:
        output.text("no engine is running")
    else:
        columns = ("pid", "model", "address", "context", "clients")
        output.table(
            columns,
            [(str(s.pid), s.model, s.url or "starting", str(s.context_length), str(s.clients)) for s in statuses],
        )
    return EXIT_DONE


def _status_json(statuses: tuple[EngineStatus, ...]) -> dict[str, object]:
    engines = [
        {
            "running": s.running,
            "pid": s.pid,
            "model": s.model,
            "url": s.url,
            "clients": s.clients,
            "context_length": s.context_length,
        }
        for s in statuses
    ]
    first = engines[0] if engines else {"running": False, "pid": None, "model": None, "url": None, "clients": 0}
    return {**first, "engines": engines}
