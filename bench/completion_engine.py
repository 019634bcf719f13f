"""Measure completions with the embedded engine on holes of this repository's own code.

    python bench/bench_completion.py --part engine --model PATH [--holes N]

Each hole is the end of a line, cut at a random place. It is completed twice: `first`, as when a file is opened there,
and `next key`, after one more character of the true text. Then: how soon another request is answered after one was
cancelled, while the model wrote and while it read its prompt. One run, one machine: compare ratios, not milliseconds.
"""

import argparse
import asyncio
import difflib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from assist_context.document import Document
from assist_context.prompt.segments import Prompt, Text
from assist_server.backends.base import Backend, Delta, Done, FillRequest
from assist_server.backends.registry import BackendConfig, make_backend
from assist_server.config.settings import BackendSettings, CompletionSettings, EngineSettings, Settings
from assist_server.engine.engine import Engine
from assist_server.engine.status import stop_engines
from assist_server.features.completion.service import Completion, CompletionQuery, CompletionService
from assist_server.features.selection import Selector

ROOT = Path(__file__).resolve().parent.parent
CANCELS = 5


@dataclass(frozen=True, slots=True)
class Hole:
    """A document without the end of one line, which is the truth."""

    document: Document
    offset: int
    truth: str

    def typed(self) -> "Hole":
        """Give the same hole after one more character of the truth."""
        text = self.document.text[: self.offset] + self.truth[0] + self.document.text[self.offset :]
        document = Document(self.document.uri, self.document.path, "python", text, 1)
        return Hole(document, self.offset + 1, self.truth[1:])


@dataclass(frozen=True, slots=True)
class Row:
    """One completion and how close it came: 1.0 is the truth."""

    completion: Completion
    exact: bool
    similarity: float


def cut_holes(count: int, seed: int) -> list[Hole]:
    """Cut holes at the ends of lines of code, the same for the same seed; not in comments or short lines."""
    random_ = random.Random(seed)  # noqa: S311 - a choice of examples
    texts = {
        file: file.read_text(encoding="utf-8")
        for file in sorted([*ROOT.glob("server/**/*.py"), *ROOT.glob("context/**/*.py")])
    }
    lines = [
        (file, number, line)
        for file, text in texts.items()
        for number, line in enumerate(text.split("\n"))
        if len(line.strip()) >= 16 and not line.strip().startswith(("#", '"', "import", "from"))
    ]
    holes = []
    for file, number, line in random_.sample(lines, min(count, len(lines))):
        indent = len(line) - len(line.lstrip())
        column = random_.randrange(indent + 4, len(line) - 6)
        offset = sum(len(each) + 1 for each in texts[file].split("\n")[:number]) + column
        text = texts[file][:offset] + texts[file][offset + len(line) - column :]
        path = file.relative_to(ROOT).as_posix()
        holes.append(Hole(Document(file.as_uri(), path, "python", text), offset, line[column:]))
    return holes


async def complete(service: CompletionService, hole: Hole) -> Row:
    """Complete one hole; only the first line counts, as that is what was cut out."""
    completion = await service.complete(CompletionQuery(hole.document, hole.offset))
    offered = completion.items[0].text.split("\n")[0].strip() if completion.items else ""
    truth = hole.truth.strip()
    return Row(completion, offered == truth, difflib.SequenceMatcher(None, offered, truth).ratio())


async def first_token(backend: Backend, model: str, text: str) -> float:
    """Give the seconds until a short request is answered."""
    started = time.monotonic()
    async with aclosing(backend.fill(FillRequest(model, Prompt((Text(text),)), 4))) as events:
        async for _ in events:
            break
    return time.monotonic() - started


async def cancel_in_decode(backend: Backend, model: str) -> None:
    """Leave a request while the model writes."""
    pieces = 0
    async with aclosing(backend.fill(FillRequest(model, Prompt((Text("# All about numbers\n\n"),)), 1000))) as events:
        async for event in events:
            pieces += isinstance(event, Delta)
            if pieces == 8 or isinstance(event, Done):
                break


async def cancel_in_prefill(backend: Backend, model: str, text: str) -> None:
    """Leave a request while the model reads a prompt that it has not seen."""

    async def read() -> None:
        async with aclosing(backend.fill(FillRequest(model, Prompt((Text(text),)), 4))) as events:
            async for _ in events:
                break

    task = asyncio.create_task(read())
    await asyncio.wait({task}, timeout=0.5)
    task.cancel()
    await asyncio.wait({task})


