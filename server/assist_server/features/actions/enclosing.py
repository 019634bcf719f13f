"""The piece of code around a place, found by indentation alone, so that it works in every language."""

import re

from assist_server.features.completion.hole import indent_of

_DEFINITION = re.compile(
    r"\b(?:def|class|function|func|fn|fun|sub|struct|enum|interface|trait|impl|module|namespace|type|record|object)\b"
)
_BOUND = re.compile(r"^\s*(?:@|#\[|///|//|#|--|\*|/\*)")
_CLOSERS = (")", "]", "}", "end")


def enclosing(text: str, offset: int) -> tuple[int, int]:
    """Give the definition around an offset, else the block, else the lines up to the next blank ones.

    Offsets of whole lines, without the last line's ending; equal only in a text without anything but white space.
    """
    lines = text.split("\n")
    row = _nearest_line(lines, text.count("\n", 0, offset))
    if row is None:
        return offset, offset
    head = _head(lines, row)
    first, last = _paragraph(lines, row) if head is None else (head, _end_of_block(lines, head))
    while head is not None and first and _BOUND.match(lines[first - 1]) and _same_depth(lines, first - 1, first):
        first -= 1
    start = sum(len(line) + 1 for line in lines[:first])
    return start, start + len("\n".join(lines[first : last + 1]).rstrip())


def _nearest_line(lines: list[str], row: int) -> int | None:
    """Give the row itself or, where it is blank, the nearest one that is not: below before above."""
    if lines[row].strip():
        return row
    for distance in range(1, len(lines)):
        for near in (row + distance, row - distance):
            if 0 <= near < len(lines) and lines[near].strip():
                return near
    return None


def _head(lines: list[str], row: int) -> int | None:
    """Give the row that opens the definition around a row, else its innermost block; None where there is neither."""
    heads = [row] if _opens(lines, row) else []
    indent = indent_of(lines[row])
    for above in range(row - 1, -1, -1):
        if indent == 0:
            break
        if lines[above].strip() and indent_of(lines[above]) < indent:
            indent = indent_of(lines[above])
            heads.append(above)
    definitions = [head for head in heads if _DEFINITION.search(lines[head])]
    return next(iter(definitions or heads), None)


def _opens(lines: list[str], row: int) -> bool:
    below = next((line for line in lines[row + 1 :] if line.strip()), "")
    return indent_of(below) > indent_of(lines[row])


def _end_of_block(lines: list[str], head: int) -> int:
    indent = indent_of(lines[head])
    last = head
    for row in range(head + 1, len(lines)):
        line = lines[row]
        if not line.strip():
            continue
        deeper = indent_of(line) > indent
        closes = indent_of(line) == indent and line.strip().startswith(_CLOSERS)
        if not deeper and not closes:
            break
        last = row
    return last


def _paragraph(lines: list[str], row: int) -> tuple[int, int]:
    first = last = row
    while first and lines[first - 1].strip():
        first -= 1
    while last + 1 < len(lines) and lines[last + 1].strip():
        last += 1
    return first, last


def _same_depth(lines: list[str], one: int, other: int) -> bool:
    return indent_of(lines[one]) == indent_of(lines[other])
