"""What the parts of `bench_ollama.py` share: figures, a real Ollama with a model, and texts of this repository."""

import asyncio
import sys
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import psutil

from assist_server.backends.base import ChatRequest, Delta, EventStream, FillRequest
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.registry import BackendConfig, OllamaWishes
from assist_server.core.notices import Notify, unheard
from support.ollama_server import FIM_MODEL, OllamaServer, PromptEvaluation

ROOT = Path(__file__).resolve().parent.parent
MODEL = FIM_MODEL


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table. reached: None where nothing is aimed at."""

    name: str
    measured: str
    target: str = ""
    reached: bool | None = None


@dataclass(frozen=True, slots=True)
class Rig:
    """What a part measures with.

    folder: for its files. gguf: the model's file. requests: how many to send, None for the part's usual number.
    """

    server: OllamaServer
    folder: Path
    gguf: Path
    requests: int | None
    seed: int

    def count(self, usual: int) -> int:
        """Give the number of requests, measurements or characters of a part."""
        return usual if self.requests is None else min(usual, self.requests)

    def backend(self, *, batch_size: int = 0, notify: Notify = unheard) -> OllamaBackend:
        """Make the product's backend for the server; a batch size other than the last one loads the model anew."""
        wishes = OllamaWishes(batch_size=batch_size)
        return OllamaBackend(BackendConfig(url=self.server.url, ollama=wishes, notify=notify))

    async def evaluation(self, mark: int) -> PromptEvaluation:
        """Read from Ollama's log what the one request since a mark made the model evaluate."""
        found = await asyncio.to_thread(self.server.log.prompt_evaluations, mark, count=1)
        return found[0]

    def memory(self) -> list[int]:
        """Give the resident bytes of each llama-server that Ollama runs."""
        running = psutil.Process(self.server.process.pid).children(recursive=True)
        return [each.memory_info().rss for each in running if any("llama-server" in part for part in each.cmdline())]


def stream(backend: OllamaBackend, request: FillRequest | ChatRequest) -> EventStream:
    """Ask in the way that a request is meant."""
    return backend.fill(request) if isinstance(request, FillRequest) else backend.chat(request)


async def first_event(backend: OllamaBackend, request: FillRequest) -> float:
    """Give the seconds to the first text, or to the end of an answer without any; the rest of it is read too."""
    seconds = None
    started = time.perf_counter()
    async with aclosing(backend.fill(request)) as events:
        async for _ in events:
            seconds = seconds or time.perf_counter() - started
    if seconds is None:
        raise RuntimeError("an answer without an end")
    return seconds


async def leave_after(backend: OllamaBackend, request: FillRequest | ChatRequest, pieces: int) -> None:
    """Close an answer after a number of its pieces."""
    async with aclosing(stream(backend, request)) as events:
        async for event in events:
            pieces -= isinstance(event, Delta)
            if pieces <= 0:
                return


def progress(part: str, done: int, total: int, *, step: int = 1) -> None:
    """Say on standard error how far a part is, ten times; step: what was done since the last call."""
    tenth = max(1, total // 10)
    if done // tenth > (done - step) // tenth:
        print(f"{part}: {done} of {total}", file=sys.stderr, flush=True)
