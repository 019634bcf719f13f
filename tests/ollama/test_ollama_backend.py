"""What only a real Ollama shows: nothing cut, nothing loaded twice, cancels that reach the model, no hidden cloud."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from assist_server.backends.base import Delta
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.registry import BackendConfig, OllamaWishes
from assist_server.core.errors import EgressRefused, PromptTooLong
from assist_server.core.notices import Notice
from support.backend_contract import PATIENT, chat_request, collect, fill_request, first
from support.ollama_server import CHAT_MODEL, FIM_MODEL, PLAIN_MODEL, OllamaServer, running_ollama

pytestmark = pytest.mark.model

MODEL = FIM_MODEL
LONG = "Count from one to two hundred, one number a line, in words."
_TASK = r"task (\d+) \| new prompt, .*task\.n_tokens = (\d+)"
_TAKEN_IN = r'msg="evaluating already loaded"'
_RELEASED = r"release: .*task {} \| stop processing: n_tokens = (\d+)"


@asynccontextmanager
async def backend_of(
    ollama: OllamaServer, *, wishes: OllamaWishes | None = None, notices: list[Notice] | None = None
) -> AsyncIterator[OllamaBackend]:
    notify = notices.append if notices is not None else (lambda _: None)
    config = BackendConfig(ollama.url, timeouts=PATIENT, ollama=wishes or OllamaWishes(), notify=notify)
    backend = OllamaBackend(config)
    yield backend
    await backend.aclose()


@pytest.fixture
async def backend(ollama: OllamaServer) -> AsyncIterator[OllamaBackend]:
    async with backend_of(ollama) as backend:
        await backend.preload(MODEL)
        yield backend


def prompt_of(lines: int, salt: str) -> str:
    """A prompt that no earlier test has left in the cache."""
    return f"# {salt}\n" + "".join(f"value_{n} = compute({n}, {n * 7 % 13})\n" for n in range(lines))


async def test_loads_once_for_fills_chats_and_names_of_one_file(ollama: OllamaServer) -> None:
    async with backend_of(ollama) as backend:
        await backend.preload(MODEL)
        mark = ollama.log.mark()
        for model in (MODEL, PLAIN_MODEL, CHAT_MODEL, MODEL):
            await collect(backend.fill(fill_request(model, max_tokens=2)))
            await collect(backend.chat(chat_request(model, max_tokens=2)))
    assert ollama.log.loads(mark) == 0


async def test_refuses_what_is_too_long_with_the_exact_count(ollama: OllamaServer) -> None:
    async with backend_of(ollama, wishes=OllamaWishes(context_length=512)) as backend:
        _, done = await collect(backend.fill(fill_request(MODEL, prefix=prompt_of(20, "short"), max_tokens=1)))
        _, double = await collect(backend.fill(fill_request(MODEL, prefix=prompt_of(21, "short"), max_tokens=1)))
        line = double.usage.prompt - done.usage.prompt
        for ask in (
            backend.fill(fill_request(MODEL, prefix=prompt_of(60, "short"), max_tokens=1)),
            backend.chat(chat_request(MODEL, prompt_of(60, "short"), max_tokens=1)),
        ):
            with pytest.raises(PromptTooLong) as caught:
                await collect(ask)
            assert caught.value.context_length == 512
            assert abs((caught.value.prompt_tokens or 0) - (done.usage.prompt + 40 * line)) < 60


async def test_stops_an_answer_at_the_end_of_the_context(ollama: OllamaServer) -> None:
    async with backend_of(ollama, wishes=OllamaWishes(context_length=512)) as backend:
        _, measured = await collect(backend.chat(chat_request(MODEL, prompt_of(20, "full") + LONG, max_tokens=1)))
        lines = 20 + (490 - measured.usage.prompt) // (measured.usage.prompt // 20)
        _, done = await collect(backend.chat(chat_request(MODEL, prompt_of(lines, "full") + LONG, max_tokens=500)))
    assert done.reason == "length"
    assert 500 <= done.usage.prompt + done.usage.generated <= 512


async def test_a_cancel_in_the_answer_frees_the_slot(backend: OllamaBackend, ollama: OllamaServer) -> None:
    mark = ollama.log.mark()
    stream = backend.chat(chat_request(MODEL, LONG, max_tokens=2000))
    assert isinstance(await first(stream), Delta)
    await stream.aclose()
    await collect(backend.fill(fill_request(MODEL, max_tokens=2)))
    (task, prompt), _ = re.findall(_TASK, ollama.log.since(mark))
    (released,) = ollama.log.wait_for(_RELEASED.format(task), mark)
    assert int(released[1]) < int(prompt) + 1000, "the model wrote on although nobody listened"


async def test_a_cancel_in_the_prompt_frees_the_slot(backend: OllamaBackend, ollama: OllamaServer) -> None:
    mark = ollama.log.mark()
    asking = asyncio.ensure_future(collect(backend.fill(fill_request(MODEL, prefix=prompt_of(250, "prefill")))))
    (found,) = await asyncio.to_thread(ollama.log.wait_for, _TASK, mark)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await collect(backend.fill(fill_request(MODEL, max_tokens=2)))
    (released,) = ollama.log.wait_for(_RELEASED.format(found[1]), mark)
    assert int(released[1]) < int(found[2]), "the prompt was read to its end although nobody waited"


async def test_a_request_cancelled_in_the_queue_is_never_begun(ollama: OllamaServer) -> None:
    async with backend_of(ollama, wishes=OllamaWishes(parallel=4)) as backend:  # so that Ollama's own queue holds them
        await backend.preload(MODEL)
        mark = ollama.log.mark()
        talk = backend.chat(chat_request(MODEL, LONG, max_tokens=2000))
        assert isinstance(await first(talk), Delta)
        lines = len(re.findall(_TAKEN_IN, ollama.log.since(mark)))
        queued = asyncio.ensure_future(collect(backend.fill(fill_request(MODEL, prefix=prompt_of(30, "queued")))))
        last = asyncio.ensure_future(collect(backend.fill(fill_request(MODEL, prefix="last = ", max_tokens=2))))
        await asyncio.to_thread(ollama.log.wait_for, _TAKEN_IN, mark, count=3 * lines)
        queued.cancel()
        await asyncio.to_thread(ollama.log.wait_for, r'POST +"/api/generate"', mark)  # Ollama has let it go
        await talk.aclose()
        _, done = await last
        sizes = [int(size) for _, size in re.findall(_TASK, ollama.log.since(mark))]
    assert sizes[1:] == [done.usage.prompt], "the cancelled prompt was read"


async def test_a_killed_program_frees_the_slot(ollama: OllamaServer, backend: OllamaBackend, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(prompt_of(20, "killed"))
    mark = ollama.log.mark()
    command = [sys.executable, "-m", "assist_server", "explain", f"{file}:1-20", "--backend", "ollama"]
    command += ["--model", MODEL, "--url", ollama.url]
    nobody = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=nobody)
    assert process.stdout is not None
    await process.stdout.read(1)
    process.kill()
    await process.wait()
    await collect(backend.fill(fill_request(MODEL, max_tokens=2)))
    (task, prompt), *_ = re.findall(_TASK, ollama.log.since(mark))
    (released,) = ollama.log.wait_for(_RELEASED.format(task), mark)
    assert int(released[1]) < int(prompt) + 500, "the model wrote on for a program that is dead"


async def test_a_cancelled_completion_does_not_break_the_load_off(ollama: OllamaServer) -> None:
    async with backend_of(ollama, wishes=OllamaWishes(context_length=1024)) as backend:
        mark = ollama.log.mark()
        asking = asyncio.ensure_future(collect(backend.fill(fill_request(MODEL))))
        await asyncio.to_thread(ollama.log.wait_for, r'msg="starting llama-server"', mark)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await collect(backend.fill(fill_request(MODEL, max_tokens=2)))
        assert ollama.log.loads(mark) == 1


async def test_a_setting_that_loads_anew_says_so(ollama: OllamaServer) -> None:
    notices: list[Notice] = []
    async with backend_of(ollama) as backend:
        await backend.preload(MODEL)
    async with backend_of(ollama, wishes=OllamaWishes(context_length=2048), notices=notices) as backend:
        await backend.preload(MODEL)
    assert notices[-1].kind == "reload"
    assert "2048" in notices[-1].message


async def test_says_which_model_of_another_program_had_to_go(test_model: Path, tmp_path: Path) -> None:
    """A second file with another hash is another model to Ollama, and there is room for one only."""
    other = tmp_path / "other.gguf"
    shutil.copyfile(test_model, other)
    with other.open("r+b") as file:
        head = file.read(1 << 16)
        file.seek(head.index(b"Instruct-AWQ"))
        file.write(b"Instruct-AWX")
    notices: list[Notice] = []
    with running_ollama(tmp_path / "ollama", test_model, {"OLLAMA_MAX_LOADED_MODELS": "1"}) as ollama:
        ollama.create("other:0.5b", str(other))
        other.unlink()
        async with backend_of(ollama, notices=notices) as backend:
            await backend.preload("other:0.5b")
            await backend.preload(MODEL)
    assert notices[-1].kind == "evicted"
    assert "other:0.5b" in notices[-1].message


@pytest.mark.parametrize("name", ["hidden:1b", "hidden"])
async def test_refuses_a_remote_model_behind_an_alias(ollama: OllamaServer, name: str) -> None:
    async with httpx.AsyncClient(base_url=ollama.url, trust_env=False) as client:
        body = {"model": name, "from": "gpt-oss:120b", "remote_host": "https://ollama.com:443", "stream": False}
        assert (await client.post("/api/create", json=body)).json() == {"status": "success"}
        async with backend_of(ollama) as backend:
            (found,) = [info for info in await backend.models() if info.name.startswith("hidden")]
            assert found.remote_host == "ollama.com"
            for ask in (backend.fill(fill_request(name)), backend.chat(chat_request(name))):
                with pytest.raises(EgressRefused, match="does not run on this machine"):
                    await collect(ask)
        await client.request("DELETE", "/api/delete", json={"model": name})
