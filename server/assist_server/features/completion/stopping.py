"""Where a suggestion ends, found while the model still writes, so that the stream can be closed there."""

from dataclasses import dataclass

from assist_server.features.completion.hole import Hole, indent_of, same_line
from assist_server.features.completion.trigger import Extent

_OPENERS = (":", "{", "(", "[", "=>", "->", " do", " then")
_CLOSERS = (")", "]", "}")
_CLOSING_WORDS = frozenset(
    {"end", "else", "else:", "elif", "elsif", "except", "except:", "finally", "finally:", "catch", "fi", "done", "esac"}
)


@dataclass(frozen=True, slots=True)
class End:
    """Where the text must be cut, in characters from its start, and why."""

    length: int
    why: str


def find_end(text: str, hole: Hole, extent: Extent, *, final: bool = False) -> End | None:
    """Find where the text leaves what may be suggested, None while it has not.

    final: the model has ended, so the last line is a whole one.
    """
    if extent == "line":
        newline = text.find("\n")
        return End(newline, "the line ends") if newline >= 0 else None
    start = 0
    blanks = 0
    seen = False
    lines = text.split("\n")
    for number, line in enumerate(lines):
        whole = final or number < len(lines) - 1
        if not line.strip():
            blanks += 1
            if seen and whole and blanks >= (1 if extent == "paragraph" else 2):
                return End(_before_blanks(text, start), "a blank line")
        elif why := _leaves(line, hole, first=number == 0, whole=whole):
            return End(_before_blanks(text, start), why)
        else:
            seen = True
            blanks = 0
        start += len(line) + 1
    return None


def _leaves(line: str, hole: Hole, *, first: bool, whole: bool) -> str | None:
    """Say why a line no longer belongs to the suggestion, None where it does."""
    full = hole.before + line if first else line
    if whole and same_line(full, hole.below):
        return "the text that follows begins"
    if first:
        return None
    indent = indent_of(line)
    if indent < hole.indent:
        return "the block ends"
    if indent == hole.indent and hole.before.rstrip().endswith(_OPENERS) and not _closes(line, whole=whole):
        return "the block ends"
    return None


def _closes(line: str, *, whole: bool) -> bool:
    """Tell whether a line ends or continues a block at the indentation of its head."""
    stripped = line.strip()
    if stripped.startswith(_CLOSERS):
        return True
    if stripped.split()[0] in _CLOSING_WORDS:
        return True
    # A word that is still being written may yet become one of these.
    return not whole and any(word.startswith(line.lstrip()) for word in _CLOSING_WORDS)


def _before_blanks(text: str, start: int) -> int:
    return len(text[:start].rstrip())
