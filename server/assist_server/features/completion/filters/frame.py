"""What the filters know beside the text, and what one is."""

from collections.abc import Callable
from dataclasses import dataclass

from assist_context.retrieval.snippet import Place
from assist_server.features.completion.hole import Hole
from assist_server.features.completion.trigger import Extent


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a text goes, and how it was asked for.

    from_chat: the model was asked in words, so it may answer with more than the text to insert.
    control: strings of the model's format that must never be shown.
    literals: control tokens that the document itself spells out, which a suggestion may spell out too.
    place: the document, for what needs more than the hole; its tree, where there is one, tells what fits.
    automatic: nobody asked for it, so it must be worth looking at.
    known: tells whether a name is there in the workspace or in a library; None where nothing tells.
    check_seconds: how much of the processor's time the syntax may take.
    """

    hole: Hole
    extent: Extent
    from_chat: bool = False
    control: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()
    place: Place | None = None
    automatic: bool = False
    known: Callable[[str], bool] | None = None
    check_seconds: float = 0.03

    @property
    def lines_above(self) -> list[str]:
        """The lines of the document before the cursor's; empty where the document is not given."""
        if self.place is None:
            return []
        start = self.place.offset - len(self.hole.before)
        return self.place.text[max(0, start - _LOOKED_AT) : max(0, start - 1)].replace("\r", "").split("\n")

    @property
    def lines_below(self) -> list[str]:
        """The lines of the document behind the cursor's; the next one alone where the document is not given."""
        if self.place is None:
            return [self.hole.below] if self.hole.adjacent else []
        end = self.place.offset + len(self.hole.after)
        return self.place.text[end : end + _LOOKED_AT].replace("\r", "").split("\n")[1:]


_LOOKED_AT = 4000  # characters before the cursor's line, and behind it


@dataclass(frozen=True, slots=True)
class Filter:
    """One row: what it does, why it may leave nothing."""

    name: str
    apply: Callable[[str, Frame], str]
    why_empty: str
