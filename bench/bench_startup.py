"""Measure how long the command line takes to start, beside bare Python in the same run.

    python bench/bench_startup.py [--rounds N]

The rounds take turns, so that a busy moment of the machine hits all rows alike. Medians, in milliseconds.
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "bare Python": [sys.executable, "-c", "pass"],
    "assist --help": [sys.executable, "-m", "assist_server", "--help"],
    "assist review --help": [sys.executable, "-m", "assist_server", "review", "--help"],
    "assist --version --json": [sys.executable, "-m", "assist_server", "--version", "--json"],
    "assist config path": [sys.executable, "-m", "assist_server", "config", "path"],
}


def milliseconds(command: list[str]) -> float:
    """Run a command once."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            times[name].append(milliseconds(command))
    bare = statistics.median(times["bare Python"])
    print(f"{'command':26}{'median ms':>10}{'over bare Python':>18}")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:26}{median:10.0f}{median - bare:+18.0f}")


if __name__ == "__main__":
    main()
