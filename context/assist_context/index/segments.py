"""Segments: which files have a term, written a batch of files at a time, never changed, merged when there are many.

A segment is a run of terms in order, cut into blocks; a block holds its terms and, behind them, the numbers of the
files that have each. A list too long for a block is kept apart, so that a term that nearly every file has costs nothing
to find. Numbers of files are never used again, so a segment may name files that are gone.

Names of definitions are terms like others ("=" before them, so that they stand together, folded name first). Their
blocks are counted, and "~" with three letters gives the blocks whose names have these letters, for searches by a part.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from struct import Struct
from sys import byteorder
from typing import NamedTuple

NAME, MEMBER, PIECE = "=", ".", "~"
"""With what a term begins that is no word: a definition's name, the name around one, three letters of a name."""
LAST = "\U0010ffff"
"""Comes after all that a term may go on with."""

NUMBER = 4  # bytes, of a file
_LONG = 64 * NUMBER  # bytes; a longer list is kept apart
_TERMS = 64  # in a block
_NAMES = 32  # in a block of names
_HEAD = Struct("=II")
_END = "\0"  # of a term
_GAP = "\x01"

_PARTS = ("", NAME, NAME + LAST, PIECE, PIECE + LAST)  # with what the terms begin that may share a block
_PART_OF_NAMES = 1
_TIER = 4  # so many segments of about the same size become one


class Run(NamedTuple):
    """Terms in order, and the files of each."""

    terms: Sequence[str]
    files: Sequence[bytes]


class Block(NamedTuple):
    """A run of terms with their files, the first of these terms, and whether they are names."""

    first: str
    data: bytes
    of_names: bool


class Posting(NamedTuple):
    """The files of a term in one segment: how many, and their numbers; None where the list is kept apart."""

    many: int
    files: bytes | None


def number(value: int) -> bytes:
    """Give the bytes that stand for a file's number; those of several files are joined."""
    return value.to_bytes(NUMBER, byteorder)


def numbers(files: bytes) -> list[int]:
    """Give the numbers of files."""
    found = array("I")
    found.frombytes(files)
    return found.tolist()


def definition_term(name: str) -> str:
    """Give the term of a definition's name: one for each spelling, in the order of names whatever their case."""
    folded = name.casefold()
    return f"{NAME}{folded}" if folded == name else f"{NAME}{folded}{_GAP}{name}"


def member_term(around: str) -> str:
    """Give the term that files have which define something in a thing of this name, whatever its case.

    around: the names around, with dots, as of `Symbol.parent`; the last counts.
    """
    return MEMBER + around.rpartition(".")[2].casefold()


def name_of(term: str) -> str:
    """Give the name whose term this is."""
    folded, gap, name = term[1:].partition(_GAP)
    return name if gap else folded


def pieces(folded: str) -> set[str]:
    """Give the three-letter pieces of a folded text."""
    return set(map("".join, zip(folded, folded[1:], folded[2:], strict=False)))


def run_of(postings: Mapping[str, bytes]) -> Run:
    """Put terms and their files in order."""
    terms = sorted(postings)
    return Run(terms, list(map(postings.__getitem__, terms)))


class Cutter:
    """Cuts terms, added in order, into the blocks of a segment; what must not share a block is kept apart.

    long: the lists that no block holds, so far.
    """

    def __init__(self) -> None:
        self.long: list[tuple[str, bytes]] = []
        self._left = [Run([], [])] * len(_PARTS)
        self._pieces: defaultdict[str, bytes] = defaultdict(bytes)
        self._name_blocks = 0

    def add(self, run: Run) -> Iterator[Block]:
        """Add terms and their files; give the blocks that are full."""
        cuts = [bisect_left(run.terms, begin) for begin in _PARTS]
        for part, (low, high) in enumerate(zip(cuts, [*cuts[1:], len(run.terms)], strict=True)):
            size = _NAMES if part == _PART_OF_NAMES else _TERMS
            terms = [*self._left[part].terms, *run.terms[low:high]]
            files = [*self._left[part].files, *run.files[low:high]]
            full = len(terms) - len(terms) % size
            self._left[part] = Run(terms[full:], files[full:])
            for at in range(0, full, size):
                yield self._block(terms[at : at + size], files[at : at + size], part)

    def finish(self) -> Iterator[Block]:
        """Give the blocks that are left, and those of the pieces of all names."""
        yield from self._rest()
        yield from self.add(run_of({PIECE + piece: at for piece, at in self._pieces.items() if _END not in piece}))
        yield from self._rest()

    def _rest(self) -> Iterator[Block]:
        left, self._left = self._left, [Run([], [])] * len(_PARTS)
        for part, (terms, files) in enumerate(left):
            if terms:
                yield self._block(terms, files, part)

    def _block(self, terms: Sequence[str], files: Sequence[bytes], part: int) -> Block:
        lengths = array("I", map(len, files))
        if max(lengths) > _LONG:
            self.long += [(term, one) for term, one in zip(terms, files, strict=True) if len(one) > _LONG]
            files = [one for one in files if len(one) <= _LONG]
        text = _END.join(terms)
        if part == _PART_OF_NAMES:
            self._note_pieces(_END.join([term[1:].partition(_GAP)[0] for term in terms]))
        packed = text.encode()
        data = b"".join(chain((_HEAD.pack(len(terms), len(packed)), lengths.tobytes(), packed), files))
        return Block(terms[0], data, part == _PART_OF_NAMES)

    def _note_pieces(self, text: str) -> None:
        """Note in which block of names the pieces of these stand."""
        mark, found = number(self._name_blocks), self._pieces
        self._name_blocks += 1
        for piece in pieces(text):
            found[piece] += mark


