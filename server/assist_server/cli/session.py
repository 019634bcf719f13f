"""What every command that needs the product does first: settings, log, App."""

import argparse
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assist_server.cli.output import Output
from assist_server.cli.places import file_of
from assist_server.cli.run import command_line_settings, config_file
from assist_server.config.resolve import Resolved
from assist_server.config.sources import load_settings
from assist_server.core.errors import UsageError
from assist_server.core.folders import Folders, folders
from assist_server.core.logs import configure
from assist_server.core.notices import Notice, Notify, unheard

if TYPE_CHECKING:
    from assist_server.app import App

_ROOT_MARKS = (".git", ".assist.toml", ".hg")


def find_workspace(start: Path) -> Path:
    """Give the nearest folder at or above start that is the root of a project, else start's folder itself."""
    folder = start if start.is_dir() else start.parent
    folder = folder.absolute()
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _ROOT_MARKS):
            return candidate
    return folder


def workspace_of(args: argparse.Namespace) -> Path:
    """Find the workspace of a command: that of the file it names, else that of the current folder."""
    place = getattr(args, "place", None)
    file = file_of(place) if place else None
    named = Path(file) if file and Path(file).exists() else Path.cwd()
    return find_workspace(named)


def load(
    args: argparse.Namespace,
    *,
    workspace: Path | None,
    editor: Mapping[str, object] | None = None,
    editor_workspace: Mapping[str, object] | None = None,
) -> tuple[Resolved, Folders]:
    """Resolve the settings of a command and start the log; the layers are those of `load_settings`."""
    own = folders(os.environ)
    resolved = load_settings(
        environ=os.environ,
        config_folder=own.config,
        config_file=config_file(args),
        workspace=workspace,
        editor=editor,
        editor_workspace=editor_workspace,
        command_line=command_line_settings(args),
    )
    configure(resolved.settings.log.level, own.log)
    for problem in resolved.problems:
        if problem.origin.kind == "command line":
            # Whoever has just typed it is there to mend it; a value from a file is reported and the work goes on.
            raise UsageError(problem.message, hint=f"`assist {args.command} --help` lists the options")
    return resolved, own


@asynccontextmanager
async def session(
    args: argparse.Namespace, output: Output, *, workspace: Path, tell_problems: bool = True
) -> AsyncIterator["App"]:
    """Give the App of a command and close it afterwards; problems of the settings and notices are said once each.

    tell_problems: False for a command that shows them itself.
    """
    from assist_server.app import build_app

    resolved, own = load(args, workspace=workspace)
    for problem in resolved.problems if tell_problems else ():
        output.note(f"assist: {problem.where}: {problem.message}")
    app = build_app(resolved, own, os.environ, notify=_teller(output) if tell_problems else unheard)
    try:
        yield app
    finally:
        await app.aclose()


def _teller(output: Output) -> Notify:
    """Say each notice once; a command waits only for its own earlier requests, of which there is nothing to say."""
    told: set[Notice] = set()

    def tell(notice: Notice) -> None:
        if notice.kind != "waiting" and notice not in told:
            told.add(notice)
            output.note(f"assist: {notice.message}" + (f" ({notice.hint})" if notice.hint else ""))

    return tell
