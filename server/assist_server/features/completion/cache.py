"""Answers that need no model: what was asked before, and what is being typed as suggested."""

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from assist_context.document import Document
from assist_context.syntax.lexing import CLOSERS, OPENERS, brackets, masked
from assist_server.features.completion.rates import Source
from assist_server.features.completion.trigger import Extent, covers

Value = TypeVar("Value")

_QUOTES = "\"'`"
_CLOSERS = CLOSERS + _QUOTES
_BLANKS = " \t"


class Lru(Generic[Value]):
    """A bounded map that forgets what was not used for longest."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Value | None:
        """Give the value of a key and mark it as used."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def drop(self, key: Hashable) -> None:
        """Forget one value, if it is here."""
        self._values.pop(key, None)

    def newest_first(self) -> Iterator[Value]:
        """Go through the values, the one used last first."""
        return reversed(self._values.values())

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, at the cost of the oldest where there is no room."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._capacity:
            self._values.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A suggestion as it was shown.

    source: what made it (backend and model), so that another model's words are not passed on. text: its lines end with
    a line feed, whatever those of the document end with.
    """

    document: Document
    offset: int
    extent: Extent
    source: Source
    text: str


class TypeThrough:
    """The last offers; the rest of one is offered again while its beginning is typed, or deleted again."""

    def __init__(self, capacity: int = 16) -> None:
        self._offers: Lru[Offer] = Lru(capacity)

    def remember(self, offer: Offer) -> None:
        """Keep an offer."""
        self._offers.put((offer.document.uri, offer.offset, offer.extent, offer.source, offer.text), offer)

    def rests(self, document: Document, offset: int, extent: Extent) -> dict[Source, str]:
        """Give what is left of the offers that this document is typing out: of each source's newest one.

        extent: how far an offer must have been allowed to go at least.
        """
        found: dict[Source, str] = {}
        for offer in self._offers.newest_first():
            if offer.source not in found and covers(offer.extent, extent) and (left := _left(offer, document, offset)):
                found[offer.source] = left
        return found


def with_endings_of(document: str, text: str) -> str:
    """End the lines of a text as those of a document end."""
    return text.replace("\n", "\r\n") if "\r\n" in document else text


def _left(offer: Offer, document: Document, offset: int) -> str | None:
    """Give the untyped end of an offer, None where the document is not the offer's with its beginning typed.

    With it the document becomes what the whole offer would have made of it, but for blanks at the ends of lines. Where
    the editor has closed a bracket or quote that the offer closes later, it ends there.
    """
    earlier = offer.document
    if document.uri != earlier.uri or document.language != earlier.language or offset < offer.offset:
        return None
    before, after = earlier.text[: offer.offset], earlier.text[offer.offset :]
    if not document.text.endswith(after, offset) or document.text[: offer.offset] != before:
        return None
    typed = _unified(document.text[offer.offset : offset])
    if (reached := _reached(offer.text, typed)) is None:
        return None
    added = _unified(document.text[offset : len(document.text) - len(after)])
    if not added:
        return offer.text[reached:] or None
    return _inside(offer, reached, typed, added) or None


def _unified(text: str) -> str:
    """End all lines with a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _reached(offered: str, typed: str) -> int | None:
    """Give how many characters of an offer were typed, None where something else was.

    Blanks at the end of a line mean nothing, nor does the indentation that an editor gives to a blank line.
    """
    *whole, last = typed.split("\n")
    lines = offered.split("\n")
    if len(whole) >= len(lines):
        return None
    if any(mine.rstrip(_BLANKS) != its.rstrip(_BLANKS) for mine, its in zip(whole, lines, strict=False)):
        return None
    start, line = sum(len(its) + 1 for its in lines[: len(whole)]), lines[len(whole)]
    if line.startswith(last):
        return start + len(last)
    is_indented = bool(whole) and not last.strip(_BLANKS) and not line.strip(_BLANKS)
    return start + len(line) if is_indented else None


def _inside(offer: Offer, reached: int, typed: str, added: str) -> str | None:
    """Give what of an offer's rest belongs before what the editor has added behind the cursor, None for nothing known.

    Editors close a bracket or quote that is opened, and move the closing one down where a line is begun between.
    """
    left = offer.text[reached:]
    closers = added.lstrip()
    blanks = added[: len(added) - len(closers)]
    # Over several lines one cannot see that the end of the offer stands there already, unless it is what belongs there.
    if left.endswith(added) and ("\n" not in left or not closers or closers.strip(_CLOSERS)):
        return left[: -len(added)]
    if blanks and not ("\n" in blanks and "\n" in typed):
        return None
    if len(closers) > len(typed) or closers.strip(_CLOSERS):
        return None
    end = _closed(offer, reached, closers) if closers else len(left)
    if end is None or end == len(left):
        return None if end is None else left
    return left[: end - len(blanks)] if left[:end].endswith(blanks) else None


def _closed(offer: Offer, reached: int, closers: str) -> int | None:
    """Find where the rest of an offer closes what the typed part has opened last: its end where that is left open.

    None where it is not what the first of the closers closes.
    """
    left = offer.text[reached:]
    if closers[0] in _QUOTES:
        quote = closers if closers == 3 * closers[0] else closers[0]
        found = re.match(rf"(?:\\.|(?!{quote})[^\\])*{quote}", left, re.DOTALL)
        return found.end() - len(quote) if found else len(left)
    line = offer.document.text[: offer.offset].rpartition("\n")[2]
    text, start = line + offer.text, len(line) + reached
    opened: list[int] = []
    for place, bracket in brackets(masked(text, offer.document.language).code):
        if bracket in OPENERS:
            opened.append(place)
        elif opened and opened.pop() < start <= place:
            return place - start if bracket == closers[0] else None
    before = [place for place in opened if len(line) <= place < start]
    opener = OPENERS[CLOSERS.index(closers[0])]
    return len(left) if before and text[before[-1]] == opener else None
