"""The transport on its own: pipes in, messages out."""

import asyncio
import os
from contextlib import aclosing

import pytest

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


def test_a_reader_that_is_gone_ends_the_session():
    gone = []
    source, sink = os.pipe()
    writer = Writer(sink, lambda: gone.append(True))
    writer.write(b"message")
    assert os.read(source, 100) == b"message"
    assert not gone
    os.close(source)
    writer.write(b"message")
    assert gone
    writer.close()
    os.close(sink)
