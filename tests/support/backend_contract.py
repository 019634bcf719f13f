"""What every backend promises.

`BackendContract` holds for any server, a real one too; a test class inherits it and gives the fixtures `backend` and
`model`. `FaultContract` adds what only the loopback server can show; a test class gives the fixture `dialect`.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from assist_context.prompt.segments import Control, Prompt, Text
from assist_server.backends.base import (
    Backend,
    ChatRequest,
    Delta,
    Done,
    Event,
    EventStream,
    FillRequest,
    Message,
)
from assist_server.backends.registry import BackendConfig, make_backend
from assist_server.core.errors import (
    AssistError,
    AuthFailed,
    BackendTimeout,
    BackendUnavailable,
    BadResponse,
    ModelLoading,
    ModelMissing,
    PromptTooLong,
    RateLimited,
    ServerBusy,
)
from assist_server.net.address import Address
from assist_server.net.client import Timeouts
from support.dialects import CONTEXT, HAPPY_CHAT, HAPPY_FILL, PROMPT_TOKENS, Dialect, Kind
from support.loopback_server import DEADLINE, Cut, Hold, LoopbackServer, Piece, Received, Reply, soon

KEY = "sk-a-key-that-nobody-may-see"
PATIENT = Timeouts(connect=DEADLINE, first_byte=120.0, idle=60.0)
IMPATIENT = Timeouts(connect=DEADLINE, first_byte=0.05, idle=0.05)
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["answer"],
    "additionalProperties": False,
}


def fill_request(
    model: str, prefix: str = "def add(a, b):\n    return ", suffix: str = "\n", **more: Any
) -> FillRequest:
    """Ask for a fill in Qwen's order."""
    pieces = (
        Control("<|fim_prefix|>"),
        Text(prefix),
        Control("<|fim_suffix|>"),
        Text(suffix),
        Control("<|fim_middle|>"),
    )
    return FillRequest(model, Prompt(pieces), **{"max_tokens": 8, "seed": 7, **more})


def chat_request(model: str, content: str = "Does addition commute?", **more: Any) -> ChatRequest:
    """Ask a question."""
    return ChatRequest(model, (Message("user", content),), **{"max_tokens": 12, "seed": 7, **more})


async def collect(stream: EventStream) -> tuple[str, Done]:
    """Read a stream to its end and check its form: text is never empty, one `Done` comes last."""
    deltas, done = await gather(stream)
    assert done is not None, "the stream ended without Done"
    return "".join(deltas), done


async def gather(stream: EventStream, into: list[str] | None = None) -> tuple[list[str], Done | None]:
    """Read a stream, noting its pieces in a list that is there also when it fails."""
    deltas: list[str] = [] if into is None else into
    done: Done | None = None
    async with aclosing(stream):
        async for event in stream:
            assert done is None, "something came after Done"
            if isinstance(event, Done):
                done = event
            else:
                assert event.text, "an empty piece of text"
                deltas.append(event.text)
    return deltas, done


async def first(stream: EventStream) -> Event:
    return await anext(stream)


class BackendContract:
    """Holds for every server that is up and has the model."""

    async def test_fills_in(self, backend: Backend, model: str) -> None:
        text, done = await collect(backend.fill(fill_request(model)))
        assert text
        assert done.usage.prompt > 0
        assert done.usage.generated > 0

    async def test_answers(self, backend: Backend, model: str) -> None:
        text, done = await collect(backend.chat(chat_request(model)))
        assert text
        assert done.usage.prompt > 0

    async def test_holds_the_answer_to_a_schema(self, backend: Backend, model: str) -> None:
        text, _ = await collect(backend.chat(chat_request(model, schema=SCHEMA, max_tokens=64)))
        assert json.loads(text)["answer"] in {"yes", "no"}

    async def test_lists_the_model(self, backend: Backend, model: str) -> None:
        (info,) = [info for info in await backend.models() if info.name == model]
        assert info.context_length is not None
        assert info.context_length >= 512
        assert info.remote_host is None

    async def test_is_healthy(self, backend: Backend, model: str) -> None:
        health = await backend.health()
        assert health.ok, health

    async def test_serves_two_requests_at_once(self, backend: Backend, model: str) -> None:
        fill, chat = backend.fill(fill_request(model)), backend.chat(chat_request(model))
        results = await asyncio.gather(collect(fill), collect(chat))
        assert all(text for text, _ in results)

    async def test_answers_again_after_a_stream_was_closed(self, backend: Backend, model: str) -> None:
        stream = backend.chat(chat_request(model, max_tokens=512))
        assert isinstance(await first(stream), Delta)
        await stream.aclose()
        text, _ = await collect(backend.fill(fill_request(model)))
        assert text

    async def test_works_again_after_aclose(self, backend: Backend, model: str) -> None:
        await collect(backend.fill(fill_request(model)))
        await backend.aclose()
        await backend.aclose()
        assert (await collect(backend.fill(fill_request(model))))[0]


