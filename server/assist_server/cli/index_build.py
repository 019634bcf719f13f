"""What the commands of the index share: bringing it up to date, and telling which files are not in it."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from assist_context.index.ignore import Reason, why_not_content
from assist_context.index.records import FileRecord
from assist_context.index.scan import changes, read_file, walk
from assist_server import __version__
from assist_server.cli.output import Output
from assist_server.config.settings import Settings
from assist_server.core.errors import RepositoryError, UsageError
from assist_server.core.folders import Folders
from assist_server.features.indexing.left_out import read_left_out
from assist_server.features.indexing.listing import version_of
from assist_server.features.indexing.once import IndexReport, WorkspaceIndex
from assist_server.features.indexing.workspace import NoIndex, index_folder, is_too_wide, reads
from assist_server.git import listed_files

LOST = frozenset({Reason.UNREADABLE, Reason.QUARANTINED})
"""Why a file is missing that belongs in the index."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did; lost: files that belong in the index and could not be read, with the reason."""

    report: IndexReport
    lost: tuple[tuple[str, str], ...]


def workspace_index(settings: Settings, own: Folders, workspace: Path) -> WorkspaceIndex:
    """Give the index of a workspace; raises UsageError for one that holds the user's home."""
    if is_too_wide(workspace):
        hint = "run this in a project's folder"
        raise UsageError(f"the home folder and those above it are not indexed: {workspace}", hint=hint)
    megabytes = settings.index.cache_megabytes
    return WorkspaceIndex(own.cache, workspace, output=own.log / "index.log", megabytes=megabytes)


def bring_up_to_date(settings: Settings, own: Folders, workspace: Path, output: Output) -> Built:
    """Index what has changed, with a bar that shows it; raises IndexFailed.

    Where a server keeps the index it is up to date by that. An interrupt ends the indexing process too, and leaves what
    was indexed so far.
    """
    index = workspace_index(settings, own, workspace)
    with output.counting("indexing") as progress:
        report = asyncio.run(index.build(progress))
    some_lost = any(reason in {lost.value for lost in LOST} for reason, _ in report.skipped)
    found = files_left_out(own, workspace) if some_lost else ()
    return Built(report, tuple((path, reason.value) for path, reason in found if reason in LOST))


def records_of(own: Folders, workspace: Path) -> Mapping[str, FileRecord]:
    """Give the files that are in the index now."""
    try:
        with reads(index_folder(own.cache, workspace)) as index:
            return index.files()
    except NoIndex:
        return {}


def files_left_out(own: Folders, workspace: Path) -> tuple[tuple[str, Reason], ...]:
    """Give the files of a workspace that are left out of its index, with the reasons; what is only new is none."""
    root = workspace.resolve()
    records, stopping = records_of(own, workspace), quarantined(own, workspace)
    found = changes(root, _listed(root), records)
    if not index_folder(own.cache, workspace).database.is_file():  # each file would have to be read
        return found.left_out
    left_out = list(found.left_out)
    for path in found.new_or_changed:
        if path not in records:
            content = read_file(root, path)
            reason = content if isinstance(content, Reason) else why_not_content(path, content)
            reason = reason or (Reason.QUARANTINED if path in stopping else None)
            left_out += [(path, reason)] if reason else []
    return tuple(left_out)


def quarantined(own: Folders, workspace: Path) -> Collection[str]:
    """Give the files that stopped the parser, as they are now."""
    folder = index_folder(own.cache, workspace)
    stopping = read_left_out(folder.left_out, __version__)
    return {path for path, version in stopping.items() if version_of(folder.root, path) == version}


def counted(left_out: Collection[tuple[str, Reason]]) -> tuple[tuple[str, int], ...]:
    """Count files by reason, the most frequent first."""
    counts = Counter(reason.value for _, reason in left_out)
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _listed(root: Path) -> tuple[str, ...]:
    try:
        return asyncio.run(listed_files(root))
    except RepositoryError:
        return walk(root)
