"""Text with marks in it: ``<|>`` is the cursor, ``<[`` and ``]>`` are around a selection."""

import re
from dataclasses import dataclass

_MARK = re.compile(r"<\|>|<\[|\]>")


@dataclass(frozen=True)
class Marked:
    """text is without the marks; offset is the cursor's, start and end the selection's, None without them."""

    text: str
    offset: int | None = None
    start: int | None = None
    end: int | None = None


def marked(source: str) -> Marked:
    """Read a marked text; raises ValueError for a mark that comes twice, and for a selection without both its ends."""
    places: dict[str, int] = {}
    pieces: list[str] = []
    length = at = 0
    for mark in _MARK.finditer(source):
        pieces.append(source[at : mark.start()])
        length += mark.start() - at
        at = mark.end()
        if mark[0] in places:
            raise ValueError(f"the mark {mark[0]} comes twice")
        places[mark[0]] = length
    start, end = places.get("<["), places.get("]>")
    if (start is None) != (end is None) or (start is not None and end is not None and start > end):
        raise ValueError("a selection is <[ and, after it, ]>")
    return Marked("".join(pieces) + source[at:], places.get("<|>"), start, end)


def at_cursor(source: str) -> tuple[str, int]:
    """Give the text and the cursor's offset; raises ValueError without a cursor."""
    found = marked(source)
    if found.offset is None:
        raise ValueError("there is no <|> in the text")
    return found.text, found.offset


def selected(source: str) -> tuple[str, int, int]:
    """Give the text and both ends of the selection; raises ValueError without one."""
    found = marked(source)
    if found.start is None or found.end is None:
        raise ValueError("there is no <[...]> in the text")
    return found.text, found.start, found.end
