"""What changes in a folder is told, each time once everything has been set up to see it."""

import os
import queue
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from assist_server.features.indexing.watch import MOST_TOGETHER, Watch, sort_changes
from support.indexing_process import SECONDS, eventually

ROOT = Path("/work/it")
AGAIN = "look again"


class Heard:
    """What a watch has told, in order."""

    def __init__(self) -> None:
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()

    def touched(self, paths: tuple[str, ...]) -> None:
        for path in paths:
            self.told.put(path)

    def look_again(self) -> None:
        self.told.put(AGAIN)

    def polling(self) -> None:
        self.told.put("polling")

    def now(self) -> set[str]:
        """Give what has been told and not taken yet."""
        return {self.told.get() for _ in range(self.told.qsize())}

    def until(self, what: str) -> list[str]:
        """Give what is told up to something."""
        found = []
        while not found or found[-1] != what:
            found.append(self.told.get(timeout=SECONDS))
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work" / "sub").mkdir(parents=True)
    (tmp_path / "work" / "a.py").write_text("a = 1\n")
    return tmp_path / "work"


@pytest.fixture
def heard(folder: Path) -> Iterator[Heard]:
    heard = Heard()
    watch = Watch(folder, heard)
    watch.start()
    assert heard.until(AGAIN) == [AGAIN]
    yield heard
    watch.stop()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["a.py", "sub/b.py", "a.py"], ("a.py", "sub/b.py")),
        ([".git/objects/12/34", ".git/index.lock", "sub/.git/HEAD"], ()),
        (["node_modules/x/index.js", "sub/__pycache__/a.pyc", ".venv/bin/python"], ()),
        (["a.py", ".git/index"], AGAIN),
        ([".git/HEAD"], AGAIN),
        ([".git"], AGAIN),
        (["sub/.gitignore"], AGAIN),
        ([".assistignore"], AGAIN),
        ([".gitmodules"], AGAIN),
        (["gitignore", "x.gitignore"], ("gitignore", "x.gitignore")),
        ([str(number) for number in range(MOST_TOGETHER)], tuple(sorted(map(str, range(MOST_TOGETHER))))),
        ([str(number) for number in range(MOST_TOGETHER + 1)], AGAIN),
        ([f"node_modules/{number}" for number in range(1000)], ()),
    ],
)
def test_changes_are_sorted(changed: list[str], expected: tuple[str, ...] | str) -> None:
    found, again = sort_changes(ROOT, (os.fspath(ROOT / path) for path in changed))
    assert (AGAIN if again else found) == expected


def test_the_root_itself_means_everything() -> None:
    assert sort_changes(ROOT, [str(ROOT)]) == ((), True)
    assert sort_changes(Path("/"), ["/a.py"]) == (("a.py",), False)


def test_tells_what_is_changed_made_moved_and_deleted(folder: Path, heard: Heard) -> None:
    (folder / "a.py").write_text("a = 2\n")
    heard.until("a.py")
    (folder / "sub" / "b.py").write_text("b = 1\n")
    heard.until("sub/b.py")
    heard.now()
    (folder / "sub" / "b.py").rename(folder / "c.py")
    told: set[str] = set()
    while not {"sub/b.py", "c.py"} <= told:
        told.add(heard.told.get(timeout=SECONDS))
    (folder / "a.py").unlink()
    heard.until("a.py")


def test_follows_folders_that_are_made_and_moved_in(folder: Path, tmp_path: Path, heard: Heard) -> None:
    (folder / "new" / "deep").mkdir(parents=True)
    heard.until("new")
    (folder / "new" / "a.py").write_text("x = 1\n")
    heard.until("new/a.py")
    (tmp_path / "other" / "deep").mkdir(parents=True)
    (tmp_path / "other").rename(folder / "in")
    heard.until("in")
    (folder / "in" / "deep" / "a.py").write_text("x = 1\n")
    heard.until("in/deep/a.py")


def test_a_root_that_is_deleted_and_made_again_is_followed(folder: Path, heard: Heard) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    heard.until(AGAIN)
    # How often it is told depends on when the watch sees the new folder; at last single files are seen again.
    numbers = count()

    def told() -> set[str]:
        (folder / f"{next(numbers)}.py").write_text("b = 1\n")
        return heard.now()

    eventually(told, lambda names: any(name.endswith(".py") for name in names))


def test_a_root_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    heard = Heard()
    watch = Watch(tmp_path / "later", heard)
    watch.start()
    (tmp_path / "later").mkdir()
    heard.until(AGAIN)
    (tmp_path / "later" / "a.py").write_text("a = 1\n")
    heard.until("a.py")
    watch.stop()
