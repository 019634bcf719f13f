"""The indexing process, started for real: what it does, in which order, and what it survives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from assist_server.features.indexing.messages import Alive, Job, Progress, Ready, Trouble, Updated, Waiting
from assist_server.features.indexing.workspace import index_folder
from support.indexing_process import SECONDS, RawChild, at_file, built, eventually, indexed, limited
from support.repositories import new_repository, plain_git, write_files

# The parser tries a template at each of these; it takes seconds, which is what a file that hangs it looks like.
SLOW = "a<\n" * 300_000


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def sources(count: int, folder: str = "") -> dict[str, str]:
    return {f"{folder}m{number:04}.py": f"def f{number}(): return {number}\n" for number in range(count)}


def workspace(root: Path, files: dict[str, str]) -> Path:
    write_files(root, files)
    return root


def test_indexes_what_is_there_and_says_how_far_it_is(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", {**sources(50), "bin.py": "x\0y", "id_rsa": "s", "big.py": "x = 1\n" * 200_000})
    with RawChild(cache) as process:
        process.add(root)
        ready = process.until(Ready)
        assert [type(event) for event in process.heard if isinstance(event, Progress)]
        assert (ready.files, ready.read, ready.removed) == (50, 50, 0)
        assert sum(count for _, count in ready.skipped) == 3
        assert indexed(cache, root).keys() == sources(50).keys()
        assert not process.until(Alive, lambda alive: not alive.busy).busy
        assert process.quit() == 0


def test_a_name_that_is_not_utf_8_costs_only_its_file(tmp_path: Path, cache: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    root = workspace(tmp_path / "work", {**sources(3), name: "x = 1\n"})
    with RawChild(cache) as process:
        where = process.add(root)
        ready = process.until(Ready)
        assert (ready.files, ready.skipped) == (3, (("its name is not UTF-8", 1),))
        write_files(root, {name: "y = 1\n", "m0001.py": "def other(): pass\n"})
        process.send(Job("changed", where, (name, "m0001.py")))
        assert process.until(Updated).paths == ("m0001.py",)
        assert not [event for event in process.heard if isinstance(event, Trouble)]


def test_reads_only_what_has_changed_since(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", sources(20))
    built(cache, root)
    (root / "m0003.py").write_text("def other(): pass\n")
    (root / "m0004.py").unlink()
    before = indexed(cache, root)
    (ready,) = built(cache, root)
    assert (ready.files, ready.removed) == (19, 1)
    after = indexed(cache, root)
    assert {path for path in before if before[path] != after.get(path)} == {"m0003.py", "m0004.py"}


def test_files_near_the_open_ones_come_first(tmp_path: Path, cache: Path) -> None:
    files = {f"{folder}/{name}": text for folder in ("a", "b", "c") for name, text in sources(100).items()}
    root = workspace(tmp_path / "work", files)
    with RawChild(cache) as process:
        process.add(root, "b/m0000.py")
        first = process.until(Updated).paths
        assert {path[0] for path in first[: min(len(first), 100)]} == {"b"}
        process.until(Ready)


def test_a_save_comes_before_the_rest_of_a_build(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", {**sources(300), "z.py": "old = 1\n"})
    with RawChild(cache) as process:
        name = process.add(root)
        process.until(Progress)
        process.send(Job("changed", name, ("z.py",)))
        process.until(Updated, lambda updated: "z.py" in updated.paths)
        assert indexed(cache, root).keys() >= {"z.py"}
        process.until(Ready)
        assert indexed(cache, root).keys() == {*sources(300), "z.py"}
        assert sum("z.py" in event.paths for event in process.heard if isinstance(event, Updated)) == 1


def test_a_save_of_a_new_file_asks_git_whether_it_belongs(tmp_path: Path, cache: Path) -> None:
    root = new_repository(tmp_path / "work", {"a.py": "a = 1\n", ".gitignore": "ignored.py\n"})
    with RawChild(cache) as process:
        name = process.add(root)
        process.until(Ready)
        write_files(root, {"new.py": "n = 1\n", "ignored.py": "i = 1\n"})
        process.send(Job("changed", name, ("ignored.py", "new.py", "never.py", "../outside.py")))
        assert process.until(Updated).paths == ("new.py",)
        (root / "a.py").unlink()
        process.send(Job("changed", name, ("a.py",)))
        assert process.until(Updated).paths == ("a.py",)
        assert "a.py" not in indexed(cache, root)


def test_several_workspaces_one_of_which_is_given_up_later(tmp_path: Path, cache: Path) -> None:
    roots = [workspace(tmp_path / name, sources(5)) for name in ("one", "two", "three")]
    with RawChild(cache) as process:
        names = [process.add(root, watch=True) for root in roots]
        assert {process.until(Ready).root for _ in roots} == set(names)
        process.send(Job("remove", names[1]))
        eventually(lambda: index_folder(cache, roots[1]).lock(), _is_free)
        assert not _is_free(index_folder(cache, roots[0]).lock())
        (roots[2] / "m0001.py").write_text("def other(): pass\n")
        process.until(Updated, lambda updated: updated.root == names[2] and updated.paths == ("m0001.py",))


def _is_free(lock: FileLock) -> bool:
    try:
        with lock.acquire(timeout=0):
            return True
    except TimeoutError:
        return False


def test_lines_that_are_no_jobs_are_passed_over(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", sources(1))
    with RawChild(cache) as process:
        process._input.write(b"nonsense\n{}\n[1]\n" + b"x" * 200_000 + b"\n")
        process.send(Job("near", "/not/known", ("a",)))
        process.add(root)
        process.until(Ready)


@pytest.mark.parametrize("way", ["its input ends", "it is told to", "it is terminated"])
def test_ends_in_good_order(tmp_path: Path, cache: Path, way: str) -> None:
    root = workspace(tmp_path / "work", sources(400))
    with RawChild(cache) as process:
        process.add(root, watch=True)
        process.until(Progress)
        if way == "its input ends":
            process.end_input()
        elif way == "it is told to":
            process.send(Job("quit"))
        else:
            process.signal(signal.SIGTERM)
        while process.event() is not None:
            pass
        assert process.wait() == 0
    assert _is_free(index_folder(cache, root).lock())
    built(cache, root)
    assert indexed(cache, root).keys() == sources(400).keys()


def test_ends_with_its_input_even_where_a_file_takes_too_long(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", {"slow.cpp": SLOW})
    with RawChild(cache) as process:
        process.add(root)
        at_file(cache, root, "slow.cpp", process.pid)
        process.end_input()
        process.wait()
    assert _is_free(index_folder(cache, root).lock())


OWNER = """
import asyncio, sys
from pathlib import Path
from assist_server.features.indexing.process import IndexProcess
async def main():
    cache = Path(sys.argv[1])
    async with IndexProcess(cache, cache / "out.log", lambda event: print(process.pid, flush=True)) as process:
        process.add(Path(sys.argv[2]))
        await asyncio.Event().wait()
