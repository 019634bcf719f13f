"""Measure the Ollama backend against the figures that it has to reach, with a real Ollama of its own.

    PYTHONPATH=tests python bench/bench_ollama.py --model PATH [--only PART] [--requests N] [--seed N]

One run, one machine, what is compared measured in turn: compare ratios, not milliseconds. All of it takes about half
an hour on two cores.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ollama_cancel_latency import measure_cancel_latency
from ollama_cancels import measure_cancels
from ollama_first_token import measure_first_token
from ollama_mixed import measure_mixed
from ollama_rig import MODEL, Figure, Rig
from ollama_typing import measure_typing

from support.ollama_server import running_ollama


async def measure_memory(rig: Rig) -> list[Figure]:
    """Say how much memory the loaded model takes in Ollama."""
    backend = rig.backend()
    try:
        await backend.preload(MODEL)
        loaded = rig.memory()
    finally:
        await backend.aclose()
    return [Figure("memory: llama-server of Ollama, resident", ", ".join(f"{each / 2**20:.0f} MiB" for each in loaded))]


PARTS: Mapping[str, Callable[[Rig], Awaitable[list[Figure]]]] = MappingProxyType(
    {
        "mixed": measure_mixed,
        "cancels": measure_cancels,
        "first-token": measure_first_token,
        "typing": measure_typing,
        "memory": measure_memory,
        "cancel-latency": measure_cancel_latency,
    }
)


async def run(rig: Rig, parts: Sequence[str]) -> list[Figure]:
    """Measure parts one after the other."""
    figures: list[Figure] = []
    for part in parts:
        begun = time.monotonic()
        figures += await PARTS[part](rig)
        print(f"{part}: done in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return figures


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    rows = [("figure", "measured", "target", "verdict")]
    verdicts = {True: "reached", False: "MISSED", None: ""}
    rows += [(figure.name, figure.measured, figure.target, verdicts[figure.reached]) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> None:
    """Read the command line, run Ollama, measure and stop it."""
    parser = argparse.ArgumentParser(description="Measure the Ollama backend.")
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file of Qwen2.5-Coder")
    parser.add_argument("--only", choices=tuple(PARTS), help="measure one part alone")
    parser.add_argument("--requests", type=int, help="at most so many requests, measurements or characters in a part")
    parser.add_argument("--seed", type=int, default=1, help="which code, order and moments (1)")
    options = parser.parse_args()
    model = options.model.resolve()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what runs is stopped, and nothing is left
    with (
        tempfile.TemporaryDirectory(prefix="assist-bench-") as name,
        running_ollama(Path(name) / "ollama", model) as server,
    ):
        rig = Rig(server, Path(name), model, options.requests, options.seed)
        figures = asyncio.run(run(rig, [options.only] if options.only else tuple(PARTS)))
    show(figures)


if __name__ == "__main__":
    main()
