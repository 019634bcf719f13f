"""Questions to a model that talks: explain code, review a hunk, fill in the middle without control tokens."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from assist_context.diff import DiffLine
from assist_context.document import Document
from assist_context.errors import BudgetError, PlaceError
from assist_context.languages import human_name
from assist_context.positions import LineIndex, lines_of
from assist_context.prompt.fill import Count, commented, largest, window
from assist_context.prompt.fim import OtherFile
from assist_context.prompt.templates import render

MARKER = "<FILL_IN_HERE>"
"""What stands for the hole; lengthened where the text itself has it."""

SEVERITIES = ("error", "warning", "info")

_TURN_TOKENS = 8  # what a server's chat template puts around one turn
_MAX_FINDINGS = 2
_LONGEST_QUOTE = 200
_LONGEST_MESSAGE = 200
CUT = "\n... (cut here: the selection is longer than the model can read)"
"""What ends a selection of which only the beginning fits."""

_MARKS = MappingProxyType({"added": "+", "removed": "-", "context": " "})

_BACKTICKS = re.compile(r"`{3,}")
_FENCE = re.compile(r"^(?P<fence>`{3,})[^\n`]*\n(?P<body>.*?)\n?(?:^(?P=fence)\s*$|\Z)", re.MULTILINE | re.DOTALL)
_TALK = re.compile(r"\s*(?:sure|certainly|of course|here|the (?:missing|text|code))\b[^\n]*:[ \t]*\n", re.IGNORECASE)
_UNFIT_FOR_A_PATH = re.compile(r"[\x00-\x1f`\x7f\u2028\u2029\ud800-\udfff]")
_LEAST_ECHO = 3  # characters of the line around a hole that an answer must repeat to be taken for an echo


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


def explain_messages(document: Document, start: int, end: int, *, budget_tokens: int, count: Count) -> tuple[Turn, ...]:
    """Ask what text[start:end] does, with as much of the code around it as the budget holds.

    An empty selection means its line. A selection that is too long is cut at the end of a line, and the model is told.
    budget_tokens: for all the messages by `count`, never exceeded. Raises PlaceError for offsets outside the text,
    BudgetError where not even the first line fits.
    """
    text = document.text
    if not 0 <= start <= end <= len(text):
        raise PlaceError(f"the selection {start} to {end} is outside the text", hint=f"offsets are 0 to {len(text)}")
    lines = lines_of(text)
    if start == end:
        line = lines.line_of(start)
        start, end = lines.line_start(line), lines.line_end(line)
    indent = text[lines.line_start(lines.line_of(start)) : start]
    start -= len(indent) if indent.isspace() else 0
    selected = text[start:end]

    def turns(code: str, around: int = 0) -> tuple[Turn, ...]:
        return _explain_turns(document, code, _around(lines, start, end, around) if around else "")

    def fits(code: str, around: int = 0) -> bool:
        return sum(count(turn.content) + _TURN_TOKENS for turn in turns(code, around)) <= budget_tokens

    around = largest(lines.line_count + 1, lambda around: fits(selected, around))
    if around is not None:
        return turns(selected, around)
    rows = selected.splitlines(keepends=True)
    kept = largest(len(rows), lambda kept: kept == 0 or fits("".join(rows[:kept]) + CUT))
    if not kept:
        raise BudgetError(
            f"{budget_tokens} tokens are too few to explain anything",
            hint="use a model with a longer context, or select less",
        )
    return turns("".join(rows[:kept]) + CUT)


def review_messages(path: str, language: str, lines: Sequence[DiffLine], *, section: str = "") -> tuple[Turn, ...]:
    """Ask for the bugs in a hunk; the answer follows `review_schema`.

    lines: the hunk, or a part of it. section: what follows the second ``@@`` of its header, the function it is in.
    """
    hunk = "\n".join((*([f"      {section}"] if section else []), *numbered(lines)))
    question = render("review", path=_shown(path), language=human_name(language), hunk=fenced(hunk, ""))
    return (Turn("system", render("review_system")), Turn("user", question))


def review_schema(changed_lines: Sequence[int], quotes: Sequence[str] = ()) -> dict[str, Any]:
    """Give the JSON schema of a review's answer: a finding can only be about a changed line.

    changed_lines: their numbers as `numbered` shows them. quotes: their texts, so that a model cannot misquote either;
    any text of at most 200 characters where there are none. Raises ValueError without a line.
    """
    if not changed_lines:
        raise ValueError("no changed line to speak of")
    texts = dict.fromkeys(quote.strip()[:_LONGEST_QUOTE] for quote in quotes if quote.strip())
    finding = {
        "quote": {"enum": list(texts)} if texts else {"type": "string", "maxLength": _LONGEST_QUOTE},
        "line": {"enum": sorted(set(changed_lines))},
        "severity": {"enum": list(SEVERITIES)},
        "message": {"type": "string", "maxLength": _LONGEST_MESSAGE},
    }
    return {
        "type": "object",
        "properties": {
            "findings": {
                "type": "array",
                "maxItems": _MAX_FINDINGS,
                "items": {
                    "type": "object",
                    "properties": finding,
                    "required": list(finding),
                    "additionalProperties": False,
                },
            }
        },
        "required": ["findings"],
        "additionalProperties": False,
    }


def numbered(lines: Sequence[DiffLine]) -> tuple[str, ...]:
    """Write hunk lines with their number and ``+``, ``-`` or a blank.

    Numbers are those of the new side; a removed line has none, except where nothing was added.
    """
    only_removed = not any(line.kind == "added" for line in lines)
    numbers = [line.new or (line.old if only_removed else "") or "" for line in lines]
    wide = max((len(str(number)) for number in numbers), default=1)
    return tuple(
        f"{number:>{wide}} {_MARKS[line.kind]} {line.text}".rstrip()
        for number, line in zip(numbers, lines, strict=True)
    )


def fill_messages(
    document: Document,
    offset: int,
    *,
    prefix_tokens: int,
    suffix_tokens: int,
    count: Count,
    others: Sequence[OtherFile] = (),
) -> tuple[Turn, ...]:
    """Ask a model without control tokens for the text at an offset; read its answer with `parse_fill`.

    others: pieces of other files, which stand in the code as comments.
    """
    prefix, suffix = window(
        document.text, offset, prefix_tokens=prefix_tokens, suffix_tokens=suffix_tokens, count=count
    )
    marker = MARKER
    while marker in prefix + suffix:
        marker = f"<{marker}>"
    question = render(
        "complete_chat",
        path=_shown(document.path),
        language=human_name(document.language),
        marker=marker,
        code=fenced(commented(others, document.language) + prefix + marker + suffix, document.language),
    )
    return (Turn("user", question),)


def parse_fill(answer: str, prefix: str, suffix: str) -> str:
    """Take the text for the hole out of an answer: no fences, no talk, and not the line around the hole again.

    prefix, suffix: the text before and after the hole, of which only the line with the hole is looked at.
    """
    fence = _FENCE.search(answer)
    body = fence["body"] if fence else _TALK.sub("", answer, count=1).strip("\r\n")
    if len(body) > 2 and body[0] == body[-1] == "`" and body.count("`") == 2:
        body = body[1:-1]
    body = body.replace(MARKER, "")
    before, after = prefix[prefix.rfind("\n") + 1 :], suffix.partition("\n")[0]
    echo = before.strip()
    if len(echo) >= _LEAST_ECHO and body.lstrip().startswith(echo):
        body = body.lstrip().removeprefix(echo)
        body = body.lstrip(" \t") if before[-1:].isspace() else body
    echo = after.strip()
    if len(echo) >= _LEAST_ECHO and body.rstrip().endswith(echo):
        body = body.rstrip().removesuffix(echo)
    return body


def fenced(code: str, language: str) -> str:
    """Put code into a Markdown fence that is longer than any in it, with line feeds alone as line endings."""
    code = code.replace("\r\n", "\n")
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}{'' if code.endswith(chr(10)) else chr(10)}{fence}"


def _explain_turns(document: Document, code: str, around: str) -> tuple[Turn, ...]:
    surroundings = render("surroundings", code=fenced(around, document.language)) + "\n\n" if around else ""
    question = render(
        "explain",
        surroundings=surroundings,
        language=human_name(document.language),
        path=_shown(document.path),
        code=fenced(code, document.language),
    )
    return (Turn("system", render("explain_system")), Turn("user", question))


def _shown(path: str) -> str:
    """Make a path fit to stand in a sentence, whatever its characters."""
    return _UNFIT_FOR_A_PATH.sub("?", path)


def _around(lines: LineIndex, start: int, end: int, count: int) -> str:
    """Give up to `count` lines before a selection and half as many after it."""
    first, last = lines.line_of(start), lines.line_of(max(start, end - 1))
    top = lines.line_start(max(0, first - count))
    bottom = lines.line_end(min(lines.line_count - 1, last + count // 2))
    before, after = lines.text[top : lines.line_start(first)], lines.text[lines.line_end(last) : bottom]
    return "\n\n".join(part for part in (before.strip("\r\n"), after.strip("\r\n")) if part.strip())