def both(function: Any) -> Any:
    """Run a test for fills and for chats."""
    return pytest.mark.parametrize("kind", ["fill", "chat"])(function)


@dataclass(frozen=True, slots=True)
class Scene:
    """A backend, the server it talks to, and how that server speaks."""

    backend: Backend
    server: LoopbackServer
    dialect: Dialect
    config: BackendConfig

    @property
    def model(self) -> str:
        return self.dialect.model

    def ask(self, kind: Kind) -> EventStream:
        """Ask for a fill or a chat."""
        if kind == "fill":
            return self.backend.fill(fill_request(self.model))
        return self.backend.chat(chat_request(self.model))

    def says(self, kind: Kind, *replies: Reply) -> None:
        """Set what the server says to a fill or a chat; the last reply is repeated."""
        self.server.on("POST", self.dialect.paths[kind], *replies)

    def streams(self, kind: Kind, pieces: Sequence[Piece], before: Hold | None = None) -> None:
        """Let the server stream pieces."""
        self.says(kind, self.dialect.stream(pieces, before=before))

    def received(self, kind: Kind) -> list[Received]:
        """The fills or chats that have reached the server."""
        return self.server.received(self.dialect.paths[kind])


class FaultContract(BackendContract):
    """Holds for every backend whatever its server does; the server here is scripted by the test."""

    @pytest.fixture
    def dialect(self) -> Dialect:
        raise NotImplementedError

    @pytest.fixture
    def timeouts(self) -> Timeouts:
        return PATIENT

    @pytest.fixture
    async def scene(self, dialect: Dialect, timeouts: Timeouts) -> AsyncIterator[Scene]:
        async with LoopbackServer() as server:
            dialect.prepare(server)
            address = Address(server.url, KEY)

            async def ask_address() -> Address:
                return address

            if dialect.backend == "embedded":
                config = BackendConfig(timeouts=timeouts, address=ask_address)
            else:
                config = BackendConfig(server.url, api_key=KEY, timeouts=timeouts)
            backend = make_backend(dialect.backend, config)
            yield Scene(backend, server, dialect, config)
            await backend.aclose()

    @pytest.fixture
    def backend(self, scene: Scene) -> Backend:
        return scene.backend

    @pytest.fixture
    def model(self, dialect: Dialect) -> str:
        return dialect.model

    async def test_gives_the_text_and_the_usage(self, scene: Scene) -> None:
        text, done = await collect(scene.backend.fill(fill_request(scene.model)))
        assert text == "".join(HAPPY_FILL)
        assert done.reason == "stop"
        assert done.usage.exact
        assert (done.usage.prompt, done.usage.generated) == (21, 3)
        text, done = await collect(scene.backend.chat(chat_request(scene.model)))
        assert text == "".join(HAPPY_CHAT)
        assert (done.reason, done.usage.prompt, done.usage.generated) == ("stop", 21, 3)

    @both
    async def test_passes_options(self, scene: Scene, kind: Kind) -> None:
        await collect(scene.ask(kind))
        (request,) = scene.received(kind)
        assert scene.dialect.options(request.json) == (8 if kind == "fill" else 12, 0.0, 7)
        assert request.json["stream"] is True
        assert request.json["model"] == scene.model
        assert request.headers["authorization"] == f"Bearer {KEY}"

    async def test_passes_the_schema(self, scene: Scene) -> None:
        await collect(scene.backend.chat(chat_request(scene.model, schema=SCHEMA)))
        (request,) = scene.received("chat")
        assert scene.dialect.schema(request.json) == SCHEMA

    @both
    async def test_says_when_it_was_cut_by_length(self, scene: Scene, kind: Kind) -> None:
        scene.streams(kind, scene.dialect.events(kind, ["x"], reason="length"))
        _, done = await collect(scene.ask(kind))
        assert done.reason == "length"

    @both
    async def test_joins_characters_that_the_network_has_cut(self, scene: Scene, kind: Kind) -> None:
        whole = b"".join(scene.dialect.events(kind, ["é", "漢字", "😀\n"]))
        scene.streams(kind, [whole[i : i + 1] for i in range(len(whole))])
        text, _ = await collect(scene.ask(kind))
        assert text == "é漢字😀\n"

    @both
    async def test_applies_a_stop_that_the_server_lets_through(self, scene: Scene, kind: Kind) -> None:
        scene.streams(kind, scene.dialect.events(kind, ["one", " ST", "OP", " two"]))
        make: Any = fill_request if kind == "fill" else chat_request
        request = make(scene.model, stop=("STOP",))
        stream = scene.backend.fill(request) if kind == "fill" else scene.backend.chat(request)
        text, done = await collect(stream)
        assert text == "one "
        assert done.reason == "stop"

    @both
    @pytest.mark.parametrize(
        ("status", "said", "kind_of_error"),
        [
            (401, "Invalid API Key", AuthFailed),
            (403, "not for you", AuthFailed),
            (429, "slow down", RateLimited),
            (503, "server busy, please try again.  maximum pending requests exceeded", ServerBusy),
        ],
    )
    async def test_understands_refusals(
        self, scene: Scene, kind: Kind, status: int, said: str, kind_of_error: type[AssistError]
    ) -> None:
        scene.says(kind, scene.dialect.refused(status, said, {"Retry-After": "7"}))
        with pytest.raises(kind_of_error) as caught:
            await collect(scene.ask(kind))
        assert caught.value.hint
        if isinstance(caught.value, RateLimited):
            assert caught.value.retry_after == 7.0

    @both
    async def test_says_that_the_model_is_missing(self, scene: Scene, kind: Kind) -> None:
        scene.says(kind, scene.dialect.missing_model())
        with pytest.raises(ModelMissing) as caught:
            await collect(scene.ask(kind))
        assert scene.model in caught.value.message
        assert caught.value.hint

    @both
    async def test_says_that_the_model_is_loading(self, scene: Scene, kind: Kind) -> None:
        scene.says(kind, scene.dialect.loading())
        with pytest.raises(ModelLoading):
            await collect(scene.ask(kind))

    @both
    async def test_gives_the_counts_of_a_prompt_that_is_too_long(self, scene: Scene, kind: Kind) -> None:
        scene.says(kind, scene.dialect.too_long())
        with pytest.raises(PromptTooLong) as caught:
            await collect(scene.ask(kind))
        assert (caught.value.prompt_tokens, caught.value.context_length) == (PROMPT_TOKENS, CONTEXT)

    @both
    async def test_reports_an_error_inside_a_stream(self, scene: Scene, kind: Kind) -> None:
        pieces = [*scene.dialect.events(kind, ["so far"], end=False), scene.dialect.error_event("unexpected EOF")]
        scene.streams(kind, pieces)
        seen: list[str] = []
        with pytest.raises(BadResponse, match="unexpected EOF"):
            await gather(scene.ask(kind), seen)
        assert seen == ["so far"]

    @both
    @pytest.mark.parametrize("cut", ["in the framing", "after a whole event", "in an event"])
    async def test_reports_a_cut_stream(self, scene: Scene, kind: Kind, cut: str) -> None:
        events = scene.dialect.events(kind, ["so", " far"], end=False)
        pieces: dict[str, list[Any]] = {
            "in the framing": [*events, Cut()],
            "after a whole event": [*events],
            "in an event": [*events, scene.dialect.events(kind, ["lost"])[0][:-9], Cut()],
        }
        scene.streams(kind, pieces[cut])
        seen: list[str] = []
        with pytest.raises(BadResponse):
            await gather(scene.ask(kind), seen)
        assert "".join(seen) == "so far"

    @both
    async def test_reports_an_answer_that_is_no_json(self, scene: Scene, kind: Kind) -> None:
        scene.streams(kind, [b"data: <html>\n\n"])
        with pytest.raises(BadResponse):
            await collect(scene.ask(kind))

    @both
    @pytest.mark.parametrize("timeouts", [IMPATIENT])
    async def test_gives_up_on_a_slow_first_byte(self, scene: Scene, kind: Kind) -> None:
        hold = Hold()
        scene.streams(kind, scene.dialect.events(kind, ["late"]), before=hold)
        with pytest.raises(BackendTimeout):
            await collect(scene.ask(kind))

    @both
    @pytest.mark.parametrize("timeouts", [Timeouts(connect=DEADLINE, first_byte=DEADLINE, idle=0.05)])
    async def test_gives_up_on_a_stream_that_stands_still(self, scene: Scene, kind: Kind) -> None:
        scene.streams(kind, [*scene.dialect.events(kind, ["so far"], end=False), Hold()])
        seen: list[str] = []
        with pytest.raises(BackendTimeout):
            await gather(scene.ask(kind), seen)
        assert seen == ["so far"]

    @both
    async def test_cancel_while_the_prompt_is_read_closes_the_socket(self, scene: Scene, kind: Kind) -> None:
        hold = Hold()
        scene.streams(kind, scene.dialect.events(kind, ["late"]), before=hold)
        task = asyncio.ensure_future(collect(scene.ask(kind)))
        await soon(hold.reached.wait())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await soon(scene.received(kind)[0].gone.wait())

    @both
    @pytest.mark.parametrize("way", ["task.cancel", "aclose"])
    async def test_cancel_in_the_answer_closes_the_socket(self, scene: Scene, kind: Kind, way: str) -> None:
        hold = Hold()
        scene.streams(kind, [*scene.dialect.events(kind, ["so far"], end=False), hold])
        stream = scene.ask(kind)
        assert await first(stream) == Delta("so far")
        await soon(hold.reached.wait())
        if way == "aclose":
            await stream.aclose()
        else:
            task = asyncio.ensure_future(first(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await soon(scene.received(kind)[0].gone.wait())

    async def test_shows_the_key_to_nobody(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        await collect(scene.ask("fill"))
        scene.says("fill", scene.dialect.refused(401, f"Incorrect API key provided: {KEY}"))
        with pytest.raises(AuthFailed) as caught:
            await collect(scene.ask("fill"))
        scene.streams(
            "fill", [*scene.dialect.events("fill", ["x"], end=False), scene.dialect.error_event(f"bad {KEY}")]
        )
        with pytest.raises(BadResponse) as failed:
            await collect(scene.ask("fill"))
        for shown in (caplog.text, repr(caught.value), repr(failed.value), repr(scene.backend), repr(scene.config)):
            assert KEY not in shown
        assert "def add" not in caplog.text

    async def test_reports_a_server_that_is_down(self, scene: Scene) -> None:
        await scene.server.refuse()
        health = await scene.backend.health()
        assert not health.ok
        assert scene.server.url.removeprefix("http://") in health.message
        assert health.hint
        for kind in ("fill", "chat"):
            with pytest.raises(BackendUnavailable):
                await collect(scene.ask(kind))
        with pytest.raises(BackendUnavailable):
            await scene.backend.models()

    async def test_reports_a_wrong_key_in_its_health(self, scene: Scene) -> None:
        for path in ("/api/version", "/v1/models", "/props"):
            scene.server.on("GET", path, scene.dialect.refused(401, "Invalid API Key"))
        health = await scene.backend.health()
        assert not health.ok
        assert "apiKeyEnv" in (health.hint or "")

    async def test_reports_another_kind_of_server(self, scene: Scene) -> None:
        page = Reply((b"<!doctype html><title>hello</title>",), content_type="text/html")
        for path in ("/api/version", "/v1/models", "/health", "/props", "/api/tags"):
            scene.server.on("GET", path, page)
        assert not (await scene.backend.health()).ok
        with pytest.raises(BadResponse):
            await scene.backend.models()

    async def test_gives_up_its_connections(self, scene: Scene) -> None:
        await scene.backend.models()
        await scene.backend.aclose()
        await soon(scene.server.all_closed())

    async def test_asks_again_where_a_kept_connection_was_dropped(self, scene: Scene) -> None:
        good = scene.dialect.stream(scene.dialect.events("fill", HAPPY_FILL))
        scene.says("fill", Reply(before=Cut()), good)
        text, _ = await collect(scene.ask("fill"))
        assert text == "".join(HAPPY_FILL)
        assert len(scene.received("fill")) == 2
        scene.says("fill", Reply(before=Cut()))
        with pytest.raises(BadResponse):
            await collect(scene.ask("fill"))
        assert len(scene.received("fill")) == 4
