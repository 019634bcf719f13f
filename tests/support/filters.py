"""Filters in tests: what they may know at a ``<|>`` cursor."""

from assist_context.retrieval.snippet import Place
from assist_context.syntax.incremental import Parsed
from assist_context.syntax.parse import parse
from assist_server.features.completion.filters import FILTERS, Frame, control_tokens_in
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.trigger import Extent
from support.completion import at_cursor

OWN = frozenset({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>", "<PRE>", "<MID>"})


def frame(place: str, extent: Extent = "line", *, from_chat: bool = False) -> Frame:
    """Make what is known without a document: the lines around the cursor."""
    text, offset = at_cursor(place)
    return Frame(hole_at(text, offset), extent, from_chat, OWN, control_tokens_in(text, OWN))


def full_frame(
    place: str, language: str = "python", extent: Extent = "block", known: frozenset[str] | None = None
) -> Frame:
    """Make what an automatic request in an editor knows; known: the names of the workspace."""
    text, offset = at_cursor(place)
    source = text.encode()
    parsed = Parsed(source, parse(language, source), exact=True)
    return Frame(
        hole_at(text, offset, language),
        extent,
        control=OWN,
        literals=control_tokens_in(text, OWN),
        place=Place("a", language, text, offset, parsed),
        automatic=True,
        known=None if known is None else known.__contains__,
        check_seconds=60.0,
    )


def run_one(name: str, made: str, at: Frame) -> str:
    """Run the filter of that name alone."""
    return next(row for row in FILTERS if row.name == name).apply(made, at)
