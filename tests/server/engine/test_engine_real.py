"""The engine with the real model."""

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from assist_server.core.errors import EngineError
from assist_server.engine.status import engine_statuses, stop_engines
from assist_server.net.address import Address
from support.engines import (
    MakeEngine,
    MakeProgram,
    connection_file,
    ended,
    host_process,
    processes_naming,
    program_process,
)

pytestmark = pytest.mark.model

CLIENT = """
import asyncio, sys
from pathlib import Path
from assist_server.config.settings import EngineSettings
from assist_server.engine.engine import Engine

async def main() -> None:
    settings = EngineSettings(command=sys.argv[3])
    engine = Engine(cache=Path(sys.argv[1]), settings=settings, model_path=Path(sys.argv[2]), alias="some-model")
    print((await engine.address()).url, flush=True)

asyncio.run(main())
"""


def run_client(cache: Path, model: Path, command: str = "") -> "subprocess.Popen[str]":
    """Run a client in a process of its own, as another editor would."""
    arguments = [sys.executable, "-c", CLIENT, str(cache), str(model), command]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


def open_streams(pid: int) -> list[Path]:
    return [Path(f"/proc/{pid}/fd/{number}").readlink() for number in (0, 1, 2)]


@asynccontextmanager
async def http(address: Address) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {address.api_key}", "Connection": "close"}
    async with httpx.AsyncClient(base_url=address.url, headers=headers, timeout=300, trust_env=False) as client:
        yield client


async def read_all(lines: AsyncIterator[str]) -> list[str]:
    return [line async for line in lines]


async def complete(address: Address, prompt: str = "def add(a, b):", **options: Any) -> str:
    async with http(address) as client:
        answer = await client.post("/completion", json={"prompt": prompt, "n_predict": 4, "temperature": 0, **options})
        answer.raise_for_status()
        text: str = answer.json()["content"]
        return text


async def test_it_starts_answers_and_stops(make_engine: MakeEngine, test_model: Path, cache: Path) -> None:
    address = await make_engine(test_model, alias="my-alias", context_length=2048).address()
    assert "return" in await complete(address, n_predict=24)
    async with http(address) as client:
        assert [slot["n_ctx"] for slot in (await client.get("/slots")).json()] == [2048, 2048]
    (status,) = engine_statuses(cache)
    assert (status.running, status.model, status.clients, status.context_length) == (True, "my-alias", 1, 2048)
    assert status.url == address.url
    assert status.version
    assert status.version.startswith("xllamacpp ")
    host = host_process(cache)
    assert host.pid == status.pid
    assert await stop_engines(cache) == 1
    await ended(host)
    assert engine_statuses(cache) == ()
    assert list((cache / "engine").glob("*/connection.json")) == []


