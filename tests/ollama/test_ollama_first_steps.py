"""From no Ollama to the first suggestion, with the real program, a real editor session and the command line."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from support.lsp_client import ASSIST, LspClient, LspError
from support.ollama_server import FIM_MODEL, OllamaServer, bare_ollama

pytestmark = pytest.mark.model

URI = "file:///work/add.py"
TEXT = "def add(a, b):\n    return "
SHOWN = "window/showMessage"
LONG = "".join(f"def step_{number}(a, b):\n    return a * {number} + b\n\n\n" for number in range(6))
STATUS = {"experimental": {"assist": {"status": True, "answer": True}}}
PULL = "ollama pull qwen2.5-coder:1.5b"
LOADING, UNLOADED, ABORTED = 'msg="starting llama-server"', "runner terminated and removed", "aborting load"
SECONDS = 300.0  # for what takes a few on a machine that does nothing else


async def soon(awaitable: Any) -> Any:
    """Wait for what a model does."""
    return await asyncio.wait_for(awaitable, SECONDS)


async def logged(server: OllamaServer, pattern: str, mark: int, count: int = 1) -> None:
    """Wait for a line of Ollama's log."""
    await asyncio.to_thread(server.log.wait_for, pattern, mark, count=count)


def in_memory(server: OllamaServer) -> list[str]:
    answer = httpx.get(f"{server.url}/api/ps", trust_env=False, timeout=SECONDS).json()
    return [model["model"] for model in answer["models"]]


@pytest.fixture
async def cold(ollama: OllamaServer) -> OllamaServer:
    """Give the Ollama of all tests with nothing in its memory."""
    mark, loaded = ollama.log.mark(), in_memory(ollama)
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
        for name in loaded:
            await client.post(f"{ollama.url}/api/generate", json={"model": name, "keep_alive": 0})
    await logged(ollama, UNLOADED, mark, count=len(loaded))
    assert in_memory(ollama) == []
    return ollama


@asynccontextmanager
async def editor(server: OllamaServer, folder: Path, model: str = FIM_MODEL, **more: str) -> AsyncIterator[LspClient]:
    """Start an editor's session with a model; it leaves at the end, and no message may be left unread."""
    own = {"OLLAMA_HOST": server.url, "ASSIST_BACKEND": "ollama", "ASSIST_COMPLETION_DEBOUNCE_MS": "0"}
    client = await LspClient.start(ASSIST, env={**own, "ASSIST_MODEL": model, **more}, cwd=folder)
    try:
        await client.initialize(folders=[folder], capabilities=STATUS)
        client.open(URI, TEXT)
        yield client
    finally:
        await client.close()


