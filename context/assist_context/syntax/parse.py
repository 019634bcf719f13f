"""A file's tree, with a limit on the time that a grammar may take."""

from collections.abc import Callable
from time import monotonic

from tree_sitter import Point, Tree

from assist_context.errors import ParseTimeout
from assist_context.syntax.grammars import parser

# Bytes that a parser is given at a time: only one that reads piece by piece can be stopped. Pieces are copied, and the
# text of a node is read by pieces, too, so large ones are dear: those of 64 KiB made the index of a file three times
# as slow. They must be `bytes`; the text of a node of a tree that was read from a memoryview ends the process.
_PIECE = 1 << 10


def parse(language: str, source: bytes, *, seconds: float | None = None) -> Tree:
    """Parse UTF-8; raise ParseTimeout where a limit is given and the grammar takes longer.

    The limit does not hold for a grammar's own scanner, which nothing in this process can interrupt.
    """
    if seconds is None:
        return parser(language).parse(source)
    end = monotonic() + seconds
    try:
        return parser(language).parse(pieces(source), progress_callback=lambda _offset, _error: monotonic() > end)
    except ValueError:
        raise ParseTimeout(f"parsing took longer than {seconds:g} s") from None


def pieces(source: bytes) -> Callable[[int, Point], bytes]:
    """Make what a parser reads a source with when it is to be stopped in between."""
    return lambda offset, _point: source[offset : offset + _PIECE]
