"""What stands around the cursor already, and the end of what may be suggested."""

import re

from assist_context.syntax.lexing import CLOSERS, OPENERS, brackets, masked, unmatched
from assist_server.features.completion.filters.frame import Frame
from assist_server.features.completion.hole import Hole, same_line
from assist_server.features.completion.stopping import find_end

_TOKEN = re.compile(r"\w+|[^\w\s]")
_QUOTES = "\"'`"
_LONGEST_MARK = 3
_CLOSES = re.compile(r"\s*(?:</|[)\]}]|(?:done|end|esac|fi)\b)")


def cut_at_end(text: str, frame: Frame) -> str:
    """Cut where the line, the paragraph or the block ends, or where what follows begins."""
    end = find_end(text, frame.hole, frame.extent, final=True)
    return text if end is None else text[: end.length]


def close_once(text: str, frame: Frame) -> str:
    """Cut at a bracket or quote that what follows on the line closes already, or at one that closes no other."""
    hole = frame.hole
    if hole.quote and hole.quote in _QUOTES and _is_closed_behind(hole):
        end = _string_end(text, frame)
        return text if end < 0 else text[:end]
    before, read = masked(hole.before, hole.language), masked(text, hole.language, hole.quote)
    code, after = read.code, masked(hole.after, hole.language, read.pending)
    reserved = len(unmatched(after.code)[0])
    too_many = len(unmatched(before.code + code + after.code)[0]) - len(unmatched(before.code + after.code)[0])
    if "\n" not in text and too_many <= 0 and not _is_crossed(before.code + code + after.code):
        return text  # it may close, and open again, what is closed behind it
    opened = list(unmatched(before.code)[1])
    for place, bracket in brackets(code):
        if bracket in OPENERS:
            opened.append(bracket)
        elif len(opened) > reserved:
            if not _is_pair(opened.pop(), bracket):
                return text[:place]
        elif reserved:
            return text[:place]
    return text


def _is_closed_behind(hole: Hole) -> bool:
    """Tell whether the string of the cursor ends behind it: else the quotes there belong to other strings."""
    return hole.quote in hole.after and masked(hole.after, hole.language, hole.quote).pending != hole.quote


def _is_crossed(code: str) -> bool:
    opened: list[str] = []
    for _, bracket in brackets(code):
        if bracket in OPENERS:
            opened.append(bracket)
        elif opened and not _is_pair(opened.pop(), bracket):
            return True
    return False


def _is_pair(opener: str, closer: str) -> bool:
    return OPENERS.index(opener) == CLOSERS.index(closer)


def _string_end(text: str, frame: Frame) -> int:
    """Find the quote that ends the string of the cursor, -1 where the text has none."""
    escaped = False
    for index, character in enumerate(text):
        if character == frame.hole.quote and not escaped:
            return index
        escaped = character == "\\" and not escaped
    return -1


def trim_overlap(text: str, frame: Frame) -> str:
    """Trim tokens at the end that stand behind the cursor already, unless a bracket would lose its partner."""
    hole = frame.hole
    following = [found[0] for found in _TOKEN.finditer(hole.after)]
    own = list(_TOKEN.finditer(text))
    for length in range(min(len(following), len(own)), 0, -1):
        if [found[0] for found in own[-length:]] != following[:length]:
            continue
        kept = text[: own[-length].start()]
        if _imbalance(hole.before + kept + hole.after) <= _imbalance(hole.before + text + hole.after):
            return kept
    # Of a longer rest the first word may be the end of one that the text begins.
    rest = hole.after.strip()
    is_begun = len(following) > 1 and re.search(rf"\w(?=\w){re.escape(rest)}\s*\Z", text)
    return text.rstrip().removesuffix(rest) if is_begun else text


def drop_line_above(text: str, frame: Frame) -> str:
    """Drop a suggestion that only writes the line above again; what closes something may close the next thing, too."""
    line = frame.hole.before + text.rstrip() + frame.hole.after
    if len(line.strip()) <= _LONGEST_MARK or _CLOSES.match(line):
        return text
    return "" if same_line(line, frame.hole.above) else text


def drop_line_below(text: str, frame: Frame) -> str:
    """Drop a suggestion that begins with what stands below: with the same line, or the same behind a decorator."""
    lines = (frame.hole.before + text + frame.hole.after).split("\n")
    for line, below in zip(lines, frame.lines_below, strict=False):
        if same_line(line, below):
            return ""
        if line.rstrip() != below.rstrip():
            break
    return text


def _imbalance(line: str) -> int:
    opened = closed = 0
    for character in line:
        if character in OPENERS:
            opened += 1
        elif character in CLOSERS and opened:
            opened -= 1
        elif character in CLOSERS:
            closed += 1
    return opened + closed + sum(line.count(quote) % 2 for quote in _QUOTES)