def assist(*arguments: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Run a command; give its exit status, its JSON and what it said besides."""
    command = [sys.executable, "-m", "assist_server", *arguments, "--json"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **environment}, timeout=SECONDS
    )
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture
def place(tmp_path: Path) -> str:
    (tmp_path / "add.py").write_text(TEXT + "\n")
    return f"{tmp_path / 'add.py'}:2:12"


def failed(diagnosis: dict[str, Any]) -> list[tuple[str, str]]:
    return [(check["message"], check["fix"]) for check in diagnosis["checks"] if check["state"] == "fail"]


def test_installed_and_running_no_more(tmp_path: Path, place: str) -> None:
    with bare_ollama(tmp_path / "ollama") as server:
        host, program = server.url.removeprefix("http://"), server.program
    here = {"OLLAMA_HOST": host, "ASSIST_BACKEND": "ollama", "PATH": str(program.parent)}
    message = f"Ollama is installed but does not run at {host}, which OLLAMA_HOST names"
    status, answer, said = assist("complete", place, **here)
    assert (status, answer["error"]["message"], answer["error"]["hint"]) == (4, message, "run `ollama serve`")
    assert said == ""
    status, diagnosis, said = assist("doctor", **here)
    assert (status, failed(diagnosis), said) == (1, [(message, "run `ollama serve`")], "")


async def test_running_without_a_model(tmp_path: Path, place: str) -> None:
    message = "ollama has no model that runs on this machine; it has none"
    with bare_ollama(tmp_path / "ollama") as server:
        here = {"OLLAMA_HOST": server.url, "ASSIST_BACKEND": "ollama"}
        status, answer, _ = assist("complete", place, **here)
        assert (status, answer["error"]["message"], answer["error"]["hint"]) == (4, message, f"run `{PULL}`")
        status, diagnosis, _ = assist("doctor", **here)
        assert (status, failed(diagnosis)) == (1, [(message, f"run `{PULL}`")])
        async with editor(server, tmp_path, ASSIST_MODEL="") as client:
            told = await client.notification("window/showMessage")
            assert told["message"] == f"assist: {message} (run `{PULL}`)"
            assert await client.inline(URI, 1, 11) == []


def test_a_model_of_any_name_that_inserts_is_a_code_model(ollama: OllamaServer, place: str) -> None:
    status, answer, _ = assist("complete", place, OLLAMA_HOST=ollama.url)
    assert (status, answer["model"], answer["backend"]) == (0, FIM_MODEL, "ollama")


def test_running_without_a_code_model(tmp_path: Path, test_model: Path, place: str) -> None:
    """Its one model has no name and no template by which one would know what it can."""
    with bare_ollama(tmp_path / "ollama") as server:
        server.create("talker:0.5b", str(test_model))
        status, answer, _ = assist("complete", place, OLLAMA_HOST=server.url)
    assert status == 4
    assert "ollama has no code model; it has talker:0.5b" in answer["error"]["message"]
    assert answer["error"]["hint"] == f"run `{PULL}`"


@pytest.fixture
def talker(ollama: OllamaServer, test_model: Path, tmp_path: Path) -> Iterator[str]:
    """Give the real model without its tokens for filling in: they have other names in its vocabulary."""
    name, file = "talker:0.5b", tmp_path / "talker.gguf"
    shutil.copyfile(test_model, file)
    with file.open("r+b") as gguf:
        head = gguf.read(1 << 24)
        assert head.count(b"<|fim_") >= 3
        gguf.seek(0)
        gguf.write(head.replace(b"<|fim_", b"<|xim_"))
    ollama.create(name, str(file))
    file.unlink()
    yield name
    subprocess.run([ollama.program, "rm", name], check=True, capture_output=True, env=ollama.environment)


async def test_a_model_that_cannot_fill_in(ollama: OllamaServer, talker: str, tmp_path: Path, place: str) -> None:
    advice = f"{talker} cannot fill in at the cursor; it is asked in words, which is slower and less often right"
    hint = f"run `{PULL}` and name that model in backend.model"
    here = {"OLLAMA_HOST": ollama.url, "ASSIST_BACKEND": "ollama", "ASSIST_MODEL": talker}
    status, answer, said = assist("complete", place, **here)
    assert status == 0
    assert answer["model"] == talker
    assert said.splitlines()[0] == f"assist: {advice} ({hint})"
    status, diagnosis, _ = assist("doctor", **here)
    assert (status, diagnosis["fim"]["mode"]) == (0, "chat")
    (check,) = [check for check in diagnosis["checks"] if check["id"] == "fim"]
    assert (check["state"], check["fix"]) == ("warn", hint)
    async with editor(ollama, tmp_path, talker) as client:
        told = await client.notification("window/showMessage")
        assert told == {"type": 3, "message": f"assist: {advice} ({hint})"}
        await soon(client.ask_inline(URI, 1, 11)[1])


async def test_the_model_is_there_before_the_first_key(cold: OllamaServer, tmp_path: Path) -> None:
    mark = cold.log.mark()
    async with editor(cold, tmp_path) as client:
        await client.notification("assist/status", lambda status: status["state"] == "idle")
        await client.notification("assist/status", lambda status: status["message"] == f"Ollama loads {FIM_MODEL}")
        await client.notification("assist/status", lambda status: status["state"] == "idle")
        assert in_memory(cold) == [FIM_MODEL]
        answer = await soon(client.ask_inline(URI, 1, 11)[1])
        assert answer["items"][0]["insertText"] == "a + b"
    assert cold.log.loads(mark) == 1
    status, diagnosis, _ = assist("doctor", OLLAMA_HOST=cold.url, ASSIST_BACKEND="ollama", ASSIST_MODEL=FIM_MODEL)
    told = [check["message"] for check in diagnosis["checks"]]
    assert status == 0
    assert f"{FIM_MODEL} is in memory, on the CPU, 8192 tokens of context" in told
    assert any(text.startswith(f"{FIM_MODEL} fills in with the qwen-coder format, sent raw: its voc") for text in told)
    assert cold.log.loads(mark) == 1, "looking loads nothing"


async def test_a_changed_setting_is_told_where_it_loads_the_model_anew(cold: OllamaServer, tmp_path: Path) -> None:
    config, folder = tmp_path / "config.toml", tmp_path / "work"
    folder.mkdir()
    async with editor(cold, folder, ASSIST_CONFIG_DIR=str(tmp_path)) as client:
        await client.notification("assist/status", lambda status: status["state"] == "idle")
        await soon(client.notification("assist/status", lambda status: status["state"] == "idle"))
        mark, said = cold.log.mark(), f"assist: `ollama.contextLength` changed: Ollama loaded {FIM_MODEL} anew"
        # the batch size is what assist takes on a CPU by itself; the last length is what the other tests have
        for length, loads in ((0, 0), (4096, 1), (8192, 2)):
            config.write_text(f"[ollama]\nbatchSize = 128\ncontextLength = {length}\n")
            client.notify("workspace/didChangeWatchedFiles", {"changes": []})
            await soon(client.notification("assist/status", lambda status: status["state"] == "idle"))
            assert cold.log.loads(mark) == loads
            told = [(message["type"], message["message"][: len(said)]) for message in client.taken(SHOWN)]
            assert told == ([(3, said)] if loads else [])


async def test_a_cancelled_completion_does_not_break_the_load_off(cold: OllamaServer, tmp_path: Path) -> None:
    mark = cold.log.mark()
    async with editor(cold, tmp_path) as client:
        await logged(cold, LOADING, mark)
        request, future = client.ask_inline(URI, 1, 11)
        client.cancel(request)
        with pytest.raises(LspError, match="-32800"):
            await soon(future)
        answer = await soon(client.ask_inline(URI, 1, 11)[1])
        assert answer["items"][0]["insertText"] == "a + b"
    assert cold.log.loads(mark) == 1


async def test_an_editor_that_closes_during_the_load_leaves_nothing_behind(cold: OllamaServer, tmp_path: Path) -> None:
    mark = cold.log.mark()
    async with editor(cold, tmp_path) as client:
        await logged(cold, LOADING, mark)
        server = psutil.Process(client.process.pid)
        children = server.children(recursive=True)
        await client.leave()
    assert not psutil.wait_procs(children, timeout=SECONDS)[1]
    await logged(cold, ABORTED, mark)
    assert in_memory(cold) == []


async def test_a_completion_is_answered_after_the_long_answer_and_before_those_that_wait(
    ollama: OllamaServer, tmp_path: Path
) -> None:
    async with editor(ollama, tmp_path, ASSIST_CHAT_MAX_TOKENS="96") as client:
        client.open("file:///work/long.py", LONG)

        def explain(name: str) -> "tuple[int, asyncio.Future[Any]]":
            arguments = [{"uri": f"file:///work/{name}.py"}]
            return client.send("workspace/executeCommand", {"command": "assist.server.explain", "arguments": arguments})

        _, first = explain("long")
        await client.notification("assist/answer", lambda piece: piece["chunk"])
        waiting = [explain("add") for _ in range(2)]
        said = "Ollama answers another request first"
        await client.notification("assist/status", lambda status: status["message"] == said)
        answer = await soon(client.ask_inline(URI, 1, 11)[1])
        assert answer["items"][0]["insertText"] == "a + b"
        assert first.done()
        assert not any(future.done() for _, future in waiting)
        for request, future in waiting:
            client.cancel(request)
            with pytest.raises(LspError, match="-32800"):
                await soon(future)
