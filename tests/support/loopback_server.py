"""A small HTTP/1.1 server on this machine whose every byte, pause and cut a test decides."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

DEADLINE = 10.0  # seconds; an event that has not come by then will not come


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection at once, without the end that the framing promises."""


@dataclass(slots=True)
class Hold:
    """Wait until `release` is set or the client has gone; `reached` is set when the server comes to this point."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


Piece = bytes | Hold | Cut


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: pieces go out one by one, each in a packet of its own as far as the system lets it.

    framing: `chunked`, `length` (all bytes are counted first), or `close` (it ends with the connection).
    before: what happens before the status line. close: end the connection afterwards although HTTP/1.1 would keep it.
    """

    pieces: Sequence[Piece] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    framing: Literal["chunked", "length", "close"] = "length"
    before: Hold | Cut | None = None
    close: bool = False


@dataclass(slots=True)
class Received:
    """A request as it came in; `gone` is set when the client closes the connection before the answer is complete."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Reply | Callable[[Received], Reply]


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply((json.dumps(value).encode(),), status=status, headers=headers or {})


async def soon(awaitable: Awaitable[Any]) -> Any:
    """Wait for something that must happen, and fail rather than hang where it does not."""
    return await asyncio.wait_for(awaitable, DEADLINE)


class LoopbackServer:
    """Answer by routes: `server.on("POST", "/x", reply, reply)` plays the replies in turn and repeats the last.

    rename: gives the path by which a request is routed and found, for servers that do two things at one path.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.requests: list[Received] = []
        self._host = host
        self._came = asyncio.Condition()
        self.rename: Callable[[Received], str] = lambda request: request.path
        self._routes: dict[tuple[str, str], list[Answer]] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    async def __aenter__(self) -> "LoopbackServer":
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    async def listen(self) -> None:
        """Listen, on the same port as before where there was one."""
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Stop listening and cut all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def all_closed(self) -> None:
        """Wait until no client is connected."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    @property
    def place(self) -> str:
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._routes[method, path] = list(answers)

    def received(self, path: str) -> list[Received]:
        return [request for request in self.requests if request.path == path]

    async def has_received(self, path: str, count: int) -> None:
        """Wait until so many requests have come for a path."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.received(path)) >= count)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            connection = _Connection(reader, writer)
            while (request := await connection.request()) is not None:
                request.path = self.rename(request)
                self.requests.append(request)
                async with self._came:
                    self._came.notify_all()
                if not await connection.answer(request, self._answer(request)):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()

    def _answer(self, request: Received) -> Reply:
        answers = self._routes.get((request.method, request.path))
        if not answers:
            return Reply((b"404 page not found",), status=404, content_type="text/plain")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(request) if callable(answer) else answer


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = b""  # what the watch for the end has read of the next request

    async def request(self) -> Received | None:
        head = self._ahead
        self._ahead = b""
        while b"\r\n\r\n" not in head:
            more = await self._reader.read(65536)
            if not more:
                return None
            head += more
        text, _, body = head.partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            more = await self._reader.read(65536)
            if not more:
                return None
            body += more
        method, path, _ = first.split(" ")
        return Received(method, path, headers, body)

    async def answer(self, request: Received, reply: Reply) -> bool:
        """Send an answer and tell whether the connection stays open."""
        watch = asyncio.ensure_future(self._reader.read(65536))
        try:
            complete = await self._send(request, reply, watch)
        finally:
            if watch.done() and not watch.cancelled() and watch.exception() is None:
                self._ahead = watch.result()
            watch.cancel()
            await asyncio.wait({watch})  # two cannot read from one stream
        request.answered.set()
        if not complete:
            return False
        return not (reply.close or reply.framing == "close" or request.headers.get("connection") == "close")

    async def _send(self, request: Received, reply: Reply, watch: "asyncio.Future[bytes]") -> bool:
        if reply.before is not None and not await self._pause(reply.before, request, watch):
            return False
        self._writer.write(_head(reply))
        for piece in reply.pieces:
            if not isinstance(piece, bytes):
                if not await self._pause(piece, request, watch):
                    return False
                continue
            self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.framing == "chunked" else piece)
            await self._writer.drain()
            await asyncio.sleep(0)  # let the client read this piece before the next
        if reply.framing == "chunked":
            self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        return True

    async def _pause(self, piece: Hold | Cut, request: Received, watch: "asyncio.Future[bytes]") -> bool:
        """Wait at a hold; False where the connection is over."""
        await self._writer.drain()
        if isinstance(piece, Cut):
            return False
        piece.reached.set()
        release = asyncio.ensure_future(piece.release.wait())
        await asyncio.wait({release, watch}, return_when=asyncio.FIRST_COMPLETED)
        if release.done():
            return True
        release.cancel()
        if watch.exception() is not None or not watch.result():
            request.gone.set()
        return False


def _head(reply: Reply) -> bytes:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    if reply.framing == "chunked":
        headers["Transfer-Encoding"] = "chunked"
    elif reply.framing == "length":
        headers["Content-Length"] = str(sum(len(p) for p in reply.pieces if isinstance(p, bytes)))
    lines = [f"HTTP/1.1 {reply.status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
