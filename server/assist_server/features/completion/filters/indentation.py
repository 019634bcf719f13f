"""The one filter that may change blanks: those at the start of lines."""

import re
from itertools import pairwise

from assist_context.syntax.lexing import CLOSERS, masked, unmatched
from assist_server.features.completion.filters.frame import Frame
from assist_server.features.completion.hole import Hole, indent_of

_OPENS = re.compile(r"[:{(\[]$|=>$|(?:^|\s)(?:do|then|begin)$")
_SWITCH = re.compile(r"\s*(?:switch|select)\b.*\{\s*$")
_CASE = re.compile(r"\s*(?:case|default)\b")
_FIRST_CASE = re.compile(r"^([ \t]*switch\b).*\{[ \t]*\r?\n([ \t]*(?:case|default)\b)", re.MULTILINE)
_BLANKS = re.compile(r"[ \t]*")
_MOST_SPACES = 8


def repair_indentation(text: str, frame: Frame) -> str:
    """Make the first line begin where the cursor stands or its block does, and lines use the file's own blanks.

    Behind the indentation of a line a model often writes that indentation again, or a part of it; the lines behind it
    are right. Where a block was opened and nothing is indented, all lines go one step in.
    """
    if frame.hole.inside != "code":
        return text
    text = _in_own_blanks(text, frame)
    if frame.hole.before.strip():
        return _body_indented(text, frame)
    return _first_line_placed(text, frame)


def _first_line_placed(text: str, frame: Frame) -> str:
    """Place the first line of a text that begins on a blank line."""
    hole = frame.hole
    bare = text.lstrip(" \t")
    if not hole.before and bare != text:
        return text  # at the start of a line, the blanks are its indentation
    if _needs_step(hole) and not _is_flush_case(hole.above, bare, frame) and bare[:1] not in {*CLOSERS, "\n", ""}:
        wanted, made = indent_of(hole.above) + len(_step(frame).expandtabs(4)), indent_of(hole.before + text)
        if made >= wanted:
            return text if made == wanted else bare if hole.indent >= wanted else text
        if hole.indent <= indent_of(hole.above):
            return _shifted(text, _step(frame))
    return bare if bare[:1] != "\n" else text


def _body_indented(text: str, frame: Frame) -> str:
    """Indent the body of a block that the cursor's line opens, where the model did not."""
    hole = frame.hole
    head, newline, body = text.partition("\n")
    lines = [line for line in body.split("\n") if line.strip()]
    if not newline or not lines or not _OPENS.search((hole.before + head).rstrip()) or head.strip():
        return text
    if indent_of(lines[0]) > hole.indent or lines[0].lstrip()[0] in CLOSERS:
        return text
    if indent_of(lines[0]) < hole.indent or _is_flush_case(hole.before + head, lines[0], frame):
        return text  # it has left the block around, too, or stands as it should
    return head + newline + _shifted(body, _step(frame))


def _shifted(text: str, step: str) -> str:
    """Put a step before all lines but a closing bracket that is not deeper than the first line."""
    lines = text.split("\n")
    first = next(indent_of(line) for line in lines if line.strip())
    closes = [line.lstrip()[:1] in CLOSERS and indent_of(line) <= first and number for number, line in enumerate(lines)]
    return "\n".join(
        step + line if line.strip() and not closed else line for line, closed in zip(lines, closes, strict=True)
    )


def _needs_step(hole: Hole) -> bool:
    """Tell whether the line above opens a block that nothing stands in yet."""
    above = masked(hole.above, hole.language).code.rstrip()
    # One that closes what it has not opened ends a head of several lines, and is indented as it likes.
    ends_head = unmatched(above)[0] and above.lstrip()[0] not in CLOSERS
    return _OPENS.search(above) is not None and not ends_head and indent_of(hole.below) <= indent_of(above)


def _is_flush_case(head: str, line: str, frame: Frame) -> bool:
    """Tell whether a line is a case that stands as deep as its `switch`: always in Go, else where the file does so."""
    if not _SWITCH.match(head) or not _CASE.match(line):
        return False
    if frame.hole.language == "go":
        return True
    around = frame.place.text if frame.place else ""
    return any(indent_of(found[1]) == indent_of(found[2]) for found in _FIRST_CASE.finditer(around))


def _step(frame: Frame) -> str:
    """Give what one step of indentation is in this file: as the lines above show, else four spaces."""
    lines = [*frame.lines_above, frame.hole.before, frame.hole.below]
    widths = []
    for one, other in pairwise(lines):
        blanks = _blanks(other)
        if "\t" in blanks:
            return "\t"
        wider = len(blanks) - len(_blanks(one))
        if other.strip() and one.rstrip().endswith((":", "{")) and 0 < wider <= _MOST_SPACES:
            widths.append(wider)
    return " " * (min(widths) if widths else 4)


def _in_own_blanks(text: str, frame: Frame) -> str:
    """Write tabs where the lines around have tabs only, and the text only spaces."""
    around = [frame.hole.before, frame.hole.above, frame.hole.below, *frame.lines_above]
    if not any(line.startswith("\t") for line in around) or any(line.startswith("  ") for line in around):
        return text
    lines = text.split("\n")
    behind = lines[1:] if frame.hole.before.strip() else lines
    widths = [len(blanks) for line in behind if (blanks := _blanks(line)) and line.strip()]
    if not widths or any(line.startswith("\t") for line in behind):
        return text
    step = min(widths) if min(widths) in {2, 3} else 4
    tabs = [
        _BLANKS.sub(lambda found: "\t" * (len(found[0]) // step) + " " * (len(found[0]) % step), line, count=1)
        for line in behind
    ]
    return "\n".join([*lines[: len(lines) - len(behind)], *tabs])


def _blanks(line: str) -> str:
    found = _BLANKS.match(line)
    return found[0] if found else ""
