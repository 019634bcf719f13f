"""Answers with values that no server should send: always BadResponse, or a result of the right types."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from assist_server.backends.base import Backend, Done, EventStream, Health, ModelInfo
from assist_server.backends.fields import field
from assist_server.backends.registry import BackendConfig, make_backend
from assist_server.core.errors import AssistError, BackendTimeout, BadResponse, EgressRefused
from assist_server.net.address import Address
from assist_server.net.client import Timeouts
from support.backend_contract import chat_request, collect, fill_request
from support.dialects import Dialect, Kind, LlamaServerDialect, OllamaDialect, OpenAIDialect, sse
from support.loopback_server import DEADLINE, Hold, LoopbackServer, Reply, json_reply

ODD: tuple[Any, ...] = ([1], {"a": 1}, "text", 7, 1.5, True, [[]], [{}], [None], 10**400, float("nan"), float("inf"))
Lookup = tuple[str, str, str, dict[str, Any], tuple[str, ...]]  # backend, method, path, an answer, places in it
DIALECTS: dict[str, type[Dialect]] = {
    "ollama": OllamaDialect,
    "openai": OpenAIDialect,
    "llama-server": LlamaServerDialect,
}
EVENTS = {
    ("ollama", "fill"): {"response": "x", "done": True, "done_reason": "stop"},
    ("ollama", "chat"): {"message": {"content": "x"}, "done": True, "done_reason": "stop"},
    ("openai", "fill"): {"choices": [{"text": "x", "finish_reason": "stop"}]},
    ("openai", "chat"): {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]},
    ("llama-server", "fill"): {"content": "x", "stop": True, "stop_type": "eos"},
    ("llama-server", "chat"): {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]},
}
OPENAI_PLACES = (
    "choices", "choices.0", "choices.0.delta", "choices.0.delta.content", "choices.0.message", "choices.0.text",
    "choices.0.finish_reason", "usage", "usage.prompt_tokens", "usage.completion_tokens",
    "usage.prompt_tokens_details", "timings", "timings.prompt_ms",
)  # fmt: skip
STREAM_PLACES = {
    ("ollama", "fill"): (
        "response", "message", "done_reason", "prompt_eval_count", "eval_count", "eval_duration", "remote_host",
    ),
    ("ollama", "chat"): ("message", "message.content", "prompt_eval_duration", "eval_count", "error"),
    ("openai", "fill"): OPENAI_PLACES,
    ("openai", "chat"): OPENAI_PLACES,
    ("llama-server", "fill"): (
        "content", "tokens_evaluated", "tokens_predicted", "timings", "timings.cache_n", "timings.prompt_ms", "model",
        "error",
    ),
    ("llama-server", "chat"): OPENAI_PLACES,
}  # fmt: skip
LOOKUPS: tuple[Lookup, ...] = (
    ("ollama", "POST", "/api/show", {}, (
        "", "template", "capabilities", "model_info", "model_info.general.architecture", "remote_host", "remote_model",
    )),
    ("ollama", "GET", "/api/ps", {"models": [{"model": "m"}]}, ("", "models", "models.0.context_length")),
    ("ollama", "GET", "/api/tags", {"models": [{"name": "m"}]}, (
        "", "models", "models.0", "models.0.name", "models.0.model", "models.0.size", "models.0.digest",
        "models.0.details", "models.0.details.context_length", "models.0.details.parameter_size",
    )),
    ("ollama", "GET", "/api/version", {}, ("", "version")),
    ("openai", "GET", "/v1/models", {"data": [{"id": "m"}]}, (
        "", "data", "data.0", "data.0.id", "data.0.meta", "data.0.meta.size", "data.0.max_model_len",
    )),
    ("openai", "POST", "/tokenize", {}, ("", "count")),
    ("llama-server", "GET", "/v1/models", {"data": [{"id": "m"}]}, (
        "", "data", "data.0", "data.0.id", "data.0.meta", "data.0.meta.n_params", "data.0.meta.n_ctx",
        "data.0.meta.ftype",
    )),
    ("llama-server", "GET", "/props", {}, (
        "", "total_slots", "build_info", "chat_template", "default_generation_settings",
        "default_generation_settings.n_ctx",
    )),
    ("llama-server", "GET", "/health", {"status": "ok"}, ("", "status")),
    ("llama-server", "POST", "/tokenize", {"tokens": [1]}, ("", "tokens", "tokens.0")),
    ("embedded", "GET", "/props", {}, ("", "total_slots")),
)  # fmt: skip


@pytest.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer() as server:
        yield server


def prepared(name: str, server: LoopbackServer, **more: Any) -> tuple[Backend, Dialect]:
    dialect = DIALECTS["llama-server" if name == "embedded" else name]()
    dialect.prepare(server)

    async def address() -> Address:
        return Address(server.url)

    config = BackendConfig(address=address) if name == "embedded" else BackendConfig(server.url, **more)
    return make_backend(name, config), dialect


def ask(backend: Backend, kind: Kind, model: str) -> EventStream:
    return backend.fill(fill_request(model)) if kind == "fill" else backend.chat(chat_request(model))


def with_value(answer: Any, place: str, value: Any) -> Any:
    """Copy an answer with a value at a place like `choices.0.text`; the whole for no place."""
    if not place:
        return value
    name, _, rest = place.partition(".")
    if place.startswith("general."):
        name, rest = place, ""
    if isinstance(answer, list):
        return [with_value(answer[0], rest, value)]
    return {**(answer or {}), name: with_value((answer or {}).get(name), rest, value)}


def sound(done: Done) -> bool:
    usage = done.usage
    return (
        type(usage.prompt) is int
        and type(usage.generated) is int
        and type(usage.cached) in (int, type(None))
        and {type(usage.prompt_ms), type(usage.generated_ms)} <= {float, type(None)}
    )


def well_typed(info: ModelInfo) -> bool:
    texts = (info.parameters, info.quantization, info.digest, info.remote_host)
    counts = (info.context_length, info.size_bytes)
    return (
        type(info.name) is str
        and all(type(text) in (str, type(None)) for text in texts)
        and all(type(count) in (int, type(None)) for count in counts)
    )


@pytest.mark.parametrize(("case", "places"), STREAM_PLACES.items())
async def test_in_a_stream(server: LoopbackServer, case: tuple[str, Kind], places: tuple[str, ...]) -> None:
    name, kind = case
    backend, dialect = prepared(name, server)
    for place in places:
        for value in ODD:
            event = with_value(EVENTS[case], place, value)
            line = json.dumps(event).encode() + b"\n" if name == "ollama" else sse(event)
            server.on("POST", dialect.paths[kind], dialect.stream([line]))
            try:
                _, done = await collect(ask(backend, kind, dialect.model))
            except (BadResponse, EgressRefused):
                continue
            assert sound(done), (place, value)
    await backend.aclose()


@pytest.mark.parametrize(
    ("case", "place", "value"),
    [
        (("openai", "fill"), "usage", [1]),
        (("openai", "chat"), "timings", "text"),
        (("openai", "chat"), "choices.0.delta.content", [{"text": "x"}]),
        (("openai", "chat"), "choices.0.delta.content", 7),
        (("llama-server", "fill"), "timings", [1]),
        (("llama-server", "fill"), "content", 7),
        (("ollama", "fill"), "response", 7),
        (("ollama", "chat"), "message", [1]),
        (("ollama", "chat"), "eval_count", "many"),
        (("ollama", "chat"), "remote_host", 7),
    ],
)
async def test_is_a_bad_response(server: LoopbackServer, case: tuple[str, Kind], place: str, value: Any) -> None:
    name, kind = case
    backend, dialect = prepared(name, server)
    event = with_value(EVENTS[case], place, value)
    line = json.dumps(event).encode() + b"\n" if name == "ollama" else sse(event)
    server.on("POST", dialect.paths[kind], dialect.stream([line]))
    with pytest.raises(BadResponse) as caught:
        await collect(ask(backend, kind, dialect.model))
    assert caught.value.hint
    await backend.aclose()


@pytest.mark.parametrize("lookup", LOOKUPS)
async def test_in_a_lookup(server: LoopbackServer, lookup: Lookup) -> None:
    name, method, path, usual, places = lookup
    for place in places:
        for value in ODD:
            backend, dialect = prepared(name, server)
            server.on(method, path, json_reply(with_value(usual, place, value)))
            for result in (
                await _outcome(backend.models()),
                await _outcome(backend.health()),
                await _outcome(backend.count_tokens(fill_request(dialect.model).prompt, dialect.model)),
                await _outcome(backend.fim_evidence(dialect.model, ["<|fim_prefix|>"])),
                await _outcome(collect(ask(backend, "fill", dialect.model))),
            ):
                if isinstance(result, Health):
                    assert type(result.version) in (str, type(None)), (place, value)
                elif isinstance(result, tuple) and isinstance(result[0], ModelInfo):
                    assert all(map(well_typed, result)), (place, value)
            await backend.aclose()


async def _outcome(awaitable: Any) -> Any:
    """Give what comes of a call: its result, or an AssistError; anything else fails the test."""
    try:
        return await awaitable
    except AssistError as error:
        return error


@pytest.mark.parametrize("value", [value for value in ODD if not isinstance(value, str)])
def test_no_odd_value_is_taken_for_text(value: Any) -> None:
    with pytest.raises(BadResponse, match="'name'"):
        field({"name": value}, "name", str)


def test_numbers() -> None:
    assert field({"n": 3}, "n", float) == 3.0
    assert field({"n": None}, "n", int) is None
    for odd in (True, "3", 10**400, float("nan"), float("-inf")):
        with pytest.raises(BadResponse):
            field({"n": odd}, "n", float)


@pytest.mark.parametrize(
    "lookup",
    [
        ("ollama", "GET", "/api/tags"),
        ("ollama", "GET", "/api/ps"),
        ("ollama", "POST", "/api/show"),
        ("ollama", "GET", "/api/version"),
        ("openai", "GET", "/v1/models"),
        ("openai", "POST", "/tokenize"),
        ("llama-server", "GET", "/health"),
        ("llama-server", "GET", "/props"),
        ("llama-server", "POST", "/tokenize"),
    ],
)
@pytest.mark.parametrize("where", ["before the headers", "in the body"])
async def test_a_server_that_hangs_holds_no_lookup_up(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, lookup: tuple[str, str, str], where: str
) -> None:
    name, method, path = lookup
    monkeypatch.setattr("assist_server.backends.connection._QUICK", 0.05)
    backend, dialect = prepared(name, server, timeouts=Timeouts(connect=DEADLINE, first_byte=120.0, idle=60.0))
    before = Hold() if where == "before the headers" else None
    server.on(method, path, Reply((b"{", Hold()), framing="chunked", before=before))
    results = [
        await _outcome(backend.models()),
        await _outcome(backend.health()),
        await _outcome(backend.fim_evidence(dialect.model, ["<|fim_prefix|>"])),
    ]
    assert any(
        isinstance(result, BackendTimeout) or (isinstance(result, Health) and "did not answer within" in result.message)
        for result in results
    )
    await backend.aclose()


async def test_a_model_may_take_longer_than_a_lookup(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = Hold()
    backend, dialect = prepared("openai", server)
    monkeypatch.setattr("assist_server.backends.connection._QUICK", 0.0)
    server.on("POST", dialect.paths["fill"], dialect.stream(dialect.events("fill", ["late"]), before=hold))
    hold.release.set()
    assert (await collect(backend.fill(fill_request(dialect.model))))[0] == "late"
    await backend.aclose()
