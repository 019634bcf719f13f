"""Measure the workspace index on published sources, beside the bare parse, ctags and aider.

    python bench/bench_index.py [--only PART,PART] [--rounds N] [--largest FILES]

Prints tables in Markdown. What is compared is measured in one run and takes turns: compare ratios, not milliseconds.
The sources and aider's environment are fetched once and kept in `$ASSIST_DEV_CACHE/bench-index`.
"""

import argparse
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from index_buffers import measure_buffers
from index_cold import measure_cold
from index_corpora import CorpusError, corpora_folder, dev_cache
from index_fresh import measure_fresh
from index_growth import measure_growth
from index_queries import measure_queries
from index_rig import ROUNDS, Rig, Table, machine

PARTS: Mapping[str, Callable[[Rig], list[Table]]] = MappingProxyType(
    {
        "cold": measure_cold,
        "queries": measure_queries,
        "fresh": measure_fresh,
        "buffers": measure_buffers,
        "growth": measure_growth,
    }
)


def main() -> None:
    """Read the command line, fetch the sources and measure."""
    parser = argparse.ArgumentParser(description="Measure the workspace index.")
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often a first build is measured")
    parser.add_argument("--largest", type=int, default=100_000, metavar="FILES", help="of the generated workspaces")
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - PARTS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was generated is deleted
    cache = dev_cache() / "bench-index"
    try:
        corpora = corpora_folder(cache)
    except CorpusError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory(prefix="bench-index.") as work:
        rig = Rig(corpora, Path(work), cache, options.rounds, options.largest)
        print(f"Machine: {machine()}. Command: `{shlex.join(['python', 'bench/bench_index.py', *sys.argv[1:]])}`.\n")
        for part in parts:
            begun = time.monotonic()
            for table in PARTS[part](rig):
                print(table.markdown(), flush=True)
            print(f"{part}: done in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
