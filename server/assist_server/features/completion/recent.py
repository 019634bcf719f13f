"""What was edited, looked at and opened lately in one workspace folder: places, whose text is read when asked for.

Lines are counted from 0 here, as editors do; those of snippets from 1.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from assist_context.index.ignore import why_not_name
from assist_context.positions import LineIndex, lines_of
from assist_context.retrieval.snippet import Snippet, SourceName
from assist_context.syntax.symbols import Symbol

JUMP = 32
"""Lines between two places of the cursor that make the way from one to the other a jump."""

_KEPT = 16  # regions, and as many views
_MOST_OPEN = 64
_NEAR = 8  # lines between two edits of one region
_MOST_LINES = 48  # of a region
_AROUND = 4  # lines that are shown on both sides of a region
_VIEW = 32  # lines
_MANY = 16  # changes at once: those of a formatter or of a rename, not of a person
_OUTLINED, _OUTLINE_LINES = 5, 40

Read = Callable[[str], str | None]
"""Gives the newest text of a file of the folder; None for one that is gone, or that the index leaves out."""


@dataclass(frozen=True, slots=True)
class LineEdit:
    """One change: the lines from first to last have become those from first to last_now, all of them included."""

    first: int
    last: int
    last_now: int

    @property
    def growth(self) -> int:
        """How many lines were added."""
        return self.last_now - self.last


@dataclass(frozen=True, slots=True)
class _Spot:
    """Some lines of a file, first and last included.

    mark: a digest of them where the file is closed. seen: False for what was only opened.
    """

    path: str
    first: int
    last: int
    mark: bytes = b""
    seen: bool = True

    def moved(self, edit: LineEdit) -> "_Spot":
        """Follow an edit of its file."""
        if edit.first > self.last:
            return self
        if edit.last < self.first:
            return replace(self, first=self.first + edit.growth, last=self.last + edit.growth)
        first = min(self.first, edit.last_now)
        return replace(self, first=first, last=max(first, self.last + edit.growth))

    def is_near(self, edit: LineEdit) -> bool:
        return edit.first <= self.last + _NEAR and edit.last >= self.first - _NEAR


class RecentPlaces:
    """Bounded rings of places in one workspace folder. It keeps no text; paths are below the folder, with slashes."""

    def __init__(self) -> None:
        self._edits: list[_Spot] = []
        self._views: list[_Spot] = []
        self._open: dict[str, None] = {}
        self._here: tuple[str, int] | None = None

    def opened(self, path: str, text: str) -> None:
        """Take note of a document that was opened: its beginning counts as viewed until the cursor is seen in it."""
        if why_not_name(path) is not None:
            return
        lines = lines_of(text)
        self._edits = [kept for spot in self._edits if (kept := _reopened(spot, path, lines))]
        self._views = [kept for spot in self._views if (kept := _reopened(spot, path, lines))]
        self._touch(path)
        if not any(spot.path == path for spot in (*self._views, *self._edits)):
            self._view(_Spot(path, 0, _VIEW - 1, seen=False))

    def closed(self, path: str, text: str) -> None:
        """Take note of a document that was closed: its places count for as long as the file has these lines."""
        lines = lines_of(text)
        self._open.pop(path, None)
        self._edits = [_marked(spot, path, lines) for spot in self._edits]
        self._views = [_marked(spot, path, lines) for spot in self._views]

    def edited(self, path: str, edits: Sequence[LineEdit]) -> None:
        """Take note of changes that were made at once, each of the text that the one before has left."""
        if not edits or why_not_name(path) is not None:
            return
        by_hand = len(edits) <= _MANY
        for edit in edits:
            self._views = _moved(self._views, path, edit)
            if self._here is not None and self._here[0] == path and edit.last < self._here[1]:
                self._here = path, self._here[1] + edit.growth
            if by_hand:
                self._edit(path, edit)
            else:
                self._edits = _moved(self._edits, path, edit)
        if by_hand:
            self.visited(path, edits[-1].last_now)

    def visited(self, path: str, line: int) -> bool:
        """Take note of where the cursor is; tell whether it has jumped there. What it has left counts as viewed."""
        if why_not_name(path) is not None:
            return False
        before, self._here = self._here, (path, line)
        if before is not None and before[0] == path and abs(before[1] - line) <= JUMP:
            return False
        self._touch(path)
        self._views = [spot for spot in self._views if spot.seen or spot.path != path]
        if before is not None:
            first = max(0, before[1] - _VIEW // 2)
            self._view(_Spot(before[0], first, first + _VIEW - 1))
        return before is not None

    def open_paths(self) -> tuple[str, ...]:
        """Give the paths of the open documents, the one used last first."""
        return tuple(reversed(self._open))

    def snippets(self, here: str, line: int, read: Read) -> Iterator[Snippet]:
        """Give what was edited, then what was viewed, each newest first, but not what the cursor is in.

        here, line: where the cursor is.
        """
        lines: dict[str, LineIndex | None] = {}
        edited = [_padded(spot) for spot in self._edits]
        viewed = [spot for spot in self._views if not any(_overlap(spot, other) for other in edited)]
        groups: tuple[tuple[SourceName, str, list[_Spot]], ...] = (
            ("edits", "edited lately", edited),
            ("views", "viewed lately", viewed),
        )
        for source, reason, spots in groups:
            away = [spot for spot in reversed(spots) if spot.path != here or not spot.first <= line <= spot.last]
            for rank, spot in enumerate(away):
                if spot.path not in lines:
                    text = read(spot.path)
                    lines[spot.path] = None if text is None else LineIndex(text)
                if found := _lines_of(spot, lines[spot.path]):
                    first, last, shown = found
                    yield Snippet(spot.path, first + 1, last + 1, shown, source, 1 / (1 + rank), reason)

    def _touch(self, path: str) -> None:
        self._open.pop(path, None)
        self._open[path] = None
        for oldest in list(self._open)[:-_MOST_OPEN]:
            del self._open[oldest]

    def _edit(self, path: str, edit: LineEdit) -> None:
        near = [spot for spot in self._edits if spot.path == path and spot.is_near(edit)]
        others = [spot for spot in self._edits if spot not in near]
        first = min([edit.first, *(spot.first for spot in near)])
        last = max([edit.last, *(spot.last for spot in near)]) + edit.growth
        if last - first >= _MOST_LINES:  # what the edit has left last, and as much as there is room for around it
            first = max(first, min(edit.last_now - _MOST_LINES // 2, last - _MOST_LINES + 1))
            last = first + _MOST_LINES - 1
        self._edits = [*_moved(others, path, edit), _Spot(path, first, last)][-_KEPT:]

    def _view(self, view: _Spot) -> None:
        middle = view.first + _VIEW // 2
        others = [spot for spot in self._views if spot.path != view.path or not spot.first <= middle <= spot.last]
        self._views = [*others, view][-_KEPT:]


def outlines(here: str, paths: Iterable[str], symbols_of: Callable[[str], Sequence[Symbol]]) -> Iterator[Snippet]:
    """Give what open files define, as signatures: of the first few that define something, without the one at hand."""
    rank = 0
    for path in paths:
        if path == here or not (symbols := symbols_of(path)):
            continue
        shown = [symbol for symbol in symbols if symbol.kind not in ("variable", "field")][:_OUTLINE_LINES]
        if not shown:
            continue
        text = "".join(f"{'    ' * _depth(symbol)}{symbol.signature}\n" for symbol in shown)
        last = max(symbol.last_line for symbol in shown) + 1
        yield Snippet(path, shown[0].line + 1, last, text, "open", 1 / (1 + rank), "open in the editor")
        rank += 1
        if rank == _OUTLINED:
            return


def _moved(spots: Sequence[_Spot], path: str, edit: LineEdit) -> list[_Spot]:
    """Let the places of a file follow an edit."""
    return [spot.moved(edit) if spot.path == path else spot for spot in spots]


def _depth(symbol: Symbol) -> int:
    return symbol.parent.count(".") + 1 if symbol.parent else 0


def _padded(spot: _Spot) -> _Spot:
    # The lines of a closed file are marked without those around them.
    return spot if spot.mark else replace(spot, first=max(0, spot.first - _AROUND), last=spot.last + _AROUND)


def _overlap(one: _Spot, other: _Spot) -> bool:
    return one.path == other.path and one.first <= other.last and other.first <= one.last


def _lines_of(spot: _Spot, lines: LineIndex | None) -> tuple[int, int, str] | None:
    """Give first and last line and the text without blank lines at its ends; None where there is nothing to show."""
    if lines is None or (spot.mark and spot.mark != _digest(spot, lines)):
        return None
    first, last = spot.first, min(spot.last, lines.line_count - 1)
    while first <= last and not lines.line_text(first).strip():
        first += 1
    while first <= last and not lines.line_text(last).strip():
        last -= 1
    if first > last:
        return None
    return first, last, "".join(f"{lines.line_text(line)}\n" for line in range(first, last + 1))


def _digest(spot: _Spot, lines: LineIndex) -> bytes:
    shown = (lines.line_text(line) for line in range(spot.first, min(spot.last, lines.line_count - 1) + 1))
    return blake2b("\n".join(shown).encode("utf-8", "replace"), digest_size=8).digest()


def _marked(spot: _Spot, path: str, lines: LineIndex) -> _Spot:
    return replace(spot, mark=_digest(spot, lines)) if spot.path == path else spot


def _reopened(spot: _Spot, path: str, lines: LineIndex) -> _Spot | None:
    """Give a place as that of an open document; None where its file has changed while it was closed."""
    if spot.path != path or not spot.mark:
        return spot
    return replace(spot, mark=b"") if spot.mark == _digest(spot, lines) else None
