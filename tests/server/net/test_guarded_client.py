"""The one HTTP client: what it refuses, and that nothing has left when it refuses."""

import asyncio
import logging
import socket
from contextlib import aclosing

import httpcore._backends.anyio as httpcore_anyio
import httpx
import pytest

from assist_server.core.errors import (
    BackendTimeout,
    BackendUnavailable,
    BadResponse,
    ConfigError,
    EgressRefused,
)
from assist_server.net.address import Address
from assist_server.net.client import TimedStream, Timeouts, make_client, make_transport, translated
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import EgressPolicy
from support.raw_server import STREAM, chunk, http, raw_server

ALL_INTERFACES = "0.0.0.0"  # noqa: S104  nothing binds to it here
PATIENT = Timeouts(connect=5, first_byte=5, idle=5)


def client_for(url: str, *, key: str | None = None, allow: tuple[str, ...] = (), timeouts: Timeouts = PATIENT, **more):
    return make_client(Address(url, key), policy=EgressPolicy(frozenset(allow)), timeouts=timeouts, **more)


async def test_a_request_reaches_a_server_of_this_machine():
    async with raw_server(http(body=b"hello")) as server, client_for(f"{server.url}/v1", key="k-1") as client:
        assert (await client.get("/models")).text == "hello"
    (request,) = server.requests
    assert request.startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert b"authorization: Bearer k-1\r\n" in request
    assert b"user-agent: assist\r\n" in request.lower()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", ALL_INTERFACES, "[::]", "[::ffff:127.0.0.1]"])
async def test_every_name_of_this_machine_is_connected_as_127_0_0_1(host, monkeypatch):
    def no_resolver(*_arguments, **_more):
        pytest.fail("a name was resolved")

    async with raw_server(http()) as server:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_resolver)
        async with client_for(f"http://{host}:{server.port}") as client:
            await client.get("/")
    assert f"host: 127.0.0.1:{server.port}\r\n".encode() in server.requests[0].lower()


async def test_ipv6_loopback():
    async with raw_server(http(), host="::1") as server, client_for(f"http://[::1]:{server.port}") as client:
        assert (await client.get("/")).status_code == 200


async def test_a_unix_socket(tmp_path):
    path = tmp_path / "s"
    async with raw_server(http(body=b"u"), socket_path=path) as server, client_for(f"unix://{path}") as client:
        assert (await client.get("/x")).text == "u"
    assert server.requests[0].startswith(b"GET /x ")


@pytest.mark.parametrize("url", ["http://example.com", "http://localhost.evil.com", "https://127.0.0.1.nip.io"])
async def test_a_host_that_is_not_allowed_is_refused_before_it_is_resolved(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("a name was resolved"))
    with pytest.raises(EgressRefused):
        client_for(url)


async def test_an_address_with_a_query_is_refused():
    with pytest.raises(ConfigError, match="query"):
        client_for("http://127.0.0.1/?key=1")


async def test_a_loopback_name_that_leads_elsewhere_is_refused_before_a_byte_leaves(monkeypatch):
    """The resolver gives this test's server; the peer's address is reported as that of another machine."""
    original = httpcore_anyio.AnyIOStream.get_extra_info

    def elsewhere(self, info):
        return ("203.0.113.9", 80) if info == "server_addr" else original(self, info)

    monkeypatch.setattr(httpcore_anyio.AnyIOStream, "get_extra_info", elsewhere)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver_to("127.0.0.1"))
    async with raw_server(http()) as server, client_for(f"http://assist.localhost:{server.port}", key="k") as client:
        with pytest.raises(EgressRefused, match=r"leads to 203\.0\.113\.9"):
            await client.post("/", content=b"code")
        await asyncio.wait_for(server.gone.wait(), 5)
    assert (server.connections, server.requests) == (1, [])


async def test_an_allowed_address_that_another_machine_answers_is_refused(monkeypatch):
    guarded = socket.socket.connect
    async with raw_server(http()) as server:
        here = ("127.0.0.1", server.port)
        monkeypatch.setattr(socket.socket, "connect", lambda sock, _address: guarded(sock, here))
        async with client_for("http://192.0.2.7", allow=("192.0.2.7",)) as client:
            with pytest.raises(EgressRefused, match=r"192\.0\.2\.7 leads to 127\.0\.0\.1"):
                await client.post("/", content=b"code")
    assert server.requests == []


async def test_an_allowed_name_is_reached_and_recorded(monkeypatch, tmp_path):
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver_to("127.0.0.1"))
    audit = AuditLog(tmp_path / "audit")
    async with (
        raw_server(http()) as server,
        client_for(f"http://gpu.lan:{server.port}", allow=("gpu.lan",), audit=audit) as client,
    ):
        await client.get("/")
    assert '"host": "gpu.lan", "purpose": "model server"' in audit.path.read_text()


