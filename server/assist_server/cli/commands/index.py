"""`assist index build|status|clear|why`."""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import MappingProxyType

from assist_context.index.ignore import Reason
from assist_context.index.patterns import GitSays
from assist_context.index.records import Totals
from assist_context.index.scan import place_in, why
from assist_server.cli.index_build import (
    bring_up_to_date,
    counted,
    files_left_out,
    quarantined,
    records_of,
    workspace_index,
)
from assist_server.cli.output import EXIT_DONE, EXIT_INCOMPLETE, Output
from assist_server.cli.session import find_workspace, load
from assist_server.config.settings import Settings
from assist_server.core.errors import RepositoryError, UsageError
from assist_server.core.folders import Folders
from assist_server.features.indexing.once import IndexFailed
from assist_server.git import git_says

_NOT_YET = "not looked at yet: `assist index build` brings the index up to date"


def run(args: argparse.Namespace, output: Output) -> int:
    """Do one thing with the index of the current folder's workspace."""
    workspace = find_workspace(Path.cwd())
    resolved, own = load(args, workspace=workspace)
    return _ACTIONS[args.action](args, output, resolved.settings, own, workspace)


def _build(_: argparse.Namespace, output: Output, settings: Settings, own: Folders, workspace: Path) -> int:
    try:
        built = bring_up_to_date(settings, own, workspace, output)
    except IndexFailed as error:
        output.error(error)
        return EXIT_INCOMPLETE
    report = built.report
    for path, reason in built.lost:
        output.note(f"assist: not indexed: {path}: {reason}")
    if output.as_json:
        output.result(_json(report.totals, report.seconds, report.skipped))
    else:
        done = f"{report.read} read and {report.removed} forgotten in {report.seconds:.1f} s"
        done = "kept up to date by another process" if report.by_other else done
        output.text(f"{_in_words(report.totals)}; {done}")
        _tell_skipped(report.skipped, output)
    return EXIT_INCOMPLETE if built.lost else EXIT_DONE


def _status(_: argparse.Namespace, output: Output, settings: Settings, own: Folders, workspace: Path) -> int:
    begun = monotonic()
    totals = workspace_index(settings, own, workspace).totals()
    skipped = counted(files_left_out(own, workspace))
    if output.as_json:
        output.result(_json(totals, monotonic() - begun, skipped))
    else:
        output.text(_in_words(totals))
        _tell_skipped(skipped, output)
    return EXIT_DONE


def _clear(_: argparse.Namespace, output: Output, settings: Settings, own: Folders, workspace: Path) -> int:
    cleared = workspace_index(settings, own, workspace).clear()
    if output.as_json:
        output.result({"cleared": cleared})
    else:
        output.text("the index is deleted" if cleared else "there was no index")
    return EXIT_DONE


def _why(args: argparse.Namespace, output: Output, _: Settings, own: Folders, workspace: Path) -> int:
    path = Path.cwd() / args.path
    found = why(workspace, path, asyncio.run(_git(workspace, path)), quarantined(own, workspace))
    if found.reason is Reason.MISSING:
        raise UsageError(f"no such file: {args.path}", hint="check the path; it is taken from the current folder")
    indexed = found.reason is None and found.path in records_of(own, workspace)
    reason = found.text if found.reason is not None or indexed else _NOT_YET
    if output.as_json:
        output.result({"path": found.path, "indexed": indexed, "reason": reason})
    else:
        output.text(f"{found.path}: {reason}")
    return EXIT_DONE


async def _git(workspace: Path, path: Path) -> GitSays | None:
    """Ask git about a path; None where it cannot tell, or the path is not in the workspace."""
    place = place_in(workspace, path)
    try:
        return await git_says(workspace, place) if place else None
    except RepositoryError:
        return None


def _in_words(totals: Totals) -> str:
    return f"{totals.files} files, {totals.symbols} symbols, {totals.bytes / 1e6:.1f} MB of source"


def _tell_skipped(skipped: Sequence[tuple[str, int]], output: Output) -> None:
    for reason, count in skipped:
        output.note(f"assist: {count} left out: {reason}")


def _json(totals: Totals, seconds: float, skipped: Sequence[tuple[str, int]]) -> dict[str, object]:
    return {
        "files": totals.files,
        "symbols": totals.symbols,
        "bytes": totals.bytes,
        "seconds": round(seconds, 3),
        "skipped": [{"reason": reason, "count": count} for reason, count in skipped],
    }


_Action = Callable[[argparse.Namespace, Output, Settings, Folders, Path], int]
_ACTIONS: Mapping[str, _Action] = MappingProxyType({"build": _build, "status": _status, "clear": _clear, "why": _why})
