"""What the parts of `bench_index.py` share: tables, percentiles, and measurements in processes of their own."""

import json
import math
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Table:
    """A table in Markdown; note: what must be known to read it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """Write it."""
        lines = [f"### {self.title}", ""]
        lines += [_row(self.columns), _row(["---"] * len(self.columns)), *(_row(row) for row in self.rows)]
        return "\n".join([*lines, *(["", self.note] if self.note else []), ""])


@dataclass(frozen=True, slots=True)
class Rig:
    """What a part measures with.

    corpora: the folder of the sources, one folder a language. work: for what is made and deleted again. cache: what is
    kept for the next run. rounds: how often each measurement is made; the median counts.
    """

    corpora: Path
    work: Path
    cache: Path
    rounds: int = ROUNDS
    largest: int = 100_000


class MeasurementFailed(Exception):
    """A process that measures ended badly."""


def fresh(task: str, *, niced: bool = False, **arguments: object) -> dict[str, Any]:
    """Run a task of `index_worker.py` in a process of its own and give what it measured."""
    command = [sys.executable, str(BENCH / "index_worker.py"), task, json.dumps(arguments)]
    return run_json(["nice", "-n", "10", *command] if niced else command)


def run_json(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a program and read the JSON object in the last line that it prints."""
    done = subprocess.run(command, check=False, capture_output=True, env=env, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise MeasurementFailed(f"{command[1:3]} ended with {done.returncode}:\n{done.stderr.decode()[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    return found


def median_of(rounds: Sequence[Mapping[str, Any]], key: str) -> float:
    """Give the median of one figure over several rounds."""
    return float(statistics.median(round_[key] for round_ in rounds))


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that a share (0 to 1) of all values does not exceed; nothing is interpolated."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def p50_p99(seconds: Sequence[float]) -> tuple[str, str]:
    """Write the median and the 99th percentile in milliseconds."""
    return milliseconds(percentile(seconds, 0.5)), milliseconds(percentile(seconds, 0.99))


def milliseconds(seconds: float) -> str:
    """Write a time in milliseconds with three digits that count."""
    value = seconds * 1000
    return (
        f"{value:.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
        if value >= 1
        else f"{value:.3f}"
    )


def megabytes(size: float) -> str:
    """Write a number of bytes in MB."""
    return f"{size / 1e6:.1f}"


def machine() -> str:
    """Say in a line what this was measured on."""
    model = "an unnamed processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return (
        f"{os.cpu_count()} cores of {model}, {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, tree-sitter {version('tree-sitter')}"
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