async def test_what_cannot_be_recorded_is_not_sent(monkeypatch, tmp_path):
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver_to("127.0.0.1"))
    async with (
        raw_server(http()) as server,
        client_for(f"http://gpu.lan:{server.port}", allow=("gpu.lan",), audit=AuditLog(tmp_path)) as client,
    ):
        with pytest.raises(ConfigError, match="audit log"):
            await client.post("/", content=b"code")
    assert server.requests == []


async def test_proxies_of_the_environment_are_ignored_for_this_machine(monkeypatch):
    async with raw_server(http(body=b"proxy")) as proxy, raw_server(http(body=b"server")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("SOCKS_PROXY", "socks5://127.0.0.1:1")
        async with client_for(server.url) as client:
            assert (await client.get("/")).text == "server"
    assert proxy.connections == 0


async def test_a_proxy_of_the_environment_is_honoured_for_an_allowed_host(monkeypatch, tmp_path):
    audit = AuditLog(tmp_path / "audit")
    async with raw_server(http(body=b"proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://localhost:{proxy.port}")
        async with client_for("http://gpu.lan", allow=("gpu.lan",), audit=audit) as client:
            assert (await client.get("/x")).text == "proxy"
    assert proxy.requests[0].startswith(b"GET http://gpu.lan/x ")
    assert '"host": "gpu.lan", "purpose": "model server, by way of a proxy"' in audit.path.read_text()


async def test_an_https_server_is_reached_through_a_tunnel_that_gets_no_key(monkeypatch):
    async with raw_server(http("403 Forbidden")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(BackendUnavailable), translated("the server"):
            async with client_for("https://gpu.lan", key="k-1", allow=("gpu.lan",)) as client:
                await client.get("/x")
    assert proxy.requests[0].startswith(b"CONNECT gpu.lan:443 ")
    assert b"k-1" not in proxy.requests[0]


async def test_no_proxy_is_honoured(monkeypatch):
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver_to("127.0.0.1"))
    async with raw_server(http(body=b"proxy")) as proxy, raw_server(http(body=b"server")) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "lan")
        async with client_for(f"http://gpu.lan:{server.port}", allow=("gpu.lan",)) as client:
            assert (await client.get("/")).text == "server"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "socks4a://x", "http://[bad"])
async def test_a_proxy_of_another_kind_is_refused_in_words(monkeypatch, proxy):
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(ConfigError, match=r"not an HTTP proxy"):
        client_for("http://gpu.lan", allow=("gpu.lan",))
    async with client_for("http://127.0.0.1:1"):
        pass


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(status):
    async with raw_server(http()) as other:
        answer = http(status, location=f"http://127.0.0.2:{other.port}/take")
        async with raw_server(answer) as server, client_for(server.url, key="k") as client:
            with pytest.raises(BadResponse, match=r"redirect to 127\.0\.0\.2"):
                await client.post("/", content=b"code", follow_redirects=True)
    assert (len(server.requests), other.connections) == (1, 0)


@pytest.mark.parametrize("location", ["", "http://[::1", "//", "\x7f"])
async def test_a_redirect_to_nowhere(location):
    async with raw_server(http("302 Found", location=location)) as server, client_for(server.url) as client:
        with pytest.raises(BadResponse, match="redirect"):
            await client.get("/")


async def test_a_caller_that_asks_for_redirects_sees_them_and_they_are_not_followed():
    answer = http("302 Found", location="http://127.0.0.2/")
    async with raw_server(answer) as server, client_for(server.url, see_redirects=True) as client:
        assert (await client.get("/")).status_code == 302
    assert server.connections == 1


async def test_a_client_speaks_to_no_other_server():
    async with raw_server(http()) as other, raw_server(http()) as server, client_for(server.url, key="k") as client:
        for url in (f"{other.url}/x", f"http://127.0.0.2:{server.port}/x", f"https://127.0.0.1:{server.port}/x"):
            with pytest.raises(EgressRefused, match="speaks to"):
                await client.get(url)
    assert (other.connections, server.connections) == (0, 0)


async def test_a_key_of_somebody_else_is_not_sent():
    """As a library would that reads OLLAMA_API_KEY and sends it to any host."""
    async with raw_server(http()) as server:
        transport = make_transport(Address(server.url), policy=EgressPolicy(), timeouts=PATIENT)
        async with httpx.AsyncClient(
            base_url=server.url, transport=transport, headers={"Authorization": "no"}
        ) as client:
            await client.get("/")
    assert b"authorization" not in server.requests[0].lower()


