"""Cancel completions at random moments with the embedded engine, and see how soon the next one is answered.

    python bench/completion_cancels.py --model PATH [--cancels N] [--cold N] [--seed N] [--threads N]

A cancelled request has a prompt that the engine has not read; the moment is anywhere from its start to the end of its
answer. Right after it comes a short request, whose first byte is compared with that of its like on a quiet engine,
measured in between. Then: what is left, and what reading a prompt in slices costs against reading it as a whole. One
run, one machine, best a quiet one: 1,000 cancels take about an hour on two cores.
"""

import argparse
import asyncio
import gc
import random
import signal
import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from assist_context.prompt.segments import Prompt, Text
from assist_server.backends.base import Delta, Done, FillRequest, Usage
from assist_server.backends.embedded import EmbeddedBackend
from assist_server.backends.registry import BackendConfig
from assist_server.config.settings import EngineSettings
from assist_server.core.errors import AssistError
from assist_server.engine.engine import Engine
from assist_server.engine.status import stop_engines

ROOT = Path(__file__).resolve().parent.parent
CANCELS, COLD = 1000, 12
WARM_UP = 50  # cancels until memory has its size
QUIET_EVERY = 5  # cancels between two measurements on a quiet engine
PROMPT, ANSWER = 1200, 24  # characters, tokens
SETTLED = 1.0  # seconds; a slice that is being left ends in them
WHOLE = 1e6  # tokens/s: at such a speed a slice is longer than any prompt
MEMORY_SHARE = 1.05


@dataclass(slots=True)
class Seen:
    """What was seen.

    speed: tokens/s in slices, as the backend learnt it. quiet, after_...: seconds to the first byte of a request on a
    quiet engine and after a cancel. early, late: resident bytes, ours and the engine's.
    """

    speed: float = 0.0
    quiet: list[float] = field(default_factory=list)
    after_prefill: list[float] = field(default_factory=list)
    after_decode: list[float] = field(default_factory=list)
    ended_before: int = 0
    errors: int = 0
    early: tuple[int, int] = (0, 0)
    late: tuple[int, int] = (0, 0)


