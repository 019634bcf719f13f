"""What a review found, what it read and what it could not read."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from assist_server import __version__

SCHEMA = "assist.review/1"

Severity = Literal["error", "warning", "info"]
Side = Literal["new", "old"]
Origin = Literal["static", "model", "both"]
Verdict = Literal["clean", "findings", "incomplete"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A line that a finding rests on, on the finding's side of the diff."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with lines that the diff adds, or (side "old") removes.

    start_line, end_line: from 1, inclusive, on that side. anchor_text: the first of them, its secrets masked.
    evidence: the anchor with the lines around it. confidence: 0 to 1, None where it has not been measured.
    """

    rule: str
    severity: Severity
    category: str
    path: str
    side: Side
    start_line: int
    end_line: int
    anchor_text: str
    message: str
    origin: Origin
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None
    votes: int = 0
    fingerprint: str = ""

    @property
    def id(self) -> str:
        """A short name of the finding that stays when lines move."""
        return self.fingerprint[:12]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What a model said and the review does not pass on, and why."""

    path: str
    line: int | None
    message: str
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not given to the model, and why.

    hunk: its header, None for a whole file.
    expected: the review is complete without it, as there was nothing to read or its owner wanted it left out.
    """

    path: str
    hunk: str | None
    reason: str
    expected: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A hunk, or lines of one, on which the model gave no usable answer, and why."""

    path: str
    hunk: str
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every hunk of the diff is reviewed, skipped or failed, exactly once."""

    hunks_total: int
    reviewed: int
    skipped: tuple[Skipped, ...] = ()
    failed: tuple[Failed, ...] = ()
    cached: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything was read that should be."""
        return not self.failed and all(skipped.expected for skipped in self.skipped)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """The model that reviewed; context_length in tokens."""

    name: str
    backend: str
    context_length: int
    digest: str | None = None
    quantization: str | None = None
    seed: int = 0
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of all requests together; exact: False where a count is our estimate."""

    prompt: int = 0
    completion: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """One review. base, head: what was compared, None where only a patch is known."""

    model: Reviewer
    base: str | None
    head: str | None
    coverage: Coverage
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    tokens: Tokens
    wall_ms: int

    @property
    def verdict(self) -> Verdict:
        """Tell the outcome in a word; never "clean" where something was not read."""
        if not self.coverage.complete:
            return "incomplete"
        return "findings" if self.findings else "clean"


def exit_status(report: Report, fail_on: str, *, allow_incomplete: bool = False) -> int:
    """Give 5 for an incomplete review, 1 for findings of severity `fail_on` or above, else 0; "never" is above all."""
    if not report.coverage.complete and not allow_incomplete:
        return 5
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on in SEVERITIES else ()
    return int(any(finding.severity in failing for finding in report.findings))


def fingerprinted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Name each finding by path, rule, anchor and its place among equals: neither line numbers nor a model's words."""
    seen: Counter[tuple[str, str, str]] = Counter()
    named = []
    for finding in findings:
        key = (finding.path, finding.rule, re.sub(r"\s+", " ", finding.anchor_text).strip())
        text = "\0".join((*key, str(seen[key])))
        seen[key] += 1
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        named.append(replace(finding, fingerprint=digest))
    return tuple(named)


def to_json(report: Report) -> dict[str, Any]:
    """Give the report as `docs/review.schema.json` describes it."""
    model = report.model
    document = {
        "schema": SCHEMA,
        "tool": {"name": "assist", "version": __version__},
        "model": {
            "name": model.name,
            "backend": model.backend,
            "digest": model.digest,
            "quant": model.quantization,
            "ctx": model.context_length,
            "seed": model.seed,
            "temp": model.temperature,
        },
        "base": report.base,
        "head": report.head,
        "coverage": asdict(report.coverage),
        "findings": [{"id": finding.id, **asdict(finding), "suggestion": None} for finding in report.findings],
        "suppressed": [asdict(suppressed) for suppressed in report.suppressed],
        "tokens": asdict(report.tokens),
        "wall_ms": report.wall_ms,
        "verdict": report.verdict,
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def sendable(text: str) -> str:
    """Replace lone surrogates, which stand for bytes that are not UTF-8 and which no JSON text may hold."""
    return re.sub(r"[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return sendable(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
