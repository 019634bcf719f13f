"""Where model servers are looked for."""

from dataclasses import replace

import pytest

from assist_server.config.settings import BackendSettings, Settings
from assist_server.features.servers import WELL_KNOWN_PORTS, find_servers, server_urls
from support.loopback_server import LoopbackServer, Reply, json_reply


def settings(name: str, url: str = "") -> Settings:
    return replace(Settings(), backend=BackendSettings(name=name, url=url))


@pytest.mark.parametrize(
    ("name", "url", "environ", "expected"),
    [
        ("embedded", "", {}, ()),
        ("scripted", "http://127.0.0.1:1", {}, ()),
        ("ollama", "", {}, ("http://127.0.0.1:11434",)),
        ("ollama", "", {"OLLAMA_HOST": "0.0.0.0:1111"}, ("http://127.0.0.1:1111",)),
        ("ollama", "http://127.0.0.1:2222", {"OLLAMA_HOST": ":1111"}, ("http://127.0.0.1:2222",)),
        ("llama-server", "", {}, ("http://127.0.0.1:8080",)),
        ("openai", "", {}, ("http://127.0.0.1:1234",)),
        ("auto", "", {}, ("http://127.0.0.1:11434", "http://127.0.0.1:1234")),
        ("auto", "", {"OLLAMA_HOST": ":9"}, tuple(f"http://127.0.0.1:{port}" for port in (9, 11434, 1234))),
        ("auto", "http://127.0.0.1:7", {}, ("http://127.0.0.1:7",)),
    ],
)
def test_addresses(name: str, url: str, environ: dict[str, str], expected: tuple[str, ...]) -> None:
    assert server_urls(settings(name, url), environ, (11434, 1234)) == expected


def test_the_usual_ports_are_each_named_once() -> None:
    assert len(set(WELL_KNOWN_PORTS)) == len(WELL_KNOWN_PORTS)


async def test_what_answers_is_found_and_strange_programs_are_left_out() -> None:
    async with LoopbackServer() as vllm, LoopbackServer() as strange, LoopbackServer() as gone:
        vllm.on("GET", "/v1/models", json_reply({"data": [{"id": "m", "owned_by": "vllm"}]}))
        await gone.refuse()
        ports = tuple(int(server.url.rpartition(":")[2]) for server in (strange, vllm, gone))
        environ = {"OLLAMA_HOST": f":{ports[2]}"}
        found = await find_servers(settings("auto"), environ, ports=ports)
        assert [(server.product, server.url) for server in found] == [("vLLM", vllm.url)]
        assert vllm.received("/v1/models")[0].method == "GET"


async def test_a_strange_program_at_the_address_of_the_settings_is_named() -> None:
    async with LoopbackServer() as strange:
        strange.on("GET", "/", Reply((b"hello",), content_type="text/plain"))
        (found,) = await find_servers(settings("openai", strange.url), {})
    assert found.backend is None


async def test_an_address_that_is_not_allowed_is_left_to_whoever_uses_it() -> None:
    assert await find_servers(settings("openai", "http://gpu.example"), {}) == ()
