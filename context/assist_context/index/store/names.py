"""Searches among the names of definitions: by a beginning, by a part, in spite of a slip.

However many names there are, a search looks at a bounded number of blocks of them.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import nsmallest

from assist_context.index.segments import LAST, NAME, PIECE, name_of, numbers, pieces, posting_at, terms_of
from assist_context.index.store.tables import blocks_at, files_at, postings, segments

_BLOCKS = 128  # that one search by a beginning or a part looks at in a segment
_NAMES_LIKE = 600  # and one in spite of a slip in all
_PLACES_COUNTED = 8_000  # where a search in spite of a slip looks for pieces


class Names:
    """Names that a search came upon, with the places in blocks where their files stand."""

    def __init__(self) -> None:
        self._places: defaultdict[str, list[tuple[int, bytes, int]]] = defaultdict(list)

    def look(self, segment: int, block: bytes, wanted: Callable[[str], bool]) -> list[str]:
        """Take the names of a block whose terms are wanted."""
        found = [(place, name_of(term)) for place, term in enumerate(terms_of(block)) if wanted(term)]
        for place, name in found:
            self._places[name].append((segment, block, place))
        return [name for _, name in found]

    def shortest(self) -> list[str]:
        """Give all names, the shortest first."""
        return sorted(self._places, key=lambda name: (len(name), name))

    def files_of(self, database: sqlite3.Connection, name: str) -> Iterator[list[int]]:
        """Give the numbers of the files that define a name, or once did."""
        for segment, block, place in self._places[name]:
            yield numbers(files_at(database, segment, terms_of(block)[place], posting_at(block, place)))


def starting(database: sqlite3.Connection, prefix: str) -> Names:
    """Find names by their beginning; of very many the first in their order."""
    start, found = NAME + prefix.casefold(), Names()
    for segment, first, after in segments(database):
        rows = database.execute(
            "SELECT data FROM block INDEXED BY block_first WHERE segment = ?1 AND id >= ?2 AND id < ?3 "
            "AND first >= coalesce((SELECT max(first) FROM block WHERE segment = ?1 AND first <= ?4), ?4) "
            "AND first < ?5 ORDER BY first LIMIT ?6",
            (segment, first, after, start, start + LAST, _BLOCKS),
        )
        for (block,) in rows:
            found.look(segment, block, lambda term: term.startswith(start))
    return found


def containing(database: sqlite3.Connection, text: str) -> Names:
    """Find names by a part of them of three and more characters."""
    wanted, found = text.casefold(), Names()
    needed = pieces(wanted)
    places = _places_of(database, needed)
    for segment, first, _ in segments(database):
        lists = sorted(places.get(segment, []), key=len)
        if lists and len(lists) == len(needed):
            common = sorted(set(lists[0]).intersection(*lists[1:]))
            for _, block in blocks_at(database, [first + place for place in common[:_BLOCKS]]):
                found.look(segment, block, lambda term: term.find(wanted, 1) > 0)
    return found


def like(database: sqlite3.Connection, text: str, limit: int) -> tuple[Names, Sequence[str]]:
    """Find names that share pieces with a text; give them those first that share the most."""
    wanted = pieces(text.casefold())
    places = _places_of(database, wanted)
    counted: list[tuple[int, int, int]] = []
    for segment, first, _ in segments(database):
        counts: Counter[int] = Counter()
        for at in sorted(places.get(segment, []), key=len):
            if counts and len(at) + counts.total() > _PLACES_COUNTED:
                break
            counts.update(at)
        counted += [(-count, segment, first + place) for place, count in counts.items()]
    ranked = nsmallest(_BLOCKS, counted)
    data = dict(blocks_at(database, [block for _, _, block in ranked]))
    found, shared, best = Names(), dict[str, int](), list[int]()
    for most, segment, block in ranked:
        if len(shared) > _NAMES_LIKE or (len(best) >= limit and best[limit - 1] >= -most):
            break  # in the second case no name of this block or of a later one can share more
        for name in found.look(segment, data[block], lambda _: True):
            if name not in shared:
                folded = name.casefold()
                shared[name] = sum([piece in folded for piece in wanted])
        best = sorted(shared.values(), reverse=True)
    names = sorted((name for name in shared if shared[name]), key=lambda name: (-shared[name], len(name), name))
    return found, names


def _places_of(database: sqlite3.Connection, wanted: Collection[str]) -> dict[int, list[list[int]]]:
    """Give for each segment the blocks of names that have each of some pieces."""
    places: defaultdict[int, list[list[int]]] = defaultdict(list)
    for term, segment, posting in postings(database, [PIECE + piece for piece in wanted]):
        places[segment].append(numbers(files_at(database, segment, term, posting)))
    return places
