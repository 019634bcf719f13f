"""A report as lines for a person: parts of text with the name of a style, coloured by whoever prints them."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from assist_server.features.review.report import Finding, Report, Severity

Line = list[tuple[str, str]]

_STYLES: Mapping[Severity, str] = MappingProxyType({"error": "bold red", "warning": "bold yellow", "info": "bold cyan"})
_WIDTH = 160


def layout(report: Report, *, place: str = "") -> list[Line]:
    """Lay a report out; place: where the model ran, such as "offline", to end the last line with."""
    lines: list[Line] = []
    for finding in report.findings:
        lines += [*_finding(finding), []]
    lines += _unread(report)
    lines += _dropped(report)
    lines.append([(summary(report, place=place), "bold")])
    return lines


def plain(report: Report, *, place: str = "") -> str:
    """Give the layout without styles."""
    return "\n".join("".join(text for text, _ in line) for line in layout(report, place=place))


def summary(report: Report, *, place: str = "") -> str:
    """Say in one line how much was read, what was found, how long it took and which model read it."""
    coverage = report.coverage
    parts = [
        f"{coverage.reviewed + coverage.cached} of {_count(coverage.hunks_total, 'hunk')} reviewed",
        _count(len(report.findings), "finding") if report.findings else "no findings",
        f"{report.wall_ms / 1000:.1f} s",
        visible(report.model.name),
    ]
    if not coverage.complete:
        parts.insert(0, "incomplete")
    return ", ".join([*parts, place] if place else parts)


def visible(text: str) -> str:
    """Show text on one line of a terminal: no control, formatting or broken character, at most 160 of all."""
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char)[0] == "C" else char for char in text.expandtabs(4)
    )
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + "…"


def _finding(finding: Finding) -> Iterator[Line]:
    removed = " (removed)" if finding.side == "old" else ""
    yield [
        (f"{visible(finding.path)}:{finding.start_line}{removed}", "bold"),
        (": ", ""),
        (finding.severity, _STYLES[finding.severity]),
        (f": {_whole(finding.message)}", ""),
        (f" [{finding.rule}]", "dim"),
    ]
    width = max((len(str(line.line)) for line in finding.evidence), default=0)
    for line in finding.evidence:
        anchored = finding.start_line <= line.line <= finding.end_line
        mark, style = (">", "") if anchored else (" ", "dim")
        yield [(f"  {mark} {line.line:>{width}} | ", "dim"), (visible(line.text), style)]


def _unread(report: Report) -> Iterator[Line]:
    coverage = report.coverage
    left = [("could not be read", s.path, s.hunk, s.reason) for s in coverage.skipped if not s.expected]
    left += [("failed", f.path, f.hunk, f.reason) for f in coverage.failed]
    for what, path, hunk, reason in left:
        shown = f"{visible(path)} {hunk}" if hunk else visible(path)
        yield [(f"{what}: ", "bold yellow"), (f"{shown}: {visible(reason)}", "")]
    # A folder full of images is one line a reason, not one a file.
    expected = {s.path: s.reason for s in coverage.skipped if s.expected}
    by_reason: dict[str, list[str]] = {}
    for path, reason in expected.items():
        by_reason.setdefault(reason, []).append(visible(path))
    for reason, paths in by_reason.items():
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        yield [(f"not read: {', '.join(paths[:3])}{more}: {reason}", "dim")]


def _dropped(report: Report) -> Iterator[Line]:
    reasons = Counter(suppressed.reason for suppressed in report.suppressed)
    if reasons:
        told = ", ".join(f"{count} {visible(reason)}" for reason, count in reasons.most_common())
        yield [(f"{_count(len(report.suppressed), 'remark')} of the model left out: {told}", "dim")]


def _whole(message: str) -> str:
    return "".join(visible(message[at : at + _WIDTH]) for at in range(0, len(message), _WIDTH))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
