"""How much two texts have in common, and whether one says again what the other does."""

import re
from collections import Counter

_WORD = re.compile(r"\w+")
_MUCH = 0.5
_FEW = 16  # words: fewer, such as a signature, are like any line that uses them


def similarity(a: str, b: str) -> float:
    """Give the share of words that two texts have in common, from 0 to 1; a word counts as often as both have it."""
    ours, theirs = _WORD.findall(a), _WORD.findall(b)
    if not ours and not theirs:
        return 0.0
    common = Counter(ours) & Counter(theirs)
    return 2 * common.total() / (len(ours) + len(theirs)) if common else 0.0


class Window:
    """A text that is compared with many others."""

    def __init__(self, text: str) -> None:
        self._words = _WORD.findall(text)
        self._all = Counter(self._words)
        self.lines = frozenset(bare for line in text.split("\n") if (bare := line.strip()))

    def has(self, text: str) -> bool:
        """Tell whether the window has most of the lines of a text, or a stretch as long that is similar above .5."""
        lines = [bare for line in text.split("\n") if _WORD.search(bare := line.strip())]
        if lines and sum(line in self.lines for line in lines) > _MUCH * len(lines):
            return True
        theirs = _WORD.findall(text)
        size = len(theirs)
        counts = Counter(theirs)
        common = (counts & self._all).total()
        if 2 * common > _MUCH * (size + len(self._words)):
            return True
        # A stretch has at most what the whole has.
        return size >= _FEW and common > _MUCH * size and self._stretch(counts, size) > _MUCH * size

    def _stretch(self, counts: Counter[str], size: int) -> int:
        """Give the most words that any stretch of a size has in common with words that are counted."""
        left = dict(counts)
        common = best = 0
        for at, word in enumerate(self._words):
            if word in left:
                left[word] -= 1
                common += left[word] >= 0
            if at >= size and (gone := self._words[at - size]) in left:
                common -= left[gone] >= 0
                left[gone] += 1
            best = max(best, common)
        return best
