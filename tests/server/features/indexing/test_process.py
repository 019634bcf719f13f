"""The owner of the indexing process: it starts it anew, knows which file is to blame, and stops it."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from assist_server.features.indexing.messages import Alive, Event, Progress, Ready, Trouble, Updated, Waiting
from assist_server.features.indexing.process import IndexProcess
from assist_server.features.indexing.watchdog import Watchdog
from assist_server.features.indexing.workspace import index_folder
from support.indexing_process import SECONDS, RawChild, at_file, indexed
from support.repositories import write_files

SLOW = "a<\n" * 300_000
E = TypeVar("E")


class Heard:
    """The events of an indexing process, in order."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self._looked_at = 0
        self._more = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.all.append(event)
        self._more.set()

    async def until(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for an event that was not looked at before."""
        return await asyncio.wait_for(self._until(kind, fits), 2 * SECONDS)

    async def _until(self, kind: type[E], fits: Callable[[E], bool]) -> E:
        while True:
            for event in self.all[self._looked_at :]:
                self._looked_at += 1
                if isinstance(event, kind) and fits(event):
                    return event
            self._more.clear()
            await self._more.wait()

    def count(self, kind: type[Event]) -> int:
        """Count the events of a kind."""
        return sum(isinstance(event, kind) for event in self.all)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path / "work", {f"m{number}.py": f"def f{number}(): pass\n" for number in range(30)})
    return tmp_path / "work"


def owner(cache: Path, heard: Heard, *, patience: float = SECONDS) -> IndexProcess:
    return IndexProcess(cache, cache / "output.log", heard, patience=patience, delays=(0.0,) * 4)


async def test_builds_follows_saves_and_stops_in_good_order(cache: Path, root: Path) -> None:
    heard = Heard()
    async with owner(cache, heard) as process:
        name = process.add(root, near=["m7.py"])
        assert (await heard.until(Ready)).files == 30
        (root / "m3.py").write_text("def other(): pass\n")
        process.changed(name, ["m3.py"])
        assert (await heard.until(Updated)).paths == ("m3.py",)
        process.near(name, ["m1.py"])
        process.rescan(name)
        await heard.until(Ready)
        pid = process.pid
    assert not psutil.pid_exists(pid or 0)
    assert heard.count(Trouble) == 0
    assert (index_folder(cache, root).path / "index.db.seal").exists()


async def test_a_process_that_was_killed_is_started_again_with_all_workspaces(
    tmp_path: Path, cache: Path, root: Path
) -> None:
    write_files(tmp_path / "second", {"a.py": "a = 1\n"})
    heard = Heard()
    async with owner(cache, heard) as process:
        names = {process.add(root), process.add(tmp_path / "second")}
        assert await _ready_roots(heard) == names
        before = process.pid or 0
        os.kill(before, signal.SIGKILL)
        assert await _ready_roots(heard) == names
        assert process.pid not in {before, None}


async def _ready_roots(heard: Heard) -> set[str]:
    first = (await heard.until(Ready)).root
    return {first, (await heard.until(Ready, lambda ready: ready.root != first)).root}


async def test_a_file_that_hangs_the_parser_is_left_out_until_it_changes(cache: Path, root: Path) -> None:
    write_files(root, {"slow.cpp": SLOW})
    heard = Heard()
    async with owner(cache, heard, patience=1.5) as process:
        name = process.add(root, near=["slow.cpp"])
        assert "slow.cpp" in (await heard.until(Trouble, lambda trouble: trouble.code == "left-out")).text
        ready = await heard.until(Ready)
        assert (ready.files, ready.skipped) == (30, (("stopped the parser", 1),))
        process.rescan(name)
        assert (await heard.until(Ready)).files == 30
        (root / "slow.cpp").write_text("int quick();\n")
        process.changed(name, ["slow.cpp"])
        assert (await heard.until(Updated)).paths == ("slow.cpp",)
    assert heard.count(Trouble) == 1
    assert "slow.cpp" in indexed(cache, root)


async def test_a_process_that_stands_still_is_killed(cache: Path, root: Path) -> None:
    heard = Heard()
    async with owner(cache, heard, patience=1.0) as process:
        name = process.add(root)
        await heard.until(Ready)
        await heard.until(Alive, lambda alive: not alive.busy)
        before = process.pid or 0
        os.kill(before, signal.SIGSTOP)
        process.rescan(name)
        await heard.until(Ready)
        assert process.pid != before
    assert heard.count(Trouble) == 0


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL], ids=["a crash", "out of memory"])
async def test_a_file_at_which_it_dies_twice_is_left_out(cache: Path, root: Path, number: signal.Signals) -> None:
    write_files(root, {"slow.cpp": SLOW})
    heard = Heard()
    async with owner(cache, heard) as process:
        process.add(root, near=["slow.cpp"])
        before = 0
        for _ in range(2):
            before = await _next_pid(heard, process, before)
            await asyncio.to_thread(at_file, cache, root, "slow.cpp", before)
            os.kill(before, number)
        assert (await heard.until(Ready)).skipped == (("stopped the parser", 1),)
    assert [event.code for event in heard.all if isinstance(event, Trouble)] == ["left-out"]


async def _next_pid(heard: Heard, process: IndexProcess, before: int) -> int:
    while process.pid in {before, None}:
        await heard.until(Alive)  # the first word of a process
    return process.pid or 0


async def test_a_process_that_cannot_start_is_given_up_until_there_is_work(
    cache: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(cache))
    write_files(cache, {"filelock.py": "raise SystemExit(3)\n"})
    heard = Heard()
    async with owner(cache, heard) as process:
        process.add(root)
        assert (await heard.until(Trouble)).code == "stopped"
        assert process.pid is None
        (cache / "filelock.py").unlink()
        process.changed(str(root), ["m1.py"])
        assert (await heard.until(Ready)).files == 30
    assert heard.count(Trouble) == 1


async def test_a_cache_that_is_no_folder_is_said_and_nothing_starts(tmp_path: Path, root: Path) -> None:
    (tmp_path / "cache").write_text("")
    heard = Heard()
    async with owner(tmp_path / "cache", heard) as process:
        process.add(root)
        assert (await heard.until(Trouble)).code == "storage"


async def test_it_can_be_left_at_any_moment(cache: Path, root: Path) -> None:
    async with owner(cache, Heard()):
        pass
    write_files(root, {"slow.cpp": SLOW})
    heard = Heard()
    async with owner(cache, heard) as process:
        process.add(root, near=["slow.cpp"])
        await heard.until(Progress)
        process.kill()


async def test_it_is_left_though_its_process_cannot_be_killed(
    cache: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assist_server.features.indexing.process._STOP_SECONDS", 0.05)
    monkeypatch.setattr(IndexProcess, "kill", lambda _: None)
    heard = Heard()
    process = await owner(cache, heard).__aenter__()
    process.add(root)
    await heard.until(Ready)
    left = process._process
    assert left is not None
    left.send_signal(signal.SIGSTOP)
    await asyncio.wait_for(process.__aexit__(), SECONDS)
    assert left.returncode is None
    # By the loop: whoever else waits for it takes its status away, and the loop may end without having heard of it.
    left.kill()
    await asyncio.wait_for(left.wait(), SECONDS)


async def test_nothing_of_the_environment_is_passed_on_that_is_not_needed(
    cache: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    heard = Heard()
    async with owner(cache, heard) as process:
        process.add(root)
        await heard.until(Ready)
        child = psutil.Process(process.pid)
        assert "SOME_API_KEY" not in child.environ()
        assert "PATH" in child.environ()
        assert Path(child.cwd()) == cache / "index"


async def test_two_owners_share_the_work(cache: Path, root: Path) -> None:
    first, second = Heard(), Heard()
    async with owner(cache, first) as one, owner(cache, second) as two:
        one.add(root)
        await first.until(Ready)
        two.add(root)
        await second.until(Waiting)
        await one.__aexit__()
        assert (await second.until(Ready)).read == 0
    assert second.count(Updated) == 0


async def test_a_raw_child_holds_off_an_owner_until_it_is_killed(cache: Path, root: Path) -> None:
    heard = Heard()
    with RawChild(cache) as first:
        first.add(root)
        first.until(Ready)
        async with owner(cache, heard) as process:
            process.add(root)
            await heard.until(Waiting)
            first.kill()
            await heard.until(Ready)


async def test_the_watchdog_barks_only_while_something_is_owed() -> None:
    barked = asyncio.Event()
    watchdog = Watchdog(0.05, barked.set)
    watchdog.expect(1)
    watchdog.heard(Alive(1, busy=False))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(barked.wait(), 0.2)
    watchdog.heard(Alive(1, busy=True))
    await asyncio.wait_for(barked.wait(), SECONDS)
    barked.clear()
    watchdog.expect(2)
    watchdog.stop()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(barked.wait(), 0.2)
