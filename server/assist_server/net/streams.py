"""The two framings of a streamed answer: JSON lines and server-sent events.

Both work on bytes, so that a UTF-8 character cut by the network is whole again, and neither limits a line's length.
Close a generator (`contextlib.aclosing`) before the response it reads.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import httpx

from assist_server.core.errors import BadResponse


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One server-sent event; its type is `message` where the server names none."""

    event: str
    data: str


async def ndjson(response: httpx.Response) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the JSON object of each line; raises BadResponse for a line that is something else."""
    async with aclosing(_lines(response)) as lines:
        async for line in lines:
            if line.strip():
                yield json_object(line)


async def server_sent_events(response: httpx.Response) -> AsyncGenerator[SentEvent, None]:
    """Yield events as they come, the last one also where no blank line ends it; comments are left out."""
    event, data = "", list[str]()
    async with aclosing(_lines(response)) as lines:
        async for line in lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "event":
                event = value
            elif not line:
                if data:
                    yield SentEvent(event or "message", "\n".join(data))
                event, data = "", []
    if data:
        yield SentEvent(event or "message", "\n".join(data))


def json_object(text: str) -> dict[str, Any]:
    """Read one JSON object; raises BadResponse for anything else, without repeating the text."""
    try:
        value = json.loads(text)
    except ValueError:
        raise BadResponse("the server sent a line that is not JSON") from None
    except RecursionError:
        raise BadResponse("the server sent JSON that is nested too deeply") from None
    if not isinstance(value, dict):
        raise BadResponse("the server sent JSON that is not an object")
    return value


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    buffer = bytearray()
    async with aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_bytes())) as pieces:
        async for piece in pieces:
            searched = len(buffer)
            buffer += piece
            start = 0
            while (end := buffer.find(b"\n", max(start, searched))) >= 0:
                yield _text(buffer[start:end])
                start = end + 1
            del buffer[:start]
    if buffer:
        yield _text(buffer)


def _text(line: bytearray) -> str:
    try:
        return line.decode("utf-8").removesuffix("\r").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise BadResponse("the server sent text that is not UTF-8") from None