async def measure_cancels(backend: Backend, model: str) -> list[tuple[str, list[float]]]:
    """Measure how long the next request takes: after nothing, after a cancel in decode, after one in prefill."""
    source = "\n".join(file.read_text(encoding="utf-8") for file in sorted(ROOT.glob("server/**/*.py")))
    results: list[tuple[str, list[float]]] = [("nothing", []), ("a cancel in decode", []), ("a cancel in prefill", [])]
    for turn in range(CANCELS):
        short = f"def number_{turn}():\n    return "
        await first_token(backend, model, short)
        results[0][1].append(await first_token(backend, model, short))
        await cancel_in_decode(backend, model)
        results[1][1].append(await first_token(backend, model, short))
        await cancel_in_prefill(backend, model, f"# {turn}\n" + source[turn * 6000 : (turn + 1) * 6000])
        results[2][1].append(await first_token(backend, model, short))
    return results


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share of the others lies; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def show_completions(named: Sequence[tuple[str, Sequence[Row]]]) -> None:
    """Print one column for each kind of request."""

    def of(rows: Sequence[Row], value: Callable[[Row], float | None]) -> list[float]:
        return [number for row in rows if (number := value(row)) is not None]

    def cached(row: Row) -> float | None:
        usage = row.completion.usage
        return usage.cached / usage.prompt if usage and usage.cached is not None and usage.prompt else None

    def speed(row: Row) -> float | None:
        usage, ms = row.completion.usage, row.completion.ms
        if usage is None or ms.first_token is None or usage.generated < 2:
            return None
        seconds = (ms.total - ms.context - ms.first_token) / 1000
        return (usage.generated - 1) / seconds if seconds > 0 else None

    lines: list[tuple[str, Callable[[Sequence[Row]], str]]] = [
        ("requests", lambda rows: str(len(rows))),
        ("answered without the model", lambda rows: str(sum(row.completion.usage is None for row in rows))),
        ("first token ms p50", lambda rows: f"{percentile(of(rows, lambda r: r.completion.ms.first_token), 0.5):.0f}"),
        ("first token ms p95", lambda rows: f"{percentile(of(rows, lambda r: r.completion.ms.first_token), 0.95):.0f}"),
        ("total ms p50", lambda rows: f"{percentile(of(rows, lambda r: r.completion.ms.total), 0.5):.0f}"),
        ("total ms p95", lambda rows: f"{percentile(of(rows, lambda r: r.completion.ms.total), 0.95):.0f}"),
        (
            "prompt tokens p50",
            lambda rows: f"{percentile([r.completion.usage.prompt for r in rows if r.completion.usage], 0.5):.0f}",
        ),
        ("cached share p50", lambda rows: f"{percentile(of(rows, cached), 0.5):.2f}"),
        ("tokens/s p50", lambda rows: f"{percentile(of(rows, speed), 0.5):.1f}"),
        ("nothing offered", lambda rows: str(sum(not row.completion.items for row in rows))),
        ("exact match", lambda rows: f"{statistics.mean(row.exact for row in rows):.3f}"),
        ("edit similarity", lambda rows: f"{statistics.mean(row.similarity for row in rows):.3f}"),
    ]
    print(f"{'':28}" + "".join(f"{name:>12}" for name, _ in named))
    for title, value in lines:
        print(f"{title:28}" + "".join(f"{value(rows):>12}" for _, rows in named))


async def run(model: Path, holes: int, seed: int) -> None:
    """Start the engine, measure, print, stop it."""
    with tempfile.TemporaryDirectory(prefix="assist-bench-") as folder:
        cache = Path(folder)
        settings = Settings(
            backend=BackendSettings(name="embedded"),
            completion=CompletionSettings(debounce_ms=0),
            engine=EngineSettings(model=str(model)),
        )
        engine = Engine(cache=cache, settings=settings.engine, model_path=model, alias=model.stem)
        selector = Selector(
            settings,
            lambda name: make_backend(name, BackendConfig(address=engine.address)),
            embedded_missing=lambda: None,
        )
        try:
            target = await selector.target("completion")
            print(f"{target.model}, {target.context_length} tokens of context; {holes} holes, seed {seed}")
            service = CompletionService(selector, settings)
            first: list[Row] = []
            following: list[Row] = []
            for number, hole in enumerate(cut_holes(holes, seed), 1):
                print(f"hole {number} of {holes}", file=sys.stderr)
                first.append(await complete(service, hole))
                following.append(await complete(service, hole.typed()))
            show_completions([("first", first), ("next key", following)])
            print("\nfirst token of the next request, seconds", flush=True)
            for name, seconds in await measure_cancels(target.backend, target.model):
                print(f"after {name:22}  median {statistics.median(seconds):.2f}  worst {max(seconds):.2f}")
        finally:
            await selector.aclose()
            await engine.release()
            await stop_engines(cache)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="bench_completion.py --part engine", description="Measure completions with the embedded engine."
    )
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--holes", type=int, default=24, help="how many holes to complete (24)")
    parser.add_argument("--seed", type=int, default=1, help="which holes (1)")
    options = parser.parse_args(arguments)
    asyncio.run(run(options.model.resolve(), options.holes, options.seed))
