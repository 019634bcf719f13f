"""Token counts without a tokenizer."""

import math
import re
from dataclasses import dataclass

LOWEST_FACTOR, HIGHEST_FACTOR = 0.5, 4.0

# Rising takes half of the way at once and falling a tenth: too low an estimate cuts a prompt on the server's side,
# too high a one only leaves some of the context unused.
_RISE, _FALL = 0.5, 0.1

_PIECE = re.compile(
    r" ?[A-Z]?[a-z]{1,6}|[A-Z]{1,2}|[0-9]|\s*[\r\n]+|[^\S\r\n]{1,16}|[!-/:-@\[-`{-~]{1,2}|[^\x00-\x7f]|.", re.DOTALL
)
_PER_EXTRA_BYTE = 0.25


def estimate(text: str) -> int:
    """Estimate how many tokens a text has, rather too many than too few; never more than its bytes.

    It counts pieces: six letters, two signs, one digit, a run of blanks or of line endings; a character outside ASCII
    by its length in UTF-8. Measured against Qwen2.5-Coder's tokenizer on 832 windows of 60 to 8,000 characters: too low
    for 5 of them (none of 679 in Python, TypeScript, JavaScript, Go, C and Markdown; two short ones of shell options,
    one of locale data, random hexadecimal, and random base64 by 19 %). Its median is 1.35 times the true count.
    """
    pieces = len(_PIECE.findall(text))
    if text.isascii():
        return pieces
    size = len(text.encode("utf-8", "surrogatepass"))
    return min(size, math.ceil(pieces + _PER_EXTRA_BYTE * (size - len(text))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the estimates must be multiplied by for one model, learnt from counts that its server gave."""

    factor: float = 1.0

    def with_observation(self, estimated: int, actual: int) -> "Calibration":
        """Learn from one text: `estimate` of it, and the server's count of its tokens."""
        if estimated <= 0 or actual <= 0:
            return self
        seen = actual / estimated
        rate = _RISE if seen > self.factor else _FALL
        return Calibration(min(max(self.factor + rate * (seen - self.factor), LOWEST_FACTOR), HIGHEST_FACTOR))

    def apply(self, estimated: int) -> int:
        """Correct an estimate, rounding up."""
        return math.ceil(estimated * self.factor)


UNCALIBRATED = Calibration()
