"""The first build: every language's sources, beside the bare parse of the same files, ctags and aider."""

import tempfile
from pathlib import Path
from typing import Any

from index_corpora import CORPORA, Corpus, folder_of
from index_rig import Rig, Table, fresh, median_of, megabytes
from index_tools import CTAGS_MISSING, aider_python, ctags_version, measure_aider, measure_ctags

_COLUMNS = (
    *("language", "files", "MB", "parse MB/s", "index MB/s", "index of parse", "parse files/s", "index files/s"),
    *("index file of source", "symbols", "peak MB", "ctags MB/s", "aider MB/s", "index time of aider's"),
)
_AIDER_SECONDS = 60.0  # what one extraction took, above which it is not repeated


def measure_cold(rig: Rig) -> list[Table]:
    """Build the index of each language's sources; what is compared takes turns."""
    ctags, aider = ctags_version(), aider_python(rig.cache)
    with tempfile.TemporaryDirectory(dir=rig.work) as work:
        rows = [_row(rig, corpus, Path(work), aider if isinstance(aider, Path) else None) for corpus in CORPORA]
    tools = "`get_tags_raw` of aider-chat 0.86.2." if isinstance(aider, Path) else f"{aider}."
    note = (
        "MB/s and files/s are per second of the processor; each measurement in a process of its own, medians of "
        f"{rig.rounds}. The parse has the texts in memory; the index reads, parses and stores everything. "
        f"ctags: {ctags or CTAGS_MISSING}. aider: {tools}"
    )
    return [Table("Cold: the first build", _COLUMNS, rows, note)]


def _row(rig: Rig, corpus: Corpus, work: Path, aider: Path | None) -> list[str]:
    folder = rig.corpora / folder_of(corpus)
    rounds: dict[str, list[dict[str, Any]]] = {"parse": [], "cold": [], "ctags": [], "aider": []}
    files: list[str] = []
    for number in range(rig.rounds):
        database = work / f"{folder.name}-{number}" / "index.db"
        rounds["cold"].append(fresh("cold", folder=str(folder), database=str(database)))
        files = rounds["cold"][0]["paths"]  # all read the same files: those that the index does not leave out
        rounds["parse"].append(fresh("parse", folder=str(folder), files=str(_listed(work, files))))
        if ctags_version() is not None:
            rounds["ctags"].append(measure_ctags(folder, files, work))
        if aider is not None and all(done["cpu"] < _AIDER_SECONDS for done in rounds["aider"]):
            rounds["aider"].append(measure_aider(aider, folder, files, work))
    size = sum((folder / name).stat().st_size for name in files)
    cpu = {name: median_of(found, "cpu") for name, found in rounds.items() if found}
    cold = rounds["cold"][0]
    return [
        corpus.language,
        str(len(files)),
        megabytes(size),
        *(f"{size / 1e6 / cpu[name]:.1f}" for name in ("parse", "cold")),
        f"{cpu['parse'] / cpu['cold']:.2f}",
        *(f"{len(files) / cpu[name]:.0f}" for name in ("parse", "cold")),
        f"{cold['stored'] / size:.2f}",
        str(cold["symbols"]),
        megabytes(median_of(rounds["cold"], "peak")),
        f"{size / 1e6 / cpu['ctags']:.1f}" if "ctags" in cpu else "-",
        f"{size / 1e6 / cpu['aider']:.1f}" if "aider" in cpu else "-",
        f"{cpu['cold'] / cpu['aider']:.2f}" if "aider" in cpu else "-",
    ]


def _listed(work: Path, files: list[str]) -> Path:
    listed = work / "files"
    listed.write_text("\n".join(files), encoding="utf-8")
    return listed
