"""How soon the next request is answered after one was cancelled, and what the batch size has to do with it."""

import asyncio
import random
import statistics
from dataclasses import dataclass, field

from bench_completion import percentile
from ollama_rig import MODEL, ROOT, Figure, Rig, first_event, leave_after, progress

from assist_context.prompt.segments import Prompt, Text
from assist_server.backends.base import FillRequest
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.ollama_residence import ModelOptions

ROUNDS = 3
PREFILLS, DECODES = 12, 18  # cancels: in prefill for each batch size, in decode
BATCHES = (64, 128, 256)
LONG = 5500  # characters of code, about 1500 tokens
LOOK = 1.0  # llama-server looks at the socket once in so many seconds
PIECES = 8  # of an answer that is left in decode
DECODE_TARGET = 0.5

_START = "def number(value):\n    return "
_SHORT = FillRequest(MODEL, Prompt((Text(_START),)), 2)


@dataclass(slots=True)
class Seen:
    """What was measured with a batch size.

    speeds: tokens a second in prefill. quiet: seconds to the first byte on a quiet server, for the others: beyond that.
    """

    speeds: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    after_prefill: list[float] = field(default_factory=list)
    after_decode: list[float] = field(default_factory=list)


async def measure_cancel_latency(rig: Rig) -> list[Figure]:
    """Measure all batch sizes in turn, and the chosen one in decode too."""
    default = await _default_batch(rig)
    seen = {batch: Seen() for batch in sorted({*BATCHES, default})}
    random_ = random.Random(rig.seed)  # noqa: S311 - moments and places
    rounds = rig.count(ROUNDS)
    for number in range(rounds):
        for batch, found in seen.items():
            backend = rig.backend(batch_size=batch)
            try:
                await backend.preload(MODEL)
                await _measure_prefill(rig, backend, found, random_)
                if batch == default:
                    await _measure_decode(rig, backend, found)
            finally:
                await backend.aclose()
        progress("cancel-latency", number + 1, rounds)
    quiet = statistics.median(second for found in seen.values() for second in found.quiet)
    return [
        Figure("cancel: first byte on a quiet server, p50", f"{quiet:.3f} s"),
        _decode_figure(seen[default]),
        *(
            figure
            for batch, found in seen.items()
            for figure in _prefill_figures(batch, found, chosen=batch == default)
        ),
    ]


async def _default_batch(rig: Rig) -> int:
    """Ask the product which batch size it chooses here."""
    backend = rig.backend()
    try:
        looked = await backend._looked_up(MODEL)  # noqa: SLF001 - nobody else wants to know
        options: ModelOptions = looked.options
        return options.batch_size
    finally:
        await backend.aclose()


async def _measure_prefill(rig: Rig, backend: OllamaBackend, found: Seen, random_: random.Random) -> None:
    mark = rig.server.log.mark()
    await first_event(backend, _long(random_))
    evaluation = await rig.evaluation(mark)
    found.speeds.append(evaluation.tokens / evaluation.ms * 1000)
    await first_event(backend, _SHORT)
    for _ in range(_in_a_round(rig, PREFILLS)):
        quiet = await first_event(backend, _SHORT)
        found.quiet.append(quiet)
        moment = random_.uniform(0.05, 0.6) * evaluation.ms / 1000
        left = await _leave_in_prefill(backend, _long(random_), moment)
        seconds = await first_event(backend, _SHORT)
        if left:
            found.after_prefill.append(seconds - quiet)


async def _measure_decode(rig: Rig, backend: OllamaBackend, found: Seen) -> None:
    endless = FillRequest(MODEL, Prompt((Text(f"{_START}0\n\n\n# All about numbers\n\n"),)), 1000)
    await first_event(backend, _SHORT)
    for _ in range(_in_a_round(rig, DECODES)):
        quiet = await first_event(backend, _SHORT)
        found.quiet.append(quiet)
        await leave_after(backend, endless, PIECES)
        found.after_decode.append(await first_event(backend, _SHORT) - quiet)


def _in_a_round(rig: Rig, usual: int) -> int:
    return -(-rig.count(usual) // rig.count(ROUNDS))


def _long(random_: random.Random) -> FillRequest:
    """Make a prompt that the model has not read but for its beginning, which stays in its cache for the short one."""
    file = random_.choice([f for f in sorted(ROOT.glob("server/**/*.py")) if f.stat().st_size > LONG])
    code = file.read_text(encoding="utf-8")
    place = random_.randrange(len(code) - LONG + 1)
    text = f"{_START}value + {random_.randrange(10**6)}\n\n\n{code[place : place + LONG]}"
    return FillRequest(MODEL, Prompt((Text(text),)), 1)


async def _leave_in_prefill(backend: OllamaBackend, request: FillRequest, moment: float) -> bool:
    """Cancel after some seconds; False where the answer had come before, on a machine that has just become quicker."""
    task = asyncio.create_task(first_event(backend, request))
    await asyncio.wait({task}, timeout=moment)
    task.cancel()
    await asyncio.wait({task})
    if task.cancelled():
        return True
    task.result()  # raises what went wrong
    return False


def _decode_figure(found: Seen) -> Figure:
    p50 = percentile(found.after_decode, 0.5)
    return Figure(
        f"cancel in decode: beyond quiet, {len(found.after_decode)} times, p50, p95",
        f"{p50:.2f}, {percentile(found.after_decode, 0.95):.2f} s",
        f"p50 < {DECODE_TARGET} s",
        p50 < DECODE_TARGET,
    )


def _prefill_figures(batch: int, found: Seen, *, chosen: bool) -> list[Figure]:
    """Judge the batch size that the product chooses; the others are there to choose by."""
    p50, p95 = percentile(found.after_prefill, 0.5), percentile(found.after_prefill, 0.95)
    speed = statistics.median(found.speeds)
    one = batch / speed
    name = f"cancel in prefill, batch {batch}{' (chosen)' if chosen else ''}"
    times = len(found.after_prefill)
    return [
        Figure(f"{name}: prefill tokens/s", f"{speed:.0f}"),
        Figure(
            f"{name}: beyond quiet, {times} times, p50",
            f"{p50:.2f} s",
            f"<= {one:.2f} s, one batch",
            p50 <= one if chosen else None,
        ),
        Figure(
            f"{name}: p95",
            f"{p95:.2f} s",
            f"<= {one + LOOK:.2f} s, and one look",
            p95 <= one + LOOK if chosen else None,
        ),
    ]
