"""A real server process with an Ollama that a test plays: what it does, and says, before the first key."""

import pytest

from support.dialects import LOAD, OllamaDialect
from support.loopback_server import Hold, LoopbackServer, Reply, json_reply, soon
from support.lsp_client import LspError

URI = "file:///work/add.py"
TEXT = "def add(a, b):\n    return "
STATUS = {"experimental": {"assist": {"status": True}}}
NEVER = "http://127.0.0.1:9"  # the port of a service that nobody runs


class LoadingOllama(OllamaDialect):
    """An Ollama that loads its model when a test lets it, and has it in memory from then on."""

    def __init__(self, server: LoopbackServer) -> None:
        self.hold = Hold()
        self.prepare(server)
        server.on("POST", LOAD, arrival(self.hold))
        server.on("GET", "/api/ps", lambda _: json_reply({"models": [self._loaded()] if self._is_loaded() else []}))

    def _is_loaded(self) -> bool:
        return self.hold.release.is_set()

    def _loaded(self):
        return {"model": self.model, "context_length": 8192, "size": 9, "size_vram": 0}


def arrival(hold: Hold) -> Reply:
    return Reply((b'{"done": true, "done_reason": "load"}\n',), before=hold)


def on(url: str, **more: str) -> dict[str, str]:
    return {"ASSIST_BACKEND": "ollama", "OLLAMA_HOST": url, **more}


async def test_the_model_is_loaded_before_the_first_key_and_never_again(start, tmp_path):
    async with LoopbackServer() as server:
        ollama = LoadingOllama(server)
        client, _ = await start(env=on(server.url))
        await client.initialize(folders=[tmp_path], capabilities=STATUS)
        await soon(ollama.hold.reached.wait())
        await client.notification("assist/status", lambda status: status["message"] == f"Ollama loads {ollama.model}")
        client.open(URI, TEXT)
        request, future = client.ask_inline(URI, 1, 11)
        await client.request("assist/trace")
        client.cancel(request)
        with pytest.raises(LspError, match="-32800"):
            await client.within(future)
        (load,) = server.received(LOAD)
        assert not load.gone.is_set(), "a cancelled completion does not break the load off"
        ollama.hold.release.set()
        await client.notification("assist/status", lambda status: status["state"] == "idle" and not status["message"])
        assert len(await client.inline(URI, 1, 11)) == 1
        assert server.received(LOAD) == [load]
        assert await client.leave() == 0


async def test_an_editor_that_closes_during_the_load_breaks_it_off(start, tmp_path):
    async with LoopbackServer() as server:
        ollama = LoadingOllama(server)
        client, _ = await start(env=on(server.url))
        await client.initialize(folders=[tmp_path])
        await soon(ollama.hold.reached.wait())
        assert await client.leave() == 0
        (load,) = server.received(LOAD)
        await soon(load.gone.wait())
        await soon(server.all_closed())


async def test_an_ollama_that_does_not_run_is_one_message_at_the_start(start, tmp_path):
    program = tmp_path / "programs" / "ollama"
    program.parent.mkdir()
    program.touch(mode=0o755)
    client, _ = await start(env=on(NEVER, PATH=str(program.parent)))
    await client.initialize(folders=[tmp_path], capabilities=STATUS)
    message = await client.notification("window/showMessage")
    text = "Ollama is installed but does not run at 127.0.0.1:9, which OLLAMA_HOST names (run `ollama serve`)"
    assert message == {"type": 2, "message": f"assist: {text}"}
    await client.notification("assist/status", lambda status: status["state"] == "error" and status["message"] == text)
    client.open(URI, TEXT)
    assert await client.inline(URI, 1, 11) == []
    assert text in (await client.request("assist/trace"))["whyEmpty"]
    assert client.taken("window/showMessage") == []


async def test_nothing_at_all_is_one_message_with_the_shortest_way(start, tmp_path):
    client, _ = await start(env=on(NEVER, ASSIST_BACKEND="auto", PATH=str(tmp_path)))
    await client.initialize(folders=[tmp_path])
    message = (await client.notification("window/showMessage"))["message"]
    assert message.startswith("assist: no model is ready: ")
    assert message.endswith("(run `assist model pull qwen2.5-coder-0.5b`)")
    client.open(URI, TEXT)
    assert await client.inline(URI, 1, 11) == []
    assert client.taken("window/showMessage") == []


async def test_an_ollama_without_a_model_is_one_message_at_the_start(start, tmp_path):
    async with LoopbackServer() as server:
        OllamaDialect().prepare(server)
        server.on("GET", "/api/tags", json_reply({"models": []}))
        client, _ = await start(env=on(server.url))
        await client.initialize(folders=[tmp_path])
        message = await client.notification("window/showMessage")
        assert message["message"] == (
            "assist: ollama has no model that runs on this machine; it has none (run `ollama pull qwen2.5-coder:1.5b`)"
        )
        await client.leave()


async def test_a_changed_option_that_loads_anew_is_told_once(start, tmp_path):
    config = tmp_path / "config.toml"
    async with LoopbackServer() as server:
        ollama = LoadingOllama(server)
        ollama.hold.release.set()
        client, _ = await start(env=on(server.url, ASSIST_CONFIG_DIR=str(tmp_path)))
        await client.initialize(folders=[tmp_path], capabilities=STATUS)
        await client.notification("assist/status", lambda status: status["state"] == "busy")
        await client.notification("assist/status", lambda status: status["state"] == "idle" and server.received(LOAD))
        config.write_text("[ollama]\nparallel = 2\n")
        client.notify("workspace/didChangeWatchedFiles", {"changes": []})
        await client.notification("assist/status", lambda status: status["state"] == "busy")
        await client.notification(
            "assist/status", lambda status: status["state"] == "idle" and len(server.received(LOAD)) == 2
        )
        anew = Hold()
        server.on("POST", LOAD, arrival(anew))
        config.write_text("[ollama]\ncontextLength = 4096\nparallel = 2\n")
        client.notify("workspace/didChangeWatchedFiles", {"changes": []})
        await soon(anew.reached.wait())
        await client.notification("assist/status", lambda status: status["message"] == f"Ollama loads {ollama.model}")
        anew.release.set()
        named = "`ollama.contextLength` changed: "
        message = await client.notification("window/showMessage", lambda told: named in told["message"])
        assert message["type"] == 3
        assert message["message"].startswith(f"assist: {named}Ollama loaded {ollama.model} anew")
        client.open(URI, TEXT)
        assert len(await client.inline(URI, 1, 11)) == 1
        assert [load.json["options"]["num_ctx"] for load in server.received(LOAD)] == [8192, 8192, 4096]
        assert not any("anew" in told["message"] for told in client.taken("window/showMessage"))
        assert await client.leave() == 0