async def test_no_netrc_and_no_cookie_of_another_answer(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with raw_server(http()) as server, client_for(server.url) as client:
        await client.get("/")
    assert b"authorization" not in server.requests[0].lower()


def test_an_address_keeps_its_key_out_of_its_text():
    address = Address("http://[::1]:8080/v1", "sk-secret")
    assert "sk-secret" not in repr(address)
    assert address.place == "[::1]:8080"
    assert Address("http://localhost:1/").place == "127.0.0.1:1"
    assert Address("unix:///run/a.sock").place == "/run/a.sock"


async def test_neither_a_key_nor_a_text_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with raw_server(http(body=b"the answer")) as server, client_for(server.url, key="sk-secret") as client:
        await client.post("/", json={"prompt": "the question"})
    assert "HTTP Request" in caplog.text
    for secret in ("sk-secret", "the question", "the answer"):
        assert secret not in caplog.text


async def test_no_answer_in_time():
    async def never(_request, _writer):
        await asyncio.Event().wait()

    with pytest.raises(BackendTimeout, match="Ollama at here did not answer in time"), translated("Ollama at here"):
        async with raw_server(never) as server, client_for(server.url, timeouts=Timeouts(5, 0.05, 0.05)) as client:
            await client.get("/")


async def test_a_stream_that_falls_silent():
    async def one_piece(_request, writer):
        writer.write(STREAM + chunk(b"a"))
        await writer.drain()
        await asyncio.Event().wait()

    async with (
        raw_server(one_piece) as server,
        client_for(server.url, timeouts=Timeouts(5, 5, 0.05)) as client,
        client.stream("GET", "/") as response,
        aclosing(response.aiter_bytes()) as pieces,
    ):
        assert await anext(pieces) == b"a"
        with pytest.raises(BackendTimeout), translated("it"):
            await anext(pieces)


async def test_the_first_piece_may_take_longer_than_the_next_ones():
    class Body(httpx.AsyncByteStream):
        async def __aiter__(self):
            arrived = asyncio.Event()
            asyncio.get_running_loop().call_later(0.1, arrived.set)
            await arrived.wait()
            yield b"late"
            await asyncio.Event().wait()

    pieces = aiter(TimedStream(Body(), first=30, idle=0.02))
    assert await anext(pieces) == b"late"
    with pytest.raises(httpx.ReadTimeout):
        await anext(pieces)


async def test_closing_a_stream_closes_the_socket():
    async def endless(_request, writer):
        writer.write(STREAM + chunk(b"a"))

    async with raw_server(endless) as server, client_for(server.url) as client:
        async with client.stream("GET", "/") as response, aclosing(response.aiter_bytes()) as pieces:
            assert await anext(pieces) == b"a"
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_cancelling_a_reader_closes_the_socket():
    started = asyncio.Event()

    async def endless(_request, writer):
        writer.write(STREAM + chunk(b"a"))
        await writer.drain()
        started.set()

    async with raw_server(endless) as server, client_for(server.url) as client:
        reader = asyncio.create_task(client.get("/"))
        await asyncio.wait_for(started.wait(), 5)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        pytest.raises(BackendUnavailable, match="Ollama at x cannot be reached") as unavailable,
        translated("Ollama at x"),
    ):
        async with client_for(f"http://127.0.0.1:{port}") as client:
            await client.get("/")
    assert "assist doctor" in (unavailable.value.hint or "")


async def test_no_socket_of_that_name(tmp_path):
    with pytest.raises(BackendUnavailable), translated("it"):
        async with client_for(f"unix://{tmp_path}/none") as client:
            await client.get("/")


@pytest.mark.parametrize(
    "answer", [b"", STREAM + chunk(b"cut"), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", b"SSH-2.0\r\n\r\n"]
)
async def test_an_answer_that_is_cut_or_is_none(answer):
    async def cut(_request, writer):
        writer.write(answer)
        writer.close()

    with pytest.raises(BadResponse, match=r"^it "), translated("it"):
        async with raw_server(cut) as server, client_for(server.url) as client:
            await client.get("/")


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe{"])
async def test_an_answer_that_is_no_json(body):
    with pytest.raises(BadResponse), translated("it"):
        async with raw_server(http(body=body)) as server, client_for(server.url) as client:
            (await client.get("/")).json()


async def test_an_answer_that_is_packed_wrongly():
    with pytest.raises(BadResponse, match="cannot be read"), translated("it"):
        async with (
            raw_server(http(body=b"no gzip", content_encoding="gzip")) as server,
            client_for(server.url) as client,
        ):
            await client.get("/")


def test_our_own_errors_pass_a_translation_unchanged():
    refused = EgressRefused("no")
    with pytest.raises(EgressRefused) as raised, translated("it"):
        raise refused
    assert raised.value is refused


async def test_certificates_that_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="certificates"):
        client_for("https://127.0.0.1")


def resolver_to(ip: str):
    async def getaddrinfo(_host, port, **_more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    return getaddrinfo