def terms_of(block: bytes) -> list[str]:
    """Give the terms of a block, in order."""
    count, size = _HEAD.unpack_from(block)
    start = _HEAD.size + NUMBER * count
    return block[start : start + size].decode().split(_END)


def posting_at(block: bytes, place: int) -> Posting:
    """Give the files of the term at a place of a block."""
    count, size = _HEAD.unpack_from(block)
    start = _HEAD.size + NUMBER * count
    lengths = numbers(block[_HEAD.size : start])
    length = lengths[place]
    if length > _LONG:
        return Posting(length // NUMBER, None)
    begin = start + size + sum([one for one in lengths[:place] if one <= _LONG])
    return Posting(length // NUMBER, block[begin : begin + length])


def posting_of(block: bytes, term: str) -> Posting | None:
    """Find a term in a block."""
    terms = terms_of(block)
    place = bisect_left(terms, term)
    return posting_at(block, place) if place < len(terms) and terms[place] == term else None


def postings_of(block: bytes) -> list[tuple[str, Posting]]:
    """Give all terms of a block and their files."""
    count, size = _HEAD.unpack_from(block)
    start = _HEAD.size + NUMBER * count
    at, found = start + size, []
    for term, length in zip(terms_of(block), numbers(block[_HEAD.size : start]), strict=True):
        if length > _LONG:
            found.append((term, Posting(length // NUMBER, None)))
        else:
            found.append((term, Posting(length // NUMBER, block[at : at + length])))
            at += length
    return found


def merged(segments: Iterable[Iterator[Run]], keep: Callable[[bytes], bytes] | None) -> Iterator[Run]:
    """Merge the terms of segments, each given in runs that follow each other; runs come out that do so too.

    keep: takes the files of a term and gives those that are still there; a term with none is left out.
    """
    nothing = Run([], [])
    streams = list(segments)
    waiting = [next(stream, nothing) for stream in streams]
    while any(run.terms for run in waiting):
        # What comes up to the end of the run that ends first is there completely.
        end = min(run.terms[-1] for run in waiting if run.terms)
        found: defaultdict[str, bytes] = defaultdict(bytes)
        for index, (terms, files) in enumerate(waiting):
            cut = bisect_right(terms, end)
            for term, some in zip(terms[:cut], files[:cut], strict=True):
                found[term] += some
            waiting[index] = Run(terms[cut:], files[cut:]) if cut < len(terms) else next(streams[index], nothing)
        kept = found if keep is None else {term: left for term, files in found.items() if (left := keep(files))}
        if kept:
            yield run_of(kept)


def to_merge(sizes: Mapping[int, int], *, half_is_gone: bool) -> list[int]:
    """Choose which segments should become one: all where half of what they name is gone, else many of about one size.

    sizes: postings, by segment.
    """
    if half_is_gone and sizes:
        return sorted(sizes)
    tiers: defaultdict[int, list[int]] = defaultdict(list)
    for segment, size in sizes.items():
        tiers[size.bit_length() // 2].append(segment)
    full = [tier for tier, members in tiers.items() if len(members) >= _TIER]
    return sorted(segment for tier, members in tiers.items() if full and tier <= min(full) for segment in members)
