"""A file's tree, with a limit on the time that a grammar may take."""

from time import monotonic

from tree_sitter import Tree

from assist_context.errors import ParseTimeout
from assist_context.syntax.grammars import parser

_PIECE = 1 << 16  # bytes that the parser is given at a time; only a parser that reads piece by piece can be stopped


def parse(language: str, source: bytes, *, seconds: float | None = None) -> Tree:
    """Parse UTF-8; raise ParseTimeout where a limit is given and the grammar takes longer.

    The limit does not hold for a grammar's own scanner, which nothing in this process can interrupt.
    """
    if seconds is None:
        return parser(language).parse(source)
    end = monotonic() + seconds
    try:
        return parser(language).parse(
            lambda offset, _point: source[offset : offset + _PIECE],
            progress_callback=lambda _offset, _error: monotonic() > end,
        )
    except ValueError:
        raise ParseTimeout(f"parsing took longer than {seconds:g} s") from None
