"""`assist symbols QUERY`."""

import argparse
from pathlib import Path

from assist_context.retrieval.names import find_symbols
from assist_server.cli.index_build import bring_up_to_date
from assist_server.cli.output import EXIT_DONE, EXIT_INCOMPLETE, Output
from assist_server.cli.session import find_workspace, load
from assist_server.core.errors import UsageError
from assist_server.features.indexing.once import IndexFailed
from assist_server.features.indexing.workspace import index_folder, reads


def run(args: argparse.Namespace, output: Output) -> int:
    """Bring the index up to date and find definitions."""
    if args.limit < 1:
        raise UsageError("--limit must be at least 1")
    workspace = find_workspace(Path.cwd())
    resolved, own = load(args, workspace=workspace)
    try:
        built = bring_up_to_date(resolved.settings, own, workspace, output)
    except IndexFailed as error:
        output.error(error)
        return EXIT_INCOMPLETE
    with reads(index_folder(own.cache, workspace)) as index:
        found = [one.definition for one in find_symbols(index, args.query, args.limit)]
    for path, reason in built.lost:
        output.note(f"assist: not indexed: {path}: {reason}")
    if output.as_json:
        keys = ("name", "kind", "signature", "parent")
        symbols = [
            {"path": one.path, "line": one.symbol.line + 1, **{key: getattr(one.symbol, key) for key in keys}}
            for one in found
        ]
        output.result({"symbols": symbols})
    else:
        for one in found:
            output.text(f"{one.path}:{one.symbol.line + 1}: {one.symbol.signature}")
        if not found:
            output.note("assist: nothing has a name like that")
    return EXIT_INCOMPLETE if built.lost else EXIT_DONE
