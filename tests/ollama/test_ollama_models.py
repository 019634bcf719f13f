"""Models through a real Ollama: listed, pulled, given to it, and run out of its store without it."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from assist_server.backends.ollama_models import OllamaModels
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import ModelMissing
from assist_server.core.ollama_name import parse_ollama_name
from support.loopback_server import Hold, LoopbackServer
from support.ollama_registry import Registry
from support.ollama_server import CHAT_MODEL, FIM_MODEL, MODELS, PLAIN_MODEL, OllamaServer

pytestmark = pytest.mark.model

SECONDS = 240.0  # for what takes one or two where nothing else runs
OURS = "qwen2.5-coder-0.5b"
GIVEN = f"{OURS}:latest"
SOURCE = "def add(a, b):\n    return \n"


@pytest.fixture
def environment(real_environment: dict[str, str], ollama: OllamaServer) -> dict[str, str]:
    """Give the environment of a user who has this Ollama."""
    chosen = {
        name: value for name, value in real_environment.items() if name not in ("ASSIST_BACKEND", "ASSIST_ENGINE_MODEL")
    }
    return chosen | {"OLLAMA_HOST": ollama.url, "OLLAMA_MODELS": str(ollama.store)}


@pytest.fixture
async def models(ollama: OllamaServer) -> AsyncIterator[OllamaModels]:
    models = OllamaModels(BackendConfig(ollama.url))
    yield models
    await models.aclose()


def assist(environment: dict[str, str], *arguments: str, stdin: str = "") -> dict[str, Any]:
    """Run a command that must succeed and give its JSON."""
    command = [sys.executable, "-m", "assist_server", *arguments, "--json"]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def nothing(_done: int, _total: int) -> None:
    pass


async def names(models: OllamaModels) -> set[str]:
    return {model.info.name for model in await models.models()}


def test_lists_what_it_has(environment: dict[str, str]) -> None:
    listed = {m["name"]: m for m in assist(environment, "model", "list", "--backend", "ollama")["models"]}
    assert set(MODELS) <= listed.keys()
    for name in MODELS:
        told = listed[name]
        assert (told["quantization"], told["remote_host"]) == ("Q4_K_M", None)
        assert told["size_bytes"] > 400_000_000
        assert told["context_length"] > 0
        assert (told["fim"]["mode"], told["fim"]["format"]) == ("tokens", "qwen-coder")
    assert "template" in listed[FIM_MODEL]["fim"]["why"]
    assert "vocabulary" in listed[PLAIN_MODEL]["fim"]["why"]
    assert "vocabulary" in listed[CHAT_MODEL]["fim"]["why"]


@pytest.fixture(scope="module")
def given(
    real_environment: dict[str, str], ollama: OllamaServer, test_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    own = {"OLLAMA_HOST": ollama.url, "ASSIST_DATA_DIR": str(tmp_path_factory.mktemp("data"))}
    environment = real_environment | own
    yield assist(environment, "model", "pull", OURS, "--source", str(test_model), "--into", "ollama")
    assist(environment, "model", "remove", GIVEN, "--backend", "ollama")


class TestGiven:
    def test_is_known_by_our_name_and_inserts(self, given: dict[str, Any]) -> None:
        assert (given["name"], given["created"], given["insert"]) == (GIVEN, True, True)
        assert Path(given["path"]).parent.name == "models"  # it is in our own store too

    def test_a_second_time_does_nothing(
        self, given: dict[str, Any], environment: dict[str, str], test_model: Path
    ) -> None:
        again = assist(environment, "model", "pull", str(test_model), "--into", "ollama")
        assert (again["created"], again["insert"], again["sent_bytes"]) == (False, True, 0)

    def test_completes(self, given: dict[str, Any], environment: dict[str, str]) -> None:
        place = ("complete", "-:2:12", "--path", "add.py", "--backend", "ollama", "--model", OURS)
        answer = assist(environment, *place, stdin=SOURCE)
        assert "a + b" in answer["items"][0]["text"]
        assert (answer["backend"], answer["model"]) == ("ollama", GIVEN)

    async def test_fills_in_and_talks_by_its_templates(
        self, given: dict[str, Any], models: OllamaModels, ollama: OllamaServer
    ) -> None:
        described = await models.describe(GIVEN)
        assert described is not None
        assert {"insert", "completion"} <= described.shown.capabilities
        client = await models._connection.client()

        async def rendered(path: str, body: dict[str, Any]) -> str:
            more = {"model": GIVEN, "stream": False, "_debug_render_only": True}
            answer = (await client.post(path, json={**body, **more})).json()
            return str(answer["_debug_info"]["rendered_template"])

        filled = await rendered("/api/generate", {"prompt": "before", "suffix": "after"})
        assert filled == "<|fim_prefix|>before<|fim_suffix|>after<|fim_middle|>"
        turns = [("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "V")]
        told = await rendered("/api/chat", {"messages": [{"role": r, "content": c} for r, c in turns]})
        before = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
        assert told == f"{before}<|im_start|>assistant\n"
        begun = await rendered("/api/chat", {"messages": [{"role": "assistant", "content": "beg"}]})
        assert begun == "<|im_start|>assistant\nbeg"


def test_the_engine_runs_a_model_out_of_its_store(environment: dict[str, str], ollama: OllamaServer) -> None:
    file = assist(environment, "model", "path", FIM_MODEL, "--backend", "ollama")["path"]
    assert Path(file).parent == ollama.store / "blobs"
    place = ("complete", "-:2:12", "--path", "add.py", "--backend", "embedded", "--model", f"ollama:{FIM_MODEL}")
    answer = assist(environment, *place, stdin=SOURCE)
    assert "a + b" in answer["items"][0]["text"]
    assert (answer["backend"], answer["model"]) == ("embedded", FIM_MODEL)
    (engine,) = [e for e in _engines(environment) if e["model"] == FIM_MODEL]
    assert file in {mapped.path for mapped in psutil.Process(engine["pid"]).memory_maps()}
    assist(environment, "engine", "stop")


def _engines(environment: dict[str, str]) -> list[dict[str, Any]]:
    status = assist(environment, "engine", "status")
    engines: list[dict[str, Any]] = status.get("engines", [status])
    return engines


async def test_copies_and_deletes(models: OllamaModels) -> None:
    copied, name = parse_ollama_name(PLAIN_MODEL), parse_ollama_name("somebody/copy:1")
    await models.copy(copied, name)
    assert "somebody/copy:1" in await names(models)
    await models.delete(name)
    assert "somebody/copy:1" not in await names(models)
    assert PLAIN_MODEL in await names(models)
    with pytest.raises(ModelMissing):
        await models.delete(name)
    with pytest.raises(ModelMissing):
        await models.copy(name, copied)


class TestPull:
    async def test_goes_on_where_a_cancelled_one_stopped(self, models: OllamaModels) -> None:
        hold = Hold()
        async with LoopbackServer() as server:
            registry = Registry(server, hold)
            name = parse_ollama_name(registry.name)
            halfway = asyncio.Event()

            def first(done: int, total: int) -> None:
                if total == len(registry.file) and done >= registry.first:
                    halfway.set()

            pull = asyncio.ensure_future(models.pull(name, first))
            await asyncio.wait_for(halfway.wait(), SECONDS)
            pull.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pull
            request = server.received(f"/data/{registry.digest}")[0]
            await asyncio.wait_for(request.gone.wait(), SECONDS)
            assert registry.name not in await names(models)

            seen: list[tuple[int, int]] = []
            await models.pull(name, lambda *amounts: seen.append(amounts))
            size = len(registry.file)
            assert registry.ranges == [(0, size - 1), (registry.first, size - 1)]
            assert all(done >= registry.first for done, total in seen if total == size)
            assert registry.name in await names(models)
            await models.delete(name)

    async def test_a_name_that_the_registry_has_not(self, models: OllamaModels) -> None:
        async with LoopbackServer() as server:
            with pytest.raises(ModelMissing, match="has no model"):
                await models.pull(parse_ollama_name(f"{server.place}/library/none:1"), nothing)

    async def test_ctrl_c_stops_it_and_the_command_again_completes_it(
        self, environment: dict[str, str], models: OllamaModels
    ) -> None:
        hold = Hold()
        async with LoopbackServer() as server:
            registry = Registry(server, hold)
            command = ["-m", "assist_server", "model", "pull", registry.name, "--backend", "ollama", "--json"]

            async def begin() -> asyncio.subprocess.Process:
                pipe = asyncio.subprocess.PIPE
                return await asyncio.create_subprocess_exec(sys.executable, *command, env=environment, stdout=pipe)

            process = await begin()
            await asyncio.wait_for(hold.reached.wait(), SECONDS)
            process.send_signal(signal.SIGINT)
            out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
            assert process.returncode == 130
            assert json.loads(out)["error"]["code"] == "interrupted"
            request = server.received(f"/data/{registry.digest}")[0]
            await asyncio.wait_for(request.gone.wait(), SECONDS)

            process = await begin()
            out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
            assert process.returncode == 0
            told = json.loads(out)
            assert (told["name"], told["source"]) == (registry.name, server.place)
            assert told["quantization"] == "F32"
            await models.delete(parse_ollama_name(registry.name))
