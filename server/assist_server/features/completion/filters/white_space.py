"""Blanks at the end of a suggestion."""

from assist_context.syntax.lexing import CLOSERS
from assist_server.features.completion.filters.frame import Frame


def trim_end(text: str, frame: Frame) -> str:
    """Trim white space at the end, unless a word that follows needs it."""
    after = frame.hole.after
    if not after.strip():
        return text.rstrip()
    return text.rstrip() if after[0].isspace() or after[0] in CLOSERS + ",;" else text
