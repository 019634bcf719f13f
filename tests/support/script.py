"""A script for the scripted backend of a server process, and what it plays, told as it happens."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEADLINE = 30.0
HOLD = {"hold": True}


def fill(*chunks: Any, **more: Any) -> dict[str, Any]:
    """Make a step that fills in."""
    return {"on": "fill", "chunks": list(chunks), **more}


def chat(*chunks: Any, **more: Any) -> dict[str, Any]:
    """Make a step that answers in words."""
    return {"on": "chat", "chunks": list(chunks), **more}


class Script:
    """Writes the script into a folder and reads what the backend records from a pipe beside it."""

    def __init__(self, folder: Path, *steps: Mapping[str, Any]) -> None:
        self.path = folder / "script.json"
        self.events: list[dict[str, Any]] = []
        pipe = folder / "record.pipe"
        os.mkfifo(pipe)
        # Open for writing as well, so that it does not end when the server's side is closed.
        self._descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self._unread = b""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)
        self.path.write_text(json.dumps([{"record": pipe.name}, *steps]), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that make a server play the script, at once."""
        return {
            "ASSIST_BACKEND": "scripted",
            "ASSIST_BACKEND_SCRIPT": str(self.path),
            "ASSIST_COMPLETION_DEBOUNCE_MS": "0",
        }

    async def event(self, **fields: Any) -> dict[str, Any]:
        """Wait for something that the backend did, such as `on="fill", ended="closed"`, and take it off the list."""

        async def look() -> dict[str, Any]:
            while True:
                for event in self.events:
                    if all(event.get(name) == value for name, value in fields.items()):
                        self.events.remove(event)
                        return event
                self._news.clear()
                await self._news.wait()

        return await asyncio.wait_for(look(), DEADLINE)

    def close(self) -> None:
        """Read no more."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        *lines, self._unread = (self._unread + os.read(self._descriptor, 1 << 20)).split(b"\n")
        self.events += [json.loads(line) for line in lines]
        self._news.set()