class Texts:
    """Prompts of this repository's code that begin with a number of their own, so that none is cached."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - moments and places
        files = sorted([*ROOT.glob("server/**/*.py"), *ROOT.glob("context/**/*.py")])
        self._codes = [code for file in files if len(code := file.read_text(encoding="utf-8")) > 2 * PROMPT]

    def request(self, model: str, characters: int = PROMPT, answer: int = ANSWER) -> FillRequest:
        """Make a request for some text after so many characters of code."""
        code = self.random.choice(self._codes)
        place = self.random.randrange(len(code) - characters)
        text = f"# {self.random.randrange(10**6)}\n{code[place : place + characters]}"
        return FillRequest(model, Prompt((Text(text),)), answer)

    def short(self, model: str) -> FillRequest:
        """Make the request that follows a cancelled one."""
        return FillRequest(model, Prompt((Text(f"{self.random.randrange(10**6)} ="),)), 1)


async def first_byte(backend: EmbeddedBackend, request: FillRequest) -> tuple[float, Usage]:
    """Give the seconds to the first event of an answer, which is read to its end."""
    seconds, started = None, time.perf_counter()
    async with aclosing(backend.fill(request)) as events:
        async for event in events:
            seconds = seconds or time.perf_counter() - started
            if isinstance(event, Done):
                return seconds, event.usage
    raise RuntimeError("an answer without an end")


async def cancel_after(backend: EmbeddedBackend, request: FillRequest, seconds: float) -> str:
    """Cancel a request after some seconds; say where it was."""
    where = "prefill"

    async def read() -> None:
        nonlocal where
        async with aclosing(backend.fill(request)) as events:
            async for event in events:
                where = "decode" if isinstance(event, Delta) else "ended"

    task = asyncio.create_task(read())
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        where = "ended"
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    except AssistError:
        return "error"
    return where


async def measure_cancels(backend: EmbeddedBackend, model: str, texts: Texts, count: int, host: int) -> Seen:
    """Cancel so many requests; host: the engine's process."""
    seen = Seen()
    started = time.perf_counter()
    await first_byte(backend, texts.request(model))
    whole = time.perf_counter() - started
    for number in range(count):
        if number % QUIET_EVERY == 0:
            seen.quiet.append((await first_byte(backend, texts.short(model)))[0])
        where = await cancel_after(backend, texts.request(model), texts.random.uniform(0, whole))
        seconds, _ = await first_byte(backend, texts.short(model))
        if where == "prefill":
            seen.after_prefill.append(seconds)
        elif where == "decode":
            seen.after_decode.append(seconds)
        seen.ended_before += where == "ended"
        seen.errors += where == "error"
        if number + 1 == min(WARM_UP, count):
            seen.early = resident(host)
        if (number + 1) % max(1, count // 10) == 0:
            print(f"cancels: {number + 1} of {count}", file=sys.stderr, flush=True)
    seen.late = resident(host)
    seen.speed = set_speed(backend, WHOLE)
    return seen


def set_speed(backend: EmbeddedBackend, speed: float) -> float:
    """Make a backend believe in a speed (tokens/s), and give the one that it had learnt: it decides on the slices."""
    slot = backend._fill_slot  # noqa: SLF001 - nobody else wants to change it
    learnt, slot._speed = slot._speed, speed  # noqa: SLF001
    return learnt


async def measure_cold(backend: EmbeddedBackend, model: str, texts: Texts, count: int) -> dict[bool, list[float]]:
    """Give the milliseconds a token of reading cold prompts, as a whole (True) and in slices, in turn."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * count):
        whole = number % 2 == 0
        usual = set_speed(backend, WHOLE) if whole else WHOLE
        seconds, usage = await first_byte(backend, texts.request(model, 2 * PROMPT, answer=1))
        if whole:
            set_speed(backend, usual)
        found[whole].append(seconds * 1000 / (usage.prompt - (usage.cached or 0)))
    return found


def resident(host: int) -> tuple[int, int]:
    """Give our resident bytes and the engine's."""
    gc.collect()
    return psutil.Process().memory_info().rss, psutil.Process(host).memory_info().rss


async def left_behind(url: str) -> tuple[int, int]:
    """Count the tasks that do not end by themselves in time, and the sockets to the engine."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    left = (await asyncio.wait(others, timeout=SETTLED))[1] if others else set()
    port = int(url.rpartition(":")[2])
    sockets = [each for each in psutil.Process().net_connections("tcp") if each.raddr and each.raddr.port == port]
    return len(left), len(sockets)


def percentile(values: list[float], share: float) -> float:
    """Give the value that a share of all is not above."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def show(seen: Seen, cold: dict[bool, list[float]], left: tuple[int, int], gone: tuple[int, int]) -> None:
    """Print the figures."""
    print(f"prompt tokens/s in slices         {seen.speed:.0f}: a slice takes {64_000 / seen.speed:.0f} ms or less")
    quiet = statistics.median(seen.quiet)
    print(f"first byte on a quiet engine      p50 {quiet * 1000:.0f} ms, {len(seen.quiet)} times")
    for name, after, aim in (
        ("decode", seen.after_decode, "p50 < 100, p95 < 300"),
        ("prefill", seen.after_prefill, "p95 < 500 at 150 prompt tokens/s"),
    ):
        if after:
            above = [(percentile(after, share) - quiet) * 1000 for share in (0.5, 0.95, 1.0)]
            print(
                f"next first byte above, {name:8}   p50 {above[0]:.0f} ms, p95 {above[1]:.0f}, worst {above[2]:.0f}"
                f"; {len(after)} times (aim: {aim})"
            )
    print(f"ended before, errors              {seen.ended_before}, {seen.errors} (aim: no error)")
    print(f"tasks, sockets left               {left[0]}, {left[1]}; closed: {gone[0]}, {gone[1]} (aim: 0, 0)")
    for name, early, late in zip(("our", "engine's"), seen.early, seen.late, strict=True):
        print(f"{name:8} memory at the end        {late / 2**20:.0f} MiB, {late / early:.3f} (aim: <= {MEMORY_SHARE})")
    if cold[True]:
        whole, sliced = statistics.median(cold[True]), statistics.median(cold[False])
        print(
            f"cold prompt, whole and in slices  {1000 / whole:.0f}, {1000 / sliced:.0f} tokens/s to the first byte: "
            f"{sliced / whole - 1:+.1%} time, {len(cold[True])} each (aim: < +5 %)"
        )


async def run(model: Path, *, cancels: int, cold: int, seed: int, threads: int) -> None:
    """Start the engine, measure, print, stop it."""
    with tempfile.TemporaryDirectory(prefix="assist-bench-") as folder:
        settings = EngineSettings(model=str(model), threads=threads)
        engine = Engine(cache=Path(folder), settings=settings, model_path=model, alias=model.stem)
        backend = EmbeddedBackend(BackendConfig(address=engine.address))
        try:
            url = (await engine.address()).url
            (host,) = (each.pid for each in psutil.process_iter() if _runs(each, folder))
            texts = Texts(seed)
            costs = await measure_cold(backend, model.stem, texts, cold)
            seen = await measure_cancels(backend, model.stem, texts, cancels, host)
            left = await left_behind(url)
            await backend.aclose()
            show(seen, costs, left, await left_behind(url))
        finally:
            await backend.aclose()
            await engine.release()
            await stop_engines(Path(folder))


def _runs(process: psutil.Process, folder: str) -> bool:
    try:
        return any(folder in part for part in process.cmdline())
    except psutil.Error:
        return False


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Cancel completions of the embedded engine at random moments.")
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--cancels", type=int, default=CANCELS, help=f"how many requests to cancel ({CANCELS})")
    parser.add_argument("--cold", type=int, default=COLD, help=f"cold prompts to read each way ({COLD})")
    parser.add_argument("--seed", type=int, default=1, help="which code and moments (1)")
    parser.add_argument("--threads", type=int, default=0, help="of the engine; 1 where other programs run beside it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what runs is stopped, and nothing is left
    asyncio.run(
        run(
            options.model.resolve(),
            cancels=options.cancels,
            cold=options.cold,
            seed=options.seed,
            threads=options.threads,
        )
    )


if __name__ == "__main__":
    main()
