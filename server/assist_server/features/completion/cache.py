"""Answers that need no model: what was asked before, and what is being typed as suggested."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from assist_context.document import Document
from assist_server.features.completion.trigger import Extent, covers

Value = TypeVar("Value")

_CLOSERS = ")]}\"'`"
_LONGEST_CLOSER = 3


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

    source: what made it (backend and model), so that another model's words are not passed on.
    """

    document: Document
    offset: int
    extent: Extent
    source: tuple[str, str]
    text: str


class TypeThrough:
    """The last offers; the rest of one is offered again while its beginning is typed, or deleted again."""

    def __init__(self, capacity: int = 8) -> None:
        self._offers: Lru[Offer] = Lru(capacity)

    def remember(self, offer: Offer) -> None:
        """Keep an offer."""
        self._offers.put((offer.document.uri, offer.offset, offer.extent), offer)

    def rest(self, document: Document, offset: int, extent: Extent, source: tuple[str, str]) -> str | None:
        """Give what is left of an offer that this document is typing out, None where there is none."""
        for offer in self._offers.newest_first():
            if offer.source == source and covers(offer.extent, extent) and (left := _left(offer, document, offset)):
                return left
        return None


def _left(offer: Offer, document: Document, offset: int) -> str | None:
    """Give the untyped end of an offer, None where the document is not the offer's with its beginning typed."""
    earlier = offer.document
    if document.uri != earlier.uri or document.language != earlier.language or offset < offer.offset:
        return None
    typed = document.text[offer.offset : offset]
    if not offer.text.startswith(typed) or not _same_end(earlier.text[offer.offset :], document.text[offset:], typed):
        return None
    if document.text[: offer.offset] != earlier.text[: offer.offset]:
        return None
    return offer.text[len(typed) :] or None


def _same_end(earlier: str, now: str, typed: str) -> bool:
    """Compare what follows; editors add the closing bracket or quote of one that was typed."""
    added = len(now) - len(earlier)
    if added == 0:
        return now == earlier
    closers = now[:added] if added > 0 else ""
    return (
        0 < added <= min(_LONGEST_CLOSER, len(typed))
        and all(character in _CLOSERS for character in closers)
        and now[added:] == earlier
    )
