"""Which pieces of context go into a prompt, and in which order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType

from assist_context.retrieval.related import distance
from assist_context.retrieval.similarity import Window, similarity
from assist_context.retrieval.snippet import Snippet, SourceName

WEIGHTS: Mapping[SourceName, float] = MappingProxyType(
    {
        "below": 1.1,
        "alike": 0.9,
        "outline": 0.8,
        "imports": 1.0,
        "definitions": 0.8,
        "related": 0.6,
        "edits": 0.7,
        "views": 0.4,
        "open": 0.3,
    }
)
"""How much a score of 1 is worth, by source."""

_OF_LINES = frozenset({"below", "alike", "related", "edits", "views", "open"})
"""Sources whose text is the lines of a file as they stand; that of the others is made of signatures."""
_MOST = 12  # snippets; with more, small models get worse
_SAME = 0.5  # similarity of lines, from which on one of two is enough
_LONGEST = 64  # lines of what is merged
_LEAST_LEFT = 8  # tokens: with less, nothing more is looked for
_FEWEST_LINES = 3  # of what is cut


def choose(
    snippets: Iterable[Snippet], window_text: str, budget: int, count: Callable[[str], int], near: str
) -> tuple[Snippet, ...]:
    """Give what is worth its tokens, the most relevant last: by weight and score, then by how close its file is.

    window_text: what the prompt holds of the current file; nothing that says it again is given, and no line of it.
    budget: tokens; count: of a text. Each snippet costs its path and its text, each with the end of a line. Scores are
    from 0 to 1. near: the path of the current file.
    """
    window = Window(window_text)
    chosen: list[Snippet] = []
    left = budget
    for one in sorted(snippets, key=lambda one: _order(one, near)):
        if len(chosen) == _MOST or left < _LEAST_LEFT:
            break
        snippet = _outside(one, window) if one.path == near else one
        if snippet is None or not snippet.text.strip() or window.has(snippet.text):
            continue
        partner = _overlapped(snippet, chosen)
        if partner is not None:
            merged = _merged(chosen[partner], snippet)
            if merged and not window.has(merged.text):
                more = _cost(merged, count) - _cost(chosen[partner], count)
                if more <= left:
                    chosen[partner], left = merged, left - more
            continue
        fresh = _fresh(snippet, chosen)
        fitting = _fitted(fresh, left, count) if fresh else None
        if fitting and not window.has(fitting.text):
            chosen.append(fitting)
            left -= _cost(fitting, count)
    return tuple(reversed(chosen))


def _order(one: Snippet, near: str) -> tuple[float, int, str, int, int, str, str]:
    value = WEIGHTS[one.source] * max(0.0, min(one.score, 1.0))
    return -value, distance(near, one.path), one.path, one.start, one.end, one.source, one.text


def _cost(one: Snippet, count: Callable[[str], int]) -> int:
    return count(one.path + "\n") + count(one.text + "\n")


def _outside(one: Snippet, window: Window) -> Snippet | None:
    """Give the longest run of lines of the current file that the window has not; signatures as they are."""
    if one.source not in _OF_LINES:
        return one
    lines = one.text.split("\n")
    runs = groupby(range(len(lines)), key=lambda number: lines[number].strip() in window.lines)
    longest = max((list(numbers) for held, numbers in runs if not held), key=len, default=[])
    return _part(one, longest[0], longest[-1] + 1) if longest else None


def _overlapped(one: Snippet, chosen: Sequence[Snippet]) -> int | None:
    """Find the chosen lines that some lines overlap."""
    if one.source not in _OF_LINES:
        return None
    return next(
        (
            number
            for number, other in enumerate(chosen)
            if other.source in _OF_LINES
            and other.path == one.path
            and one.start <= other.end + 1
            and other.start <= one.end + 1
        ),
        None,
    )


def _merged(one: Snippet, other: Snippet) -> Snippet | None:
    """Put lines that overlap together; None where they are not of the same text, or too many."""
    first, second = sorted((one, other), key=lambda snippet: snippet.start)
    above, below = first.text.split("\n"), second.text.split("\n")
    if len(above) != first.end - first.start + 1 or len(below) != second.end - second.start + 1:
        return None
    shared = first.end - second.start + 1
    inside = above[len(above) - shared :][: len(below)] if shared else []
    if inside != below[: len(inside)]:
        return None
    lines = above + below[len(inside) :] if second.end > first.end else above
    if len(lines) > _LONGEST:
        return None
    return replace(one, start=first.start, end=max(first.end, second.end), text="\n".join(lines))


def _fresh(one: Snippet, chosen: Sequence[Snippet]) -> Snippet | None:
    """Give what chosen snippets do not say: lines that none is like, signatures that none has."""
    if one.source in _OF_LINES:
        others = (other for other in chosen if other.source in _OF_LINES)
        return None if any(similarity(one.text, other.text) > _SAME for other in others) else one
    said = {line for other in chosen if other.path == one.path for line in other.text.split("\n")}
    lines = one.text.split("\n")
    new = [line for line in lines if line not in said]
    if len(new) == len(lines):
        return one
    return one if len(new) > len(lines) / 2 else None


def _fitted(one: Snippet, left: int, count: Callable[[str], int]) -> Snippet | None:
    """Give a snippet, or as many of its first lines as fit; None where these are too few to tell anything."""
    if _cost(one, count) <= left:
        return one
    lines = one.text.split("\n")
    if len(lines) <= _FEWEST_LINES or _cost(_part(one, 0, _FEWEST_LINES), count) > left:
        return None
    low, high = _FEWEST_LINES, len(lines) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _cost(_part(one, 0, middle), count) <= left:
            low = middle
        else:
            high = middle - 1
    return _part(one, 0, low)


def _part(one: Snippet, first: int, end: int) -> Snippet:
    """Give some of a snippet's lines, by their numbers in it."""
    lines = one.text.split("\n")
    text = "\n".join(lines[first:end])
    if len(lines) != one.end - one.start + 1:
        return replace(one, text=text)
    return replace(one, start=one.start + first, end=one.start + end - 1, text=text)
