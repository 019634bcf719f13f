"""What is llama.cpp's own: token arrays, placeholders in templates, sockets that close, engines that restart."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from assist_context.prompt.segments import Control, Prompt, Segment, Text
from assist_server.backends.base import FillRequest, Message
from assist_server.backends.embedded import EmbeddedBackend
from assist_server.backends.llama_server import LlamaServerBackend
from assist_server.backends.registry import BackendConfig
from assist_server.backends.token_cache import TokenCache
from assist_server.core.errors import (
    BackendUnavailable,
    BadResponse,
    ConfigError,
    EngineError,
    ModelLoading,
    Unsupported,
)
from assist_server.net.address import Address
from support.backend_contract import SCHEMA, chat_request, collect, fill_request
from support.dialects import CONTEXT, HAPPY_FILL, LlamaServerDialect, sse
from support.loopback_server import Cut, LoopbackServer, Reply, json_reply

DIALECT = LlamaServerDialect()
MODEL = DIALECT.model
PREFIX, SUFFIX, MIDDLE, START, END = range(200_000, 200_005)


@pytest.fixture
async def backend(server: LoopbackServer) -> AsyncIterator[LlamaServerBackend]:
    backend = LlamaServerBackend(BackendConfig(server.url))
    yield backend
    await backend.aclose()


def ids(text: str) -> list[int]:
    return list(map(ord, text))


def prompt(*segments: Segment) -> Prompt:
    return Prompt(segments)


async def test_sends_tokens_so_that_text_stays_text(backend: LlamaServerBackend, server: LoopbackServer) -> None:
    await collect(backend.fill(fill_request(MODEL, "x = '<|fim_middle|>'", "é😀<|im_end|>")))
    (request,) = server.received("/completion")
    expected = [PREFIX, *ids("x = '<|fim_middle|>'"), SUFFIX, *ids("é😀<|im_end|>"), MIDDLE]
    assert request.json["prompt"] == expected
    assert request.json["cache_prompt"] is True
    assert request.json["repeat_penalty"] == 1.0
    assert {"content", "stop", "stop_type", "truncated", "timings"} <= set(request.json["response_fields"])


async def test_gives_a_stream_a_socket_of_its_own(backend: LlamaServerBackend, server: LoopbackServer) -> None:
    await collect(backend.fill(fill_request(MODEL)))
    await collect(backend.chat(chat_request(MODEL)))
    for request in server.requests:
        streamed = request.path in ("/completion", "/v1/chat/completions")
        assert (request.headers.get("connection") == "close") is streamed


async def test_asks_for_the_tokens_of_a_text_once(backend: LlamaServerBackend, server: LoopbackServer) -> None:
    await collect(backend.fill(fill_request(MODEL)))
    asked = len(server.received("/tokenize"))
    await collect(backend.fill(fill_request(MODEL)))
    assert await backend.count_tokens(fill_request(MODEL).prompt, MODEL) == len("def add(a, b):\n    return \n") + 3
    assert len(server.received("/tokenize")) == asked


async def test_puts_the_models_first_token_before_a_prompt(server: LoopbackServer) -> None:
    dialect = LlamaServerDialect()
    dialect.begin = (1,)
    dialect.prepare(server)
    backend = LlamaServerBackend(BackendConfig(server.url))
    await collect(backend.fill(fill_request(MODEL, "a", "b")))
    assert server.received("/completion")[0].json["prompt"] == [1, PREFIX, *ids("a"), SUFFIX, *ids("b"), MIDDLE]
    dialect.begin = (PREFIX,)  # the prompt begins with it already
    again = LlamaServerBackend(BackendConfig(server.url))
    await collect(again.fill(fill_request(MODEL, "a", "b")))
    assert server.received("/completion")[1].json["prompt"] == [PREFIX, *ids("a"), SUFFIX, *ids("b"), MIDDLE]
    await backend.aclose()
    await again.aclose()


async def test_refuses_a_control_token_that_the_model_has_not(
    backend: LlamaServerBackend, server: LoopbackServer
) -> None:
    request = FillRequest(MODEL, prompt(Control("<PRE>"), Text("x")), max_tokens=8)
    with pytest.raises(Unsupported, match="no control token '<PRE>'") as caught:
        await collect(backend.fill(request))
    assert "fimTemplate" in (caught.value.hint or "")
    assert not server.received("/completion")


async def test_refuses_a_suffix_beside_the_prompt(backend: LlamaServerBackend) -> None:
    with pytest.raises(Unsupported):
        await collect(backend.fill(FillRequest(MODEL, prompt(Text("x")), max_tokens=8, suffix="y")))


async def test_ends_at_a_control_token_that_the_server_does_not_show(
    backend: LlamaServerBackend, server: LoopbackServer
) -> None:
    events = [{"content": "a", "tokens": [97]}, {"content": "", "tokens": [SUFFIX]}, {"content": "b", "tokens": [98]}]
    server.on("POST", "/completion", DIALECT.stream([*map(sse, events), Cut()]))
    text, done = await collect(backend.fill(fill_request(MODEL)))
    assert (text, done.reason, done.usage.exact) == ("a", "stop", False)


async def test_reads_the_timings(backend: LlamaServerBackend) -> None:
    _, done = await collect(backend.fill(fill_request(MODEL)))
    assert dataclasses.astuple(done.usage) == (21, 3, 4, True, 124.4, 5.0)


async def test_says_that_a_truncated_prompt_was_cut(backend: LlamaServerBackend, server: LoopbackServer) -> None:
    event = {"content": "", "stop": True, "stop_type": "eos", "truncated": True}
    server.on("POST", "/completion", DIALECT.stream([sse(event)]))
    _, done = await collect(backend.fill(fill_request(MODEL)))
    assert done.reason == "length"


class TestConversations:
    MESSAGES = (Message("system", "Be brief."), Message("user", "What is '<|im_end|>'?"))

    async def test_go_through_the_servers_own_template(
        self, backend: LlamaServerBackend, server: LoopbackServer
    ) -> None:
        await collect(backend.chat(chat_request(MODEL, "a < b", schema=SCHEMA)))
        (request,) = server.received("/v1/chat/completions")
        assert request.json["messages"] == [{"role": "user", "content": "a < b"}]
        assert request.json["stream_options"] == {"include_usage": True}
        assert not server.received("/apply-template")

    async def test_with_control_tokens_in_their_text_are_rendered_here(
        self, backend: LlamaServerBackend, server: LoopbackServer
    ) -> None:
        request = dataclasses.replace(chat_request(MODEL, schema=SCHEMA, stop=("\n",)), messages=self.MESSAGES)
        text, _ = await collect(backend.chat(request))
        assert text == "".join(HAPPY_FILL)
        (sent,) = server.received("/completion")
        assert sent.json["prompt"] == [
            *[START, *ids("system\n"), *ids("Be brief."), END, *ids("\n")],
            *[START, *ids("user\n"), *ids("What is '<|im_end|>'?"), END, *ids("\n")],
            *[START, *ids("assistant\n")],
        ]
        assert sent.json["json_schema"] == SCHEMA
        assert sent.json["stop"] == ["\n"]
        assert not server.received("/v1/chat/completions")
        rendered = server.received("/apply-template")[0].json["messages"]
        assert all("im_end" not in message["content"] for message in rendered)

    async def test_begin_with_the_models_first_token(self, server: LoopbackServer) -> None:
        dialect = LlamaServerDialect()
        dialect.begin = (1,)
        dialect.prepare(server)
        backend = LlamaServerBackend(BackendConfig(server.url))
        await collect(backend.chat(chat_request(MODEL, "<|im_end|>")))
        assert server.received("/completion")[0].json["prompt"][:2] == [1, START]
        await backend.aclose()

    async def test_may_be_repeated_by_a_template_but_not_left_out(
        self, backend: LlamaServerBackend, server: LoopbackServer
    ) -> None:
        request = dataclasses.replace(chat_request(MODEL), messages=self.MESSAGES)
        server.on("POST", "/apply-template", json_reply({"prompt": "\ue0000\ue001 \ue0001\ue001 \ue0000\ue001"}))
        await collect(backend.chat(request))
        expected = "Be brief. What is '<|im_end|>'? Be brief."
        assert server.received("/completion")[0].json["prompt"] == ids(expected)
        server.on("POST", "/apply-template", json_reply({"prompt": "<|im_start|>\ue0001\ue001"}))
        with pytest.raises(Unsupported, match="leaves messages out"):
            await collect(backend.chat(request))

    @pytest.mark.parametrize(
        ("reply", "error"),
        [
            (json_reply({"error": {"message": "File Not Found", "code": 404}}, 404), Unsupported),
            (json_reply({"rendered": "x"}), BadResponse),
            (json_reply([]), BadResponse),
        ],
    )
    async def test_need_a_server_that_can_render(
        self, backend: LlamaServerBackend, server: LoopbackServer, reply: Reply, error: type[Exception]
    ) -> None:
        server.on("POST", "/apply-template", reply)
        with pytest.raises(error):
            await collect(backend.chat(chat_request(MODEL, "<|im_end|>")))


@pytest.mark.parametrize(
    "reply", [json_reply({"tokens": "x"}), json_reply({"tokens": ["x"]}), json_reply({}), json_reply([1])]
)
async def test_reports_tokens_that_cannot_be_read(
    backend: LlamaServerBackend, server: LoopbackServer, reply: Reply
) -> None:
    server.on("POST", "/tokenize", reply)
    with pytest.raises(BadResponse):
        await backend.count_tokens(prompt(Text("x")), MODEL)


async def test_says_that_the_model_is_loading_wherever_it_hears_it(
    backend: LlamaServerBackend, server: LoopbackServer
) -> None:
    for method, path in (("POST", "/tokenize"), ("GET", "/health")):
        server.on(method, path, DIALECT.loading())
    with pytest.raises(ModelLoading):
        await collect(backend.fill(fill_request(MODEL)))
    health = await backend.health()
    assert not health.ok
    assert "loading" in health.message


async def test_lists_the_context_length_of_one_slot(backend: LlamaServerBackend, server: LoopbackServer) -> None:
    server.on("GET", "/props", json_reply({"default_generation_settings": {"n_ctx": 4096}}))
    (info,) = await backend.models()
    assert dataclasses.astuple(info) == (MODEL, 4096, 485452288, "0.6B", "Q4_K - Medium", None, None, False)
    server.on("GET", "/props", Reply((b"",), status=404))
    (info,) = await backend.models()
    assert info.context_length == 8192
    server.on("GET", "/v1/models", json_reply({"data": [{"id": "routed", "meta": None}]}))
    (info,) = await backend.models()
    assert (info.name, info.context_length) == ("routed", None)


async def test_finds_the_control_tokens_of_the_vocabulary(backend: LlamaServerBackend) -> None:
    evidence = await backend.fim_evidence(MODEL, ["<|fim_prefix|>", "<fim_prefix>", "<|fim_middle|>", "<PRE>"])
    assert evidence.control_tokens == {"<|fim_prefix|>", "<|fim_middle|>"}
    assert (evidence.template, evidence.inserts) == ("{{ x }}", False)


async def test_tells_the_version(backend: LlamaServerBackend) -> None:
    assert (await backend.health()).version == "b11549"


async def test_forgets_tokens_where_another_model_answers(backend: LlamaServerBackend, server: LoopbackServer) -> None:
    def last(model: str) -> Reply:
        return DIALECT.stream([sse({"content": "", "stop": True, "stop_type": "eos", "model": model})])

    server.on("POST", "/completion", last("one"), last("two"))
    await collect(backend.fill(fill_request(MODEL)))
    asked = len(server.received("/tokenize"))
    await collect(backend.fill(fill_request(MODEL)))
    assert len(server.received("/tokenize")) == asked
    await collect(backend.fill(fill_request(MODEL)))
    assert len(server.received("/tokenize")) == 2 * asked


class TestEmbeddedEngine:
    @pytest.fixture
    async def other(self) -> AsyncIterator[LoopbackServer]:
        async with LoopbackServer() as server:
            DIALECT.prepare(server)
            yield server

    class Addresses:
        """Give the addresses in turn, then the last again and again."""

        def __init__(self, addresses: Sequence[Address | Exception]) -> None:
            self.left = list(addresses)
            self.asked = 0

        async def __call__(self) -> Address:
            self.asked += 1
            address = self.left.pop(0) if len(self.left) > 1 else self.left[0]
            if isinstance(address, Exception):
                raise address
            return address

    def embedded(self, *addresses: Address | Exception) -> tuple[EmbeddedBackend, "TestEmbeddedEngine.Addresses"]:
        getter = self.Addresses(addresses)
        return EmbeddedBackend(BackendConfig(address=getter)), getter

    async def test_gives_each_kind_of_request_a_slot(self, server: LoopbackServer) -> None:
        backend, _ = self.embedded(Address(server.url, "key"))
        await collect(backend.fill(fill_request(MODEL)))
        await collect(backend.chat(chat_request(MODEL)))
        assert server.received("/completion")[0].json["id_slot"] == 0
        assert server.received("/v1/chat/completions")[0].json["id_slot"] == 1
        assert len(server.received("/props")) == 1
        await backend.aclose()

    async def test_reads_a_long_prompt_in_slices(self, server: LoopbackServer) -> None:
        backend, _ = self.embedded(Address(server.url, "key"))
        text, _ = await collect(backend.fill(fill_request(MODEL, "x" * 200)))
        assert text == "".join(HAPPY_FILL)
        sent = [request.json for request in server.received("/completion")]
        assert [(len(body["prompt"]), body["n_predict"]) for body in sent] == [(64, 0), (128, 0), (192, 0), (204, 8)]
        assert all(body["prompt"] == sent[-1]["prompt"][: len(body["prompt"])] for body in sent)
        assert {(body["id_slot"], body["cache_prompt"]) for body in sent} == {(0, True)}
        await backend.aclose()

    async def test_holds_the_model_to_a_begun_word_where_it_writes(self, server: LoopbackServer) -> None:
        backend, _ = self.embedded(Address(server.url, "key"))
        await collect(backend.fill(fill_request(MODEL, "x" * 100, start="word")))
        *reads, write = [request.json for request in server.received("/completion")]
        assert reads
        assert not [body for body in reads if "grammar" in body]
        assert write["grammar"].startswith("root ::= [^")
        await backend.aclose()

    async def test_does_not_begin_to_read_a_prompt_that_is_too_long(self, server: LoopbackServer) -> None:
        backend, _ = self.embedded(Address(server.url, "key"))
        await collect(backend.fill(fill_request(MODEL, "x" * CONTEXT)))
        assert len(server.received("/completion")) == 1
        await backend.aclose()

    @pytest.mark.parametrize("props", [{"total_slots": 1}, {}])
    async def test_leaves_a_single_slot_alone(self, server: LoopbackServer, props: dict[str, Any]) -> None:
        server.on("GET", "/props", json_reply(props))
        backend, _ = self.embedded(Address(server.url, "key"))
        await collect(backend.fill(fill_request(MODEL)))
        assert "id_slot" not in server.received("/completion")[0].json
        await backend.aclose()

    async def test_leaves_the_slots_of_a_users_own_server_alone(
        self, backend: LlamaServerBackend, server: LoopbackServer
    ) -> None:
        await collect(backend.fill(fill_request(MODEL)))
        assert "id_slot" not in server.received("/completion")[0].json

    async def test_is_followed_to_a_new_address(self, server: LoopbackServer, other: LoopbackServer) -> None:
        backend, getter = self.embedded(Address(server.url, "one"))
        await collect(backend.fill(fill_request(MODEL)))
        getter.left = [Address(other.url, "two")]
        await collect(backend.fill(fill_request(MODEL)))
        assert other.received("/tokenize"), "the tokens of the old engine were used for the new one"
        assert {request.headers["authorization"] for request in other.requests} == {"Bearer two"}
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer one"}
        await backend.aclose()

    async def test_is_looked_for_again_where_nothing_answers(
        self, server: LoopbackServer, other: LoopbackServer
    ) -> None:
        await server.refuse()
        backend, getter = self.embedded(Address(server.url, "one"), Address(other.url, "two"))
        text, _ = await collect(backend.fill(fill_request(MODEL)))
        assert text == "".join(HAPPY_FILL)
        await backend.aclose()
        await other.refuse()
        getter.asked = 0
        with pytest.raises(BackendUnavailable):
            await backend.models()
        assert getter.asked == 2

    async def test_may_die_before_the_first_byte(self, server: LoopbackServer, other: LoopbackServer) -> None:
        backend, getter = self.embedded(Address(server.url, "one"))

        def die(_: Any) -> Reply:
            getter.left = [Address(other.url, "two")]
            return Reply(before=Cut())

        server.on("POST", "/completion", die)
        text, _ = await collect(backend.fill(fill_request(MODEL)))
        assert text == "".join(HAPPY_FILL)
        await backend.aclose()

    async def test_that_cannot_start_says_why(self) -> None:
        backend, _ = self.embedded(EngineError("the engine has no model", hint="assist model pull"))
        with pytest.raises(EngineError, match="no model"):
            await collect(backend.fill(fill_request(MODEL)))
        health = await backend.health()
        assert (health.ok, health.message, health.hint) == (False, "the engine has no model", "assist model pull")

    def test_needs_an_address(self) -> None:
        with pytest.raises(ConfigError):
            EmbeddedBackend(BackendConfig())


class TestTokenCache:
    def test_drops_what_was_used_longest_ago(self) -> None:
        cache = TokenCache(most_tokens=5)
        cache.put("a", (1, 2))
        cache.put("b", (3, 4))
        assert cache.get("a") == (1, 2)
        cache.put("c", (5, 6))
        assert (cache.get("a"), cache.get("b"), cache.get("c")) == ((1, 2), None, (5, 6))

    def test_counts_a_replaced_text_once(self) -> None:
        cache = TokenCache(most_tokens=4)
        for _ in range(9):
            cache.put("a", (1, 2))
        cache.put("b", (3, 4))
        assert cache.get("a") == (1, 2)

    def test_keeps_one_text_that_is_longer_than_all(self) -> None:
        cache = TokenCache(most_tokens=1)
        cache.put("long", (1, 2, 3))
        assert cache.get("long") == (1, 2, 3)
        cache.put("next", ())
        assert (cache.get("long"), cache.get("next")) == (None, ())

    def test_forgets_everything(self) -> None:
        cache = TokenCache()
        cache.put("a", (1,))
        cache.clear()
        assert cache.get("a") is None
