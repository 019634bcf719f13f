"""From a diff to what the model reads at once: a hunk, or a part of a large one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assist_context.diff import DiffLine, FileDiff, Hunk
from assist_context.languages import language_of
from assist_context.secrets import is_secret_path
from assist_server.features.path_patterns import is_excluded
from assist_server.features.review.report import Skipped

MAX_CHANGED_LINES = 40
MAX_LINE = 1000
CONTEXT_LINES = 3
_LINK_MODE = "120000"


@dataclass(frozen=True, slots=True)
class HunkId:
    """A hunk of a diff: the numbers of its file and of itself there, the path, and its header without the section."""

    file: int
    place: int
    path: str
    header: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Lines of one hunk for one request.

    lines: as they are shown; changed lines that belong to another part stand among them as context.
    whole: whether this is all of the hunk.
    """

    hunk: HunkId
    language: str
    section: str
    lines: tuple[DiffLine, ...]
    whole: bool = True

    def changed(self) -> tuple[DiffLine, ...]:
        """Give the lines under review."""
        return tuple(line for line in self.lines if line.kind != "context")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, and what is left out: whole files, and hunks or parts of them with the reason."""

    hunks: tuple[HunkId, ...]
    units: tuple[Unit, ...]
    files: tuple[Skipped, ...]
    skipped: tuple[tuple[HunkId, Skipped], ...]


def plan(files: Sequence[FileDiff], exclude: Sequence[str] = ()) -> Plan:
    """Divide a diff into units; every hunk has a unit, or is skipped with a reason.

    exclude: glob patterns of whole paths, of file names, or of folders.
    """
    hunks: list[HunkId] = []
    units: list[Unit] = []
    unread: list[Skipped] = []
    skipped: list[tuple[HunkId, Skipped]] = []
    for number, file in enumerate(files):
        reason = _nothing_to_read(file, exclude)
        if reason and not file.hunks:
            unread.append(Skipped(file.path, None, reason, expected=True))
        elif file.unreadable:
            unread.append(Skipped(file.path, None, file.unreadable, expected=False))
        for place, hunk in enumerate(file.hunks):
            at = HunkId(number, place, file.path, _header(hunk))
            hunks.append(at)
            if reason:
                skipped.append((at, Skipped(file.path, at.header, reason, expected=True)))
                continue
            for unit in _units(at, language_of(file.path), hunk):
                if any(len(line.text) > MAX_LINE for line in unit.changed()):
                    skipped.append((at, left_out(unit, f"a line has more than {MAX_LINE} characters")))
                else:
                    units.append(unit)
    return Plan(tuple(hunks), tuple(units), tuple(unread), tuple(skipped))


def halves(unit: Unit) -> tuple[Unit, ...]:
    """Divide a unit that is too long for the model; nothing where there is nothing left to take away."""
    count = len(unit.changed())
    parts = _parts(unit.lines, (count + 1) // 2) if count > 1 else [_close(unit.lines)]
    return tuple(replace(unit, lines=lines, whole=unit.whole and count == 1) for lines in parts if lines != unit.lines)


def left_out(unit: Unit, reason: str) -> Skipped:
    """Say that a unit could not be given to the model."""
    return Skipped(unit.hunk.path, unit.hunk.header, where(unit) + reason, expected=False)


def where(unit: Unit) -> str:
    """Name the lines of a unit that is a part of its hunk."""
    if unit.whole:
        return ""
    first, last = unit.changed()[0], unit.changed()[-1]
    return f"lines {first.new or first.old}-{last.new or last.old}: "


def _nothing_to_read(file: FileDiff, exclude: Sequence[str]) -> str | None:
    reasons = (
        (is_excluded(file.path, exclude), "excluded by review.exclude"),
        (file.binary, "a binary file"),
        (file.submodule, "a submodule"),
        (_LINK_MODE in (file.old_mode, file.new_mode), "a symbolic link"),
        (is_secret_path(file.path), "a file that usually holds secrets; it was searched for them"),
        (file.status == "deleted", "the whole file is deleted"),
        (bool(file.hunks or file.unreadable), None),
        (file.status in ("renamed", "copied"), f"only {file.status}"),
        (file.status == "added", "an empty file"),
        (True, "only its mode changes"),
    )
    return next(reason for holds, reason in reasons if holds)


def _header(hunk: Hunk) -> str:
    return f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"


def _units(at: HunkId, language: str, hunk: Hunk) -> list[Unit]:
    parts = _parts(hunk.lines, MAX_CHANGED_LINES)
    return [Unit(at, language, hunk.section, lines, whole=len(parts) == 1) for lines in parts]


def _parts(lines: Sequence[DiffLine], most: int) -> list[tuple[DiffLine, ...]]:
    """Divide lines so that no part has more than `most` changed ones, each with a little context around it."""
    parts = []
    start = 0
    while changed := [i for i in range(start, len(lines)) if lines[i].kind != "context"]:
        end = len(lines) if len(changed) <= most else _cut(lines, changed[most // 2], changed[most])
        before = [_as_context(line) for line in lines[max(0, start - CONTEXT_LINES) : start]]
        after = [_as_context(line) for line in lines[end : end + CONTEXT_LINES]]
        shown = (*before, *lines[start:end], *after)
        parts.append(tuple(_clipped(line) for line in shown if line is not None))
        start = end
    return parts


def _cut(lines: Sequence[DiffLine], low: int, high: int) -> int:
    """Choose the end of a part, after `low` and at most at `high`: a blank line, else not inside a replacement."""
    ends = range(high, low, -1)
    blank = (end for end in ends if not lines[end - 1].text.strip())
    apart = (end for end in ends if lines[end - 1].kind != "removed")
    return next(blank, next(apart, high))


def _close(lines: tuple[DiffLine, ...]) -> tuple[DiffLine, ...]:
    """Keep only the nearest context of the one changed line."""
    at = next(i for i, line in enumerate(lines) if line.kind != "context")
    return lines[max(0, at - CONTEXT_LINES) : at + CONTEXT_LINES + 1]


def _as_context(line: DiffLine) -> DiffLine | None:
    if line.kind == "removed":
        return None
    return replace(line, kind="context")


def _clipped(line: DiffLine) -> DiffLine:
    return replace(line, text=line.text[:MAX_LINE]) if line.kind == "context" else line
