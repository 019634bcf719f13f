"""The built-in engine behind a port that takes note of what it is asked: a program for `engine.command`.

All bytes are passed on as they are, but that each answer is asked for with its timings, so that one which is left
before its end tells as well what was read for it. `GET /calls` gives the calls so far and forgets them. Times are those
of `time.monotonic`, which all processes share.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from assist_server.config.settings import EngineSettings
from assist_server.engine.builtin import BuiltinServer
from assist_server.engine.folder import EngineFolder
from assist_server.engine.spec import make_spec

PROMPTS = ("/completion", "/completions", "/v1/completions", "/infill", "/v1/chat/completions")
LOOK_EVERY = 0.01
LONGEST_LOOK = 30.0
PIECE = 65_536


@dataclass(slots=True)
class Call:
    """One request for text.

    begun, first, ended: when it came, its first text, and its end or that of who asked. left: who asked was gone before
    it was whole. freed: when its slot was seen free, None where the next call came before. prompt_ms: by the engine's
    clock.
    """

    path: str
    body: dict[str, Any]
    begun: float
    first: float | None = None
    ended: float | None = None
    left: bool = False
    freed: float | None = None
    evaluated: int | None = None
    cached: int | None = None
    generated: int = 0
    prompt_ms: float | None = None
    whole: bool = False

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take note of a piece of the answer."""
        self.first = self.first or time.monotonic()
        self.whole = bool(event.get("stop"))
        if isinstance(timings := event.get("timings"), dict):
            self.evaluated, self.cached = timings.get("prompt_n"), timings.get("cache_n")
            self.prompt_ms = timings.get("prompt_ms")
            # One that is to write nothing counts the token that it does not give.
            self.generated = timings.get("predicted_n", 0) if self.body.get("n_predict") != 0 else 0


@dataclass(slots=True)
class Recorder:
    """Pass requests on to an engine; key: the engine's own."""

    port: int
    key: str
    calls: list[Call] = field(default_factory=list)
    running: set["asyncio.Task[Any]"] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, which is for one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            body = await reader.readexactly(_length(head))
            if path == "/calls":
                await self._tell(writer)
                return
            call = None
            if method == "POST" and path in PROMPTS:
                call = Call(path, json.loads(body), time.monotonic())
                body = json.dumps({**call.body, "timings_per_token": True}).encode()
                self.calls.append(call)
                self._run(asyncio.current_task())
            await self._pass_on(reader, writer, self._head(head, len(body)) + body, call)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, call: Call | None
    ) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.port)
        leaving = asyncio.create_task(reader.read(1))
        lines = b""
        try:
            up_writer.write(request)
            while True:
                reading = asyncio.create_task(up_reader.read(PIECE))
                await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    break
                if not (piece := reading.result()):
                    break
                writer.write(piece)
                if call is not None:
                    lines = _hear(call, lines + piece)
        finally:
            left = leaving.done()
            leaving.cancel()
            up_writer.close()
            if call is not None:
                self._end(call, left=left)

    def _end(self, call: Call, *, left: bool) -> None:
        call.ended, call.left = time.monotonic(), left and not call.whole
        if not call.left:
            call.freed = call.ended
            return
        self._run(asyncio.create_task(self._look(call, len(self.calls))))

    def _run(self, task: "asyncio.Task[Any] | None") -> None:
        if task is not None:
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def _look(self, call: Call, calls: int) -> None:
        """See when the slot of a call that was left is free, as long as no other call comes."""
        until = time.monotonic() + LONGEST_LOOK
        headers = {"authorization": f"Bearer {self.key}", "connection": "close"}
        async with httpx.AsyncClient(headers=headers, timeout=LONGEST_LOOK) as client:
            while len(self.calls) == calls and time.monotonic() < until:
                slots = (await client.get(f"http://127.0.0.1:{self.port}/slots")).json()
                slot = call.body.get("id_slot")
                if not any(each["is_processing"] for each in slots if slot in (None, -1, each["id"])):
                    if len(self.calls) == calls:
                        call.freed = time.monotonic()
                    return
                await asyncio.sleep(LOOK_EVERY)

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        while self.running:
            await asyncio.wait(self.running)
        told = {"port": self.port, "key": self.key, "calls": [asdict(call) for call in self.calls]}
        self.calls.clear()
        body = json.dumps(told).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()

    def _head(self, head: str, length: int) -> bytes:
        """Write the head anew, with the engine's own key, and so that the engine closes the connection at the end."""
        own = ("authorization:", "connection:", "content-length:")
        kept = [line for line in head.split("\r\n") if line and not line.lower().startswith(own)]
        kept += [f"authorization: Bearer {self.key}", "connection: close", f"content-length: {length}", "", ""]
        return "\r\n".join(kept).encode("latin-1")


def _hear(call: Call, text: bytes) -> bytes:
    """Read whole lines of an answer and give the rest."""
    *lines, rest = text.split(b"\n")
    for line in lines:
        if line.startswith(b"data: {"):
            call.hear(json.loads(line.removeprefix(b"data: ")))
    return rest


def _length(head: str) -> int:
    lines = (line.partition(":") for line in head.split("\r\n"))
    return next((int(value) for name, _, value in lines if name.lower() == "content-length"), 0)


def program(folder: Path, python: str) -> Path:
    """Write the program into a folder and give its path."""
    file = folder / "recording-engine"
    file.write_text(f"#!/bin/sh\nexec '{python}' '{Path(__file__).resolve()}' \"$@\"\n", encoding="utf-8")
    file.chmod(0o755)
    return file


async def _run(server: BuiltinServer, host: str, port: int) -> None:
    recorder = Recorder(int(server.url.rpartition(":")[2]), server.api_key)
    async with await asyncio.start_server(recorder.serve, host, port) as listening:
        await listening.serve_forever()


def main() -> None:
    """Read the options that a `llama-server` is started with, and serve."""
    parser = argparse.ArgumentParser(description="Run the engine and take note of what it is asked.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("-m", type=Path, required=True)
    parser.add_argument("--alias", default="model")
    for name, usual in (("-c", 8192), ("-b", 128), ("-t", 0), ("-ngl", -1)):
        parser.add_argument(name, type=int, default=usual)
    options, _ = parser.parse_known_args()
    settings = EngineSettings(context_length=options.c, batch_size=options.b, threads=options.t, gpu_layers=options.ngl)
    spec = make_spec(settings, model_path=options.m, alias=options.alias)
    server = BuiltinServer(spec, EngineFolder(Path.cwd()))
    asyncio.run(_run(server, options.host, options.port))


if __name__ == "__main__":
    main()
