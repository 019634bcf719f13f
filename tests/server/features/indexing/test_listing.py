"""Which files are there, and which come first."""

import os
import queue
import shutil
from pathlib import Path

import pytest

from assist_context.index.ignore import LARGEST
from assist_server.features.indexing import listing
from assist_server.features.indexing.child import contained
from assist_server.features.indexing.listing import Listed, Lister, is_within, look, nearest_first
from assist_server.features.indexing.workspace import index_folder
from support.indexing_process import SECONDS, built
from support.repositories import new_repository, write_files


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        ((), ["a.py", "x/b.py", "x/y/c.py", "z/d.py"]),
        (("x/y/c.py",), ["x/y/c.py", "x/b.py", "a.py", "z/d.py"]),
        (("z/d.py",), ["z/d.py", "a.py", "x/b.py", "x/y/c.py"]),
        (("z/d.py", "x/y/gone.py"), ["x/y/c.py", "z/d.py", "a.py", "x/b.py"]),
        (("a.py",), ["a.py", "x/b.py", "z/d.py", "x/y/c.py"]),
    ],
)
def test_files_near_the_open_ones_come_first(near: tuple[str, ...], expected: list[str]) -> None:
    assert nearest_first(["z/d.py", "x/y/c.py", "a.py", "x/b.py"], near) == expected


@pytest.mark.parametrize(
    ("path", "places", "expected"),
    [
        ("a/b.py", ["a"], True),
        ("a/b.py", ["a/b.py"], True),
        ("ab/c.py", ["a"], False),
        ("a/b.py", ["x", "a/b"], False),
        ("a", [], False),
    ],
)
def test_a_path_is_within_itself_and_its_folders(path: str, places: list[str], *, expected: bool) -> None:
    assert is_within(path, places) is expected


@pytest.mark.parametrize("git", [True, False], ids=["git", "no git"])
def test_finds_what_is_new_changed_or_gone(tmp_path: Path, *, git: bool) -> None:
    root, cache = tmp_path / "work", tmp_path / "cache"
    files = {"a.py": "x = 1\n", "sub/b.py": "y = 22\n", "sub/deep/c.py": "", "subs.py": "", "x.png": ""}
    (new_repository if git else write_files)(root, files)
    folder = index_folder(cache, root)
    first = look(folder)
    assert (sorted(first.new), first.gone) == (["a.py", "sub/b.py", "sub/deep/c.py", "subs.py"], ())
    assert sum(count for _, count in first.left_out) == 1
    assert sorted(look(folder, ("sub", "gone.py")).new) == ["sub/b.py", "sub/deep/c.py"]
    built(cache, root)
    os.utime(root / "subs.py", (1, 1))
    write_files(root, {"new.py": "", "sub/b.py": "y = 333\n"})
    shutil.rmtree(root / "sub/deep")
    now = look(folder)
    assert (sorted(now.new), now.gone) == (["new.py", "sub/b.py", "subs.py"], ("sub/deep/c.py",))
    assert look(folder, ("sub/deep",))[1:3] == ((), ("sub/deep/c.py",))
    assert look(folder, ("a.py", "new.py"))[1:3] == (("new.py",), ())


def test_a_folder_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    assert not look(index_folder(tmp_path / "cache", tmp_path / "gone")).there
    assert look(index_folder(tmp_path / "cache", tmp_path)).there


def test_tells_which_files_do_not_belong_whatever_is_in_them(tmp_path: Path) -> None:
    files = {".gitignore": "*.log\n", "a.log": "", "big.log": "x" * (LARGEST + 1), ".env": "", "b/c.log": ""}
    root = new_repository(tmp_path / "work", {**files, "new.py": ""})
    asked = ("a.log", "big.log", "new.py", ".env", "b", "gone.log")
    found = look(index_folder(tmp_path / "cache", root), asked)
    assert sorted(found.foreign) == [".env", "a.log"]


def test_what_nobody_foresaw_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Listed:
        raise ValueError

    monkeypatch.setattr(listing, "look", broken)
    heard: queue.SimpleQueue[Listed] = queue.SimpleQueue()
    lister = Lister(index_folder(tmp_path / "cache", tmp_path), heard.put, contained)
    lister.ask()
    assert isinstance(heard.get(timeout=SECONDS).failure, ValueError)
    assert not lister.busy
