"""Explanations, over a model that plays a script."""

import asyncio
import math
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.document import Document
from assist_server.backends.base import ChatRequest, Delta, Done, ModelInfo
from assist_server.backends.scripted import ScriptedBackend, ScriptStep
from assist_server.config.settings import ChatSettings, Settings
from assist_server.core.errors import BackendTimeout, PromptTooLong, UsageError
from assist_server.features.actions.explain import NOT_ALL_READ, ExplainQuery, ExplainService
from support.completion import Held, selector_of, settings_for

CODE = "import os\n\n\ndef add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"


def query(first: str, last: str | None = None, text: str = CODE) -> ExplainQuery:
    """Select from the beginning of `first` to the end of `last`; without one, only the place."""
    start = text.index(first)
    end = start if last is None else text.index(last) + len(last)
    return ExplainQuery(Document("file:///a.py", "a.py", "python", text), start, end)


def service_on(backend: ScriptedBackend, chat: ChatSettings | None = None) -> ExplainService:
    settings = Settings(backend=settings_for(backend).backend, chat=chat or ChatSettings())
    return ExplainService(selector_of(backend, settings), settings)


async def explained(backend: ScriptedBackend, asked: ExplainQuery, chat: ChatSettings | None = None) -> str:
    answer = await service_on(backend, chat).start(asked)
    assert (answer.model, answer.backend) == ("scripted", "scripted")
    async with aclosing(answer.events) as events:
        seen = [event async for event in events]
    assert isinstance(seen[-1], Done)
    return "".join(event.text for event in seen if isinstance(event, Delta))


def question(backend: ScriptedBackend, number: int = 0) -> str:
    request = backend.requests[number]
    assert isinstance(request, ChatRequest)
    return request.messages[-1].content


async def test_an_answer_is_streamed() -> None:
    backend = ScriptedBackend(chats=[["It ", "adds."]])
    assert await explained(backend, query("def add", "a + b")) == "It adds."
    assert "def add(a, b):\n    return a + b" in question(backend)
    assert backend.requests[0].max_tokens == 512


async def test_without_a_selection_the_definition_around_the_place_is_explained() -> None:
    backend = ScriptedBackend(chats=["It adds."])
    await explained(backend, query("a + b"))
    code = question(backend).split("Explain this")[1]
    assert "def add(a, b):\n    return a + b\n```" in code
    assert "import os" not in code


async def test_a_place_without_code_or_outside_the_document_is_a_usage_error() -> None:
    service = service_on(ScriptedBackend())
    document = Document("file:///a.py", "a.py", "python", "  \n\n")
    with pytest.raises(UsageError, match="nothing to explain"):
        await service.start(ExplainQuery(document, 1, 1))
    with pytest.raises(UsageError, match="nothing to explain"):
        await service.start(ExplainQuery(document, 0, 2))
    for start, end in ((-1, 1), (2, 1), (0, 5)):
        with pytest.raises(UsageError, match="outside the document"):
            await service.start(ExplainQuery(document, start, end))


async def test_closing_the_answer_closes_the_stream() -> None:
    backend = ScriptedBackend(chats=[["It ", Held()]])
    answer = await service_on(backend).start(query("def add", "a + b"))
    async with aclosing(answer.events) as events:
        assert await anext(events) == Delta("It ")
    assert backend.played[0].ended == "closed"


async def test_cancelling_who_reads_closes_the_stream() -> None:
    held = Held()
    backend = ScriptedBackend(chats=[["It ", held]])
    task = asyncio.create_task(explained(backend, query("def add", "a + b")))
    await asyncio.wait_for(held.reached.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert backend.played[0].ended == "closed"


LONG = "".join(f"value_{number} = {number}\n" for number in range(2000))


async def test_a_prompt_that_the_server_finds_too_long_is_sent_once_more_smaller() -> None:
    refusal = PromptTooLong("too long", status=400, prompt_tokens=9000, context_length=2048)
    backend = ScriptedBackend([ScriptStep("chat", error=refusal), ScriptStep("chat", ("It counts.",))])
    assert await explained(backend, query("value_0", "1999\n", LONG)) == f"It counts.{NOT_ALL_READ}"
    assert len(question(backend, 1)) < len(question(backend)) * 0.2
    assert "value_0 = 0" in question(backend, 1)


async def test_too_long_twice_or_after_the_first_words_is_an_error() -> None:
    refusal = PromptTooLong("too long", status=400)
    backend = ScriptedBackend([ScriptStep("chat", error=refusal), ScriptStep("chat", error=refusal)])
    with pytest.raises(PromptTooLong):
        await explained(backend, query("value_0", "1999\n", LONG))
    backend = ScriptedBackend([ScriptStep("chat", ("It ",), error=refusal)])
    with pytest.raises(PromptTooLong):
        await explained(backend, query("def add", "a + b"))
    assert len(backend.requests) == 1


async def test_a_failure_passes_and_the_server_is_looked_for_again() -> None:
    backend = ScriptedBackend(
        [ScriptStep("chat", ("It ",), error=BackendTimeout("too late")), ScriptStep("chat", ("a",))]
    )
    with pytest.raises(BackendTimeout, match="too late"):
        await explained(backend, query("def add", "a + b"))
    assert await explained(backend, query("def add", "a + b")) == "a"


@given(
    lines=st.integers(1, 2000), line=st.sampled_from(["x = 1\n", "é漢😀 = '漢字'\n", "a" * 300 + "\n"]),
    context=st.integers(2048, 9000), rate=st.sampled_from([0.2, 0.33, 1.0])
)  # fmt: skip
def test_no_question_exceeds_the_context(*, lines: int, line: str, context: int, rate: float) -> None:
    """Whatever the server's tokens are worth (rate: tokens a byte), what is sent fits."""

    def count(text: str) -> int:
        return math.ceil(len(text.encode()) * rate)

    backend = ScriptedBackend(chats=["a"], models=[ModelInfo("scripted", context)], count=count)
    text = line * lines
    asyncio.run(explained(backend, query(text[0], text, text), ChatSettings(max_tokens=100)))
    request = backend.requests[0]
    assert isinstance(request, ChatRequest)
    assert sum(count(message.content) for message in request.messages) + request.max_tokens <= context
