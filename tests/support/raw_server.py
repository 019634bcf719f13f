"""A server on loopback that keeps what it was sent and answers with the bytes a test gives it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """What happened: connections opened, requests with their bodies, and whether a client has gone."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def http(status: str = "200 OK", body: bytes = b"", **headers: str) -> bytes:
    """Write an HTTP answer with its length; a header `content_type` becomes `content-type`."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunk(data: bytes) -> bytes:
    """Frame a piece of a chunked body; an empty one ends it."""
    return b"%x\r\n%s\r\n" % (len(data), data)


STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def always(data: bytes) -> Answer:
    """Answer every request with the same bytes."""

    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


@asynccontextmanager
async def raw_server(
    answer: Answer | bytes = b"", *, host: str = "127.0.0.1", socket_path: Path | None = None
) -> AsyncIterator[RawServer]:
    """Serve until the block ends; an answer that returns leaves the connection open for the next request."""
    record, reply = RawServer(), always(answer) if isinstance(answer, bytes) else answer
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record.connections += 1
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                record.requests.append(head + await reader.readexactly(_length(head)))
                await reply(record.requests[-1], writer)
                await writer.drain()
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            record.gone.set()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    if socket_path is None:
        server = await asyncio.start_server(serve, host, 0)
        record.port = server.sockets[0].getsockname()[1]
    else:
        server = await asyncio.start_unix_server(serve, socket_path)
    try:
        yield record
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
