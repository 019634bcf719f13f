"""The tree of an open document, kept up to date by its changes; parsed and read in slices, so that nothing waits.

What holds of the trees: for a text without errors, a tree that was parsed in slices or from an earlier tree is the tree
of a fresh parse. For one with errors it may be another tree of the same text, because how a parser recovers depends on
where it stopped and on what it took over; `Parsed.exact` tells, and `DocumentTree.forget` leads to a fresh one. Once
the errors are gone, all are equal again.
"""

from collections.abc import Iterator
from time import monotonic
from typing import NamedTuple

from tree_sitter import QueryCursor, Tree

from assist_context.syntax.grammars import parser, query
from assist_context.syntax.parse import pieces
from assist_context.syntax.symbols import FileSyntax, Match, Reading, Symbol

_READ_AT_ONCE = 1 << 14  # bytes; 1 to 4 ms of a query
_SYMBOLS_AT_ONCE = 100

Place = tuple[int, int]


class Edit(NamedTuple):
    """One change between two texts: bytes, and places as lines and bytes of the line, from 0."""

    start: int
    old_end: int
    new_end: int
    start_place: Place
    old_end_place: Place
    new_end_place: Place


class Parsed(NamedTuple):
    """A text in UTF-8 and its tree; exact where a fresh parse is sure to give the same tree."""

    source: bytes
    tree: Tree
    exact: bool


class DocumentTree:
    """The tree of one open document; ask for it with `parse_for` after each change."""

    def __init__(self, language: str, text: str) -> None:
        self.language = language
        self._parser = parser(language)
        self._source = _bytes(text)
        self._parsed: Parsed | None = None
        self._parsing: tuple[bytes, Tree | None] | None = None  # what the parser is at, and the tree it started from
        self._slices = 0
        self._forgets = False

    @property
    def parsed(self) -> Parsed | None:
        """The last text that was parsed to its end; it may be older than the document."""
        return self._parsed

    @property
    def is_current(self) -> bool:
        """Whether `parsed` is of the document as it is now."""
        return self._parsed is not None and self._parsed.source == self._source and not self._forgets

    def change(self, text: str) -> None:
        """Take the whole text after a change; a parse that is under way still ends, so that typing never starves it."""
        self._source = _bytes(text)

    def forget(self) -> None:
        """Have the next parse start from nothing: for a tree that is not exact, when there is time."""
        self._forgets = True

    def parse_for(self, seconds: float) -> bool:
        """Parse the document, or go on with it, for so long; tell whether its tree is current.

        A step of the parser that recovers from errors, or that reads one very long token, may take longer.
        """
        end = monotonic() + seconds
        while not self.is_current:
            source, old = self._parsing = self._parsing or self._next()
            try:
                tree = self._run(source, old, end)
            except ValueError:  # stopped; asked again, the parser goes on where it was
                self._slices += 1
                return False
            exact = not tree.root_node.has_error or (old is None and not self._slices)
            self._parsed, self._parsing, self._slices = Parsed(source, tree, exact), None, 0
            if monotonic() > end:
                break
        return self.is_current

    def _run(self, source: bytes, old: Tree | None, end: float) -> Tree:
        def is_late(_offset: int, _error: bool) -> bool:  # noqa: FBT001 - the parser calls it so
            return monotonic() > end

        if old is None:
            return self._parser.parse(pieces(source), progress_callback=is_late)
        return self._parser.parse(pieces(source), old, progress_callback=is_late)

    def _next(self) -> tuple[bytes, Tree | None]:
        before, forgets = self._parsed, self._forgets
        self._forgets = False
        if before is None or forgets:
            return self._source, None
        edit = edit_between(before.source, self._source)
        tree = before.tree.copy()  # somebody may still read the one before
        if edit is not None:
            tree.edit(*edit)
        return self._source, tree


def edit_between(old: bytes, new: bytes) -> Edit | None:
    """Give the one change that makes one text in UTF-8 of another: what differs between their common ends.

    None where they are equal. No character is cut in two, which would leave a token of the old tree unnoticed.
    """
    if old == new:
        return None
    start = _common_start(old, new)
    while start and (_continues(old, start) or _continues(new, start)):
        start -= 1
    common = _common_end(old, new, min(len(old), len(new)) - start)
    while common and _continues(old, len(old) - common):
        common -= 1
    old_end, new_end = len(old) - common, len(new) - common
    line_start = old.rfind(b"\n", 0, start) + 1
    place = (old.count(b"\n", 0, start), start - line_start)
    return Edit(start, old_end, new_end, place, _behind(place, old[start:old_end]), _behind(place, new[start:new_end]))


def syntax_steps(language: str, parsed: Parsed) -> Iterator[FileSyntax | None]:
    """Read a tree as `file_syntax` does, but in steps; None until the last one, which gives the values."""
    source, root = parsed.source, parsed.tree.root_node
    reading = Reading(language, source)
    seen: set[tuple[int, ...]] = set()  # what is on both sides of a border is found from both
    for start in range(0, len(source), _READ_AT_ONCE):
        cursor = QueryCursor(query(language))
        cursor.set_byte_range(start, start + _READ_AT_ONCE)
        new: list[Match] = []
        for pattern, captures in cursor.matches(root):
            place = (pattern, *[node.start_byte for nodes in captures.values() for node in nodes])
            if place not in seen:
                seen.add(place)
                new.append((pattern, captures))
        reading.add(new)
        yield None
    symbols: list[Symbol] = []
    for symbol in reading.symbols():
        symbols.append(symbol)
        if len(symbols) % _SYMBOLS_AT_ONCE == 0:
            yield None
    yield reading.syntax(symbols)


def _common_start(old: bytes, new: bytes) -> int:
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old.startswith(new[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(old: bytes, new: bytes, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if old.endswith(new[len(new) - middle : len(new) - low], 0, len(old) - low):
            low = middle
        else:
            high = middle - 1
    return low


def _continues(text: bytes, offset: int) -> bool:
    """Tell whether a byte is inside a character."""
    return offset < len(text) and text[offset] & 0xC0 == 0x80


def _behind(place: Place, text: bytes) -> Place:
    lines = text.count(b"\n")
    return (place[0] + lines, len(text) - text.rfind(b"\n") - 1) if lines else (place[0], place[1] + len(text))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # half a character is a question mark