asyncio.run(main())
"""


def test_ends_when_whoever_started_it_is_killed(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", sources(500))
    with subprocess.Popen([sys.executable, "-c", OWNER, cache, root], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        child = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
    gone, _ = psutil.wait_procs([child], SECONDS)
    assert gone
    assert _is_free(index_folder(cache, root).lock())


def test_the_second_process_waits_and_takes_over(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", sources(3))
    with RawChild(cache) as first, RawChild(cache) as second:
        name = first.add(root, watch=True)
        first.until(Ready)
        second.add(root, watch=True)
        second.until(Waiting)
        (root / "m0001.py").write_text("def by_first(): pass\n")
        first.until(Updated, lambda updated: updated.paths == ("m0001.py",))
        second.send(Job("changed", name, ("m0001.py",)))
        second.send(Job("rescan", name))
        assert not [event for event in second.heard if isinstance(event, (Updated, Progress))]
        first.kill()
        assert second.until(Ready).read == 0
        (root / "m0002.py").write_text("def by_second(): pass\n")
        second.until(Updated, lambda updated: updated.paths == ("m0002.py",))
        assert not [event for event in second.heard if isinstance(event, Trouble)]


def test_a_process_that_waits_can_be_told_to_stop_waiting(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", sources(1))
    with RawChild(cache) as first, RawChild(cache) as second:
        name = first.add(root)
        first.until(Ready)
        second.add(root)
        second.until(Waiting)
        second.send(Job("remove", name))
        assert second.quit() == 0
        first.kill()
        assert _is_free(index_folder(cache, root).lock())


def test_a_full_disk_costs_the_index_and_is_said_once(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", sources(2000))
    cache.mkdir()
    with RawChild(cache, prefix=limited({}, cache, "size=200k")) as process:
        process.add(root)
        trouble = process.until(Trouble)
        assert trouble.code == "storage"
        assert str(root) in trouble.text
        process.send(Job("changed", str(root), ("m0001.py",)))
        process.send(Job("rescan", str(root), number=7))
        process.until(Alive, lambda alive: alive.seen == 7)
        assert process.quit() == 0
        assert sum(isinstance(event, Trouble) for event in process.heard) == 1


def test_a_cache_that_cannot_be_written_is_said_once_for_each_workspace(tmp_path: Path, cache: Path) -> None:
    roots = [workspace(tmp_path / name, sources(3)) for name in ("one", "two")]
    cache.mkdir()
    with RawChild(cache, prefix=limited({}, cache, "ro")) as process:
        names = [process.add(root) for root in roots]
        troubles = [process.until(Trouble) for _ in roots]
        assert [(trouble.root, trouble.code) for trouble in troubles] == [(name, "storage") for name in names]
        assert process.quit() == 0


def test_folders_and_files_without_rights_cost_only_themselves(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", {**sources(3), "shut/a.py": "a = 1\n", "shut.py": "b = 1\n"})
    (root / "shut").chmod(0)
    (root / "shut.py").chmod(0)
    try:
        with RawChild(cache, prefix=["unshare", "--user"]) as process:  # as nobody: root may read everything
            process.add(root, watch=True)
            assert process.until(Ready).files == 3
            (root / "m0001.py").write_text("def other(): pass\n")
            process.until(Updated, lambda updated: updated.paths == ("m0001.py",))
            assert not [event for event in process.heard if isinstance(event, Trouble)]
    finally:
        (root / "shut").chmod(0o700)
    assert indexed(cache, root).keys() == sources(3).keys()


def test_too_few_watches_are_made_up_for_by_looking_again(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", {f"d{number}/a.py": "a = 1\n" for number in range(40)})
    with RawChild(cache, prefix=limited({"user/max_inotify_watches": "20"})) as process:
        process.add(root, watch=True)
        process.until(Ready)
        while not any(isinstance(event, Trouble) for event in process.heard):
            process.event()
        (root / "d7" / "a.py").write_text("def other(): pass\n")
        process.until(Updated, lambda updated: updated.paths == ("d7/a.py",))
        assert sum(isinstance(event, Trouble) for event in process.heard) == 1


def test_a_workspace_that_is_not_there_is_no_reason_to_forget_it(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path / "work", sources(3))
    built(cache, root)
    root.rename(tmp_path / "away")
    with RawChild(cache) as process:
        process.add(root, watch=True)
        assert process.until(Trouble).code == "failed"
        assert indexed(cache, root).keys() == sources(3).keys()
        (tmp_path / "away").rename(root)
        assert process.until(Ready).files == 3


def test_it_is_nice(tmp_path: Path, cache: Path) -> None:
    with RawChild(cache) as process:
        process.add(workspace(tmp_path / "work", sources(1)))
        process.until(Ready)
        assert psutil.Process(process.pid).nice() == min(os.nice(0) + 10, 19)


def test_a_branch_that_is_switched_is_followed(tmp_path: Path, cache: Path) -> None:
    root = new_repository(tmp_path / "work", sources(300))
    plain_git(root, "switch", "--quiet", "--create", "other")
    write_files(
        root, {name: text.replace("def f", "def g") for name, text in sources(200).items()} | sources(20, "new/")
    )
    for number in range(200, 250):
        (root / f"m{number:04}.py").unlink()
    plain_git(root, "add", "--all")
    plain_git(root, "commit", "--quiet", "--message", "other")
    plain_git(root, "switch", "--quiet", "main")
    with RawChild(cache) as process:
        process.add(root, watch=True)
        process.until(Ready)
        for branch in ("other", "main", "other"):
            plain_git(root, "switch", "--quiet", branch)
            fresh = _fresh(tmp_path / f"fresh-{branch}", root)
            eventually(lambda: indexed(cache, root), fresh.__eq__)


def _fresh(cache: Path, root: Path) -> dict[str, bytes]:
    if not cache.exists():
        built(cache, root)
    return indexed(cache, root)
