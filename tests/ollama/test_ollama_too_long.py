"""A text of which our estimate is far too low: the server's exact count makes the next prompt fit."""

import random
import re
from collections.abc import AsyncIterator

import pytest

from assist_context.document import Document
from assist_server.backends.base import Done
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.registry import BackendConfig, OllamaWishes
from assist_server.config.settings import BackendSettings, ChatSettings, CompletionSettings, Settings
from assist_server.features.actions.explain import ExplainQuery, ExplainService
from assist_server.features.completion.service import CompletionQuery, CompletionService
from assist_server.features.selection import Selector
from support.backend_contract import PATIENT
from support.ollama_server import FIM_MODEL, OllamaServer

pytestmark = pytest.mark.model

CONTEXT = 512
SETTINGS = Settings(
    backend=BackendSettings(name="ollama", model=FIM_MODEL),
    completion=CompletionSettings(max_tokens=16, debounce_ms=0),
    chat=ChatSettings(max_tokens=16),
)
NOISE = "".join(random.Random(5).choices("bcdfghjklmnpqrstvwxz", k=6000))  # noqa: S311 - it guards nothing


@pytest.fixture
async def selector(ollama: OllamaServer) -> AsyncIterator[Selector]:
    wishes = OllamaWishes(context_length=CONTEXT)
    backend = OllamaBackend(BackendConfig(ollama.url, timeouts=PATIENT, ollama=wishes))
    selector = Selector(SETTINGS, lambda _: backend, embedded_missing=lambda: None)
    yield selector
    await selector.aclose()


async def test_a_completion_is_asked_once_more_with_less(selector: Selector) -> None:
    lines = "".join(f"    '{NOISE[n : n + 60]}',\n" for n in range(0, len(NOISE), 60))
    text = f"names = [\n{lines}]\nnumbers = [1, 2, "
    document = Document("file:///a.py", "a.py", "python", text)
    done = await CompletionService(selector, SETTINGS).complete(CompletionQuery(document, len(text)))
    trace = "\n".join(done.trace)
    counted = re.findall(rf"too long for the server \((\d+) of {CONTEXT} tokens\)", trace)
    assert len(counted) == 1, trace
    assert int(counted[0]) >= CONTEXT
    assert done.usage is not None, trace


async def test_an_explanation_is_asked_once_more_with_less(selector: Selector) -> None:
    text = "".join(f"name_{n} = '{NOISE[n * 60 : n * 60 + 60]}'\n" for n in range(40))
    document = Document("file:///a.py", "a.py", "python", text)
    answer = await ExplainService(selector, SETTINGS).start(ExplainQuery(document, 0, len(text)))
    events = [event async for event in answer.events]
    last = events[-1]
    assert isinstance(last, Done)
    assert len(events) > 1
    assert last.usage.prompt < CONTEXT
