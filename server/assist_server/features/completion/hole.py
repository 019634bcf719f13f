"""What stands around the cursor, as far as a suggestion must agree with it."""

from dataclasses import dataclass

_LINES_LOOKED_AT = 40
_TAB_WIDTH = 4


@dataclass(frozen=True, slots=True)
class Hole:
    """The place where a suggestion goes.

    before, after: the cursor's own line, without its ending.
    above, below: the nearest lines that are not blank, "" where there is none.
    """

    before: str
    after: str
    above: str = ""
    below: str = ""

    @property
    def indent(self) -> int:
        """The width of the current line's indentation; on a blank line, the cursor's column."""
        return indent_of(self.before)


def hole_at(text: str, offset: int) -> Hole:
    """Look around an offset of a text."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    return Hole(
        before=text[start:offset],
        after=text[offset:end].rstrip("\r"),
        above=_line_above(text, start),
        below=_line_below(text, end),
    )


def indent_of(line: str) -> int:
    """Measure a line's indentation in columns, a tab as four."""
    expanded = line.expandtabs(_TAB_WIDTH)
    return len(expanded) - len(expanded.lstrip())


def same_line(one: str, other: str) -> bool:
    """Tell whether two lines say the same; of short ones, such as a lone bracket, the indentation counts too."""
    if one.rstrip() == other.rstrip():
        return bool(one.strip())
    return len(one.strip()) > 3 and one.strip() == other.strip()


def _line_above(text: str, start: int) -> str:
    end = start - 1
    for _ in range(_LINES_LOOKED_AT):
        if end < 0:
            break
        start = text.rfind("\n", 0, end) + 1
        if line := text[start:end].rstrip():
            return line
        end = start - 1
    return ""


def _line_below(text: str, end: int) -> str:
    for _ in range(_LINES_LOOKED_AT):
        if end >= len(text):
            break
        start = end + 1
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if line := text[start:end].rstrip():
            return line
    return ""
