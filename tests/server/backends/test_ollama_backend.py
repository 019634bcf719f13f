"""What is Ollama's own: its options, its silent cuts, its remote models, its client that sends a key."""

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assist_context.prompt.segments import Prompt, Text
from assist_server.backends import ollama_residence
from assist_server.backends.base import FillRequest, Message
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.ollama_url import ollama_url
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import AuthFailed, BackendRejected, BadResponse, EgressRefused, ModelMissing
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import EgressPolicy
from support.backend_contract import SCHEMA, chat_request, collect, fill_request, gather
from support.dialects import LOAD, VOCABULARY, OllamaDialect
from support.loopback_server import LoopbackServer, Reply, json_reply

DIALECT = OllamaDialect()
MODEL = DIALECT.model


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama_residence, "has_gpu", lambda: False)


@pytest.fixture
async def backend(server: LoopbackServer) -> AsyncIterator[OllamaBackend]:
    backend = OllamaBackend(BackendConfig(server.url))
    yield backend
    await backend.aclose()


def shown(server: LoopbackServer, **more: Any) -> None:
    server.on("POST", "/api/show", json_reply(DIALECT.shown(**more)))


def loaded(server: LoopbackServer, name: str, context: int) -> None:
    server.on("GET", "/api/ps", json_reply({"models": [{"name": name, "model": name, "context_length": context}]}))


