"""How servers that speak as OpenAI does differ from each other."""

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from assist_context.prompt.fim import FIM_FORMATS
from assist_context.prompt.segments import Prompt, Text
from assist_server.backends.base import FillRequest
from assist_server.backends.openai_compatible import OpenAICompatibleBackend
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import AuthFailed, BackendRejected, BadResponse, ModelMissing, PromptTooLong, Unsupported
from support.backend_contract import SCHEMA, chat_request, collect, fill_request
from support.completion import query_at, service_on
from support.dialects import OpenAIDialect, sse
from support.loopback_server import Hold, LoopbackServer, Received, Reply, json_reply

DIALECT = OpenAIDialect()
MODEL = DIALECT.model
FILL, CHAT = DIALECT.paths["fill"], DIALECT.paths["chat"]


@pytest.fixture
async def backend(server: LoopbackServer) -> AsyncIterator[OpenAICompatibleBackend]:
    backend = OpenAICompatibleBackend(BackendConfig(server.url))
    yield backend
    await backend.aclose()


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/ollama", "/ollama/v1/chat/completions"),
        ("/ollama/v1", "/ollama/v1/chat/completions"),
        ("/api", "/api/chat/completions"),
    ],
)
async def test_takes_an_address_with_or_without_v1(server: LoopbackServer, written: str, path: str) -> None:
    server.on("POST", path, DIALECT.stream(DIALECT.events("chat", ["ok"])))
    server.on("GET", path.replace("chat/completions", "models"), json_reply({"data": [{"id": MODEL}]}))
    backend = OpenAICompatibleBackend(BackendConfig(server.url + written))
    assert (await collect(backend.chat(chat_request(MODEL))))[0] == "ok"
    assert (await backend.health()).ok
    await backend.aclose()


async def test_sends_a_prompt_with_our_own_tokens(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    await collect(backend.fill(fill_request(MODEL, "a", "b")))
    (request,) = server.received(FILL)
    assert request.json["prompt"] == "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"
    assert "suffix" not in request.json
    assert request.json["top_p"] == 1.0


async def test_sends_the_first_stops_and_applies_all(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    server.on("POST", FILL, DIALECT.stream(DIALECT.events("fill", ["one", " s", "ix", " more"])))
    text, _ = await collect(backend.fill(fill_request(MODEL, stop=("s1", "s2", "s3", "s4", "s5", "six"))))
    assert text == "one "
    assert server.received(FILL)[0].json["stop"] == ["s1", "s2", "s3", "s4"]


async def test_ends_a_fill_at_a_control_token_in_the_text(
    backend: OpenAICompatibleBackend, server: LoopbackServer
) -> None:
    server.on("POST", FILL, DIALECT.stream(DIALECT.events("fill", ["a + b<|fim_", "suffix|>", "junk"])))
    text, _ = await collect(backend.fill(fill_request(MODEL)))
    assert text == "a + b"


def picky(name: str, body: dict[str, Any]) -> Any:
    """Answer as a server that refuses one parameter."""

    def answer(request: Received) -> Reply:
        if name in request.json:
            return json_reply(body, 400)
        kind = "chat" if "messages" in request.json else "fill"
        return DIALECT.stream(DIALECT.events(kind, ["ok"]))

    return answer


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("stop", {"error": {"message": "Unsupported parameter: 'stop' is not supported with this model."}}),
        ("stop", {"error": {"message": "Invalid value.", "param": "stop"}}),
        ("seed", {"error": "Unrecognized request argument supplied: seed"}),
        ("seed", {"error": {"message": "bad field", "param": "seed"}}),
        ("response_format", {"error": "'response_format.type' must be 'json_schema' or 'text'"}),
        ("stream_options", {"object": "error", "message": "stream_options is not allowed"}),
        ("temperature", {"error": {"message": "Unsupported value: 'temperature' does not support 0 with this model."}}),
        ("top_p", {"detail": [{"msg": "extra fields not permitted: top_p", "loc": ["body", "top_p"]}]}),
    ],
)
async def test_leaves_out_what_the_server_refuses_and_remembers(
    backend: OpenAICompatibleBackend, server: LoopbackServer, name: str, body: dict[str, Any]
) -> None:
    server.on("POST", CHAT, picky(name, body))
    request = chat_request(MODEL, schema=SCHEMA, stop=("END",))
    assert (await collect(backend.chat(request)))[0] == "ok"
    assert (await collect(backend.chat(request)))[0] == "ok"
    first, second, third = (received.json for received in server.received(CHAT))
    assert name in first
    assert second == third == {key: value for key, value in first.items() if key != name}


