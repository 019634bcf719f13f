"""What the sources of context give, and what they are asked about."""

from dataclasses import dataclass
from typing import Literal, get_args

from assist_context.syntax.incremental import Parsed

SourceName = Literal["below", "alike", "outline", "imports", "definitions", "related", "edits", "views", "open"]
SOURCES: tuple[SourceName, ...] = get_args(SourceName)
"""In the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a completion is wanted.

    path: below the workspace, with slashes. offset: in characters of the text. parsed: the tree of this text or of one
    a few keys older; None where there is none.
    """

    path: str
    language: str
    text: str
    offset: int
    parsed: Parsed | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of code that may help at a place.

    start, end: its first and last line in its file, from 1. text: what a model reads: those lines, or only what is
    known of them, such as signatures. score: how much it should help, higher is better, comparable within one source.
    reason: why it is here, in words; it may hold names from the code.
    """

    path: str
    start: int
    end: int
    text: str
    source: SourceName
    score: float
    reason: str
