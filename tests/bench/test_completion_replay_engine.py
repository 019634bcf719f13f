"""The recording engine passes everything on, and knows what was read for an answer that was left."""

import asyncio
import json

import pytest
from completion_replay_engine import Recorder

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
FREE = HEAD + json.dumps([{"id": 0, "is_processing": False}]).encode()


def event(number, **more):
    timings = {"prompt_n": 5, "cache_n": 90, "predicted_n": number, "prompt_ms": 40.0}
    return b"data: " + json.dumps({"content": "x", "timings": timings, **more}).encode() + b"\n\n"


@pytest.fixture
async def recording():
    """A recorder before an engine that writes two tokens, and the last one when it is told to."""
    goes_on, asked, serving = asyncio.Event(), [], []

    async def engine(reader, writer):
        serving.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode())
        if b" /slots " in head:
            writer.write(FREE)
        else:
            writer.write(HEAD + event(1) + event(2))
            await goes_on.wait()
            writer.write(event(3, stop=True))
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    behind = await asyncio.start_server(engine, "127.0.0.1", 0)
    recorder = Recorder(behind.sockets[0].getsockname()[1], "the key")
    before = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
    yield before.sockets[0].getsockname()[1], goes_on, asked
    goes_on.set()
    await asyncio.gather(*serving)
    before.close()
    behind.close()


async def send(port, request, body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{request} HTTP/1.1\r\nAuthorization: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return reader, writer


async def calls(port):
    reader, writer = await send(port, "GET /calls")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return json.loads(answer.partition(b"\r\n\r\n")[2])["calls"]


async def test_a_whole_answer_is_passed_on_as_it_is(recording):
    port, goes_on, asked = recording
    goes_on.set()
    reader, writer = await send(port, "POST /completion", b'{"prompt": [1, 2], "n_predict": 9}')
    assert await reader.read() == HEAD + event(1) + event(2) + event(3, stop=True)
    writer.close()
    (call,) = await calls(port)
    assert (call["evaluated"], call["cached"], call["generated"], call["left"]) == (5, 90, 3, False)
    assert call["body"] == {"prompt": [1, 2], "n_predict": 9}
    assert call["begun"] <= call["first"] <= call["ended"] == call["freed"]
    assert "Bearer the key" in asked[0]
    assert await calls(port) == []


async def test_an_answer_that_is_left_tells_what_was_read_and_when_the_slot_was_free(recording):
    port, _, _ = recording
    reader, writer = await send(port, "POST /completion", b'{"prompt": [1, 2], "n_predict": 9}')
    await reader.readuntil(event(2))
    writer.close()
    (call,) = await calls(port)
    assert (call["evaluated"], call["generated"], call["left"]) == (5, 2, True)
    assert call["freed"] > call["ended"]
