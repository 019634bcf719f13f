"""The time to the first token beside `curl` with the same bytes."""

import asyncio
import json
import random
import shutil
import statistics
from dataclasses import dataclass, replace

import httpx
from bench_completion import Hole, cut_holes
from ollama_rig import MODEL, Figure, Rig, first_event, progress

from assist_server.backends.base import FillRequest
from assist_server.backends.ollama import OllamaBackend
from assist_server.config.settings import BackendSettings, CompletionSettings, Settings
from assist_server.features.completion.asking import budget_for, make_ask
from assist_server.features.selection import Selector

PAIRS = 40
HOLES = 4
TAIL = 8  # characters of a fresh tail; a digit is a token
OUTPUT = 4
TARGET = 1.05


class BodyTakenError(Exception):
    """A request was stopped before it left."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One measurement of each, in seconds, and how many tokens the model evaluated for it."""

    ours: float
    curl: float
    our_tokens: int
    curl_tokens: int


async def measure_first_token(rig: Rig) -> list[Figure]:
    """Measure pairs; either goes first in turn, and each has a tail of its own: both evaluate as many tokens."""
    timed, bodies = rig.backend(), rig.backend()
    total = rig.count(PAIRS)
    random_ = random.Random(rig.seed)  # noqa: S311 - tails
    pairs: list[Pair] = []
    selector = Selector(_settings(rig), lambda _name: timed, embedded_missing=lambda: None)
    try:
        for hole in cut_holes(HOLES, rig.seed):
            await first_event(timed, await request_for(selector, hole))
            for _ in range(min(-(-total // HOLES), total - len(pairs))):
                ours, curls = [await request_for(selector, _with_tail(hole, random_)) for _ in range(2)]
                body = await body_of(bodies, curls)
                pairs.append(await _pair(rig, timed, ours, body, ours_first=len(pairs) % 2 == 0))
                progress("first-token", len(pairs), total)
    finally:
        await selector.aclose()
        await bodies.aclose()
    return _figures(pairs)


def _settings(rig: Rig) -> Settings:
    return Settings(
        backend=BackendSettings(name="ollama", url=rig.server.url, model=MODEL),
        completion=CompletionSettings(max_tokens=OUTPUT),
    )


async def request_for(selector: Selector, hole: Hole) -> FillRequest:
    """Make the request that the product makes for a hole."""
    target = await selector.target("completion")
    choice = await selector.fim(target)
    budget = budget_for(CompletionSettings(max_tokens=OUTPUT), target)
    ask = await make_ask(hole.document, hole.offset, target=target, choice=choice, budget=budget, one_line=True)
    if not isinstance(ask.request, FillRequest):
        raise TypeError(f"{target.model} does not fill in: {choice.why}")
    return ask.request


async def body_of(backend: OllamaBackend, request: FillRequest) -> bytes:
    """Take the bytes that a backend would send, just before they leave."""
    await backend.preload(request.model)
    client = await backend._connection.client()  # noqa: SLF001 - the only place that sees them
    taken: list[bytes] = []

    async def take(sent: httpx.Request) -> None:
        if sent.url.path.endswith("/api/generate") and json.loads(sent.content).get("prompt"):
            taken.append(sent.content)
            raise BodyTakenError

    client.event_hooks = {"request": [take]}
    try:
        await first_event(backend, request)
    except BodyTakenError:
        return taken[0]
    finally:
        client.event_hooks = {}
    raise RuntimeError("the request went another way")


def _with_tail(hole: Hole, random_: random.Random) -> Hole:
    tail = "".join(random_.choices("0123456789", k=TAIL))
    text = hole.document.text[: hole.offset] + tail + hole.document.text[hole.offset :]
    return replace(hole, document=replace(hole.document, text=text), offset=hole.offset + TAIL)


async def _pair(rig: Rig, backend: OllamaBackend, ours: FillRequest, body: bytes, *, ours_first: bool) -> Pair:
    seconds: dict[bool, float] = {}
    tokens: dict[bool, int] = {}
    for is_ours in (ours_first, not ours_first):
        mark = rig.server.log.mark()
        seconds[is_ours] = await (first_event(backend, ours) if is_ours else _curl(rig, body))
        tokens[is_ours] = (await rig.evaluation(mark)).tokens
    return Pair(seconds[True], seconds[False], tokens[True], tokens[False])


async def _curl(rig: Rig, body: bytes) -> float:
    """Give curl's own measure of the time to the first byte, which comes with the first token."""
    program = shutil.which("curl")
    if program is None:
        raise RuntimeError("curl is not there: install it")
    file = rig.folder / "body.json"
    file.write_bytes(body)
    process = await asyncio.create_subprocess_exec(
        program, "--silent", "--show-error", "--fail", "--no-buffer", "--noproxy", "*",
        "--header", "Content-Type: application/json", "--data-binary", f"@{file}",
        "--output", "/dev/null", "--write-out", "%{time_starttransfer}", f"{rig.server.url}/api/generate",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"curl ended with {process.returncode}")
    return float(output)


def _figures(pairs: list[Pair]) -> list[Figure]:
    ours, curl = statistics.median(pair.ours for pair in pairs), statistics.median(pair.curl for pair in pairs)
    our_tokens = statistics.median(pair.our_tokens for pair in pairs)
    curl_tokens = statistics.median(pair.curl_tokens for pair in pairs)
    return [
        Figure(
            f"first token: ours against curl's, {len(pairs)} pairs",
            f"{ours / curl:.3f} ({ours * 1000:.0f} and {curl * 1000:.0f} ms)",
            f"<= {TARGET}",
            ours / curl <= TARGET,
        ),
        Figure("first token: median of each pair's ratio", f"{statistics.median(p.ours / p.curl for p in pairs):.3f}"),
        Figure("first token: tokens evaluated, ours and curl's", f"{our_tokens:.0f} and {curl_tokens:.0f}"),
    ]
