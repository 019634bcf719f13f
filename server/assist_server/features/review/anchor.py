"""Tie a model's remark to the changed lines that it quotes, or say why it is not passed on."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterator

from assist_context.diff import DiffLine
from assist_server.features.review.ask import MAX_MESSAGE
from assist_server.features.review.parse import Remark
from assist_server.features.review.report import Finding, Suppressed
from assist_server.features.review.static import evidence
from assist_server.features.review.units import Unit

_MAX_LINES = 10
_LEAST_QUOTE = 3

# The line's number and mark, which a model copies along with the line.
_MARGIN = re.compile(r"^\s*(?:\d+\s*[|:]?\s*)?(?:[+-](?![+=-]))?\s*")
_CODE_SPAN = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[^\W\d]\w*")
_OTHER_WORDS = (
    "null", "nil", "undefined", "true", "false", "NaN", "this", "const", "let", "var", "new", "delete", "typeof",
    "throw", "throws", "catch", "switch", "default", "void", "defer", "static", "fn", "func", "function", "mut",
    "error", "string",
)  # fmt: skip
_IN_ANY_CODE = frozenset((*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_OTHER_WORDS))
_OUT_OF_SIGHT = re.compile(
    r"\b(?:not|never) (?:been |being )?(?:defined|imported|declared|used)\b|\b(?:unused|undeclared|unimported)\b"
    r"|\bundefined (?:variable|name|function|symbol|identifier)|\bmissing (?:an? |the )?import",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"(?:there (?:is|are) )?no (?:obvious |apparent |real )?(?:issue|problem|bug|error|change|finding)s?\b"
    r"|(?:this |the )?(?:code|change|line|function|diff)s? (?:is|are|looks?|seems?) (?:correct|good|fine|ok)\b"
    r"|lgtm\b|looks good",
    re.IGNORECASE,
)


def anchored(unit: Unit, remark: Remark) -> Finding | Suppressed:
    """Check a remark against the unit: it must quote a changed line and speak of what is there."""
    message = one_line(remark.message)
    reason = _unfit(unit, message)
    lines = _quoted(unit, remark)
    if isinstance(lines, str) or reason:
        return Suppressed(unit.hunk.path, remark.line, message, reason or str(lines))
    first, last = lines
    new = first.new is not None
    return Finding(
        rule="model",
        severity=remark.severity,
        category="correctness",
        path=unit.hunk.path,
        side="new" if new else "old",
        start_line=(first.new if new else first.old) or 0,
        end_line=(last.new if new else last.old) or 0,
        anchor_text=first.text,
        message=message,
        origin="model",
        evidence=evidence(unit.hunk.path, unit.lines, first, last),
        votes=1,
    )


def one_line(message: str) -> str:
    """Make a model's words fit to be shown: one line, no control or formatting characters, at most 300 characters."""
    spaced = "".join(" " if unicodedata.category(char) in ("Zl", "Zp") or char.isspace() else char for char in message)
    shown = "".join(char for char in spaced if unicodedata.category(char)[0] != "C")
    text = re.sub(r" +", " ", shown).strip()
    # One of exactly this length was cut by the schema.
    return text if len(text) < MAX_MESSAGE else text[: MAX_MESSAGE - 1].rstrip() + "…"


def _unfit(unit: Unit, message: str) -> str | None:
    if not message:
        return "it says nothing"
    if _PRAISE.match(message):
        return "it says that nothing is wrong"
    if _OUT_OF_SIGHT.search(message):
        return "it claims what a hunk cannot show"
    seen = set(_WORD.findall("\n".join((unit.hunk.path, unit.section, *(line.text for line in unit.lines)))))
    named = {word for span in _CODE_SPAN.findall(message) for word in _WORD.findall(span)}
    return "it names what is not in the hunk" if named - seen - _IN_ANY_CODE else None


def _quoted(unit: Unit, remark: Remark) -> tuple[DiffLine, DiffLine] | str:
    """Find the changed lines of the quote, or tell why there are none."""
    quote = [line.strip() for line in remark.quote.splitlines() if line.strip()]
    if not quote or len("".join(quote)) < _LEAST_QUOTE or len(quote) > _MAX_LINES:
        return "it quotes no line"
    found = list(_places(unit, quote)) or list(_places(unit, [_MARGIN.sub("", line) for line in quote]))
    if not found:
        return "what it quotes is not on a changed line"
    exact = [place for place in found if place[0].text.strip() == quote[0]]
    for places in (exact, found):
        if len(places) == 1:
            return places[0]
    named = [place for place in exact or found if remark.line == (place[0].new or place[0].old)]
    return named[0] if named else "what it quotes is on several lines"


def _places(unit: Unit, quote: list[str]) -> Iterator[tuple[DiffLine, DiffLine]]:
    for kind in ("added", "removed"):
        lines = [line for line in unit.lines if line.kind == kind]
        for at in range(len(lines) - len(quote) + 1):
            block = lines[at : at + len(quote)]
            adjoining = (block[-1].new or block[-1].old or 0) - (block[0].new or block[0].old or 0) == len(block) - 1
            if adjoining and all(part and part in line.text for part, line in zip(quote, block, strict=True)):
                yield block[0], block[-1]
