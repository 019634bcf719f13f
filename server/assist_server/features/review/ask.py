"""The question about one unit."""

from typing import Any

from assist_context.prompt.chat import review_messages, review_schema
from assist_server.backends.base import ChatRequest, Message
from assist_server.features.review.report import sendable
from assist_server.features.review.units import Unit

MAX_ANSWER_TOKENS = 512
MAX_MESSAGE = 300
SEED = 0
TEMPERATURE = 0.0


def review_request(unit: Unit, model: str) -> ChatRequest:
    """Ask for the bugs of a unit, the same way every time."""
    turns = review_messages(sendable(unit.hunk.path), unit.language, unit.lines, section=unit.section)
    return ChatRequest(
        model=model,
        messages=tuple(Message(turn.role, turn.content) for turn in turns),
        max_tokens=MAX_ANSWER_TOKENS,
        schema=answer_schema(unit),
        temperature=TEMPERATURE,
        seed=SEED,
    )


def answer_schema(unit: Unit) -> dict[str, Any]:
    """Give the schema of an answer about a unit, its strings bounded: a small model repeats itself for ever otherwise.

    A line is one that the unit adds; where it only removes lines, one of those by its old number.
    """
    added = [line.new for line in unit.lines if line.kind == "added" and line.new is not None]
    removed = [line.old for line in unit.lines if line.kind == "removed" and line.old is not None]
    schema = review_schema(added or removed)
    finding = schema["properties"]["findings"]["items"]["properties"]
    finding["message"] = {"type": "string", "maxLength": MAX_MESSAGE}
    return schema
