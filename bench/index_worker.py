"""One measurement in a process of its own: `python bench/index_worker.py TASK ARGUMENTS`, ARGUMENTS in JSON.

Prints what it measured as a JSON object. Times of the processor begin when everything is imported.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from index_asking import ask_all
from index_corpora import files_of
from index_product import build_index, opened

from assist_context.languages import language_of
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.parse import parse

Figures = dict[str, Any]


def peak_memory() -> int:
    """Give the most memory that this program had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells on Linux includes the process that started this one
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource  # noqa: PLC0415 - not on every system

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def parse_all(folder: str, files: str) -> Figures:
    """Parse the files that a file lists, and do nothing with the trees."""
    names = Path(files).read_text(encoding="utf-8").splitlines()
    sources = [(language_of(name), Path(folder, name).read_bytes()) for name in names]
    begun, wall = time.process_time(), time.perf_counter()
    for language, source in sources:
        if language in GRAMMARS:
            parse(language, source)
    return {"cpu": time.process_time() - begun, "wall": time.perf_counter() - wall, "peak": peak_memory()}


def cold(folder: str, database: str) -> Figures:
    """Build an index from nothing."""
    root, index = Path(folder), Path(database)
    files = files_of(root)
    begun, wall = time.process_time(), time.perf_counter()
    build_index(index, root, files)
    cpu, wall = time.process_time() - begun, time.perf_counter() - wall
    with opened(index) as reads:
        totals, paths = reads.totals(), sorted(reads.files())
    stored = sum(path.stat().st_size for path in index.parent.iterdir())
    return {
        "cpu": cpu,
        "wall": wall,
        "peak": peak_memory(),
        "files": totals.files,
        "symbols": totals.symbols,
        "stored": stored,
        "paths": paths,
    }


def queries(folder: str, database: str) -> Figures:
    """Ask an index everything that can be asked."""
    with opened(Path(database)) as reads:
        seconds, found = ask_all(reads, Path(folder))
        name = next(symbol.name for path in sorted(reads.files()) for symbol in reads.symbols_of(path))
    return {"seconds": seconds, "found": found, "peak": peak_memory(), "name": name}


TASKS: Mapping[str, Callable[..., Figures]] = MappingProxyType({"parse": parse_all, "cold": cold, "queries": queries})

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
