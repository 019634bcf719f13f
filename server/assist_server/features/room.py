"""How many tokens a prompt may have, beside the answer."""

from assist_server.core.errors import PromptTooLong

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
