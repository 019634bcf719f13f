"""How quickly questions are answered: an index of 50,000 symbols, asked in a fresh process."""

import sys
import tempfile
import time
from pathlib import Path

from index_rig import BENCH, Rig, Table, fresh, milliseconds, p50_p99, percentile, run_json
from index_workspace import symbols_workspace

SYMBOLS = 50_000
_STARTS = 15


def measure_queries(rig: Rig) -> list[Table]:
    """Ask everything; then start anew many times, up to the first answer."""
    with tempfile.TemporaryDirectory(dir=rig.work) as work:
        folder, database = Path(work, "workspace"), Path(work, "index", "index.db")
        symbols_workspace(rig.corpora, folder, SYMBOLS)
        built = fresh("cold", folder=str(folder), database=str(database))
        asked = fresh("queries", folder=str(folder), database=str(database))
        starts = [_start(database, asked["name"]) for _ in range(_STARTS)]
    rows = [
        [name, str(len(seconds)), *p50_p99(seconds), milliseconds(max(seconds)), f"{asked['found'][name]:.1f}"]
        for name, seconds in asked["seconds"].items()
    ]
    note = f"{built['symbols']:,} symbols of {built['files']:,} files; the questions take turns, none is asked twice."
    warm = Table(
        "Warm start: a fresh process up to the first definition by name",
        ("what", "p50 ms", "max ms"),
        [
            [
                label,
                milliseconds(percentile([start[key] for start in starts], 0.5)),
                milliseconds(max(s[key] for s in starts)),
            ]
            for key, label in (
                ("whole", "from the start of Python to the answer"),
                ("imports", "of that, importing what answers"),
                ("opened", "of that, opening the index and asking"),
            )
        ],
    )
    return [
        Table("Questions", ("question", "asked", "p50 ms", "p99 ms", "max ms", "answers in the mean"), rows, note),
        warm,
    ]


def _start(database: Path, name: str) -> dict[str, float]:
    command = [sys.executable, str(BENCH / "index_warm.py"), str(database), name, repr(time.time())]
    return run_json(command)
