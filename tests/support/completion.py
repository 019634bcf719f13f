"""Completions in tests: text with a ``<|>`` cursor in, the text offered out."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from assist_context.document import Document
from assist_server.backends.base import Backend
from assist_server.backends.scripted import Chunk, ScriptedBackend
from assist_server.config.settings import BackendSettings, CompletionSettings, Settings
from assist_server.core.errors import ConfigError
from assist_server.features.completion.service import Completion, CompletionQuery, CompletionService
from assist_server.features.completion.trigger import Trigger
from assist_server.features.selection import Selector

CURSOR = "<|>"


def at_cursor(marked: str) -> tuple[str, int]:
    """Split a text at its one cursor mark into the text without it and the offset."""
    before, mark, after = marked.partition(CURSOR)
    if not mark or CURSOR in after:
        message = "a place needs exactly one <|>"
        raise ValueError(message)
    return before + after, len(before)


class Held(asyncio.Event):
    """A chunk that never comes; `reached` is set when the stream has come to it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self) -> Literal[True]:
        """Say that the stream is here, then wait."""
        self.reached.set()
        return await super().wait()


class StillClock:
    """A clock that stands until a test moves it; waiting moves it and is noted."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Give the seconds it shows."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move on without waiting."""
        self.slept.append(seconds)
        self.now += seconds


def query_at(marked: str, trigger: Trigger = "automatic", *, path: str = "a.py") -> CompletionQuery:
    """Ask at the cursor of a Python document."""
    text, offset = at_cursor(marked)
    return CompletionQuery(Document(f"file:///{path}", path, "python", text), offset, trigger)


def selector_of(backend: Backend, settings: Settings | None = None) -> Selector:
    """Make a selector that knows one backend, by its name."""

    def make(name: str) -> Backend:
        if name != backend.name:
            raise ConfigError(f"there is no backend called {name}")
        return backend

    return Selector(settings or settings_for(backend), make, embedded_missing=lambda: None)


def settings_for(backend: Backend, completion: CompletionSettings | None = None) -> Settings:
    """Make settings that choose a backend."""
    return Settings(backend=BackendSettings(name=backend.name), completion=completion or CompletionSettings())


def service_on(
    backend: Backend, completion: CompletionSettings | None = None, clock: StillClock | None = None
) -> CompletionService:
    """Make a completion service over one backend; its clock stands still."""
    settings = settings_for(backend, completion)
    return CompletionService(selector_of(backend, settings), settings, clock or StillClock())


async def check_complete(
    marked: str, *, model: Sequence[Chunk], expect: str | None, trigger: Trigger = "automatic"
) -> Completion:
    """Let a model write `model`, piece by piece, at the cursor; check that `expect` is offered, None for nothing."""
    completion = await service_on(ScriptedBackend(fills=[model])).complete(query_at(marked, trigger))
    offered = completion.items[0].text if completion.items else None
    assert offered == expect, f"offered {offered!r}, not {expect!r}: {'; '.join(completion.trace)}"
    assert (completion.why_empty is None) == bool(completion.items)
    return completion
