"""What stands around the cursor, as far as a suggestion must agree with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from assist_context.syntax.lexing import CLOSERS, OPENERS, Inside, masked, unmatched

_LINES_LOOKED_AT = 40
_TAB_WIDTH = 4
# Decorators and attributes, what opens or closes a comment or a string of lines, the end of a condition in C.
_SAYS_NOTHING = re.compile(r"@.*|#!?\[.*|\[[A-Z]\w*(?:\(.*\))?\]|/\*+|\*+/?|///?|\"{3}|'{3}|<!--|-->|#\s*endif\b.*")


@dataclass(frozen=True, slots=True)
class Hole:
    """The place where a suggestion goes.

    before, after: the cursor's own line, without its ending.
    above, below: the nearest lines that are not blank, "" where there is none.
    adjacent: whether `below` is the very next line. language: LSP identifier, "" where it is not known.
    inside, quote: whether the cursor stands in a string or comment that its own line opens, and what ends the string.
    owed: the brackets that a suggestion may close: those that the cursor's line, or on a blank line the line
    above, opens; outermost first. closed: on a blank line, a bracket that closes what stands around it is below.
    awaited: where nothing follows on the line, the brackets that close below what the line must open.
    offset: where it is, in characters of the document.
    """

    before: str
    after: str
    above: str = ""
    below: str = ""
    adjacent: bool = False
    language: str = ""
    inside: Inside = "code"
    quote: str = ""
    owed: str = ""
    closed: bool = False
    awaited: str = ""
    offset: int = field(default=0, compare=False)

    @property
    def indent(self) -> int:
        """The width of the current line's indentation; on a blank line, the cursor's column."""
        return indent_of(self.before)


def hole_at(text: str, offset: int, language: str = "") -> Hole:
    """Look around an offset of a text."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    before, after = text[start:offset], text[offset:end].rstrip("\r")
    read = masked(before, language)
    next_end = text.find("\n", end + 1)
    return Hole(
        before,
        after,
        next(_lines_above(text, start), ""),
        next(_lines_below(text, end), ""),
        bool(text[end + 1 : len(text) if next_end < 0 else next_end].strip()),
        language,
        read.inside,
        read.pending,
        _owed(text, start, end, read.code, masked(after, language, read.pending).code),
        not (before + after).strip() and _is_closed(text, end, indent_of(before)),
        "" if after.strip() else _closed_below(text, end, indent_of(before)),
        offset,
    )


def indent_of(line: str) -> int:
    """Measure a line's indentation in columns, a tab as four."""
    expanded = line.expandtabs(_TAB_WIDTH)
    return len(expanded) - len(expanded.lstrip())


def same_line(one: str, other: str) -> bool:
    """Tell whether two lines are the same, and not one that many things begin or end with, such as `@property`."""
    return one.rstrip() == other.rstrip() and bool(one.strip()) and not _SAYS_NOTHING.fullmatch(one.strip())


def follows(line: str, hole: Hole) -> bool:
    """Tell whether a whole line is what the document goes on with, or closes the same bracket as that does."""
    if same_line(line, hole.below):
        return True
    first = line.lstrip()[:1]
    is_closer = bool(first) and first in CLOSERS and hole.below.lstrip().startswith(first)
    return is_closer and indent_of(line) == indent_of(hole.below)


def _owed(text: str, start: int, end: int, before: str, after: str) -> str:
    """Give the brackets that a suggestion may close: opened before the cursor, and closed nowhere behind it."""
    if not before.strip():
        return "" if after.strip() else _owed_above(text, start, end, indent_of(before))
    opened = unmatched(before)[1]
    opened = opened[len(unmatched(after)[0]) :]
    if opened and not after.strip():
        opened = opened[len(_closed_below(text, end, indent_of(before))) :]
    return opened


def _owed_above(text: str, start: int, end: int, indent: int) -> str:
    """Look for the line above that opens what a bracket at this indentation would close."""
    for line in _lines_above(text, start):
        if indent_of(line) > indent:
            continue
        if indent_of(line) < indent or not line.endswith(tuple(OPENERS)):
            return ""
        return unmatched(line)[1][len(_closed_below(text, end, indent)) :]
    return ""


def _closed_below(text: str, end: int, indent: int) -> str:
    """Give the brackets that close below what is opened on a line of this indentation."""
    for line in _lines_below(text, end):
        if indent_of(line) < indent:
            return ""
        if indent_of(line) == indent:
            stripped = line.lstrip()
            return stripped[: len(stripped) - len(stripped.lstrip(CLOSERS))]
    return ""


def _is_closed(text: str, end: int, indent: int) -> bool:
    """Tell whether the first line below that is indented less than this begins with a closing bracket."""
    outer = next((line for line in _lines_below(text, end) if indent_of(line) < indent), "")
    return outer.lstrip().startswith(tuple(CLOSERS))


def _lines_above(text: str, start: int) -> Iterator[str]:
    end = start - 1
    for _ in range(_LINES_LOOKED_AT):
        if end < 0:
            return
        start = text.rfind("\n", 0, end) + 1
        if line := text[start:end].rstrip():
            yield line
        end = start - 1


def _lines_below(text: str, end: int) -> Iterator[str]:
    for _ in range(_LINES_LOOKED_AT):
        if end >= len(text):
            return
        start = end + 1
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if line := text[start:end].rstrip():
            yield line
