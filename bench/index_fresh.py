"""How fresh the index of 10,000 files is, and what keeping it so costs the server."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from index_rig import BENCH, Rig, Table, megabytes, milliseconds, percentile, run_json
from index_workspace import repository

FILES = 10_000


def measure_fresh(rig: Rig) -> list[Table]:
    """Let a server's event loop and its indexing process work on a repository."""
    with tempfile.TemporaryDirectory(dir=rig.work) as work:
        workspace, cache = Path(work, "workspace"), Path(work, "cache")
        workspace.mkdir()
        cache.mkdir()
        made = repository(rig.corpora, workspace, min(FILES, rig.largest))
        found = run_json([sys.executable, str(BENCH / "index_kept.py"), str(workspace), str(cache)])
    idle, stall = _spread(found["idle"]), _spread(found["stall"])
    rows = [
        ("first build, s", f"{found['build']:.1f}", "", ""),
        ("look through all files, none changed", *_spread(found["rescan"]), "300"),
        ("a new process up to the end of its look", milliseconds(found["again"]), "", ""),
        ("a file saved in the editor, from the write to the answer", *_spread(found["saved"]), "80"),
        ("a file changed from outside, the same", *_spread(found["outside"]), "200"),
        (f"{found['many_files']:,} files changed from outside, the last of them", milliseconds(found["many"]), "", ""),
        ("a file saved meanwhile", milliseconds(found["meanwhile"]), "", ""),
        ("event loop late at 5 ms ticks, idle: p50, p99, max", *idle, ""),
        ("the same while the first build runs", *stall, "5"),
        ("memory of the server: modules, loop, reader; peak MB", megabytes(found["server_peak"]), "", "150"),
        ("memory of the indexing process, peak MB", megabytes(found["child_peak"]), "", ""),
    ]
    note = (
        f"A Git repository of {made.files:,} generated files, {megabytes(made.size)} MB, {found['symbols']:,} symbols. "
        "Times in ms where nothing else is said; aims are for the median, that of the event loop for its p99."
    )
    return [Table("Freshness", ("what", "p50 or once", "p99, max", "aim"), rows, note)]


def _spread(seconds: Sequence[float]) -> tuple[str, str]:
    p99 = milliseconds(percentile(seconds, 0.99))
    return milliseconds(percentile(seconds, 0.5)), f"{p99}, {milliseconds(max(seconds))}"