async def test_only_the_user_can_speak_to_it(make_engine: MakeEngine, test_model: Path, cache: Path) -> None:
    address = await make_engine(test_model).address()
    assert address.url.startswith("http://127.0.0.1:")
    files = [path for path in (cache / "engine").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    host = host_process(cache)
    assert {c.laddr[0] for c in host.net_connections() if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert address.api_key
    assert address.api_key not in " ".join([*host.cmdline(), *host.environ().values()])
    async with http(Address(address.url)) as stranger:
        stranger.headers.pop("Authorization")
        assert (await stranger.post("/completion", json={"prompt": "a"})).status_code == 401
        assert (await stranger.get("/")).status_code == 404
        preflight = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
        allowed = (await stranger.options("/completion", headers=preflight)).headers
        assert allowed.get("access-control-allow-origin") not in {"*", "https://example.org"}
    async with http(address) as client:
        (model,) = (await client.get("/v1/models")).json()["data"]
        assert model["id"] == "some-model"


async def test_no_text_of_a_document_is_in_its_log(make_engine: MakeEngine, test_model: Path, cache: Path) -> None:
    address = await make_engine(test_model).address()
    await complete(address, "quixotic_name = 'zebra")
    async with http(address) as client:
        assert (await client.post("/completion", json={"prompt": ["quixotic"], "n_predict": "zebra"})).is_error
    (log,) = (cache / "engine").glob("*/engine.log")
    assert "ready" in log.read_text()
    assert "quixotic" not in log.read_text()
    assert "zebra" not in log.read_text()
    assert str(address.api_key) not in log.read_text()


async def test_it_shares_nothing_with_the_process_that_started_it(
    make_engine: MakeEngine, test_model: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor's working directory is a project, which may hold modules with the names of ours."""
    for name in ("assist_server", "json", "xllamacpp", "psutil"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the project was run')\n")
    monkeypatch.chdir(tmp_path)
    await make_engine(test_model).address()
    host = host_process(cache)
    assert os.getsid(host.pid) != os.getsid(0)
    assert Path(host.cwd()) == connection_file(cache).parent
    log = connection_file(cache).with_name("engine.log")
    assert open_streams(host.pid) == [Path(os.devnull), log, log]


async def test_ten_clients_at_once_get_one_engine_that_outlives_them(test_model: Path, cache: Path) -> None:
    clients = [run_client(cache, test_model) for _ in range(10)]
    answers = [(client.communicate(timeout=240)[0], client.returncode) for client in clients]
    assert {code for _, code in answers} == {0}
    assert len({url for url, _ in answers}) == 1
    (status,) = engine_statuses(cache)
    assert (status.running, status.clients) == (True, 0)
    assert status.url == answers[0][0].strip()
    assert len(processes_naming(cache)) == 1


async def test_tasks_of_one_client_get_one_engine(make_engine: MakeEngine, test_model: Path, cache: Path) -> None:
    one, other = make_engine(test_model), make_engine(test_model)
    addresses = await asyncio.gather(*(engine.address() for engine in [one, other] * 5))
    assert len({address.url for address in addresses}) == 1
    (status,) = engine_statuses(cache)
    assert status.clients == 1


async def test_a_kill_in_a_stream_is_followed_by_a_new_engine(
    make_engine: MakeEngine, test_model: Path, cache: Path
) -> None:
    engine = make_engine(test_model)
    first = await engine.address()
    host = host_process(cache)
    body = {"prompt": "def add(a, b):", "n_predict": 4000, "stream": True, "ignore_eos": True}
    async with http(first) as client, client.stream("POST", "/completion", json=body) as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        host.kill()
        with pytest.raises(httpx.HTTPError):
            await read_all(lines)
    await ended(host)
    second = await engine.address()
    assert second != first
    assert await complete(second)
    assert len(engine_statuses(cache)) == 1


async def test_it_ends_when_idle_but_never_in_a_request(make_engine: MakeEngine, test_model: Path, cache: Path) -> None:
    engine = make_engine(test_model, idle_minutes=0.02)
    address = await engine.address()
    host = host_process(cache)
    body = {"prompt": "def add(a, b):", "n_predict": 80, "stream": True, "ignore_eos": True}
    async with http(address) as client, client.stream("POST", "/completion", json=body) as answer:
        last = [line for line in await read_all(answer.aiter_lines()) if line][-1]
        assert json.loads(last.removeprefix("data: "))["tokens_predicted"] == 80
    await ended(host)
    assert engine_statuses(cache) == ()
    assert {path.name for path in (cache / "engine").glob("*/*") if path.suffix == ".json"} == {"spec.json"}
    assert await engine.address() != address


async def test_a_connection_file_that_cannot_be_read_is_replaced(
    make_engine: MakeEngine, test_model: Path, cache: Path
) -> None:
    engine = make_engine(test_model)
    await engine.address()
    first = host_process(cache)
    connection_file(cache).write_bytes(b'{"pid": 1')
    assert await complete(await engine.address())
    assert host_process(cache) != first
    assert not first.is_running()


async def test_it_ends_when_the_cache_is_removed(make_engine: MakeEngine, test_model: Path, cache: Path) -> None:
    await make_engine(test_model).address()
    host = host_process(cache)
    shutil.rmtree(cache)
    await ended(host)
    assert list(cache.parent.glob("cache")) == []


async def test_a_model_that_was_cut_is_one_sentence(make_engine: MakeEngine, test_model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    with test_model.open("rb") as whole:
        cut.write_bytes(whole.read(50_000_000))
    with pytest.raises(EngineError, match=r"^the model cut\.gguf cannot be loaded: tensor .* incomplete$") as raised:
        await make_engine(cut).address()
    assert "assist model pull" in str(raised.value.hint)
    assert await complete(await make_engine(test_model).address())


async def test_a_release_leaves_the_engine_to_others(make_engine: MakeEngine, test_model: Path, cache: Path) -> None:
    engine = make_engine(test_model)
    address = await engine.address()
    await engine.release()
    (status,) = engine_statuses(cache)
    assert (status.running, status.clients) == (True, 0)
    assert await engine.address() == address


# a `llama-server` of the user's own


async def test_a_program_of_the_users_own_takes_its_place(
    make_engine: MakeEngine, test_model: Path, cache: Path, llama_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_API_PREFIX", "/elsewhere")
    monkeypatch.setenv("LLAMA_API_KEY", "another-key")
    engine = make_engine(test_model, alias="my-alias", context_length=1024, threads=2, command=str(llama_server))
    address = await engine.address()
    assert await complete(address)
    (status,) = engine_statuses(cache)
    assert (status.model, status.context_length, status.version) == ("my-alias", 1024, str(llama_server))
    async with http(address) as client:
        assert [slot["n_ctx"] for slot in (await client.get("/slots")).json()] == [1024, 1024]
        assert (await client.get("/")).status_code == 404
        client.headers["Authorization"] = "Bearer another-key"
        assert (await client.get("/v1/models")).status_code == 401
    host = host_process(cache)
    everyone = [host, *host.children(recursive=True)]
    assert program_process(cache) in everyone
    assert await stop_engines(cache) == 1
    assert [process for process in everyone if process.is_running()] == []
    assert list((cache / "engine").glob("*/api-key")) == []


async def test_when_the_program_dies_the_next_request_has_another(
    make_engine: MakeEngine, test_model: Path, cache: Path, llama_server: Path
) -> None:
    engine = make_engine(test_model, command=str(llama_server))
    first = await engine.address()
    host = host_process(cache)
    child = program_process(cache)
    child.kill()
    await ended(host)
    second = await engine.address()
    assert second != first
    assert await complete(second)


async def test_a_program_whose_host_was_killed_is_ended(
    make_engine: MakeEngine, test_model: Path, cache: Path, llama_server: Path
) -> None:
    engine = make_engine(test_model, command=str(llama_server))
    await engine.address()
    host = host_process(cache)
    child = program_process(cache)
    host.kill()
    await ended(child)
    assert await complete(await engine.address())


async def test_it_ends_when_idle_with_a_program_too(
    make_engine: MakeEngine, test_model: Path, cache: Path, llama_server: Path
) -> None:
    await make_engine(test_model, idle_minutes=0.01, command=str(llama_server)).address()
    everyone = [host_process(cache), *host_process(cache).children(recursive=True)]
    await ended(everyone[0])
    assert [process for process in everyone if process.is_running()] == []


async def test_an_engine_whose_starter_was_killed_is_adopted(
    make_engine: MakeEngine, make_program: MakeProgram, test_model: Path, cache: Path, llama_server: Path
) -> None:
    program = make_program(f'echo > "$BEGAN"; read _ < "$GO"; exec "{llama_server}" "$@"')
    with run_client(cache, test_model, str(program.path)) as starter:
        await program.began()
        (loading,) = engine_statuses(cache)
        starter.kill()
    waiting = asyncio.create_task(make_engine(test_model, command=str(program.path)).address())
    program.go()
    assert await complete(await waiting)
    (status,) = engine_statuses(cache)
    assert (loading.running, status.running) == (False, True)
    assert loading.pid == status.pid
    assert program.runs == 1
