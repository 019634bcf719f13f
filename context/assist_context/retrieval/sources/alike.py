"""Lines elsewhere in the file that go like those before the cursor: what follows there is likely to follow here."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from math import log2
from typing import NamedTuple

from assist_context.retrieval.snippet import Place, Snippet
from assist_context.retrieval.sources.near import NAMES

_COMPARED = 8  # lines before the cursor that have names
_FADES = 0.8  # what a line counts of the one below it
_LEAST = 0.1  # of all that the lines tell: with less, they are not alike
_FULL = 0.25  # from which on a place counts fully
_BEFORE, _AFTER, _CHARACTERS = 2, 8, 360  # of what is given: lines, and most of all
_AROUND = 20_000  # characters before the cursor and behind it that are looked through


class _Line(NamedTuple):
    """A line that has names, by its number from 0."""

    number: int
    names: frozenset[str]


def alike(place: Place, seen: tuple[int, int]) -> tuple[Snippet, ...]:
    """Give the lines around the place that is most like it, as one piece; () where none is.

    seen: the first and the last line that the prompt holds anyway, from 1.
    """
    lines = place.text.split("\n")
    here = place.text.count("\n", 0, place.offset)
    used = _used(place)
    at = bisect_left(used, here, key=lambda line: line.number)
    typed = place.text[place.text.rfind("\n", 0, place.offset) + 1 : place.offset]
    above = [line.names for line in used[max(0, at - _COMPARED) : at]]
    query = [names for names in (frozenset(NAMES.findall(typed)), *reversed(above)) if names][:_COMPARED]
    worth = _worth(query, used)
    hidden = range(seen[0] - 1, max(seen[1], here + 1))
    best = max((one for one in worth if one not in hidden), key=lambda one: worth[one], default=-1)
    if best < 0 or worth[best] < _LEAST:
        return ()
    first, last = _around(lines, best, hidden)
    text = "\n".join(line.rstrip("\r") for line in lines[first : last + 1])
    score = min(1.0, worth[best] / _FULL)
    return (Snippet(place.path, first + 1, last + 1, text, "alike", score, "goes like what is above the cursor"),)


def _used(place: Place) -> list[_Line]:
    """Give the lines around a place that have names."""
    start = place.text.rfind("\n", 0, max(0, place.offset - _AROUND)) + 1
    first = place.text.count("\n", 0, start)
    lines = place.text[start : place.offset + _AROUND].split("\n")
    numbered = ((first + number, frozenset(NAMES.findall(line))) for number, line in enumerate(lines))
    return [_Line(number, names) for number, names in numbered if names]


def _worth(query: Sequence[frozenset[str]], used: Sequence[_Line]) -> dict[int, float]:
    """Give for lines that share a name with one of the last two how much they and those above are like the query.

    query: the names of the lines before the cursor, the last one first.
    """
    counts = Counter(name for line in used for name in line.names)
    bits = {name: log2(1 + len(used) / count) for name, count in counts.items()}
    last = frozenset[str]().union(*query[:2])
    total = sum(_FADES**back for back in range(len(query)))
    found: dict[int, float] = {}
    for at, line in enumerate(used):
        if not line.names.isdisjoint(last):
            pairs = zip(
                query, (other.names for other in reversed(used[max(0, at + 1 - len(query)) : at + 1])), strict=False
            )
            found[line.number] = sum(_FADES**back * _like(*pair, bits) for back, pair in enumerate(pairs)) / total
    return found


def _like(ours: frozenset[str], theirs: frozenset[str], bits: Mapping[str, float]) -> float:
    """Give the share of what the names of two lines tell that both have."""
    common = ours & theirs
    if not common:
        return 0.0
    return sum(bits.get(name, 0.0) for name in common) / sum(bits.get(name, 0.0) for name in ours | theirs)


def _around(lines: Sequence[str], best: int, hidden: range) -> tuple[int, int]:
    """Give the first and the last line to give around one, without blank ones at the ends and what is hidden."""
    first, last = max(0, best - _BEFORE), min(len(lines) - 1, best + _AFTER)
    if best < hidden.start:
        last = min(last, hidden.start - 1)
    else:
        first = max(first, hidden.stop)
    while last > best and sum(len(line) + 1 for line in lines[first : last + 1]) > _CHARACTERS:
        last -= 1
    while last > best and not lines[last].strip():
        last -= 1
    while first < best and not lines[first].strip():
        first += 1
    return first, last
