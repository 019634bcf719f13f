"""`assist review`."""

import argparse
import asyncio
import sys
from pathlib import Path

from assist_context.diff import parse_diff
from assist_server.cli.output import Output
from assist_server.cli.session import find_workspace, session
from assist_server.core.errors import UsageError
from assist_server.features.review.report import Report, exit_status, to_json
from assist_server.features.review.service import review
from assist_server.features.review.text import layout
from assist_server.git import Diff, diff_range, diff_staged, diff_worktree, repository_root

_LARGEST_PATCH = 50_000_000


def run(args: argparse.Namespace, output: Output) -> int:
    """Review a change and give the documented exit status."""
    _check_choice(args)
    report, fail_on, place = asyncio.run(_review(args, output))
    if output.as_json:
        output.result(to_json(report))
    elif report.coverage.hunks_total or report.coverage.skipped:
        for line in layout(report, place=place):
            output.styled(line)
    else:
        output.text("there is nothing to review")
    return exit_status(report, fail_on, allow_incomplete=args.allow_incomplete)


def _check_choice(args: argparse.Namespace) -> None:
    if sum((bool(args.range), args.staged, args.patch is not None)) > 1:
        raise UsageError("a range, --staged and --patch exclude each other", hint="choose one of them")


async def _review(args: argparse.Namespace, output: Output) -> tuple[Report, str, str]:
    change = await _change(args)
    files = parse_diff(change.text)
    async with session(args, output, workspace=find_workspace(Path.cwd())) as app:
        target = await app.selector.target("review")
        with output.steps("reviewing") as progress:
            report = await review(
                files,
                target=target,
                settings=app.settings.review,
                base=change.base or None,
                head=change.head or None,
                unread=change.unread,
                progress=progress,
            )
        return report, app.settings.review.fail_on, app.place(target.backend.name)


async def _change(args: argparse.Namespace) -> Diff:
    if args.patch is not None:
        return Diff(await asyncio.to_thread(_patch_text, args.patch), "", "")
    root = await repository_root(Path.cwd())
    if args.staged:
        return await diff_staged(root)
    if args.range:
        return await diff_range(root, args.range)
    return await diff_worktree(root)


def _patch_text(name: str) -> str:
    try:
        if name == "-" and sys.stdin is None:
            raise UsageError("standard input is closed", hint="send the diff through a pipe, or name a file")
        if name == "-":
            content = sys.stdin.buffer.read(_LARGEST_PATCH + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_LARGEST_PATCH + 1)
    except FileNotFoundError as error:
        raise UsageError(f"no such file: {name}", hint="--patch takes a file with a unified diff, or -") from error
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    if len(content) > _LARGEST_PATCH:
        raise UsageError(f"{name} is larger than {_LARGEST_PATCH // 1_000_000} MB", hint="review it in parts")
    return content.decode("utf-8", errors="replace")
