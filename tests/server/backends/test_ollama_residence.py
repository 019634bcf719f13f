"""One model in memory with one set of options, loaded once, whoever gives up meanwhile; and what is said about it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from assist_server.backends import ollama_residence
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.registry import BackendConfig, OllamaWishes
from assist_server.core.errors import BackendRejected, EgressRefused
from assist_server.core.notices import Notice
from support.backend_contract import chat_request, collect, fill_request, first
from support.dialects import LOAD, OllamaDialect
from support.loopback_server import Hold, LoopbackServer, Reply, json_reply, soon

DIALECT = OllamaDialect()
MODEL = DIALECT.model
LOADED = {"model": MODEL, "done": True, "done_reason": "load"}
OTHER = {"name": "other:7b", "model": "other:7b", "context_length": 4096, "size": 10, "size_vram": 0}


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Make a machine without a GPU, or with one."""

    def here(yes: bool) -> None:
        monkeypatch.setattr(ollama_residence, "has_gpu", lambda: yes)

    here(False)
    return here


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every load for one that lasts."""
    monkeypatch.setattr(ollama_residence, "NOTICED", 0.0)


@pytest.fixture
def notices() -> list[Notice]:
    return []


@pytest.fixture
async def backend(server: LoopbackServer, notices: list[Notice]) -> AsyncIterator[OllamaBackend]:
    async with backend_of(server, notices) as backend:
        yield backend


@asynccontextmanager
async def backend_of(
    server: LoopbackServer, notices: list[Notice], wishes: OllamaWishes | None = None
) -> AsyncIterator[OllamaBackend]:
    backend = OllamaBackend(BackendConfig(server.url, ollama=wishes or OllamaWishes(), notify=notices.append))
    yield backend
    await backend.aclose()


def entry(context: int = 8192, *, vram: int = 0) -> dict[str, Any]:
    return {"name": MODEL, "model": MODEL, "context_length": context, "size": 600, "size_vram": vram}


def in_memory(server: LoopbackServer, *lists: list[dict[str, Any]]) -> None:
    """Play what is in memory: each list for one question, the last for all others."""
    server.on("GET", "/api/ps", *(json_reply({"models": models}) for models in lists))


def options(server: LoopbackServer, path: str = LOAD) -> list[dict[str, int]]:
    names = ("num_ctx", "num_batch", "num_thread")
    return [
        {name: value for name, value in request.json["options"].items() if name in names}
        for request in server.received(path)
    ]


async def test_loads_a_model_once_with_the_options_of_every_request(
    backend: OllamaBackend, server: LoopbackServer, notices: list[Notice]
) -> None:
    in_memory(server, [], [entry()])
    await collect(backend.fill(fill_request(MODEL)))
    await collect(backend.chat(chat_request(MODEL)))
    await collect(backend.fill(fill_request(MODEL)))
    every = [*options(server), *options(server, "/api/generate"), *options(server, "/api/chat")]
    assert every == [{"num_ctx": 8192, "num_batch": 128}] * 4
    (load,) = server.received(LOAD)
    assert load.json == {
        "model": MODEL,
        "stream": True,
        "truncate": False,
        "shift": False,
        "keep_alive": "30m",
        "options": {"num_ctx": 8192, "num_batch": 128},
    }
    assert notices == []


async def test_says_that_it_loads_where_that_takes_time(
    backend: OllamaBackend, server: LoopbackServer, notices: list[Notice], slow: None
) -> None:
    in_memory(server, [], [entry()])
    await backend.preload(MODEL)
    assert [notice.kind for notice in notices] == ["loading"]


async def test_preloads_without_a_prompt(backend: OllamaBackend, server: LoopbackServer) -> None:
    in_memory(server, [], [entry()])
    await backend.preload(MODEL)
    assert len(server.received(LOAD)) == 1
    await collect(backend.fill(fill_request(MODEL)))
    assert len(server.received(LOAD)) == 1


async def test_loads_again_what_has_left_memory(backend: OllamaBackend, server: LoopbackServer) -> None:
    in_memory(server, [], [entry()], [], [entry()])
    await collect(backend.fill(fill_request(MODEL)))
    await collect(backend.fill(fill_request(MODEL)))
    assert len(server.received(LOAD)) == 2


async def test_a_cancelled_request_leaves_the_load_to_the_next(backend: OllamaBackend, server: LoopbackServer) -> None:
    in_memory(server, [], [], [entry()])
    hold = Hold()
    server.on("POST", LOAD, Reply((json.dumps(LOADED).encode() + b"\n",), before=hold))
    impatient = asyncio.ensure_future(collect(backend.fill(fill_request(MODEL))))
    await soon(hold.reached.wait())
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    patient = [asyncio.ensure_future(collect(backend.fill(fill_request(MODEL)))) for _ in range(2)]
    await soon(server.has_received("/api/ps", 2))
    hold.release.set()
    await soon(asyncio.gather(*patient))
    (load,) = server.received(LOAD)
    assert not load.gone.is_set()


async def test_closing_breaks_the_load_off(backend: OllamaBackend, server: LoopbackServer) -> None:
    hold = Hold()
    server.on("POST", LOAD, Reply(before=hold))
    waiting = asyncio.ensure_future(collect(backend.fill(fill_request(MODEL))))
    await soon(hold.reached.wait())
    await backend.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await soon(server.received(LOAD)[0].gone.wait())


async def test_a_failed_load_is_told_and_tried_again(backend: OllamaBackend, server: LoopbackServer) -> None:
    server.on("POST", LOAD, json_reply({"error": "model requires more system memory"}, 500), json_reply(LOADED))
    for ask in (backend.fill(fill_request(MODEL)), backend.chat(chat_request(MODEL))):
        if not server.received(LOAD):
            with pytest.raises(BackendRejected, match="more system memory"):
                await first(ask)
        else:
            await collect(ask)
    assert len(server.received(LOAD)) == 2


async def test_knows_a_model_that_is_in_memory_by_another_name_of_its_file(
    backend: OllamaBackend, server: LoopbackServer, notices: list[Notice]
) -> None:
    server.on("POST", "/api/show", json_reply(DIALECT.shown(modelfile="# FROM a\nFROM /blobs/sha256-1\n")))
    in_memory(server, [], [entry()])
    await backend.preload(MODEL)
    await collect(backend.fill(fill_request("alias:1b")))
    await collect(backend.chat(chat_request("alias:1b")))
    assert len(server.received(LOAD)) == 1
    assert notices == []


async def test_never_loads_ahead_what_is_not_to_be_kept(server: LoopbackServer, notices: list[Notice]) -> None:
    for keep_alive in ("0", "0s", "0m0s"):
        backend = OllamaBackend(BackendConfig(server.url, keep_alive=keep_alive, notify=notices.append))
        line = {"response": "x", "done": True, "load_duration": 2_000_000_000}
        server.on("POST", "/api/generate", DIALECT.stream([json.dumps(line).encode() + b"\n"]))
        await backend.preload(MODEL)
        await collect(backend.fill(fill_request(MODEL)))
        await backend.aclose()
    assert not server.received(LOAD)
    assert notices == []


async def test_takes_what_the_user_wishes(server: LoopbackServer, notices: list[Notice]) -> None:
    in_memory(server, [], [entry(4096, vram=600)])
    async with backend_of(server, notices, OllamaWishes(context_length=4096, batch_size=64, threads=3)) as backend:
        await collect(backend.fill(fill_request(MODEL)))
    assert options(server) == [{"num_ctx": 4096, "num_batch": 64, "num_thread": 3}]


async def test_never_asks_for_more_context_than_the_model_has(server: LoopbackServer, notices: list[Notice]) -> None:
    async with backend_of(server, notices, OllamaWishes(context_length=1_000_000)) as backend:
        await backend.preload(MODEL)
    assert options(server)[0]["num_ctx"] == 32768


@pytest.mark.parametrize("before", [[], [4096]])
async def test_takes_less_context_where_memory_is_short(
    backend: OllamaBackend, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, before: list[int]
) -> None:
    in_memory(server, [entry(length) for length in before])
    monkeypatch.setattr(ollama_residence, "memory_total", lambda: 8 * 2**30)
    facts = {
        "general.architecture": "llama",
        "llama.context_length": 16384,
        "llama.block_count": 32,
        "llama.embedding_length": 4096,
        "llama.attention.head_count": 32,
    }
    server.on("POST", "/api/show", json_reply(DIALECT.shown(model_info=facts)))  # 512 KiB of cache a token
    await backend.preload(MODEL)
    assert options(server)[0]["num_ctx"] == 4096


@pytest.mark.parametrize(("seen", "vram", "sizes"), [(True, 0, [512, 128]), (False, 600, [128, 512]), (True, 9, [512])])
async def test_takes_the_batch_of_the_processor_that_it_turns_out_to_run_on(
    server: LoopbackServer, gpu: Callable[[bool], None], *, seen: bool, vram: int, sizes: list[int]
) -> None:
    gpu(seen)
    backend = OllamaBackend(BackendConfig(server.url))
    in_memory(server, [], [entry(vram=vram)])
    await collect(backend.fill(fill_request(MODEL)))
    assert [told["num_batch"] for told in options(server)] == sizes
    assert options(server, "/api/generate")[0]["num_batch"] == sizes[-1]
    await backend.aclose()


async def test_says_when_another_program_had_the_model_with_other_options(
    backend: OllamaBackend, server: LoopbackServer, notices: list[Notice], slow: None
) -> None:
    in_memory(server, [entry(2048)], [entry(8192)])
    await collect(backend.fill(fill_request(MODEL)))
    notice = notices[-1]
    assert notice.kind == "reload"
    assert "2048" in notice.message
    assert "8192" in notice.message


async def test_says_when_a_model_of_another_program_had_to_go(
    backend: OllamaBackend, server: LoopbackServer, notices: list[Notice]
) -> None:
    in_memory(server, [OTHER], [entry()])
    await collect(backend.fill(fill_request(MODEL)))
    (notice,) = notices
    assert notice.kind == "evicted"
    assert "other:7b" in notice.message


async def test_says_nothing_where_both_fit(
    backend: OllamaBackend, server: LoopbackServer, notices: list[Notice]
) -> None:
    in_memory(server, [OTHER, entry()], [OTHER, entry()])
    await collect(backend.fill(fill_request(MODEL)))
    assert notices == []


async def test_says_when_a_model_was_pushed_out_between_two_requests(
    backend: OllamaBackend, server: LoopbackServer, notices: list[Notice]
) -> None:
    in_memory(server, [entry()])
    line = {"response": "x", "done": True, "load_duration": 2_000_000_000}
    server.on("POST", "/api/generate", DIALECT.stream([json.dumps(line).encode() + b"\n"]))
    await collect(backend.fill(fill_request(MODEL)))
    assert [notice.kind for notice in notices] == ["reload"]


async def test_a_completion_goes_before_answers_that_wait(server: LoopbackServer) -> None:
    in_memory(server, [entry()])
    notices: asyncio.Queue[Notice] = asyncio.Queue()
    backend = OllamaBackend(BackendConfig(server.url, notify=notices.put_nowait))
    hold = Hold()
    talk = DIALECT.stream(DIALECT.events("chat", ["a"]))
    server.on("POST", "/api/chat", DIALECT.stream(DIALECT.events("chat", ["a"]), before=hold), talk)
    tasks = [asyncio.ensure_future(collect(backend.chat(chat_request(MODEL))))]
    await soon(hold.reached.wait())
    for ask in (backend.chat(chat_request(MODEL)), backend.fill(fill_request(MODEL))):
        tasks.append(asyncio.ensure_future(collect(ask)))
        assert (await soon(notices.get())).kind == "waiting"
    hold.release.set()
    await soon(asyncio.gather(*tasks))
    asked = [request.path for request in server.requests if request.path in ("/api/chat", "/api/generate")]
    assert asked == ["/api/chat", "/api/generate", "/api/chat"]
    await backend.aclose()


async def test_looks_at_the_model_again_when_its_turn_has_come(server: LoopbackServer) -> None:
    in_memory(server, [entry()])
    notices: asyncio.Queue[Notice] = asyncio.Queue()
    backend = OllamaBackend(BackendConfig(server.url, notify=notices.put_nowait))
    hold = Hold()
    server.on("POST", "/api/chat", DIALECT.stream(DIALECT.events("chat", ["a"]), before=hold))
    talk = asyncio.ensure_future(collect(backend.chat(chat_request(MODEL))))
    await soon(hold.reached.wait())
    waiting = asyncio.ensure_future(collect(backend.fill(fill_request(MODEL))))
    await soon(notices.get())
    server.on("POST", "/api/show", json_reply(DIALECT.shown(remote_host="https://ollama.com")))
    hold.release.set()
    await soon(talk)
    with pytest.raises(EgressRefused):
        await soon(waiting)
    assert not server.received("/api/generate")
    await backend.aclose()


async def test_asks_at_once_where_ollama_answers_several(server: LoopbackServer, notices: list[Notice]) -> None:
    async with backend_of(server, notices, OllamaWishes(parallel=2)) as backend:
        hold = Hold()
        server.on("POST", "/api/chat", DIALECT.stream(DIALECT.events("chat", ["a"]), before=hold))
        talk = asyncio.ensure_future(collect(backend.chat(chat_request(MODEL))))
        await soon(hold.reached.wait())
        await soon(collect(backend.fill(fill_request(MODEL))))
        hold.release.set()
        await soon(talk)
    assert "waiting" not in {notice.kind for notice in notices}
