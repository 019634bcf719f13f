"""How a text must begin, so as not to be dropped for how it begins."""

from typing import NamedTuple

from assist_server.backends.base import Start
from assist_server.features.completion.filters import Frame, begun_word
from assist_server.features.completion.filters.vocabulary import KEY_WORDS, NAME
from assist_server.features.completion.hole import Hole, indent_of

_LINES_ABOVE = 20
_LONGEST = 80  # characters


class Beginning(NamedTuple):
    """What a text must and must not begin with: see `FillRequest`. why: in a few words, for the trace."""

    start: Start = "any"
    avoid: str = ""
    why: str = ""


def beginning_for(frame: Frame) -> Beginning:
    """Say how a text at a place must begin."""
    hole = frame.hole
    if word := begun_word(frame):
        return Beginning("word", "", f"with the rest of a word, {len(word)} letters of which are typed")
    start: Start = "code" if hole.closed and not hole.owed else "any"  # what a bracket could close is closed below
    avoid = _avoided(hole, frame.lines_above)
    reasons = (["with no closing bracket"] if start == "code" else []) + (["not as the line below"] if avoid else [])
    return Beginning(start, avoid, ", ".join(reasons))


def _avoided(hole: Hole, above: list[str]) -> str:
    """Give the beginning of the line below, up to the first name that tells it from the lines above."""
    below = hole.below.strip()
    if (hole.before + hole.after).strip() or indent_of(hole.below) != hole.indent:
        return ""
    near = set(NAME.findall("\n".join(above[-_LINES_ABOVE:])))
    names = [found for found in NAME.finditer(below) if found[0] not in KEY_WORDS.get(hole.language, frozenset())]
    telling = next((found for found in names if found[0] not in near), names[-1] if names else None)
    return below[: telling.end() + 1] if telling is not None and telling.end() < _LONGEST else ""
