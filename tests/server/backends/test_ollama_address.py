"""OLLAMA_HOST in its less usual forms leads to the server that it names, path and all."""

from collections.abc import AsyncIterator

import pytest

from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.ollama_models import OllamaModels
from assist_server.backends.ollama_url import ollama_url
from assist_server.backends.probe import identify
from assist_server.backends.registry import BackendConfig
from assist_server.core.ollama_name import parse_ollama_name
from assist_server.privacy.egress import EgressPolicy
from support.dialects import OllamaDialect
from support.loopback_server import LoopbackServer, Reply, json_reply

DIALECT = OllamaDialect()
PULLED = Reply((b'{"status":"success"}\n',), content_type="application/x-ndjson")


@pytest.fixture(params=["127.0.0.1", "::1"])
async def listening(request: pytest.FixtureRequest) -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer(request.param) as server:
        yield server


@pytest.mark.parametrize("path", ["", "/ollama", "/behind/a/proxy/"])
@pytest.mark.parametrize("scheme", ["", "http://"])
async def test_every_request_goes_below_the_path(listening: LoopbackServer, scheme: str, path: str) -> None:
    base = path.rstrip("/")
    for method, asked, reply in (
        ("GET", "/", Reply((b"Ollama is running",))),
        ("GET", "/api/version", json_reply({"version": "0.32.15"})),
        ("GET", "/api/tags", json_reply({"models": [{"name": "a:1b", "model": "a:1b"}]})),
        ("GET", "/api/ps", json_reply({"models": []})),
        ("POST", "/api/show", json_reply(DIALECT.shown())),
        ("POST", "/api/pull", PULLED),
        ("POST", "/api/copy", Reply()),
        ("DELETE", "/api/delete", Reply()),
    ):
        listening.on(method, base + asked, reply)
    url = ollama_url(f"{scheme}{listening.place}{path}")
    found = await identify(url, policy=EgressPolicy())
    assert found is not None
    assert (found.product, found.url) == ("Ollama", url)
    config = BackendConfig(url)
    backend, models = OllamaBackend(config), OllamaModels(config)
    assert (await backend.health()).ok
    assert [model.name for model in await backend.models()] == ["a:1b"]
    assert [model.info.name for model in await models.models()] == ["a:1b"]
    name = parse_ollama_name("a:1b")
    await models.pull(name, lambda _done, _total: None)
    await models.copy(name, name)
    await models.delete(name)
    await backend.aclose()
    await models.aclose()
    assert all(request.path.startswith(f"{base}/") for request in listening.requests)
    assert {f"{base}/api/pull", f"{base}/api/copy", f"{base}/api/delete"} <= {r.path for r in listening.requests}


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "localhost"])  # noqa: S104 - it is read here, nothing listens on it
async def test_all_interfaces_are_reached_by_loopback(host: str) -> None:
    async with LoopbackServer() as server:
        server.on("GET", "/api/version", json_reply({"version": "0.32.15"}))
        backend = OllamaBackend(BackendConfig(ollama_url(f"{host}:{server.place.rpartition(':')[2]}")))
        assert (await backend.health()).ok
        await backend.aclose()
