"""Which findings a report shows, in which order, under which names."""

from collections.abc import Sequence
from dataclasses import replace

from assist_server.features.review.report import SEVERITIES, Finding, Suppressed, fingerprinted


def ranked(
    findings: Sequence[Finding], paths: Sequence[str], most: int
) -> tuple[tuple[Finding, ...], tuple[Suppressed, ...]]:
    """Drop repetitions, then all but the `most` severe ones, and give the rest by place; paths: in the diff's order."""
    order = {path: number for number, path in reversed(list(enumerate(paths)))}
    placed = sorted(findings, key=lambda f: (order[f.path], f.start_line, f.side, f.origin != "static"))
    kept: list[Finding] = []
    dropped: list[Suppressed] = []
    for finding in placed:
        same = next((place for place, other in enumerate(kept) if _repeats(finding, other)), None)
        if same is None:
            kept.append(finding)
            continue
        if {finding.origin, kept[same].origin} == {"static", "model"}:
            kept[same] = replace(kept[same], origin="both", votes=1)
        dropped.append(_left_out(finding, "it repeats another finding"))
    named = fingerprinted(kept)
    severe = sorted(named, key=lambda finding: SEVERITIES.index(finding.severity))
    dropped += [_left_out(finding, f"over the limit of {most} findings") for finding in severe[most:]]
    shown = {finding.fingerprint for finding in severe[:most]}
    return tuple(finding for finding in named if finding.fingerprint in shown), tuple(dropped)


def _repeats(finding: Finding, other: Finding) -> bool:
    if finding.path != other.path or finding.origin == "static":
        return False
    overlap = finding.start_line <= other.end_line and other.start_line <= finding.end_line
    return (finding.side == other.side and overlap) or finding.message == other.message


def _left_out(finding: Finding, reason: str) -> Suppressed:
    return Suppressed(finding.path, finding.start_line, finding.message, reason)
