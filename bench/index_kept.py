"""An index while it is kept up to date: one server's event loop with its indexing process, in a fresh process.

    python bench/index_kept.py WORKSPACE CACHE

Prints what it measured as JSON, seconds and bytes.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
from index_product import opened

import assist_server.lsp.server  # noqa: F401 - what a server has in memory besides
from assist_context.index.build import syntax_of
from assist_context.index.records import Reads
from assist_context.languages import language_of
from assist_server.features.indexing.messages import Event, Ready, Trouble
from assist_server.features.indexing.process import IndexProcess
from assist_server.features.indexing.workspace import index_folder

TICK = 0.005
EDITS = 40
MANY = 2_000
RESCANS = 7
_LONGEST_BUILD, _LONGEST_CHANGE = 600.0, 30.0
_REST = 0.3  # between two edits, so that each is one of its own

# What adds a definition to a file of each kind.
DEFINITIONS = MappingProxyType(
    {
        ".py": "\n\ndef {}():\n    return 1\n",
        ".ts": "\nexport function {}() {{\n  return 1\n}}\n",
        ".go": "\nfunc {}() int {{\n\treturn 1\n}}\n",
        ".rs": "\nfn {}() -> i32 {{\n    1\n}}\n",
    }
)

Figures = dict[str, Any]


class Stopped(Exception):
    """The indexing process said that it cannot go on."""


class Bench:
    """One workspace and what its indexing process says."""

    def __init__(self, workspace: Path, cache: Path) -> None:
        self.workspace = workspace
        self.cache = cache
        self._ready: asyncio.Queue[Ready] = asyncio.Queue()
        self._trouble: list[str] = []
        self.paths: list[str] = []

    def choose(self, reads: Reads) -> None:
        """Choose indexed files in which an added definition is one: some are pieces that end within something else."""
        for path in sorted(reads.files()):
            file = self.workspace / path
            if file.suffix in DEFINITIONS and len(self.paths) <= MANY:
                content = file.read_bytes() + DEFINITIONS[file.suffix].format("bench_probe").encode()
                if any(symbol.name == "bench_probe" for symbol in syntax_of(language_of(path), content).symbols):
                    self.paths.append(path)

    def hear(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Ready):
            self._ready.put_nowait(event)
        elif isinstance(event, Trouble):
            self._trouble.append(event.text)

    async def ready(self) -> Ready:
        """Wait until a build or a look through all files is done."""
        try:
            return await asyncio.wait_for(self._ready.get(), _LONGEST_BUILD)
        except asyncio.TimeoutError:
            raise Stopped(f"not ready after {_LONGEST_BUILD:.0f} s; it said: {'; '.join(self._trouble)}") from None

    def heard_before(self) -> None:
        """Forget what was ready before."""
        while not self._ready.empty():
            self._ready.get_nowait()

    @asynccontextmanager
    async def process(self) -> AsyncIterator[IndexProcess]:
        """Run the indexing process."""
        async with IndexProcess(self.cache, self.cache / "indexing.log", self.hear) as process:
            yield process

    def edit(self, path: str, name: str) -> None:
        """Add a definition to a file, as an editor saves it."""
        file = self.workspace / path
        with file.open("a", encoding="utf-8") as stream:
            stream.write(DEFINITIONS[file.suffix].format(name))


async def ticks(stop: asyncio.Event) -> list[float]:
    """Give by how much every tick came late, in seconds, until told to stop."""
    late = []
    while not stop.is_set():
        begun = time.perf_counter()
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - begun - TICK)
    return late


async def visible(reads: Reads, name: str) -> None:
    """Wait until a definition is found."""
    end = time.perf_counter() + _LONGEST_CHANGE
    while not reads.definitions(name, 1):
        if time.perf_counter() > end:
            raise Stopped(f"{name} is not found after {_LONGEST_CHANGE:.0f} s")
        await asyncio.sleep(0.001)


def peak_of(pid: int) -> int:
    """Give the most memory that a process had, where the system tells; else what it has now."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return psutil.Process(pid).memory_info().rss


async def first_build(bench: Bench, process: IndexProcess) -> Figures:
    """Build the index while the loop ticks."""
    quiet = asyncio.Event()
    asyncio.get_running_loop().call_later(2.0, quiet.set)
    idle = await ticks(quiet)
    stop = asyncio.Event()
    ticking = asyncio.create_task(ticks(stop))
    begun = time.perf_counter()
    process.add(bench.workspace)
    ready = await bench.ready()
    seconds = time.perf_counter() - begun
    stop.set()
    return {"idle": idle, "stall": await ticking, "build": seconds, "files": ready.files, "symbols": ready.symbols}


async def rescans(bench: Bench, process: IndexProcess, root: str) -> list[float]:
    """Have all files looked at again, none of which has changed."""
    await asyncio.sleep(2 * _REST)
    taken = []
    for _ in range(RESCANS):
        bench.heard_before()
        begun = time.perf_counter()
        process.rescan(root)
        await bench.ready()
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(_REST)
    return taken


async def edits(bench: Bench, reads: Reads, tell: Callable[[str], None], kind: str) -> list[float]:
    """Edit one file after the other, and wait each time until the new definition is found."""
    taken = []
    for number in range(EDITS):
        path, name = bench.paths[number * len(bench.paths) // EDITS], f"bench_{kind}_{number}"
        begun = time.perf_counter()
        bench.edit(path, name)
        tell(path)
        await visible(reads, name)
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(_REST)
    return taken


async def many_edits(bench: Bench, reads: Reads, process: IndexProcess, root: str) -> Figures:
    """Edit very many files from outside, and one more as an editor saves it."""
    await asyncio.sleep(2 * _REST)
    paths = bench.paths[:MANY]
    begun = time.perf_counter()
    for number, path in enumerate(paths):
        bench.edit(path, f"bench_many_{number}")
    written = time.perf_counter()
    saved = bench.paths[-1]
    bench.edit(saved, "bench_meanwhile")
    process.changed(root, (saved,))
    await visible(reads, "bench_meanwhile")
    meanwhile = time.perf_counter() - written
    for number in range(len(paths)):
        await visible(reads, f"bench_many_{number}")
    now = time.perf_counter()
    return {"many": now - written, "writing": written - begun, "meanwhile": meanwhile, "many_files": len(paths)}


async def measure(workspace: Path, cache: Path) -> Figures:
    """Measure everything."""
    bench = Bench(workspace, cache)
    folder = index_folder(cache, workspace)
    root = str(folder.root)
    async with bench.process() as process:
        figures = await first_build(bench, process)
        figures["rescan"] = await rescans(bench, process, root)
        with opened(folder.database) as reads:
            bench.choose(reads)
            figures["saved"] = await edits(bench, reads, lambda path: process.changed(root, (path,)), "saved")
            figures["outside"] = await edits(bench, reads, lambda _: None, "outside")
            figures |= await many_edits(bench, reads, process, root)
        figures["child_peak"] = peak_of(process.pid or os.getpid())
    bench.heard_before()
    begun = time.perf_counter()
    async with bench.process() as process:
        process.add(bench.workspace)
        await bench.ready()
        figures["again"] = time.perf_counter() - begun
    figures["server_peak"] = peak_of(os.getpid())
    return figures


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(Path(sys.argv[1]), Path(sys.argv[2])))))