async def test_uses_the_new_name_of_max_tokens(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    server.on("POST", CHAT, picky("max_tokens", {"error": {"message": said, "param": "max_tokens"}}))
    assert (await collect(backend.chat(chat_request(MODEL))))[0] == "ok"
    sent = server.received(CHAT)[-1].json
    assert sent["max_completion_tokens"] == 12
    assert "max_tokens" not in sent


async def test_leaves_out_one_parameter_after_another(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    def answer(request: Received) -> Reply:
        for name in ("seed", "temperature", "top_p"):
            if name in request.json:
                return json_reply({"error": {"message": "unknown", "param": name}}, 422)
        return DIALECT.stream(DIALECT.events("chat", ["ok"]))

    server.on("POST", CHAT, answer)
    assert (await collect(backend.chat(chat_request(MODEL))))[0] == "ok"
    assert len(server.received(CHAT)) == 4


@pytest.mark.parametrize("said", ["the request was stopped", "'stop' has too many entries", "no seed was sown"])
async def test_gives_up_on_a_refusal_that_names_nothing_it_sent(
    backend: OpenAICompatibleBackend, server: LoopbackServer, said: str
) -> None:
    server.on("POST", FILL, json_reply({"error": {"message": said}}, 400))
    with pytest.raises(BackendRejected, match=said.strip("'")[:8]):
        await collect(backend.fill(dataclasses.replace(fill_request(MODEL), prompt=Prompt((Text("x"),)))))
    assert len(server.received(FILL)) == 1


async def test_does_not_take_a_long_prompt_for_a_bad_parameter(
    backend: OpenAICompatibleBackend, server: LoopbackServer
) -> None:
    said = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens: lower `max_tokens`"
    server.on("POST", FILL, json_reply({"error": {"message": said, "code": "context_length_exceeded"}}, 400))
    with pytest.raises(PromptTooLong) as caught:
        await collect(backend.fill(fill_request(MODEL)))
    assert (caught.value.prompt_tokens, caught.value.context_length) == (5000, 4096)
    assert len(server.received(FILL)) == 1


class TestLMStudio:
    @pytest.mark.parametrize("kind", ["fill", "chat"])
    async def test_answers_unknown_paths_with_200(
        self, backend: OpenAICompatibleBackend, server: LoopbackServer, kind: str
    ) -> None:
        said = "Unexpected endpoint or method. (POST /v1/x). Returning 200 anyway"
        server.on("POST", FILL if kind == "fill" else CHAT, json_reply({"error": said}))
        stream = backend.fill(fill_request(MODEL)) if kind == "fill" else backend.chat(chat_request(MODEL))
        with pytest.raises(Unsupported, match="Unexpected endpoint"):
            await collect(stream)

    async def test_lists_no_model_with_200_and_an_error(
        self, backend: OpenAICompatibleBackend, server: LoopbackServer
    ) -> None:
        server.on("GET", "/v1/models", json_reply({"error": "Unexpected endpoint or method. (GET /v1/models)"}))
        with pytest.raises(BadResponse):
            await backend.models()
        assert not (await backend.health()).ok

    async def test_ends_an_overlong_prompt_with_an_empty_stream(
        self, backend: OpenAICompatibleBackend, server: LoopbackServer
    ) -> None:
        server.on("POST", FILL, DIALECT.stream([b"data: [DONE]\n\n"]))
        with pytest.raises(BadResponse):
            await collect(backend.fill(fill_request(MODEL)))

    async def test_has_no_model_loaded(self, backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
        said = "No models loaded. Please load a model in the developer page."
        server.on("POST", CHAT, json_reply({"error": {"message": said}}, 404))
        with pytest.raises(ModelMissing) as caught:
            await collect(backend.chat(chat_request(MODEL)))
        assert caught.value.hint
        server.on("GET", "/v1/models", json_reply({"data": []}))
        assert not (await backend.health()).ok

    async def test_names_an_error_event(self, backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
        server.on("POST", CHAT, DIALECT.stream([b'event: error\ndata: {"error": {"message": "crashed"}}\n\n']))
        with pytest.raises(BadResponse, match="crashed"):
            await collect(backend.chat(chat_request(MODEL)))


class TestKoboldCpp:
    """Its streams end with the connection, without a blank line and without usage."""

    def stream(self, *chunks: dict[str, Any], done: bytes = b"data: [DONE]") -> Reply:
        pieces = (*map(sse, chunks), done)
        return Reply(pieces, content_type="text/event-stream", framing="close")

    def chunk(self, text: str, reason: str = "null") -> dict[str, Any]:
        return {"id": "koboldcpp", "choices": [{"index": 0, "finish_reason": reason, "text": text}]}

    @pytest.mark.parametrize("done", [b"data: [DONE]", b"data: [DONE]\n\n", b""])
    @pytest.mark.parametrize("reason", ["stop", "length"])
    async def test_streams(
        self, backend: OpenAICompatibleBackend, server: LoopbackServer, done: bytes, reason: str
    ) -> None:
        chunks = (self.chunk("a"), self.chunk(" + b"), self.chunk("", reason))
        server.on("POST", FILL, self.stream(*chunks, done=done))
        text, end = await collect(backend.fill(fill_request(MODEL)))
        assert (text, end.reason) == ("a + b", reason)
        assert not end.usage.exact
        assert end.usage.generated == 2
        assert end.usage.prompt > 0

    async def test_cuts(self, backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
        server.on("POST", FILL, self.stream(self.chunk("a"), done=b""))
        with pytest.raises(BadResponse):
            await collect(backend.fill(fill_request(MODEL)))

    async def test_invents_its_usage(self, backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
        usage = {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200}
        server.on("POST", FILL, self.stream({**self.chunk("a", "stop"), "usage": usage}))
        _, end = await collect(backend.fill(fill_request(MODEL)))
        assert not end.usage.exact
        assert end.usage.generated == 1

    async def test_puts_text_into_its_last_event(
        self, backend: OpenAICompatibleBackend, server: LoopbackServer
    ) -> None:
        server.on("POST", FILL, self.stream(self.chunk("a"), self.chunk("b", "stop")))
        assert (await collect(backend.fill(fill_request(MODEL))))[0] == "ab"


async def test_does_not_wait_for_a_server_that_holds_the_connection_after_done(
    backend: OpenAICompatibleBackend, server: LoopbackServer
) -> None:
    server.on("POST", CHAT, DIALECT.stream([*DIALECT.events("chat", ["ok"]), Hold()]))
    assert (await collect(backend.chat(chat_request(MODEL))))[0] == "ok"


async def test_takes_an_answer_that_was_not_streamed(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    choice = {"message": {"role": "assistant", "content": "whole"}, "finish_reason": "length"}
    server.on("POST", CHAT, json_reply({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}))
    text, end = await collect(backend.chat(chat_request(MODEL)))
    assert (text, end.reason, end.usage.prompt, end.usage.generated) == ("whole", "length", 5, 2)


async def test_leaves_out_what_a_model_thought(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": None},
        {"reasoning_content": "let me see"},
        {"reasoning": "hm", "content": ""},
        {"content": "4"},
    ]
    chunks = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    server.on("POST", CHAT, DIALECT.stream([*map(sse, chunks), b"data: [DONE]\n\n"]))
    assert (await collect(backend.chat(chat_request(MODEL))))[0] == "4"


async def test_refuses_a_suffix_of_its_own(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    with pytest.raises(Unsupported):
        await collect(backend.fill(FillRequest(MODEL, Prompt((Text("x"),)), max_tokens=8, suffix="y")))
    assert not server.received(FILL)


async def test_parts_control_tokens_in_the_text_at_the_cursor(
    backend: OpenAICompatibleBackend, server: LoopbackServer
) -> None:
    server.on(
        "POST", FILL, DIALECT.stream(DIALECT.events("fill", ["'<", "\u200b", "|fim_middle|>'", "<|fim_middle|>"]))
    )
    text, _ = await collect(backend.fill(fill_request(MODEL, "x = '<|fim_middle|>'", "[INST]")))
    assert text == "'<|fim_middle|>'"
    sent = server.received(FILL)[0].json["prompt"]
    assert sent == "<|fim_prefix|>x = '<\u200b|fim_middle|>'<|fim_suffix|>[\u200bINST]<|fim_middle|>"


async def test_parts_control_tokens_in_a_conversation(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    server.on("POST", CHAT, DIALECT.stream(DIALECT.events("chat", ["<\u200b|im_end|>", "\u200b", " or", "<|im_end|>"])))
    text, _ = await collect(backend.chat(chat_request(MODEL, "What is <|im_end|>?", stop=("<|im_end|>",))))
    assert text == "<|im_end|> or"
    assert server.received(CHAT)[0].json["messages"][0]["content"] == "What is <\u200b|im_end|>?"


async def test_takes_the_mark_out_of_json_however_the_model_writes_it(
    backend: OpenAICompatibleBackend, server: LoopbackServer
) -> None:
    pieces = ['{"a": "<\u200b|im_end|> <', "\\u20", '0B|im_end|>"}']
    server.on("POST", CHAT, DIALECT.stream(DIALECT.events("chat", pieces)))
    text, _ = await collect(backend.chat(chat_request(MODEL, "What is <|im_end|>?", schema=SCHEMA)))
    assert text == '{"a": "<|im_end|> <|im_end|>"}'
    text, _ = await collect(backend.chat(chat_request(MODEL, "What is <|im_end|>?")))
    assert text == '{"a": "<|im_end|> <\\u200B|im_end|>"}'


@pytest.mark.parametrize(
    ("family", "token"),
    [("qwen-coder", "<|im_end|>"), ("qwen-coder", "<PRE>"), ("codestral", "[PREFIX]"), ("codestral", "</s>")],
)
async def test_the_users_own_control_tokens_come_back_as_a_completion(
    backend: OpenAICompatibleBackend, server: LoopbackServer, family: str, token: str
) -> None:
    form = next(form for form in FIM_FORMATS if form.id == family)
    answer = [f"END = '{token[0]}\u200b{token[1:]}'", min(form.control_tokens()), "junk"]
    server.on("POST", FILL, DIALECT.stream(DIALECT.events("fill", answer)))
    server.on("GET", "/v1/models", json_reply({"data": [{"id": "a-model", "max_model_len": 8192}]}))
    server.on("POST", "/tokenize", lambda request: count_tokens(request, form.control_tokens()))
    completion = await service_on(backend).complete(query_at(f"ENDS = ['{token}']\n<|>"))
    assert [item.text for item in completion.items] == [f"END = '{token}'"]
    assert f"'{token[0]}\u200b{token[1:]}'" in server.received(FILL)[0].json["prompt"]


def count_tokens(request: Received, controls: frozenset[str]) -> Reply:
    """Count as vLLM does: a control token is one token, and here each other character."""
    text = request.json["prompt"]
    for token in controls:
        text = text.replace(token, "T")
    return json_reply({"count": 1 + len(text), "max_model_len": 8192, "tokens": []})


class TestCounting:
    def count(self, request: Received) -> Reply:
        return count_tokens(request, frozenset({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"}))

    async def test_is_exact_where_the_server_can(
        self, backend: OpenAICompatibleBackend, server: LoopbackServer
    ) -> None:
        server.on("POST", "/tokenize", self.count)
        assert await backend.count_tokens(fill_request(MODEL, "abc", "d").prompt, MODEL) == 8
        assert await backend.count_tokens(fill_request(MODEL, "<|fim_middle|>", "").prompt, MODEL) == 4 + 15
        evidence = await backend.fim_evidence(MODEL, ["<|fim_prefix|>", "<PRE>"])
        assert evidence.control_tokens == {"<|fim_prefix|>"}

    @pytest.mark.parametrize(
        "reply",
        [
            Reply((b"404 page not found",), status=404),
            json_reply({"error": "Unexpected endpoint or method. (POST /tokenize)"}),
            json_reply({"tokens": [1, 2]}),
            Reply((b"<html>",), content_type="text/html"),
        ],
    )
    async def test_is_not_tried_again_where_it_cannot(
        self, backend: OpenAICompatibleBackend, server: LoopbackServer, reply: Reply
    ) -> None:
        server.on("POST", "/tokenize", reply)
        assert await backend.count_tokens(Prompt((Text("x"),)), MODEL) is None
        evidence = await backend.fim_evidence(MODEL, ["<|fim_prefix|>"])
        assert (evidence.control_tokens, evidence.template, evidence.inserts) == (None, None, None)
        assert len(server.received("/tokenize")) == 1


async def test_reads_context_lengths_where_they_are(backend: OpenAICompatibleBackend, server: LoopbackServer) -> None:
    models = [{"id": "a", "max_model_len": 4096}, {"id": "b", "meta": {"n_ctx": 2048, "size": 7}}, {"id": "c"}]
    server.on("GET", "/v1/models", json_reply({"object": "list", "data": models}))
    listed = [(info.name, info.context_length, info.size_bytes) for info in await backend.models()]
    assert listed == [("a", 4096, None), ("b", 2048, 7), ("c", None, None)]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"detail": "Not authenticated"}, AuthFailed),
        (403, {"detail": "Model not found"}, AuthFailed),
        (400, {"detail": "Model not found"}, ModelMissing),
        (404, {"object": "error", "message": "The model `x` does not exist.", "code": 404}, ModelMissing),
        (405, {"detail": "Method Not Allowed"}, Unsupported),
        (404, {"detail": "Not Found"}, Unsupported),
        (400, {"error": {"message": "suffix is not currently supported", "code": 400}}, Unsupported),
        (500, {"detail": {"msg": "Error parsing input.", "type": "bad_input"}}, BackendRejected),
    ],
)
async def test_understands_each_servers_way_to_refuse(
    backend: OpenAICompatibleBackend, server: LoopbackServer, status: int, body: Any, error: type[Exception]
) -> None:
    server.on("POST", CHAT, Reply((json.dumps(body).encode(),), status=status))
    with pytest.raises(error):
        await collect(backend.chat(chat_request(MODEL)))
