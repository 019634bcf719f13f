"""How many tokens a prompt may have, beside the answer."""

from assist_context.prompt.segments import Prompt
from assist_context.prompt.tokens import UNCALIBRATED, Calibration, estimate
from assist_server.core.errors import PromptTooLong
from assist_server.features.selection import Target

RESERVE = 16
"""What a server adds of its own to one text: a token for the beginning, a template around it."""


def output_for(longest: int, context_length: int) -> int:
    """Give the tokens of an answer: what is wanted, at most half of the context."""
    return max(1, min(longest, context_length // 2))


def room_for(context_length: int, output: int) -> int:
    """Give the tokens that a prompt may have beside an answer of `output` tokens."""
    return max(0, context_length - output - RESERVE)


def room_after(error: PromptTooLong, *, tokens: int, output: int) -> int:
    """Give the room, in our own count, that a refusal leaves for a prompt of which we counted `tokens`.

    A server that counts more than we do makes our tokens worth that much less; one that says nothing halves the room.
    """
    said = max(1, error.prompt_tokens or tokens)
    fits = room_for(error.context_length, output) if error.context_length else said // 2
    return int(fits * min(1.0, tokens / said))


def guess_of(prompt: Prompt, *, extra: int = 0) -> int:
    """Estimate the tokens of a prompt; extra: what the server's own template adds to it."""
    return sum(estimate(text) for text in prompt.texts()) + _around(prompt, extra)


async def size_of(
    prompt: Prompt, target: Target, room: int, *, extra: int = 0, calibration: Calibration = UNCALIBRATED
) -> tuple[int, bool]:
    """Count a prompt in tokens, and tell whether the server counted.

    By our estimate where even one token a byte would fit into `room`, else by the server where it can, else by the
    estimate and what is known of the model: calibration. extra: what the server's own template adds to the prompt.
    """
    guess = guess_of(prompt, extra=extra)
    most = sum(len(text.encode("utf-8", "surrogatepass")) for text in prompt.texts()) + _around(prompt, extra)
    if most <= room:
        return guess, False
    counted = await target.backend.count_tokens(prompt, target.model)
    return (min(calibration.apply(guess), most), False) if counted is None else (counted + extra, True)


def _around(prompt: Prompt, extra: int) -> int:
    """Count what is no text: one token for each control token, and what the server adds."""
    return extra + len(prompt.segments) - len(prompt.texts())
