"""The contract's own assertions reject a stream that breaks the promises."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from assist_server.backends.base import Delta, Done, Event, Usage
from support.backend_contract import collect
from support.loopback_server import Cut, Hold, LoopbackServer, Reply, json_reply, soon

DONE = Done("stop", Usage(1, 1))


async def stream(*events: Event) -> AsyncGenerator[Event, None]:
    for event in events:
        yield event


@pytest.mark.parametrize(
    "events", [(), (Delta("a"),), (Delta(""), DONE), (DONE, DONE), (DONE, Delta("a"))], ids=lambda e: repr(e)[:30]
)
async def test_a_broken_stream_is_seen(events: tuple[Event, ...]) -> None:
    with pytest.raises(AssertionError):
        await collect(stream(*events))


async def test_a_good_stream_is_let_through() -> None:
    assert await collect(stream(Delta("a"), Delta("b"), DONE)) == ("ab", DONE)


async def test_the_loopback_server_knows_who_has_gone_and_who_has_not() -> None:
    async with LoopbackServer() as server, httpx.AsyncClient(trust_env=False) as client:
        hold = Hold()
        server.on("GET", "/held", Reply((b"a", hold, b"b")))
        server.on("GET", "/cut", Reply((b"a", Cut()), framing="chunked"))
        server.on("GET", "/turns", json_reply(1), json_reply(2))
        assert [(await client.get(f"{server.url}/turns")).json() for _ in range(3)] == [1, 2, 2]
        asked = asyncio.ensure_future(client.get(f"{server.url}/held"))
        await soon(hold.reached.wait())
        hold.release.set()
        assert (await soon(asked)).text == "ab"
        (request,) = server.received("/held")
        assert request.answered.is_set()
        assert not request.gone.is_set()
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{server.url}/cut")
        assert (await client.get(f"{server.url}/nowhere")).status_code == 404
