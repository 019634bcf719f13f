"""Explain a piece of code in words, streamed."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from assist_context.document import Document
from assist_context.errors import BudgetError
from assist_context.prompt.chat import CUT, explain_messages
from assist_context.prompt.segments import Prompt, Text
from assist_context.prompt.tokens import estimate
from assist_server.backends.base import ChatRequest, Delta, Done, Event, EventStream, Message
from assist_server.config.settings import Settings
from assist_server.core.errors import AssistError, PromptTooLong, UsageError
from assist_server.features.actions.enclosing import enclosing
from assist_server.features.room import RESERVE, output_for, room_after, room_for, size_of
from assist_server.features.selection import Selector, Target

_log = logging.getLogger(__name__)

# Our own words, and code around the selection: enough to know its names, little enough to be read soon by a CPU.
_AROUND = 768
_TRIES = 16

NOT_ALL_READ = "\n\n*Only the beginning was read: the selection is longer than the model's context holds.*"


@dataclass(frozen=True, slots=True)
class ExplainQuery:
    """Ask what text[start:end] of a document does (characters); where they are equal, the code around the place."""

    document: Document
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer on its way; closing `events` stops the model."""

    model: str
    backend: str
    events: EventStream


class ExplainService:
    """Explain code; one for all documents."""

    def __init__(self, selector: Selector, settings: Settings) -> None:
        self._selector = selector
        self._settings = settings.chat

    async def start(self, query: ExplainQuery) -> Answer:
        """Choose the model and start to ask.

        Raises UsageError for a place outside the document or without code; the stream raises what the server says.
        """
        text = query.document.text
        if not 0 <= query.start <= query.end <= len(text):
            raise UsageError("the place is outside the document", hint="ask for a place that the text has")
        start, end = (query.start, query.end) if query.start < query.end else enclosing(text, query.start)
        if not text[start:end].strip():
            raise UsageError("there is nothing to explain at this place", hint="select some code")
        target = await self._selector.target("chat")
        return Answer(target.model, target.backend.name, self._events(ExplainQuery(query.document, start, end), target))

    async def _events(self, query: ExplainQuery, target: Target) -> AsyncGenerator[Event, None]:
        """Stream the answer; ask once more with less where the server finds the first prompt too long."""
        output = output_for(self._settings.max_tokens, target.context_length)
        room = room_for(target.context_length, output)
        may_ask_again = True
        while True:
            request, tokens = await _fitting(query, target, room=room, output=output)
            try:
                async with aclosing(target.backend.chat(request)) as events:
                    async for event in events:
                        may_ask_again = False
                        if isinstance(event, Done) and CUT in request.messages[-1].content:
                            yield Delta(NOT_ALL_READ)
                        yield event
                    return
            except PromptTooLong as error:
                if not may_ask_again:
                    raise
                may_ask_again = False
                room = min(room, room_after(error, tokens=tokens, output=output))
                _log.info("explain: %s of %s tokens, asking with %d", error.prompt_tokens, error.context_length, room)
            except AssistError as error:
                raise self._selector.failed(target, error) from None


async def _fitting(query: ExplainQuery, target: Target, *, room: int, output: int) -> tuple[ChatRequest, int]:
    """Make a request of at most `room` tokens, as the server counts them or else as we estimate; and give its size."""
    selected = query.document.text[query.start : query.end]
    budget = min(room, estimate(selected) + _AROUND)
    for _ in range(_TRIES):
        try:
            turns = explain_messages(query.document, query.start, query.end, budget_tokens=budget, count=estimate)
        except BudgetError:
            break
        messages = tuple(Message(turn.role, turn.content) for turn in turns)
        prompt = Prompt(tuple(Text(message.content) for message in messages))
        tokens, _ = await size_of(prompt, target, room, extra=RESERVE * len(messages))
        if tokens <= room:
            return ChatRequest(target.model, messages, output), tokens
        budget = int(budget * min(0.9, 0.95 * room / tokens))
    raise PromptTooLong(
        f"no question fits into the {target.context_length} tokens of context that {target.model} has",
        status=400,
        context_length=target.context_length,
        hint="select less, give the model a longer context, or make chat.maxTokens smaller",
    )
