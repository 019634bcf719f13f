"""Where a suggestion ends, found while the model still writes, so that the stream can be closed there."""

from dataclasses import dataclass

from assist_context.syntax.lexing import CLOSERS, OPENERS, brackets, masked, unmatched
from assist_server.features.completion.hole import Hole, follows, indent_of
from assist_server.features.completion.trigger import Extent, opens_block

_HEADS = (":", "{", "(", "[", "=>", "->", " do", " then")
_ENDING = frozenset({"end", "fi", "done", "esac"})
_CONTINUING = frozenset({"else", "elif", "elsif", "elseif", "except", "finally", "catch", "rescue", "ensure"})
_CANNOT_STAND_ALONE = frozenset({"try", "begin", "do", "}"})
"""First words of a head whose block needs another one behind it."""
_CONTINUED = ("if", "else", "try", "catch", "}")
"""Beginnings of a head in front of brackets behind which another block may follow on the next line."""
_LABELS = frozenset({"case", "default", "public", "private", "protected"})
"""First words of lines that may stand at the indentation of the head within its brackets."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the text must be cut, in characters from its start, and why."""

    length: int
    why: str


class EndFinder:
    """Reads a text as it comes; what was read is not read again, but for the line that is being written."""

    def __init__(self, hole: Hole, extent: Extent) -> None:
        self._hole, self._extent = hole, extent
        self._text = ""
        self._start = 0  # of the line that is being written
        self._first = True
        self._last_full = 0  # where the last line that is not blank ends
        self._blanks = 0
        self._seen = False
        self._pending = hole.quote  # what ends the string or comment that the line begins in
        self._opened = ""  # by the text itself
        self._owed = hole.owed
        head = hole.before.strip()
        self._indent = hole.indent  # of the head
        self._head = hole.before.rstrip().endswith(_HEADS)
        self._goes_on = bool(head) and (_first_word(head) in _CANNOT_STAND_ALONE or head.endswith((" do", " then")))
        # Of a statement: whether brackets hold its block, whether they are closed, whether another block may follow.
        self._bracketed = self._closed = self._continued = False
        self._end: End | None = None

    def add(self, piece: str) -> End | None:
        """Take the next piece; give the end as soon as it is known, and from then on."""
        self._text += piece
        while self._end is None:
            newline = self._text.find("\n", self._start)
            if newline < 0:
                self._end = self._in_line(self._text[self._start :], whole=False)
                break
            line = self._text[self._start : newline]
            self._end = self._in_line(line, whole=True)
            if self._end is None and self._extent == "line" and not self._leaves_open(line):
                self._end = End(newline, "the line ends")
            self._first = False
            self._start = newline + 1
        return self._end

    def finish(self) -> End | None:
        """Say where the text ends now that nothing more comes: its last line is a whole one."""
        if self._end is None:
            self._end = self._in_line(self._text[self._start :], whole=True)
        return self._end

    def _in_line(self, line: str, *, whole: bool) -> End | None:
        if self._extent == "line":
            if not self._first and line.strip() and indent_of(line) < self._hole.indent:
                return End(max(0, self._start - 1), "the block ends")
            return self._closed_behind(line)
        if not line.strip():
            return self._behind_blank() if whole else None
        if why := self._leaves(line, whole=whole):
            return End(self._last_full, why)
        return self._take(line) if whole else None

    def _leaves_open(self, line: str) -> bool:
        """Tell whether brackets that the text itself has opened are to be closed on further lines of it."""
        hole = self._hole
        if hole.after.strip():
            return False
        self._read_brackets(self._code_of(line))
        if indent_of(hole.below) <= hole.indent:
            return bool(self._opened)
        # What the last bracket holds may be there already: then the text is the head of it.
        held = OPENERS[CLOSERS.index(hole.awaited[0])] if hole.awaited else "{"
        return bool(self._opened) and self._opened[-1] != held

    def _behind_blank(self) -> End | None:
        if self._first and self._extent == "statement":
            return End(0, "the line ends")
        self._blanks += 1
        ends = self._blanks >= (1 if self._extent == "paragraph" or self._closed else 2)
        return End(self._last_full, "a blank line") if self._seen and not self._pending and ends else None

    def _closed_behind(self, line: str) -> End | None:
        """Find the bracket or quote that stands behind the cursor already; it is left for the filters to judge."""
        if not self._hole.after.strip():
            return None
        code, _, pending = masked(line, self._hole.language, self._pending)
        if self._pending and self._pending in self._hole.after and pending != self._pending:
            return End(line.index(self._pending) + 1, "the string ends")
        opened, owed = 0, self._owed
        for place, bracket in brackets(code):
            if bracket in OPENERS:
                opened += 1
            elif opened:
                opened -= 1
            elif owed:
                owed = owed[:-1]
            elif bracket in self._hole.after:
                return End(place + 1, "what is open is closed")
        return None

    def _leaves(self, line: str, *, whole: bool) -> str | None:
        """Say why a line no longer belongs to the suggestion, None where it does."""
        hole = self._hole
        if self._first:
            return "the text that follows begins" if whole and follows(hole.before + line, hole) else None
        if self._pending:  # lines of a string are indented as they like
            return None
        if self._is_behind(line, whole=whole):
            return "the block ends"
        if not self._opened and not self._owed and line.lstrip()[0] in CLOSERS:
            return "what is open is closed"
        # What a block ends with, such as `return None`, may well be what follows the block, too.
        is_inner = self._head and indent_of(line) > self._indent >= indent_of(hole.below)
        return "the text that follows begins" if whole and not is_inner and follows(line, hole) else None

    def _is_behind(self, line: str, *, whole: bool) -> bool:
        """Tell by a line's indentation whether the block has ended before it."""
        indent = indent_of(line)
        if indent == self._indent:
            return self._head and self._seen and not self._closes(line, whole=whole)
        closes = bool(self._owed or self._opened) and line.lstrip()[0] in CLOSERS
        return indent < (self._hole.indent if closes else self._indent) or self._closed

    def _closes(self, line: str, *, whole: bool) -> bool:
        """Tell whether a line at the indentation of its head ends, continues or divides a block."""
        is_open = bool(self._owed or self._opened)
        if line.strip()[0] in CLOSERS:
            return is_open
        words = _ENDING | (_CONTINUING if self._goes_on else set()) | (_LABELS if is_open else set())
        word = _first_word(line)
        # A word that is still being written may yet become one of these.
        return word in words or (not whole and any(one.startswith(line.lstrip()) for one in words))

    def _take(self, line: str) -> End | None:
        """Read a whole line of the suggestion; give the end where it is the last one."""
        code = self._code_of(line)
        if self._first and not self._hole.before:
            # The cursor may be at the start of a line that is to be indented.
            self._indent = indent_of(line)
        last_closed = self._read_brackets(code)
        self._seen, self._blanks = True, 0
        self._last_full = self._start + len(line.rstrip())
        if self._extent != "statement":
            end = self._end_of_owed(last_closed)
        else:
            end = self._begin(line) if self._first else self._end_of_brackets(code)
        if end is None and self._head and not self._first and indent_of(line) == self._indent:
            return End(self._last_full, "the block ends") if _first_word(line) in _ENDING else None
        return end

    def _code_of(self, line: str) -> str:
        """Blank the strings and comments of a whole line, and note what goes on behind it."""
        code, _, self._pending = masked(line, self._hole.language, self._pending)
        if self._pending in {'"', "'"}:
            self._pending = ""  # a string of one line ends with it
        return code

    def _read_brackets(self, code: str) -> int:
        """Note what a line opens and closes; give where a brace closes what was open at the cursor, or -1."""
        last_closed = -1
        for place, bracket in brackets(code):
            if bracket in OPENERS:
                self._opened += bracket
            elif self._opened:
                self._opened = self._opened[:-1]
            elif self._owed:
                last_closed = place if self._owed == "{" else -1
                self._owed = self._owed[:-1]
        return last_closed

    def _end_of_owed(self, last_closed: int) -> End | None:
        """End where what was open at the cursor is closed."""
        if not self._hole.owed or self._owed:
            return None
        if not self._opened:
            return End(self._last_full, "what is open is closed")
        if last_closed >= 0 and not self._goes_on:  # another block begins behind it
            return End(self._start + last_closed + 1, "what is open is closed")
        return None

    def _begin(self, line: str) -> End | None:
        """End a statement with its first line, unless that is the head of a block."""
        code = masked(self._hole.before + line, self._hole.language).code
        if "{" not in self._opened and not opens_block(code, in_list=bool(unmatched(code)[1])):
            return End(self._last_full, "the line ends")
        self._head = self._goes_on = True
        self._bracketed = bool(self._opened or self._owed)
        self._continued = code.lstrip().startswith(_CONTINUED)
        return None

    def _end_of_brackets(self, code: str) -> End | None:
        """End a statement with the line that closes the brackets of its head, unless another block may follow."""
        self._closed = self._bracketed and not self._opened and not self._owed
        if not self._closed:
            return None
        if code.rstrip().endswith(":") or opens_block(code, in_list=False):  # the end of a head of several lines
            self._bracketed = self._closed = False
            return None
        return None if self._continued else End(self._last_full, "what is open is closed")


def _first_word(line: str) -> str:
    return line.split(maxsplit=1)[0].rstrip(":{;")


def find_end(text: str, hole: Hole, extent: Extent, *, final: bool = False) -> End | None:
    """Find where the text leaves what may be suggested, None while it has not.

    final: the model has ended, so the last line is a whole one.
    """
    finder = EndFinder(hole, extent)
    return finder.add(text) or (finder.finish() if final else None)
