"""How long to wait after a key before the model is asked: long enough that most requests are not thrown away.

Where the answer comes before the next key, nothing is won by waiting; where it takes longer than the pauses between
keys, a request in the middle of a word is work for nobody. Times are seconds of one clock that never goes back.
"""

import math
import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field

_LONGEST_GAP = 0.6  # a longer pause is no typing
_USUAL_GAP = 0.15
_FEWEST, _MOST = 5, 30  # gaps to know a person's speed by, and gaps that are kept
_QUANTILE = 0.75
_PATIENCE = 1.2  # times that gap
_SHARE = 0.5  # of the time of an answer: who waits longer makes it late to spare less than it costs
_DOCUMENTS = 64
_BETWEEN = re.compile(r"(^|\n)[ \t]*\Z|[(\[{:][ \t]*\Z")


@dataclass(slots=True)
class _Typing:
    last: float | None = None
    quiet: float = math.inf
    gaps: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST))

    def gap(self) -> float:
        """Give the pause between two keys that three of four are shorter than."""
        if len(self.gaps) < _FEWEST:
            return _USUAL_GAP
        return sorted(self.gaps)[int(_QUANTILE * (len(self.gaps) - 1))]


class Debounce:
    """Know how people type, for each document."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, _Typing] = OrderedDict()

    def key(self, document: str, now: float) -> None:
        """Hear of a key, or of any other edit."""
        typing = self._documents.setdefault(document, _Typing())
        self._documents.move_to_end(document)
        if typing.last is not None:
            typing.quiet = now - typing.last
            if 0 < typing.quiet <= _LONGEST_GAP:
                typing.gaps.append(typing.quiet)
        typing.last = now
        while len(self._documents) > _DOCUMENTS:
            self._documents.popitem(last=False)

    def quiet(self, document: str) -> float:
        """Give the seconds between the last key and the one before it, without end where there was none."""
        return self._documents.get(document, _Typing()).quiet

    def forget(self, document: str) -> None:
        """Forget a document that was closed."""
        self._documents.pop(document, None)

    def wait(self, document: str, now: float, *, before: str, answer: float, longest: float) -> float:
        """Give the seconds to wait from now, at least 0 and at most `longest`.

        before: the text before the cursor, its last line at least. answer: seconds that the answer is expected to take.
        """
        if not (math.isfinite(answer) and answer > 0 and longest > 0) or is_pause(before):
            return 0.0
        typing = self._documents.get(document, _Typing())
        gap = typing.gap()
        if answer <= gap:
            return 0.0
        since = 0.0 if typing.last is None else max(0.0, now - typing.last)
        return min(longest, max(0.0, min(_PATIENCE * gap, _SHARE * answer) - since))


def is_pause(before: str) -> bool:
    """Tell whether a person is likely to stop here: on a line of nothing yet, and after what opens something."""
    return _BETWEEN.search(before[-200:]) is not None
