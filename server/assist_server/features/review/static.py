"""What is wrong with a diff for sure, without a model: secrets and conflict markers that it adds."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from assist_context.diff import DiffLine, FileDiff, Hunk, LineKind
from assist_context.secrets import SecretSpan, find_secrets
from assist_server.features.review.report import Evidence, Finding
from assist_server.privacy.masking import MASK, mask

_NEW: tuple[LineKind, ...] = ("context", "added")
_OLD: tuple[LineKind, ...] = ("context", "removed")
_CONFLICT = re.compile(r"(?:<{7}|>{7})(?: |$)")


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a hunk as text; places: where its lines stand in the hunk."""

    places: tuple[int, ...]
    text: str


def masked(file: FileDiff) -> FileDiff:
    """Mask the secrets on both sides of a file's hunks."""
    return replace(file, hunks=tuple(_masked_hunk(hunk) for hunk in file.hunks))


def static_findings(file: FileDiff) -> tuple[Finding, ...]:
    """Find what needs no model; `file` is unmasked, its findings hold no secret."""
    clean = masked(file)
    found = [*_secrets(file, clean), *_conflicts(clean)]
    return tuple(sorted(found, key=lambda finding: finding.start_line))


def evidence(path: str, lines: Sequence[DiffLine], first: DiffLine, last: DiffLine) -> tuple[Evidence, ...]:
    """Give the lines of a finding, at most three of them, or where it is one line that with its neighbours."""
    side = _OLD if first.kind == "removed" else _NEW
    shown = [line for line in lines if line.kind in side]
    start, end = shown.index(first), shown.index(last)
    picked = shown[max(0, start - 1) : end + 2] if start == end else shown[start : end + 1][:3]
    return tuple(Evidence(path, (line.old if side is _OLD else line.new) or 0, line.text) for line in picked)


def _secrets(file: FileDiff, clean: FileDiff) -> Iterator[Finding]:
    removed = "\n".join(line.text for hunk in file.hunks for line in hunk.lines if line.kind == "removed")
    for hunk, clean_hunk in zip(file.hunks, clean.hunks, strict=True):
        side = _side(hunk, _NEW)
        for span in find_secrets(side.text):
            places = [i for i in _places(side, span) if hunk.lines[i].kind == "added"]
            if not places or side.text[span.start : span.end] in removed:
                continue  # it was there before: on a line next to the change, or on one that only changed around it
            first, last = clean_hunk.lines[places[0]], clean_hunk.lines[places[-1]]
            message = f"This looks like a secret ({span.kind}); take it out of the code and revoke it if it was real"
            yield _finding(file.path, clean_hunk, (first, last), rule="secret", category="security", message=message)


def _conflicts(file: FileDiff) -> Iterator[Finding]:
    for hunk in file.hunks:
        opened: DiffLine | None = None
        for line in hunk.lines:
            if line.kind != "added" or not _CONFLICT.match(line.text):
                continue
            if line.text.startswith("<"):
                opened = line
            elif line.text.startswith(">"):
                yield _conflict(file.path, hunk, opened or line, line)
                opened = None
        if opened:
            yield _conflict(file.path, hunk, opened, opened)


def _conflict(path: str, hunk: Hunk, first: DiffLine, last: DiffLine) -> Finding:
    message = "A merge conflict was left unresolved here"
    return _finding(path, hunk, (first, last), rule="conflict-marker", category="correctness", message=message)


def _finding(
    path: str, hunk: Hunk, lines: tuple[DiffLine, DiffLine], *, rule: str, category: str, message: str
) -> Finding:
    first, last = lines
    return Finding(
        rule=rule,
        severity="error",
        category=category,
        path=path,
        side="new",
        start_line=first.new or 0,
        end_line=last.new or 0,
        anchor_text=first.text,
        message=message,
        origin="static",
        evidence=evidence(path, hunk.lines, first, last),
    )


def _masked_hunk(hunk: Hunk) -> Hunk:
    lines = list(hunk.lines)
    for side in (_side(hunk, _NEW), _side(hunk, _OLD)):
        if not side.places:
            continue  # no lines, where a split of their text would give one
        for place, text in zip(side.places, mask(side.text).split("\n"), strict=True):
            if text != hunk.lines[place].text:
                lines[place] = replace(lines[place], text=_either(lines[place].text, text))
    return replace(hunk, lines=tuple(lines), section=mask(hunk.section))


def _either(one: str, other: str) -> str:
    """Mask what is masked in one of two copies of a line, for a line of context stands on both sides."""
    return "".join(a if a == b else MASK for a, b in zip(one, other, strict=True))


def _side(hunk: Hunk, kinds: tuple[LineKind, ...]) -> _Side:
    places = tuple(i for i, line in enumerate(hunk.lines) if line.kind in kinds)
    return _Side(places, "\n".join(hunk.lines[i].text for i in places))


def _places(side: _Side, span: SecretSpan) -> tuple[int, ...]:
    first = side.text.count("\n", 0, span.start)
    return side.places[first : side.text.count("\n", 0, span.end) + 1]