async def test_never_sends_ollamas_key_from_the_environment(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OLLAMA_HOST", "http://192.0.2.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:1")
    monkeypatch.setenv("ALL_PROXY", "socks5h://192.0.2.1:1")
    backend = OllamaBackend(BackendConfig(server.url))
    await collect(backend.fill(fill_request(MODEL)))
    await collect(backend.chat(chat_request(MODEL)))
    assert await backend.models()
    assert (await backend.health()).ok
    await backend.aclose()
    paths = {request.path for request in server.requests}
    asked = {"/api/generate", "/api/chat", "/api/tags", "/api/ps", "/api/show", "/api/version"}
    assert paths == {*asked, LOAD, VOCABULARY}
    for request in server.requests:
        assert "authorization" not in request.headers
        assert "sk-of-the-environment" not in str(request.headers)


async def test_forbids_all_silent_cuts_and_thinking(backend: OllamaBackend, server: LoopbackServer) -> None:
    await collect(backend.fill(fill_request(MODEL, stop=("<|endoftext|>", "\n\n"))))
    (request,) = server.received("/api/generate")
    assert request.json == {
        "model": MODEL,
        "prompt": "<|fim_prefix|>def add(a, b):\n    return <|fim_suffix|>\n<|fim_middle|>",
        "raw": True,
        "stream": True,
        "think": False,
        "truncate": False,
        "shift": False,
        "keep_alive": "30m",
        "options": {
            "num_ctx": 8192,
            "num_batch": 128,
            "num_predict": 8,
            "temperature": 0.0,
            "seed": 7,
            "repeat_penalty": 1.0,
            "stop": ["<|endoftext|>", "\n\n"],
        },
    }


async def test_fills_and_chats_share_what_would_load_the_model_anew(
    backend: OllamaBackend, server: LoopbackServer
) -> None:
    await collect(backend.fill(fill_request(MODEL)))
    await collect(backend.chat(chat_request(MODEL, schema=SCHEMA)))
    (fill,), (chat,) = server.received("/api/generate"), server.received("/api/chat")
    for name in ("num_ctx", "num_batch", "repeat_penalty"):
        assert fill.json["options"][name] == chat.json["options"][name]
    assert fill.json["shift"] is chat.json["shift"] is False
    assert chat.json["truncate"] is False
    assert chat.json["think"] is False


@pytest.mark.parametrize(
    ("in_memory", "trained", "expected"),
    [
        ((MODEL, 16384), 32768, 16384),  # longer than needed: not loaded anew
        ((MODEL, 4096), 32768, 8192),  # too short
        ((MODEL, 2048), 2048, 2048),
        (("another:7b", 16384), 32768, 8192),
        ((MODEL, 0), 2048, 2048),
    ],
)
async def test_chooses_the_context_length(
    backend: OllamaBackend, server: LoopbackServer, in_memory: tuple[str, int], trained: int, expected: int
) -> None:
    shown(server, model_info={"general.architecture": "qwen2", "qwen2.context_length": trained})
    loaded(server, *in_memory)
    await collect(backend.fill(fill_request(MODEL)))
    assert server.received("/api/generate")[0].json["options"]["num_ctx"] == expected


async def test_knows_a_loaded_model_by_its_full_name(backend: OllamaBackend, server: LoopbackServer) -> None:
    loaded(server, "qwen-coder:latest", 20000)
    await collect(backend.fill(fill_request("qwen-coder")))
    assert server.received("/api/generate")[0].json["options"]["num_ctx"] == 20000


async def test_leaves_the_models_own_stop_strings_in_force(backend: OllamaBackend, server: LoopbackServer) -> None:
    server.on("POST", "/api/chat", DIALECT.stream(DIALECT.events("chat", ["one", " STOP two"])))
    text, _ = await collect(backend.chat(dataclasses.replace(chat_request(MODEL), stop=("STOP",))))
    assert text == "one "
    await collect(backend.fill(FillRequest(MODEL, Prompt((Text(""),)), 8, ("\n",), suffix="x")))
    for path in ("/api/chat", "/api/generate"):
        assert "stop" not in server.received(path)[0].json["options"]
    assert server.received("/api/generate")[0].json["prompt"] == "\n"


async def test_asks_nothing_about_a_model_of_the_cloud(backend: OllamaBackend, server: LoopbackServer) -> None:
    with pytest.raises(EgressRefused):
        await backend.preload("gpt-oss:120b-cloud")
    assert not server.received("/api/show")


async def test_reads_odd_head_counts(backend: OllamaBackend, server: LoopbackServer) -> None:
    facts = {"general.architecture": "a", "a.block_count": [1, "x", True], "a.attention.head_count": ["y"]}
    shown(server, model_info=facts)
    await collect(backend.fill(fill_request(MODEL)))


async def test_never_asks_for_no_token_at_all(backend: OllamaBackend, server: LoopbackServer) -> None:
    await collect(backend.fill(fill_request(MODEL, max_tokens=0)))
    assert server.received("/api/generate")[0].json["options"]["num_predict"] == 1


@pytest.mark.parametrize(("setting", "sent"), [("30m", "30m"), ("-1", -1), ("60", 60), ("1h30m", "1h30m")])
async def test_keeps_the_model_as_long_as_the_setting_says(
    server: LoopbackServer, setting: str, sent: str | int
) -> None:
    backend = OllamaBackend(BackendConfig(server.url, keep_alive=setting))
    await collect(backend.chat(chat_request(MODEL)))
    assert server.received("/api/chat")[0].json["keep_alive"] == sent
    await backend.aclose()


@pytest.mark.parametrize(("suffix", "sent"), [("\n\nprint(1)\n", "\n\nprint(1)\n"), ("", "\n")])
async def test_uses_the_servers_template_where_ours_is_unknown(
    backend: OllamaBackend, server: LoopbackServer, suffix: str, sent: str
) -> None:
    request = FillRequest(MODEL, Prompt((Text("def add"),)), max_tokens=8, suffix=suffix)
    await collect(backend.fill(request))
    (received,) = server.received("/api/generate")
    assert (received.json["prompt"], received.json["suffix"]) == ("def add", sent)
    assert "raw" not in received.json
    assert received.json["truncate"] is False


CONTROLS = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|im_start|>", "<|im_end|>"]


def has_vocabulary(server: LoopbackServer, tokens: list[str]) -> None:
    """Make a server whose model has these control tokens beside some ordinary ones."""
    facts = {"tokenizer.ggml.tokens": ["a", "b", *tokens], "tokenizer.ggml.token_type": [1, 1, *(3 for _ in tokens)]}
    server.on("POST", VOCABULARY, json_reply(DIALECT.shown(model_info=facts)))


@pytest.mark.parametrize("token", CONTROLS)
@pytest.mark.parametrize("place", ["prefix", "suffix"])
async def test_parts_the_models_control_tokens_in_a_file_and_joins_them_in_the_answer(
    backend: OllamaBackend, server: LoopbackServer, token: str, place: str
) -> None:
    has_vocabulary(server, CONTROLS)
    server.on("POST", "/api/generate", DIALECT.stream(DIALECT.events("fill", [f"'<\u200b{token[1:]}", "' + b"])))
    text, _ = await collect(backend.fill(fill_request(MODEL, **{place: f"x = '{token}'"}, stop=("<|im_end|>",))))
    assert text == f"'{token}' + b"
    (received,) = server.received("/api/generate")
    assert f"x = '<\u200b{token[1:]}'" in received.json["prompt"]
    assert received.json["prompt"].count("\u200b") == 1


async def test_leaves_text_alone_that_is_no_token_of_this_model(backend: OllamaBackend, server: LoopbackServer) -> None:
    has_vocabulary(server, CONTROLS)
    text = "<PRE> [SUFFIX] <fim_prefix> </s> <|end_of_turn|> "
    await collect(backend.fill(fill_request(MODEL, text)))
    assert text in server.received("/api/generate")[0].json["prompt"]


async def test_parts_the_tokens_of_all_families_where_the_vocabulary_is_not_told(
    backend: OllamaBackend, server: LoopbackServer
) -> None:
    await collect(backend.fill(fill_request(MODEL, "<fim_prefix> <|end_of_turn|>")))
    assert "<\u200bfim_prefix> <\u200b|end_of_turn|>" in server.received("/api/generate")[0].json["prompt"]


async def test_parts_control_tokens_in_a_conversation_and_joins_them_in_the_answer(
    backend: OllamaBackend, server: LoopbackServer
) -> None:
    server.on("POST", "/api/chat", DIALECT.stream(DIALECT.events("chat", ["It ends with <", "\u200b", "|im_end|>."])))
    text, _ = await collect(backend.chat(chat_request(MODEL, "What is '<|im_end|>'?")))
    assert text == "It ends with <|im_end|>."
    (received,) = server.received("/api/chat")
    assert received.json["messages"] == [{"role": "user", "content": "What is '<\u200b|im_end|>'?"}]


async def test_joins_control_tokens_in_json(backend: OllamaBackend, server: LoopbackServer) -> None:
    server.on("POST", "/api/chat", DIALECT.stream(DIALECT.events("chat", ['{"a": "<\\u20', '0b|im_end|>"}'])))
    text, _ = await collect(backend.chat(chat_request(MODEL, "What is '<|im_end|>'?", schema=SCHEMA)))
    assert json.loads(text) == {"a": "<|im_end|>"}


async def test_leaves_an_ordinary_conversation_as_it_is(backend: OllamaBackend, server: LoopbackServer) -> None:
    server.on("POST", "/api/chat", DIALECT.stream(DIALECT.events("chat", ["a\u200bb"])))
    text, _ = await collect(backend.chat(chat_request(MODEL, "a < b | c > d")))
    assert text == "a\u200bb"
    assert server.received("/api/chat")[0].json["messages"][0]["content"] == "a < b | c > d"


async def test_asks_for_the_vocabulary_once_for_each_model(backend: OllamaBackend, server: LoopbackServer) -> None:
    for _ in range(2):
        await collect(backend.fill(fill_request(MODEL)))
    assert len(server.received(VOCABULARY)) == 1
    shown(server, modified_at="2026-11-25T00:00:00Z")
    await collect(backend.fill(fill_request(MODEL)))
    assert len(server.received(VOCABULARY)) == 2


class TestRemoteModels:
    @pytest.mark.parametrize(
        ("name", "more"),
        [
            (MODEL, {"remote_host": "https://ollama.com:443", "remote_model": "big"}),
            (MODEL, {"remote_host": "ollama.com:11434"}),
            (MODEL, {"remote_model": "big"}),
            ("gpt-oss:120b-cloud", {}),
            ("qwen3-coder:cloud", {}),
            (" Qwen3-Coder:Cloud ", {}),
        ],
    )
    @pytest.mark.parametrize("kind", ["fill", "chat"])
    async def test_are_refused_before_a_prompt_is_sent(
        self, backend: OllamaBackend, server: LoopbackServer, name: str, more: dict[str, str], kind: str
    ) -> None:
        shown(server, **more)
        stream = backend.fill(fill_request(name)) if kind == "fill" else backend.chat(chat_request(name))
        with pytest.raises(EgressRefused, match=r"passes the prompt on to ollama\.com$") as caught:
            await collect(stream)
        assert "privacy.allowRemoteModels" in (caught.value.hint or "")
        assert not server.received("/api/generate")
        assert not server.received("/api/chat")

    @pytest.mark.parametrize(
        ("allow", "hosts", "answers"),
        [(True, {"ollama.com"}, True), (True, set(), False), (False, {"ollama.com"}, False)],
    )
    async def test_need_both_settings(
        self, server: LoopbackServer, allow: bool, hosts: set[str], answers: bool
    ) -> None:
        shown(server, remote_host="https://ollama.com:443")
        policy = EgressPolicy(frozenset(hosts))
        backend = OllamaBackend(BackendConfig(server.url, policy=policy, allow_remote_models=allow))
        if answers:
            assert (await collect(backend.chat(chat_request(MODEL))))[0]
        else:
            with pytest.raises(EgressRefused):
                await collect(backend.chat(chat_request(MODEL)))
        await backend.aclose()

    async def test_are_listed_with_their_host(self, backend: OllamaBackend, server: LoopbackServer) -> None:
        entry = {"name": "big:cloud", "model": "big:cloud", "remote_host": "https://ollama.com:443"}
        server.on("GET", "/api/tags", json_reply({"models": [entry]}))
        (info,) = await backend.models()
        assert info.remote_host == "ollama.com"

    async def test_are_noticed_when_a_name_comes_to_mean_one(
        self, backend: OllamaBackend, server: LoopbackServer
    ) -> None:
        await collect(backend.fill(fill_request(MODEL)))
        shown(server, remote_host="https://ollama.com")
        with pytest.raises(EgressRefused):
            await collect(backend.fill(fill_request(MODEL)))
        assert len(server.received("/api/generate")) == 1

    @pytest.mark.parametrize("more", [{"remote_host": "https://ollama.com:443"}, {"remote_model": "big"}])
    async def test_give_no_text_where_only_the_answer_tells(
        self, server: LoopbackServer, more: dict[str, str], tmp_path: Path
    ) -> None:
        audit = AuditLog(tmp_path / "audit.jsonl")
        backend = OllamaBackend(BackendConfig(server.url, audit=audit))
        line = json.dumps({"message": {"content": "secret"}, "done": False, **more}).encode() + b"\n"
        server.on("POST", "/api/chat", DIALECT.stream([line]))
        seen: list[str] = []
        with pytest.raises(EgressRefused, match=r"on to ollama\.com$"):
            await gather(backend.chat(chat_request(MODEL)), seen)
        assert seen == []
        assert json.loads(audit.path.read_text())["host"] == "ollama.com"  # where the prompt went all the same
        await backend.aclose()

    async def test_are_written_to_the_audit_log(self, server: LoopbackServer, tmp_path: Path) -> None:
        audit, policy = AuditLog(tmp_path / "audit.jsonl"), EgressPolicy(frozenset({"eu.example.com", "ollama.com"}))
        backend = OllamaBackend(BackendConfig(server.url, policy=policy, allow_remote_models=True, audit=audit))
        shown(server, remote_host="https://eu.example.com:443", remote_model="big")
        await backend.fim_evidence(MODEL, [])
        assert not audit.path.exists()
        lines = [{"response": "x", "remote_model": "big"}, {"response": "", "remote_host": "ollama.com", "done": True}]
        server.on("POST", "/api/generate", DIALECT.stream([json.dumps(line).encode() + b"\n" for line in lines]))
        await collect(backend.fill(fill_request(MODEL)))
        entries = [json.loads(line) for line in audit.path.read_text().splitlines()]
        assert [entry["host"] for entry in entries] == ["eu.example.com", "ollama.com"]
        assert {entry["purpose"] for entry in entries} == {"prompt passed on by Ollama"}
        await backend.aclose()

    @pytest.mark.parametrize(
        ("told", "host"),
        [
            ("ollama.com", "ollama.com"),
            ("Ollama.com:443", "ollama.com"),
            ("https://ollama.com:443", "ollama.com"),
            ("https://ollama.com/v1", "ollama.com"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("https://[2001:db8::1]:443", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[broken", "[broken"),
        ],
    )
    async def test_are_allowed_by_the_host_alone(
        self, server: LoopbackServer, backend: OllamaBackend, told: str, host: str
    ) -> None:
        server.on("GET", "/api/tags", json_reply({"models": [{"name": "big", "remote_host": told}]}))
        (info,) = await backend.models()
        assert info.remote_host == host


async def test_lists_what_is_known_of_a_model(backend: OllamaBackend, server: LoopbackServer) -> None:
    loaded(server, MODEL, 16384)
    (info,) = await backend.models()
    assert dataclasses.astuple(info) == (MODEL, 16384, 491400581, "630.17M", "Q4_K_M", "87be", None, True)


async def test_tells_how_the_model_fills_in(backend: OllamaBackend, server: LoopbackServer) -> None:
    evidence = await backend.fim_evidence(MODEL, ["<|fim_prefix|>"])
    assert (evidence.template, evidence.inserts, evidence.control_tokens) == (DIALECT.template, True, None)
    shown(server, capabilities=["completion"], template="", modified_at="later")
    has_vocabulary(server, [*CONTROLS, "\u2581<PRE>", "<unknown_to_us>"])
    evidence = await backend.fim_evidence(MODEL, ["<|fim_prefix|>", "<|fim_middle|>", "<PRE>", "<fim_suffix>"])
    assert (evidence.template, evidence.inserts) == (None, False)
    assert evidence.control_tokens == {"<|fim_prefix|>", "<|fim_middle|>", "<PRE>"}


async def test_says_how_to_get_a_missing_model(backend: OllamaBackend, server: LoopbackServer) -> None:
    server.on("POST", "/api/show", json_reply({"error": "model 'nope:1b' not found"}, 404))
    with pytest.raises(ModelMissing) as caught:
        await collect(backend.fill(fill_request("nope:1b")))
    assert caught.value.hint == "run `ollama pull nope:1b`"


async def test_does_not_count_tokens(backend: OllamaBackend) -> None:
    assert await backend.count_tokens(Prompt((Text("x"),)), MODEL) is None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (json_reply({"detail": "Not authenticated"}, 401), AuthFailed),
        (json_reply({"models": "none"}), BadResponse),
        (json_reply([1]), BadResponse),
        (json_reply([1], 500), BackendRejected),
        (Reply((b"[" * 100_000,)), BadResponse),
        (Reply((b"<html>",), content_type="text/html"), BadResponse),
    ],
)
async def test_reports_an_odd_answer_about_what_is_loaded(
    backend: OllamaBackend, server: LoopbackServer, reply: Reply, error: type[Exception]
) -> None:
    server.on("GET", "/api/ps", reply)
    with pytest.raises(error):
        await collect(backend.fill(fill_request(MODEL)))


async def test_knows_open_webui_from_ollama(backend: OllamaBackend, server: LoopbackServer) -> None:
    server.on("GET", "/api/version", json_reply({"version": "0.12.4", "deployment_id": ""}))
    health = await backend.health()
    assert not health.ok
    assert "not an Ollama" in health.message


async def test_passes_a_conversation_in_order(backend: OllamaBackend, server: LoopbackServer) -> None:
    messages = (Message("system", "Be brief."), Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    request = dataclasses.replace(chat_request(MODEL), messages=messages)
    await collect(backend.chat(request))
    sent = server.received("/api/chat")[0].json["messages"]
    assert [(m["role"], m["content"]) for m in sent] == [(m.role, m.content) for m in messages]


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        ("localhost", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - it is read here, nothing listens on it
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        (":8000", "http://127.0.0.1:8000"),
        ("example.com", "http://example.com:11434"),
        ("example.com:56789", "http://example.com:56789"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("https://example.com:1234/ollama/", "https://example.com:1234/ollama"),
        ("example.com/ollama", "http://example.com:11434/ollama"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("::1", "http://[::1]:11434"),
        ("[::]:9000", "http://127.0.0.1:9000"),
        ("::", "http://127.0.0.1:11434"),
        ("[::]", "http://127.0.0.1:11434"),
        ("[::1]:9000/ollama", "http://[::1]:9000/ollama"),
        ("http://[::1]/a/b/", "http://[::1]:80/a/b"),
        ("fd00::2", "http://[fd00::2]:11434"),
        ("ollama.com", "https://ollama.com:443"),
        ("127.0.0.1:66000", "http://127.0.0.1:11434"),
        ("127.0.0.1:port", "http://127.0.0.1:11434"),
        ('"127.0.0.1:9000"', "http://127.0.0.1:9000"),
        ("'https://127.0.0.1'", "https://127.0.0.1:443"),
        (" HTTP://127.0.0.1 ", "http://127.0.0.1:80"),
    ],
)
def test_reads_ollama_host_as_ollama_does(value: str, url: str) -> None:
    assert ollama_url(value) == url
