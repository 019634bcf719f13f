"""How a person types, and what of a suggestion is right: the parts of the replay that need no server."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

THINKING = 5.0  # pauses before the first key of a line, in gaps
SPREAD = 0.5  # of the logarithm of a gap


@dataclass(frozen=True, slots=True)
class Right:
    """What of a suggestion is right: characters of the true text, from the cursor; whole: all of the suggestion is."""

    characters: int
    whole: bool


WRONG = Right(0, whole=False)


def next_key(text: str, place: int) -> str:
    """Give what the key at a place of a text inserts: editors indent a new line by themselves."""
    if text[place] != "\n":
        return text[place]
    end = place + 1
    while end < len(text) and text[end] in " \t":
        end += 1
    return text[place:end]


def gaps(seed: str, milliseconds: float) -> Iterator[float]:
    """Give the seconds between one key and the next, without end: most are near the median, a few far longer."""
    draw = random.Random(seed)  # noqa: S311 - a pace, no secret
    while True:
        yield milliseconds / 1000 * draw.lognormvariate(0, SPREAD)


def pause_before(text: str, place: int) -> float:
    """Give how many gaps the pause before a key is: where a line begins, people think."""
    return 1.0 if text[:place].rpartition("\n")[2].strip() else THINKING


def right_part(shown: str, rest: str) -> Right:
    """Tell what of a suggestion is right: whole lines of what is left to be typed, from the cursor on.

    shown: what is offered at the cursor. rest: the text that is to stand there. Blanks at the ends of lines do not
    count, and blank lines alone are nothing.
    """
    offered, true = shown.split("\n"), rest.split("\n")
    pairs = zip(offered, true, strict=False)
    lines = next(
        (number for number, (one, other) in enumerate(pairs) if one.rstrip() != other.rstrip()),
        min(len(offered), len(true)),
    )
    text = "\n".join(true[:lines])
    return Right(len(text), lines == len(offered)) if text.strip() else WRONG


def position(text: str, offset: int) -> tuple[int, int]:
    """Give the line and the UTF-16 column, both from 0, of an offset in characters."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset), len(text[start:offset].encode("utf-16-le")) // 2
