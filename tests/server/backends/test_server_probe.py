"""Which program answers, by answers as the real programs give them."""

from typing import Any

import pytest

from assist_server.backends.probe import OPENAI_COMPATIBLE, UNKNOWN, Found, identify
from assist_server.core.errors import ConfigError, EgressRefused
from assist_server.privacy.egress import EgressPolicy
from support.loopback_server import Cut, Hold, LoopbackServer, Reply, json_reply

HTML = Reply((b"<!doctype html><title>Chat</title>",), content_type="text/html", headers={"server": "uvicorn"})
EVERY_PATH = ("/", "/api/extra/version", "/api/v1/models", "/api/v0/models", "/api/version", "/props", "/v1/models")
LLAMA = {"server": "llama.cpp"}


async def found(routes: dict[str, Any], *, otherwise: Reply | None = None, path: str = "") -> Found | None:
    """Identify a server with these answers; a plain value is sent as JSON."""
    async with LoopbackServer() as server:
        for each in EVERY_PATH:
            if otherwise is not None:
                server.on("GET", each, otherwise)
        for each, answer in routes.items():
            server.on("GET", each, answer if isinstance(answer, Reply) else json_reply(answer))
        identified = await identify(server.url + path, policy=EgressPolicy())
        assert {request.method for request in server.requests} <= {"GET"}
        assert not any("authorization" in request.headers for request in server.requests)
        assert identified is None or identified.url == server.url + path
        return identified


def listed(owner: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": owner}]}


KOBOLD = {"result": "KoboldCpp", "version": "1.76", "protected": False}
IS_OLLAMA = Reply((b"Ollama is running",), content_type="text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("routes", "product", "backend", "version"),
    [
        ({"/api/extra/version": KOBOLD, "/v1/models": listed("koboldcpp")}, "KoboldCpp", "openai", "1.76"),
        # Newer ones copy Ollama and llama.cpp.
        (
            {
                "/api/extra/version": KOBOLD,
                "/": IS_OLLAMA,
                "/api/version": {"version": "0.7.0"},
                "/props": {"n_ctx": 1},
            },
            "KoboldCpp",
            "openai",
            "1.76",
        ),
        ({"/api/v1/models": {"models": [{"type": "llm", "key": "qwen"}]}}, "LM Studio", "openai", None),
        ({"/api/v0/models": {"data": [{"id": "qwen", "state": "loaded"}]}}, "LM Studio", "openai", None),
        ({"/": IS_OLLAMA, "/api/version": {"version": "0.33.0-rc2"}}, "Ollama", "ollama", "0.33.0-rc2"),
        ({"/": IS_OLLAMA, "/v1/models": listed("library")}, "Ollama", "ollama", None),
        ({"/v1/models": listed("vllm"), "/version": {"version": "0.12.1"}}, "vLLM", "openai", "0.12.1"),
        ({"/v1/models": listed("humanity")}, "GPT4All", None, None),
        ({"/v1/models": listed("somebody")}, OPENAI_COMPATIBLE, "openai", None),
        ({"/v1/models": {"data": []}}, OPENAI_COMPATIBLE, "openai", None),
        ({}, UNKNOWN, None, None),
        ({"/api/version": {"version": "3"}, "/": HTML}, UNKNOWN, None, None),
        ({"/v1/models": {"data": {"id": 1}}, "/api/v1/models": {"models": "x"}, "/props": [1]}, UNKNOWN, None, None),
        ({"/api/extra/version": ["x"], "/v1/models": "data"}, UNKNOWN, None, None),
    ],
)
async def test_programs(routes: dict[str, Any], product: str, backend: str | None, version: str | None) -> None:
    identified = await found(routes)
    assert identified is not None
    assert (identified.product, identified.backend, identified.version) == (product, backend, version)
    assert not identified.needs_key


async def test_lm_studio_answers_every_path_with_200() -> None:
    sentence = json_reply({"error": "Unexpected endpoint or method. (GET /api/extra/version)"})
    identified = await found({}, otherwise=sentence)
    assert identified is not None
    assert identified.product == "LM Studio"


async def test_open_webui_answers_every_path_with_a_page() -> None:
    identified = await found({"/api/version": {"version": "0.12.4", "deployment_id": ""}}, otherwise=HTML, path="/api")
    assert identified is not None
    assert (identified.product, identified.version, identified.needs_key) == ("Open WebUI", "0.12.4", True)


@pytest.mark.parametrize(
    ("props", "version", "needs_key"),
    [
        (json_reply({"default_generation_settings": {}, "build_info": "b11549"}, headers=LLAMA), "b11549", False),
        (json_reply({"default_generation_settings": {}, "build_info": "b11549"}), "b11549", False),
        (json_reply({"error": {"code": 401}}, status=401, headers=LLAMA), None, True),
        (json_reply({"error": {"message": "Loading model"}}, status=503, headers=LLAMA), None, False),
    ],
)
async def test_llama_cpp(props: Reply, version: str | None, *, needs_key: bool) -> None:
    identified = await found({"/props": props, "/v1/models": listed("llamacpp")})
    assert identified is not None
    assert (identified.product, identified.backend) == ("llama.cpp", "llama-server")
    assert (identified.version, identified.needs_key) == (version, needs_key)


@pytest.mark.parametrize(
    ("routes", "product"),
    [
        ({"/api/extra/version": {**KOBOLD, "protected": True}}, "KoboldCpp"),
        ({"/v1/models": json_reply({"error": {"message": "no key"}}, status=401)}, OPENAI_COMPATIBLE),
    ],
)
async def test_a_server_that_wants_a_key(routes: dict[str, Any], product: str) -> None:
    identified = await found(routes)
    assert identified is not None
    assert (identified.product, identified.needs_key) == (product, True)


async def test_the_path_of_the_openai_protocol_is_no_part_of_the_base() -> None:
    identified = await found({"/": IS_OLLAMA}, path="/v1/")
    assert identified is not None
    assert identified.product == "Ollama"


async def test_nobody_listens() -> None:
    async with LoopbackServer() as server:
        url = server.url
    assert await identify(url, policy=EgressPolicy()) is None


async def test_a_program_that_does_not_speak_http() -> None:
    assert await found({}, otherwise=Reply(before=Cut())) is None


async def test_an_answer_that_stalls_is_passed_over() -> None:
    async with LoopbackServer() as server:
        server.on("GET", "/api/version", Reply(before=Hold()))
        server.on("GET", "/api/extra/version", json_reply({}))
        server.on("GET", "/v1/models", json_reply(listed("vllm")))
        identified = await identify(server.url, policy=EgressPolicy())
    assert identified is not None
    assert identified.product == "vLLM"


async def test_a_page_without_end_is_cut() -> None:
    page = Reply((b"x" * 100_000,) * 4, content_type="text/html")
    identified = await found({"/": page, "/v1/models": listed("vllm")})
    assert identified is not None
    assert identified.product == "vLLM"


async def test_a_machine_that_is_not_allowed_is_not_looked_at() -> None:
    with pytest.raises(EgressRefused):
        await identify("http://gpu.example:8000", policy=EgressPolicy())
    with pytest.raises(ConfigError):
        await identify("gpu.example", policy=EgressPolicy())
