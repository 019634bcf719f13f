"""What a healthy Ollama does not show, as a real one has said it: each becomes one message that tells what to do."""

import json
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from assist_server.backends.base import EventStream
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import (
    AssistError,
    AuthFailed,
    BackendRejected,
    BadResponse,
    ModelMissing,
    PromptTooLong,
    ServerBusy,
    Unsupported,
)
from support.backend_contract import chat_request, collect, fill_request, gather
from support.dialects import LOAD, Kind
from support.loopback_server import LoopbackServer
from support.replay import MODEL, RecordedOllama

PATHS = {"fill": "/api/generate", "chat": "/api/chat"}


@pytest.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer() as server:
        yield server


@pytest.fixture
def ollama(server: LoopbackServer) -> RecordedOllama:
    return RecordedOllama(server)


@pytest.fixture
async def backend(server: LoopbackServer) -> AsyncIterator[OllamaBackend]:
    backend = OllamaBackend(BackendConfig(server.url))
    yield backend
    await backend.aclose()


def ask(backend: OllamaBackend, kind: Kind, model: str = MODEL) -> EventStream:
    return backend.fill(fill_request(model)) if kind == "fill" else backend.chat(chat_request(model))


async def fails(stream: EventStream, error: type[AssistError], words: str) -> tuple[AssistError, str]:
    """Read a stream that must fail with exactly this error; give it and the text that had come before."""
    seen: list[str] = []
    with pytest.raises(error, match=words) as caught:
        await gather(stream, seen)
    assert type(caught.value) is error
    assert "\n" not in caught.value.message
    return caught.value, "".join(seen)


@pytest.mark.usefixtures("ollama")
async def test_a_healthy_server_is_played(backend: OllamaBackend) -> None:
    text, done = await collect(ask(backend, "fill"))
    assert text.startswith("a + b")
    assert (done.reason, done.usage.exact, done.usage.prompt) == ("stop", True, 21)
    text, done = await collect(ask(backend, "chat"))
    assert text.startswith("Hello!")
    assert done.usage.prompt == 19
    assert (await backend.health()).ok
    assert [info.name for info in await backend.models()] == ["qwen-plain:0.5b", MODEL]
    assert (await backend.fim_evidence(MODEL, [])).inserts


class Refused(NamedTuple):
    """A recorded refusal and what the person must read."""

    recorded: str
    error: type[AssistError]
    words: str
    hint: str


REFUSALS = (
    Refused("busy-503", ServerBusy, "is busy: server busy, please try again", "ask again"),
    Refused("long-truncate-False-raw", PromptTooLong, r"\(1787 tokens in a context of 256\)", "longer context"),
    Refused(
        "long-truncate-False-suffix-stream", PromptTooLong, r"\(1787 tokens in a context of 256\)", "longer context"
    ),
    Refused(
        "long-chat-qwen-coder-truncate-False", PromptTooLong, r"\(451 tokens in a context of 256\)", "longer context"
    ),
    Refused("long-chat-one-message-plain", PromptTooLong, r"\(1787 tokens in a context of 256\)", "longer context"),
    Refused("long-shift-false", PromptTooLong, "too long for the model$", "longer context"),
    Refused("err-unknown-model-generate", ModelMissing, "does not have the model", f"ollama pull {MODEL}"),
    Refused("err-unknown-model-chat", ModelMissing, "does not have the model", f"ollama pull {MODEL}"),
    Refused("err-suffix-no-insert-stream", Unsupported, "qwen-plain:0.5b does not support insert$", "assist doctor"),
    Refused("think-true-chat", Unsupported, '"qwen-coder:0.5b" does not support thinking$', "assist doctor"),
    Refused("chat-tools-on-model-without", Unsupported, "does not support tools$", "assist doctor"),
    Refused("fim-raw-with-system", Unsupported, "raw mode does not support template, system, or context$", "doctor"),
    Refused("method-not-allowed", Unsupported, "405 method not allowed$", "backend.name"),
    Refused("unknown-path", Unsupported, "404 page not found$", "backend.name"),
    Refused("err-host-header", AuthFailed, "refuses access$", "localhost"),
    Refused("err-option-type-int", BackendRejected, 'status 500: option "num_predict" must be of type integer$', ""),
    Refused("stop-not-array", BackendRejected, 'status 500: option "stop" must be of type array$', ""),
    Refused("format-bad-string", BackendRejected, "status 500: invalid format", ""),
    Refused(
        "format-bad-schema", BackendRejected, "status 400: Field 'json_schema': .* unrecognized type nonsense$", ""
    ),
    Refused("err-malformed-json", BackendRejected, "status 400: invalid character 'b' looking for", ""),
    Refused("err-wrong-type-prompt", BackendRejected, "status 400: json: cannot unmarshal number", ""),
    Refused("err-keep-alive-bad", BackendRejected, 'time: invalid duration "soon"$', "backend.keepAlive"),
)


