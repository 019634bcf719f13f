"""How long a prompt and an answer may be, for a suggestion to come in time from a model of a known speed.

A new length means a new prompt, and with it a cold prompt cache. So rates are taken in steps, and a step is left only
when the measured rate is clearly beyond it.
"""

import math
from dataclasses import dataclass

from assist_server.features.completion.rates import Rates, Source

_STEP = 1.25
_SLACK = 1.0  # steps that a rate may be away from the one in use, which was nearest once: half a step of wandering
_COLD = 4.0  # a cold prompt may take so many times the target: it is rare, and mostly warmed before it is needed
_SUFFIX = 0.2  # of the target: the text after the cursor is evaluated again at every key
_ANSWER = 0.8  # of the target, for writing the longest answer
_SHORTEST_PROMPT, _SHORTEST_SUFFIX, _SHORTEST_ANSWER = 128, 16, 16  # tokens; with less the model can as well guess


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens: the document before and after the cursor, the context from elsewhere, the answer."""

    prefix: int
    suffix: int
    context: int
    output: int

    @property
    def prompt(self) -> int:
        """All of a prompt."""
        return self.prefix + self.suffix + self.context


def lengths(rates: Rates, target_ms: float, limits: Lengths) -> Lengths:
    """Divide the time between the parts; a quicker model or a longer target never makes one shorter.

    target_ms: how long a suggestion may take where the prompt is cached. limits: the most that the settings allow.
    """
    seconds = target_ms / 1000
    suffix = min(limits.suffix, max(_SHORTEST_SUFFIX, int(_SUFFIX * seconds * rates.prefill)))
    cold = max(_SHORTEST_PROMPT, int((_COLD - _SUFFIX) * seconds * rates.prefill))
    context = min(limits.context, max(cold // 2, cold - limits.prefix))
    prefix = min(limits.prefix, cold - context)
    output = min(limits.output, max(_SHORTEST_ANSWER, int(_ANSWER * seconds * rates.decode)))
    return Lengths(prefix, suffix, context, output)


def answer_seconds(rates: Rates, *, fresh: float, output: float) -> float:
    """Expect how long an answer takes whose prompt has so many tokens that are not cached."""
    return fresh / rates.prefill + output / rates.decode


class SteadyRates:
    """Give rates in steps of a quarter, the same as long as the measured ones stay near."""

    def __init__(self) -> None:
        self._steps: dict[tuple[Source, str], int] = {}

    def of(self, source: Source, rates: Rates) -> Rates:
        """Take the measured rates of a source, and give those to plan with."""
        return Rates(self._steady((source, "prefill"), rates.prefill), self._steady((source, "decode"), rates.decode))

    def _steady(self, key: tuple[Source, str], rate: float) -> float:
        exact = math.log(rate, _STEP)
        step = self._steps.get(key)
        if step is None or abs(exact - step) > _SLACK:
            step = self._steps[key] = round(exact)
        return float(_STEP**step)
