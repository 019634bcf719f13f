"""The word that the cursor stands behind, where it is only the beginning of one."""

import re

from assist_server.features.completion.filters.frame import Frame
from assist_server.features.completion.filters.vocabulary import GIVEN, KEY_WORDS, LAST_NAME

_GOES_ON = re.compile(r"\w")
# Behind these a name is made up, and may be whole although nobody knows it.
_NEW = re.compile(
    r"\b(?:as|class|const|def|enum|fn|for|func|function|interface|let|mod|module|mut|namespace|package|struct|trait|type"
    r"|typedef|union|var)\s+\Z"
)


def begun_word(frame: Frame) -> str:
    """Give what is typed of a word that is not whole, as far as can be told; "" where there is none.

    It stands nowhere else, nobody knows it, and the document or the language has a longer word that begins with it.
    """
    place, known, hole = frame.place, frame.known, frame.hole
    found = LAST_NAME.search(hole.before)
    if place is None or known is None or found is None or hole.inside != "code" or hole.language not in KEY_WORDS:
        return ""
    word, own = found[0], GIVEN.get(hole.language, KEY_WORDS[hole.language])
    if word in own or _NEW.search(hole.before, 0, found.start()) or known(word):
        return ""
    start = place.offset - len(word)
    longer = any(name.startswith(word) for name in own)
    for other in re.finditer(rf"(?<!\w){re.escape(word)}(\w*)", place.text):
        if other.start() != start and not other[1]:
            return ""
        longer = longer or other.start() != start
    return word if longer else ""


def keep_to_word(text: str, frame: Frame) -> str:
    """Drop a text that leaves the beginning of a word as if it were a word: it goes on behind something else."""
    return text if _GOES_ON.match(text) or not begun_word(frame) else ""