@pytest.mark.parametrize("kind", ["fill", "chat"])
@pytest.mark.parametrize("refused", REFUSALS, ids=[refused.recorded for refused in REFUSALS])
async def test_a_refusal_is_understood(
    ollama: RecordedOllama, backend: OllamaBackend, kind: Kind, refused: Refused
) -> None:
    ollama.play(refused.recorded, at=PATHS[kind])
    told, seen = await fails(ask(backend, kind), refused.error, refused.words)
    assert seen == ""
    assert refused.hint in (told.hint or "")
    assert isinstance(told, BackendRejected)
    assert told.status == ollama.said(refused.recorded).status
    if isinstance(told, PromptTooLong) and "tokens in a context" in refused.words:
        assert told.prompt_tokens in {451, 1787}
        assert told.context_length == 256


@pytest.mark.parametrize("kind", ["fill", "chat"])
async def test_a_model_that_is_gone_is_missing(ollama: RecordedOllama, backend: OllamaBackend, kind: Kind) -> None:
    ollama.play("err-unknown-model-show")
    told, _ = await fails(ask(backend, kind, "nope:1b"), ModelMissing, "does not have the model 'nope:1b'$")
    assert told.hint == "run `ollama pull nope:1b`"
    assert not ollama.server.received(PATHS[kind])


@pytest.mark.parametrize("recorded", ["busy-503", "err-keep-alive-bad"])
async def test_a_refused_load_is_told_and_asked_for_again(
    ollama: RecordedOllama, backend: OllamaBackend, recorded: str
) -> None:
    ollama.play("ps-empty")
    ollama.play(recorded, "preload", at=LOAD)
    error = ServerBusy if recorded == "busy-503" else BackendRejected
    await fails(ask(backend, "fill"), error, "server busy|invalid duration")
    assert not ollama.server.received("/api/generate")
    assert (await collect(ask(backend, "fill")))[0]


async def test_a_foreign_host_name_is_refused_without_a_word(ollama: RecordedOllama, backend: OllamaBackend) -> None:
    ollama.play("err-host-header")
    health = await backend.health()
    assert not health.ok
    assert health.message.endswith("refuses access")
    assert "localhost" in (health.hint or "")


@pytest.mark.parametrize(
    ("recorded", "words", "before"),
    [
        (
            "runner-killed-mid-stream",
            "an error was encountered while running the model: unexpected EOF$",
            ", in a big day",
        ),
        ("token-repeat-abort-stream", "ended its answer too early$", "000000"),
        ("num-predict-0", "ended its answer too early$", " 10000000000000000000000000000000"),
    ],
)
async def test_what_came_before_a_stream_broke_is_passed_on(
    ollama: RecordedOllama, backend: OllamaBackend, recorded: str, words: str, before: str
) -> None:
    ollama.play(recorded, "after-runner-killed", at="/api/generate")
    told, seen = await fails(ask(backend, "fill"), BadResponse, words)
    assert seen == before
    assert "ask again" in (told.hint or "")
    assert (await collect(ask(backend, "fill")))[0] == " 4,", "Ollama has started its engine again by itself"


async def test_an_answer_that_fills_the_context_ends_by_length(ollama: RecordedOllama, backend: OllamaBackend) -> None:
    ollama.play("overflow-in-decode-shift-false")
    text, done = await collect(ask(backend, "fill"))
    assert text.endswith("def load_frame_6(value, limit=12")
    assert (done.reason, done.usage.prompt, done.usage.generated) == ("length", 203, 53)


@pytest.mark.parametrize("recorded", ["preload", "unload"])
async def test_a_line_that_only_loads_or_unloads_is_an_empty_answer(
    ollama: RecordedOllama, backend: OllamaBackend, recorded: str
) -> None:
    ollama.play(recorded, at="/api/generate")
    text, done = await collect(ask(backend, "fill"))
    assert (text, done.reason, done.usage.exact) == ("", "stop", False)


async def test_characters_of_several_bytes_are_whole(ollama: RecordedOllama, backend: OllamaBackend) -> None:
    ollama.play("utf8-stream")
    assert (await collect(ask(backend, "fill")))[0] == " 🫡" * 5


def test_recorded_bodies_are_what_ollama_sends(ollama: RecordedOllama) -> None:
    """A cut in a fixture must not have broken its JSON."""
    for name in ("tags", "ps-loaded", "show-fim-template", "show-no-template", "busy-503", "format-bad-schema"):
        assert json.loads(b"".join(piece for piece in ollama.said(name).pieces if isinstance(piece, bytes)))
