"""Measure completion: what is shown in unseen code, and how soon the engine answers and lets go.

    PYTHONPATH=tests python bench/bench_completion.py [--part PART] --model PATH [options of the part]

Without a part all of them are measured with their usual options. `--part PART --help` lists what a part takes.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import completion_engine
import completion_quality
import completion_replay

PARTS: Mapping[str, Callable[[Sequence[str]], None]] = MappingProxyType(
    {"quality": completion_quality.main, "replay": completion_replay.main, "engine": completion_engine.main}
)


def main() -> None:
    """Read the part, and leave the rest of the command line to it."""
    parser = argparse.ArgumentParser(description="Measure completion.", add_help=False, allow_abbrev=False)
    parser.add_argument("--part", choices=tuple(PARTS), help="measure one part alone")
    options, rest = parser.parse_known_args()
    if options.part is None and {"-h", "--help"} & set(rest):
        parser.print_help()
        return
    for part in [options.part] if options.part else PARTS:
        print(f"{part}:", file=sys.stderr, flush=True)
        PARTS[part](rest)


if __name__ == "__main__":
    main()
