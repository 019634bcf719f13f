"""Read a model's answer. An answer that cannot be read is an error, never "nothing found"."""

import json
import re
from dataclasses import dataclass
from typing import Any

from assist_server.features.review.report import SEVERITIES, Severity

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)


class UnreadableAnswer(Exception):
    """An answer that is not what was asked for; the message says in what way."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What the model says of a line, unchecked; line is the number that it gave, None where it gave none."""

    line: int | None
    quote: str
    severity: Severity
    message: str


def parse_remarks(answer: str) -> tuple[Remark, ...]:
    """Read the remarks of an answer that follows `review_schema`; a Markdown fence around it is accepted."""
    fenced = _FENCED.fullmatch(answer)
    try:
        document = json.loads(fenced[1] if fenced else answer)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer("the model's answer is not JSON") from error
    findings = document.get("findings") if isinstance(document, dict) else None
    if not isinstance(findings, list):
        raise UnreadableAnswer("the model's answer has no list of findings")
    return tuple(_remark(item) for item in findings)


def _remark(item: Any) -> Remark:
    if not isinstance(item, dict):
        raise UnreadableAnswer("a finding in the model's answer is not an object")
    line, severity = item.get("line"), item.get("severity")
    quote, message = item.get("quote"), item.get("message")
    if not isinstance(quote, str) or not isinstance(message, str) or severity not in SEVERITIES:
        raise UnreadableAnswer("a finding in the model's answer lacks its quote, severity or message")
    return Remark(line if type(line) is int else None, quote, severity, message)
