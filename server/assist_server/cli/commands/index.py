"""`assist index build|status|clear`."""

import argparse
import asyncio
from pathlib import Path

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.session import find_workspace, load
from assist_server.features.indexing import IndexReport, WorkspaceIndex


def run(args: argparse.Namespace, output: Output) -> int:
    """Do one thing with the index of the current folder's workspace."""
    workspace = find_workspace(Path.cwd())
    _, own = load(args, workspace=workspace)
    index = WorkspaceIndex(own.cache, workspace)
    if args.action == "build":
        with output.progress("files") as progress:
            report = asyncio.run(index.build(progress))
        _report(report, output)
    elif args.action == "status":
        totals = index.totals()
        if output.as_json:
            output.result({"files": totals.files, "symbols": totals.symbols, "bytes": totals.bytes})
        else:
            output.text(f"{totals.files} files, {totals.symbols} symbols, {totals.bytes / 1e6:.1f} MB of source")
    else:
        cleared = index.clear()
        if output.as_json:
            output.result({"cleared": cleared})
        else:
            output.text("the index is deleted" if cleared else "there was no index")
    return EXIT_DONE


def _report(report: IndexReport, output: Output) -> None:
    totals = report.totals
    if output.as_json:
        output.result(
            {
                "files": totals.files,
                "symbols": totals.symbols,
                "bytes": totals.bytes,
                "seconds": round(report.seconds, 3),
                "skipped": [{"reason": reason, "count": count} for reason, count in report.skipped],
            }
        )
        return
    output.text(
        f"{totals.files} files, {totals.symbols} symbols, {totals.bytes / 1e6:.1f} MB of source; "
        f"{report.read} read and {report.removed} forgotten in {report.seconds:.1f} s"
    )
    for reason, count in report.skipped:
        output.note(f"assist: {count} left out: {reason}")
