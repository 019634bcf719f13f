"""Lines and columns of a text, in the units that editors and people use."""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Literal

from assist_context.errors import PlaceError

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE_ENDING = re.compile(r"\r\n|\n|\r")


def width(text: str, encoding: Encoding) -> int:
    """Count the code units of a text; a lone surrogate counts as one unit (three bytes in UTF-8)."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


class LineIndex:
    r"""The lines of one text; ``\n``, ``\r\n`` and a lone ``\r`` end a line, as the Language Server Protocol has it.

    Lines and columns are counted from 0, except where a method says that it counts as people do.
    Columns are in code units of the encoding asked for; offsets are indices of the Python string.
    """

    __slots__ = ("_ends", "_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        starts, ends = [0], []
        for ending in _LINE_ENDING.finditer(text):
            ends.append(ending.start())
            starts.append(ending.end())
        ends.append(len(text))
        self._starts = tuple(starts)
        self._ends = tuple(ends)

    @property
    def line_count(self) -> int:
        """The number of lines; an empty text has one."""
        return len(self._starts)

    def line_start(self, line: int) -> int:
        """Give the offset of a line's first character."""
        return self._starts[self._checked(line)]

    def line_end(self, line: int) -> int:
        """Give the offset after a line's last character, before its line ending."""
        return self._ends[self._checked(line)]

    def line_text(self, line: int) -> str:
        """Give a line without its ending."""
        return self.text[self.line_start(line) : self.line_end(line)]

    def line_of(self, offset: int) -> int:
        """Give the line that an offset is on; an offset outside the text counts as its nearest end."""
        return bisect_right(self._starts, max(offset, 0)) - 1

    def offset(self, line: int, column: int, encoding: Encoding = "utf-32") -> int:
        """Give the offset of a place, moved into the text where it is outside.

        A column past the end of its line means the end, one inside a character means that character's start,
        a line past the last one means the end of the text.
        """
        if line < 0:
            return 0
        if line >= self.line_count:
            return len(self.text)
        start, content = self._starts[line], self.line_text(line)
        if encoding == "utf-32" or content.isascii():
            return start + min(max(column, 0), len(content))
        before = bisect_right(range(len(content) + 1), max(column, 0), key=lambda n: width(content[:n], encoding))
        return start + before - 1

    def place(self, offset: int, encoding: Encoding = "utf-32") -> tuple[int, int]:
        """Give the line and column of an offset; one inside a line ending counts as the end of its line."""
        line = self.line_of(offset)
        inside = min(max(offset, 0), self._ends[line])
        return line, width(self.text[self._starts[line] : inside], encoding)

    def strict_offset(self, line: int, column: int) -> int:
        """Give the offset of a place as people write it: line and column from 1, columns in Unicode characters.

        The column after the last character is the end of the line. Raises PlaceError for a place that the text has not.
        """
        if not 1 <= line <= self.line_count:
            raise PlaceError(f"there is no line {line}", hint=f"the lines are 1 to {self.line_count}")
        start, end = self._starts[line - 1], self._ends[line - 1]
        if not 1 <= column <= end - start + 1:
            raise PlaceError(
                f"there is no column {column} in line {line}", hint=f"its columns are 1 to {end - start + 1}"
            )
        return start + column - 1

    def strict_place(self, offset: int) -> tuple[int, int]:
        """Give line and column of an offset as people write them, both from 1; raises PlaceError outside the text."""
        if not 0 <= offset <= len(self.text):
            raise PlaceError(f"offset {offset} is outside the text", hint=f"the offsets are 0 to {len(self.text)}")
        line, column = self.place(offset)
        return line + 1, column + 1

    def _checked(self, line: int) -> int:
        if not 0 <= line < self.line_count:
            raise PlaceError(f"there is no line {line}, counted from 0", hint=f"the last one is {self.line_count - 1}")
        return line


@lru_cache(maxsize=8)
def lines_of(text: str) -> LineIndex:
    """Give the lines of a text; a text that one answer asks about at several steps is read once."""
    return LineIndex(text)
