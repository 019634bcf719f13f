"""`assist symbols QUERY`."""

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.session import find_workspace, load
from assist_server.core.errors import UsageError
from assist_server.features.indexing import WorkspaceIndex


def run(args: argparse.Namespace, output: Output) -> int:
    """Bring the index up to date and find definitions."""
    if args.limit < 1:
        raise UsageError("--limit must be at least 1")
    workspace = find_workspace(Path.cwd())
    _, own = load(args, workspace=workspace)
    index = WorkspaceIndex(own.cache, workspace)
    with output.progress("files") as progress:
        asyncio.run(index.build(progress))
    found = index.symbols(args.query, args.limit)
    if output.as_json:
        output.result({"symbols": [{**asdict(symbol), "line": symbol.line + 1} for symbol in found]})
        return EXIT_DONE
    for symbol in found:
        output.text(f"{symbol.path}:{symbol.line + 1}: {symbol.signature}")
    if not found:
        output.note("assist: nothing has a name like that")
    return EXIT_DONE
