"""Searches among the names of definitions: by a beginning, by a part, in spite of a slip.

However many names there are, a search looks at a bounded number of blocks of them.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection
from heapq import nsmallest

from assist_context.index.segments import LAST, NAME, PIECE, name_of, numbers, pieces, terms_of
from assist_context.index.store.tables import blocks_at, files_at, postings, segments

_BLOCKS = 64  # that one search looks at in a segment
_NAMES_LIKE = 600  # that a search in spite of a slip looks at in all
_PLACES_COUNTED = 8_000  # where it looks for pieces

Hit = tuple[int, str, int, int, bytes]
"""A name that was found: its rank, lowest first; itself; where its files stand: the segment, place and block."""


def starting(database: sqlite3.Connection, prefix: str) -> list[Hit]:
    """Find names by their beginning, the shortest first; of very many the first in their order."""
    start, hits = NAME + prefix.casefold(), list[Hit]()
    for segment, first, after in segments(database):
        rows = database.execute(
            "SELECT data FROM block INDEXED BY block_first WHERE segment = ?1 AND id >= ?2 AND id < ?3 "
            "AND first >= coalesce((SELECT max(first) FROM block WHERE segment = ?1 AND first <= ?4), ?4) "
            "AND first < ?5 ORDER BY first LIMIT ?6",
            (segment, first, after, start, start + LAST, _BLOCKS),
        )
        for (block,) in rows:
            terms = enumerate(terms_of(block))
            found = [(name_of(term), place) for place, term in terms if term.startswith(start)]
            hits += [(len(name), name, segment, place, block) for name, place in found]
    hits.sort()
    return hits


def containing(database: sqlite3.Connection, text: str) -> list[Hit]:
    """Find names by a part of them of three and more characters, the shortest first; of very many some."""
    wanted, hits = text.casefold(), list[Hit]()
    needed = pieces(wanted)
    places = _places_of(database, needed)
    for segment, first, _ in segments(database):
        lists = sorted(places.get(segment, []), key=len)
        if lists and len(lists) == len(needed):
            common = sorted(set(lists[0]).intersection(*lists[1:]))
            for _, block in blocks_at(database, [first + place for place in common[:_BLOCKS]]):
                terms = enumerate(terms_of(block))
                found = [(name_of(term), place) for place, term in terms if term.find(wanted, 1) > 0]
                hits += [(len(name), name, segment, place, block) for name, place in found]
    hits.sort()
    return hits


def like(database: sqlite3.Connection, text: str, limit: int) -> list[Hit]:
    """Find names that share pieces with a text, those first that share the most, and of these the shortest."""
    wanted = pieces(text.casefold())
    ranked = _blocks_with_most(database, wanted)
    data = dict(blocks_at(database, [block for _, _, block in ranked]))
    shared, hits = dict[str, int](), list[Hit]()
    best: list[int] = []
    for most, segment, at in ranked:
        if len(shared) > _NAMES_LIKE or (len(best) >= limit and best[limit - 1] >= -most):
            break  # in the second case no name of this block or of a later one can share more
        for place, term in enumerate(terms_of(data[at])):
            name = name_of(term)
            folded = name.casefold()
            shared[name] = count = sum([piece in folded for piece in wanted])
            if count:
                hits.append((-1000 * count + len(name), name, segment, place, data[at]))
        best = sorted(shared.values(), reverse=True)
    hits.sort()
    return hits


def _blocks_with_most(database: sqlite3.Connection, wanted: Collection[str]) -> list[tuple[int, int, int]]:
    """Give blocks of names that have most of some pieces: minus how many, the segment and the block's number."""
    places = _places_of(database, wanted)
    counted: list[tuple[int, int, int]] = []
    for segment, first, _ in segments(database):
        counts: Counter[int] = Counter()
        for at in sorted(places.get(segment, []), key=len):
            if counts and len(at) + counts.total() > _PLACES_COUNTED:
                break
            counts.update(at)
        counted += [(-count, segment, first + place) for place, count in counts.items()]
    return nsmallest(_BLOCKS, counted)


def _places_of(database: sqlite3.Connection, wanted: Collection[str]) -> dict[int, list[list[int]]]:
    """Give for each segment the blocks of names that have each of some pieces."""
    places: defaultdict[int, list[list[int]]] = defaultdict(list)
    for term, segment, posting in postings(database, [PIECE + piece for piece in wanted]):
        places[segment].append(numbers(files_at(database, segment, term, posting)))
    return places
