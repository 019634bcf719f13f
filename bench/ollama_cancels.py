"""What is left of many requests that were cancelled at random moments."""

import asyncio
import gc
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import psutil
from ollama_rig import MODEL, Figure, Rig, first_event, progress, stream

from assist_context.prompt.segments import Prompt, Text
from assist_server.backends.base import ChatRequest, Delta, Done, FillRequest, Message
from assist_server.backends.ollama import OllamaBackend
from assist_server.core.errors import AssistError
from assist_server.core.notices import Notice

REQUESTS = 1000
WARM_UP = 100  # requests until our own memory has its size
TOKENS = 12
IDLE_TURNS = 15
SETTLED = 0.1  # seconds; nothing that ends by itself takes as long
IDLE_SHARE = 1.25  # of the time to a first token: what the same quiet machine may differ by between two medians
MEMORY_SHARE = 1.05

_CODE = """class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
"""
_QUIET = FillRequest(MODEL, Prompt((Text(_CODE + "\n    def withdraw(self, amount):\n        "),)), 2)

Outcome = Literal["ran to its end", "left while it wrote", "cancelled before its first token", "failed"]


@dataclass(frozen=True, slots=True)
class Fate:
    """When a request is cancelled: after some seconds, after some pieces of its answer, or never.

    closes: after the pieces its stream is closed, as a feature does that has enough; else its task is cancelled.
    """

    seconds: float | None = None
    pieces: int | None = None
    closes: bool = False


async def measure_cancels(rig: Rig) -> list[Figure]:
    """Send the requests, some at once, and look at what is left."""
    notices: list[Notice] = []
    backend = rig.backend(notify=notices.append)
    await backend.preload(MODEL)
    before = await _quiet(backend)
    outcomes, early, late = await _run_all(backend, rig)
    after_first = await first_event(backend, _QUIET)
    after = await _quiet(backend)
    kept = _sockets(rig)
    await backend.aclose()
    tasks, sockets = await _tasks_left(), _sockets(rig)
    waited = sum(notice.kind == "waiting" for notice in notices)
    return [
        *(Figure(f"cancels: {outcome}", str(count)) for outcome, count in outcomes.most_common()),
        Figure("cancels: had to wait for their turn", str(waited)),
        Figure(f"cancels: errors in {outcomes.total()} requests", str(outcomes["failed"]), "0", not outcomes["failed"]),
        Figure("cancels: open sockets to Ollama when done", f"{sockets} ({kept} kept alive before)", "0", not sockets),
        Figure("cancels: tasks left when done", str(tasks), "0", not tasks),
        Figure(
            f"cancels: our memory against that after {WARM_UP} requests",
            f"{late / early:.3f} ({late / 2**20:.1f} MiB)",
            f"<= {MEMORY_SHARE}",
            late <= MEMORY_SHARE * early,
        ),
        Figure(
            "cancels: first token afterwards against before",
            f"{after / before:.2f} ({after * 1000:.0f} ms; the very next {after_first * 1000:.0f})",
            f"<= {IDLE_SHARE}",
            after <= IDLE_SHARE * before,
        ),
    ]


async def _run_all(backend: OllamaBackend, rig: Rig) -> tuple[Counter[Outcome], int, int]:
    """Give the outcomes, and our resident bytes after the first requests and at the end."""
    total = rig.count(REQUESTS)
    outcomes: Counter[Outcome] = Counter()
    early = None
    for burst in _bursts(total, rig.seed):
        outcomes.update(await asyncio.gather(*(_ask(backend, request, fate) for request, fate in burst)))
        progress("cancels", outcomes.total(), total, step=len(burst))
        if early is None and outcomes.total() >= WARM_UP:
            early = _resident()
    late = _resident()
    return outcomes, early or late, late


def _bursts(total: int, seed: int) -> Iterator[list[tuple[FillRequest | ChatRequest, Fate]]]:
    """Choose requests and fates, as many at once as come: where it is several, all but one wait for their turn."""
    random_ = random.Random(seed)  # noqa: S311 - an order
    sent = 0
    while sent < total:
        size = min(random_.choice((1, 1, 1, 2, 3, 5)), total - sent)
        sent += size
        yield [(_request(random_), _fate(random_, size)) for _ in range(size)]


def _request(random_: random.Random) -> FillRequest | ChatRequest:
    number = random_.randrange(10**6)
    if random_.random() < 0.3:
        message = Message("user", f"{_CODE}\nWhat is the balance after a deposit of {number}?")
        return ChatRequest(MODEL, (message,), TOKENS)
    text = f"{_CODE}\n    def close_{number}(self):\n        self."
    return FillRequest(MODEL, Prompt((Text(text),)), TOKENS)


def _fate(random_: random.Random, size: int) -> Fate:
    draw = random_.random()
    if draw < 0.2:
        return Fate()
    if draw < 0.5:
        return Fate(pieces=random_.randint(1, 6), closes=random_.random() < 0.5)
    return Fate(seconds=random_.uniform(0.0, 0.3 * size))


async def _ask(backend: OllamaBackend, request: FillRequest | ChatRequest, fate: Fate) -> Outcome:
    pieces = 0

    async def read() -> None:
        nonlocal pieces
        async with aclosing(stream(backend, request)) as events:
            async for event in events:
                pieces += isinstance(event, Delta)
                if isinstance(event, Done) or (pieces == fate.pieces and fate.closes):
                    return
                if pieces == fate.pieces:
                    task.cancel()

    task = asyncio.create_task(read())
    await asyncio.wait({task}, timeout=fate.seconds)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "left while it wrote" if pieces else "cancelled before its first token"
    except AssistError:
        return "failed"
    return "left while it wrote" if pieces == fate.pieces else "ran to its end"


async def _quiet(backend: OllamaBackend) -> float:
    """Give the median time to the first token of a prompt that the model has just read."""
    await first_event(backend, _QUIET)
    return statistics.median([await first_event(backend, _QUIET) for _ in range(IDLE_TURNS)])


async def _tasks_left() -> int:
    """Count the tasks that do not end by themselves at once, as the closing of a generator does that was let go."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    left = (await asyncio.wait(others, timeout=SETTLED))[1] if others else set()
    for task in left:
        print(f"left: {task!r}", file=sys.stderr)
    return len(left)


def _resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def _sockets(rig: Rig) -> int:
    port = int(rig.server.url.rpartition(":")[2])
    connections = psutil.Process().net_connections("tcp")
    return sum(bool(each.raddr) and each.raddr.port == port for each in connections)
