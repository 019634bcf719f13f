"""Completions and an explanation from the real 0.5B model in the embedded engine."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

import assist_context
from assist_context.document import Document
from assist_context.syntax.parse import parse
from assist_server.backends.base import Delta, Done, EventStream, FillRequest
from assist_server.backends.embedded import EmbeddedBackend
from assist_server.backends.registry import BackendConfig
from assist_server.config.settings import ChatSettings, CompletionSettings, EngineSettings
from assist_server.engine.engine import Engine
from assist_server.engine.status import stop_engines
from assist_server.features.actions.explain import ExplainQuery, ExplainService
from assist_server.features.completion.service import CompletionQuery, CompletionService
from assist_server.features.completion.window import completion_window
from assist_server.net.address import Address
from assist_server.net.client import Timeouts
from support.completion import query_at, selector_of, settings_for
from support.surroundings import query_in

pytestmark = pytest.mark.model

PATIENT = Timeouts(connect=10, first_byte=900, idle=900)
SOURCE = Path(assist_context.__file__).parent / "positions.py"


@pytest.fixture(scope="module")
def address(test_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    cache = tmp_path_factory.mktemp("cache")

    async def start() -> Address:
        engine = Engine(cache=cache, settings=EngineSettings(), model_path=test_model, alias="tiny")
        return await engine.address()

    yield asyncio.run(start())
    asyncio.run(stop_engines(cache))


@pytest.fixture
async def backend(address: Address) -> AsyncIterator[EmbeddedBackend]:
    async def getter() -> Address:
        return address

    backend = EmbeddedBackend(BackendConfig(address=getter, timeouts=PATIENT))
    yield backend
    await backend.aclose()


@pytest.fixture
def service(backend: EmbeddedBackend) -> CompletionService:
    settings = settings_for(
        backend,
        CompletionSettings(prefix_tokens=160, suffix_tokens=48, max_tokens=32, debounce_ms=0, latency_target_ms=60_000),
    )
    return CompletionService(selector_of(backend, settings), settings)


async def test_it_adds(service: CompletionService) -> None:
    completion = await service.complete(query_at("def add(a, b):\n    return <|>", "invoked"))
    assert completion.items[0].text.startswith("a + b"), completion.trace
    assert completion.model == "tiny"
    assert any("its vocabulary has <|fim_" in entry for entry in completion.trace)
    assert completion.usage is not None
    assert completion.usage.prompt > 8
    again = await service.complete(query_at("def add(a, b):\n    return a<|>", "invoked"))
    assert again.usage is None, "what is typed as suggested needs no model"
    assert again.items[0].text.startswith(" + b")


def holes() -> list[tuple[str, int]]:
    """Take a word out of the middle of ten lines inside functions; give each text and where the word was."""
    text = SOURCE.read_text(encoding="utf-8")
    found: list[tuple[str, int]] = []
    start = 0
    for line in text.split("\n"):
        code = line.strip()
        if line.startswith("    ") and len(code) > 24 and not code.startswith(("#", '"', "def", "@")):
            offset = (
                start + line.index(" ", len(line) // 2) if " " in line[len(line) // 2 :] else start + len(line) // 2
            )
            end = min(start + len(line), offset + 8)
            found.append((text[:offset] + text[end:], offset))
        start += len(line) + 1
    return found[:: max(1, len(found) // 10)][:10]


async def test_what_follows_is_never_repeated(service: CompletionService) -> None:
    offered = 0
    for text, offset in holes():
        completion = await service.complete(
            CompletionQuery(Document(SOURCE.as_uri(), "positions.py", "python", text), offset, "invoked")
        )
        if not completion.items:
            assert completion.why_empty
            continue
        offered += 1
        new = completion.items[0].text
        rest, _, below = text[offset:].partition("\n")
        following = next(line.strip() for line in below.split("\n") if line.strip())
        if len(rest.strip()) > 1:
            assert not new.rstrip().endswith(rest.strip()), completion.trace
        assert following not in [line.strip() for line in new.split("\n")], completion.trace
        assert "<|" not in new
    assert offered >= 5


async def test_it_explains(backend: EmbeddedBackend) -> None:
    text = "import math\n\n\ndef area(radius):\n    return math.pi * radius**2\n"
    document = Document("file:///area.py", "area.py", "python", text)
    settings = replace(settings_for(backend), chat=ChatSettings(max_tokens=64))
    service = ExplainService(selector_of(backend, settings), settings)
    place = text.index("return")
    answer = await service.start(ExplainQuery(document, place, place))
    async with aclosing(answer.events) as events:
        seen = [event async for event in events]
    words = "".join(event.text for event in seen if isinstance(event, Delta)).lower()
    assert "radius" in words
    assert isinstance(seen[-1], Done)


async def test_the_window_that_is_shown_is_what_the_model_reads(
    backend: EmbeddedBackend, service: CompletionService
) -> None:
    settings = settings_for(
        backend,
        CompletionSettings(prefix_tokens=160, suffix_tokens=48, max_tokens=32, debounce_ms=0, latency_target_ms=60_000),
    )
    for text, offset in holes()[:3]:
        document = Document(SOURCE.as_uri(), "positions.py", "python", text)
        window = await completion_window(
            document, offset, around=None, selector=selector_of(backend, settings), settings=settings
        )
        completion = await service.complete(CompletionQuery(document, offset, "invoked"))
        assert completion.usage is not None
        assert window.exact
        assert window.used == completion.usage.prompt
        assert "".join(piece.text for piece in window.pieces) in text
        assert sum(piece.tokens for piece in window.pieces) <= window.used <= window.total


SHOP = """\
=== shop/money.py
class Money:
    def __init__(self, cents): ...


def after_discount(price, percent, *, round_up=False):
    \"\"\"Take a share off a price.\"\"\"
    return price - price * percent / 100
=== orders.py
from shop.money import after_discount


def total(prices, percent):
    \"\"\"Add up prices, each after its discount.\"\"\"
    result = 0
    for price in prices:
        result += after_discount(<|>
    return result
"""


async def test_the_model_reads_what_another_file_defines(
    backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fill = backend.fill

    def noted(request: FillRequest) -> EventStream:
        asked.append(request.prompt.as_string())
        return fill(request)

    monkeypatch.setattr(backend, "fill", noted)
    settings = settings_for(backend, CompletionSettings(max_tokens=32, debounce_ms=0))
    service = CompletionService(selector_of(backend, settings), settings)
    query = query_in(SHOP, "invoked")
    completion = await service.complete(query)
    (prompt,) = asked
    signature = "shop/money.py\ndef after_discount(price, percent, *, round_up=False)"
    assert 0 < prompt.index(signature) < prompt.index("def total(prices, percent)")
    new = completion.items[0].text
    assert new.startswith("price, percent"), completion.trace
    text = query.document.text[: query.offset] + new + query.document.text[query.offset :]
    assert not parse("python", text.encode()).root_node.has_error, text
