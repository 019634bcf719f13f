"""The transport on its own: pipes in, messages out."""

import asyncio
import contextlib
import os
from contextlib import aclosing

import pytest

from assist_server.lsp import stdio
from assist_server.lsp.stdio import Writer, messages, read_in_thread


async def read(*chunks: bytes) -> list[bytes]:
    source, sink = os.pipe()
    try:
        reader = read_in_thread(source)
        for chunk in chunks:
            os.write(sink, chunk)
        os.close(sink)
        async with aclosing(messages(reader)) as bodies:
            return await asyncio.wait_for(_all(bodies), 10)
    finally:
        os.close(source)


async def _all(bodies):
    return [body async for body in bodies]


@pytest.mark.parametrize(
    ("chunks", "bodies"),
    [
        ([b"Content-Length: 2\r\n\r\n{}"], [b"{}"]),
        ([b"Content-Length: 2\r\n\r\n{}Content-Length: 2\r\n\r\n[]"], [b"{}", b"[]"]),
        ([b"Con", b"tent-Length: 4\r", b"\n\r\n", b"\xc3", b"\xa9{}"], [b"\xc3\xa9{}"]),
        ([b"content-length:2\r\nContent-Type: a; charset=utf-8\r\n\r\n{}"], [b"{}"]),
        ([b"Content-Length: 2\n\n{}"], [b"{}"]),
        ([b"\r\n\r\nContent-Length: 0\r\n\r\nContent-Length: 1\r\n\r\n3"], [b"", b"3"]),
        ([b"Content-Length: 9\r\n\r\n{}"], []),
        ([b"Content-Length: -1\r\n\r\n{}"], []),
        ([b"Content-Length: two\r\n\r\n{}"], []),
        ([b"x" * 10_000 + b"\r\nContent-Length: 2\r\n\r\n{}"], []),
        ([b"Content-Length: 200000\r\n\r\n", *[b"x" * 50_000] * 1, b"x" * 10_000, b"x" * 60_000], []),
        ([b""], []),
    ],
)
async def test_messages_come_whole_or_not_at_all(chunks, bodies):
    assert await read(*chunks) == bodies


def full_pipe() -> tuple[int, int, int]:
    """Make a pipe that takes not one byte more; give its ends and how much is in it."""
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    held = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            held += os.write(sink, b"-" * 4096)
    os.set_blocking(sink, True)
    return source, sink, held


async def test_a_reader_that_is_gone_ends_the_session():
    gone = asyncio.Event()
    source, sink = os.pipe()
    writer = Writer(sink, gone.set)
    writer.write(b"message")
    assert os.read(source, 100) == b"message"
    assert not gone.is_set()
    os.close(source)
    writer.write(b"message")
    await asyncio.wait_for(gone.wait(), 10)
    writer.close()
    writer.write(b"message")
    os.close(sink)


async def test_all_is_written_in_its_order_before_the_end(monkeypatch):
    monkeypatch.setattr(stdio, "_LAST_WORDS_SECONDS", 10.0)
    sent = [bytes([65 + number % 26]) * (number * 97 % 5000) for number in range(400)]
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as output:
        reading = asyncio.get_running_loop().run_in_executor(None, output.read)
        writer = Writer(sink, lambda: None)
        for message in sent:
            writer.write(message)
        writer.close()
        os.close(sink)
        assert await asyncio.wait_for(reading, 10) == b"".join(sent)


async def test_a_client_that_does_not_read_holds_up_nothing(monkeypatch):
    monkeypatch.setattr(stdio, "_LAST_WORDS_SECONDS", 0.01)
    source, sink, held = full_pipe()
    gone = []
    writer = Writer(sink, lambda: gone.append(True))
    writer.write(b"one")
    writer.write(b"two")
    writer.close()
    assert not gone
    with os.fdopen(source, "rb") as output:
        assert await asyncio.wait_for(asyncio.to_thread(output.read, held + 6), 10) == b"-" * held + b"onetwo"
    os.close(sink)


async def test_a_client_that_leaves_too_much_unread_is_gone(monkeypatch):
    monkeypatch.setattr(stdio, "_MOST_UNREAD", 5)
    source, sink, held = full_pipe()
    gone = []
    writer = Writer(sink, lambda: gone.append(True))
    writer.write(b"a first")
    assert not gone
    writer.write(b"another")
    assert gone
    with os.fdopen(source, "rb") as output:
        assert (await asyncio.wait_for(asyncio.to_thread(output.read, held + 7), 10)).endswith(b"-a first")
        writer.close()
    os.close(sink)
