"""Where indexes lie, who may delete them, and which go when room is needed."""

import os
from pathlib import Path

import pytest

from assist_server.features.indexing.messages import Ready
from assist_server.features.indexing.workspace import (
    NoIndex,
    clear,
    index_folder,
    index_root,
    is_too_wide,
    make_room,
    reads,
)
from support.indexing_process import RawChild, built, indexed
from support.repositories import write_files


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def workspace(folder: Path, name: str, files: int = 1) -> Path:
    root = folder / name
    write_files(root, {f"{name}{number}.py": f"def {name}_{number}(): pass\n" for number in range(files)})
    return root


def test_an_index_is_named_for_its_workspace_however_that_is_reached(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path, "work")
    (tmp_path / "link").symlink_to(root)
    folder = index_folder(cache, root)
    assert folder == index_folder(cache, tmp_path / "link") == index_folder(cache, root / ".." / "work")
    assert folder.path.parent == cache / "index"
    assert folder.path.name.startswith("work-")
    assert folder != index_folder(cache, workspace(tmp_path / "other", "work"))


def test_a_workspace_without_an_index_says_so(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(NoIndex), reads(index_folder(cache, tmp_path)):
        pass
    assert not cache.exists()


def test_a_folder_that_holds_the_home_is_too_wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "users" / "me"
    (home / "work").mkdir(parents=True)
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("HOME", str(home))
    assert all(map(is_too_wide, (home, tmp_path / "link", tmp_path / "users", Path("/"))))
    assert not any(map(is_too_wide, (home / "work", tmp_path / "other")))


def test_only_the_user_can_look_into_an_index(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path, "work")
    built(cache, root)
    assert indexed(cache, root).keys() == {"work0.py"}
    assert {path.stat().st_mode & 0o077 for path in (cache, index_root(cache), index_folder(cache, root).path)} == {0}


def test_clearing_deletes_everything(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path, "work")
    built(cache, root)
    assert clear(index_folder(cache, root))
    assert [path.suffix for path in index_root(cache).iterdir()] == [".lock"]
    assert not clear(index_folder(cache, root))


def test_an_index_that_is_cleared_under_its_writer_is_built_anew(tmp_path: Path, cache: Path) -> None:
    root = workspace(tmp_path, "work", files=3)
    with RawChild(cache) as process:
        process.add(root)
        process.until(Ready)
        assert clear(index_folder(cache, root))
        process.until(Ready)
        assert indexed(cache, root).keys() == {"work0.py", "work1.py", "work2.py"}


def test_the_indexes_that_were_not_used_for_longest_make_room(tmp_path: Path, cache: Path) -> None:
    roots = [workspace(tmp_path, name) for name in ("a", "b", "c", "d")]
    built(cache, *roots)
    folders = [index_folder(cache, root) for root in roots]
    for age, folder in enumerate(folders):
        os.utime(folder.used, (1_000_000 + age, 1_000_000 + age))
    size = sum(file.stat().st_size for file in folders[3].path.iterdir())
    with folders[1].lock():  # somebody writes it
        assert make_room(cache, int(3.5 * size), keep=folders[0]) == 1
        assert [folder.path.exists() for folder in folders] == [True, True, False, True]
        assert make_room(cache, 0, keep=folders[0]) == 1
    assert [folder.path.exists() for folder in folders] == [True, True, False, False]
    assert make_room(cache, 10 * size, keep=folders[0]) == 0


def test_a_build_makes_room_before_it_begins(tmp_path: Path, cache: Path) -> None:
    old, new = workspace(tmp_path, "old"), workspace(tmp_path, "new")
    built(cache, old)
    with RawChild(cache, megabytes=0) as process:
        process.add(new)
        process.until(Ready)
    assert not index_folder(cache, old).path.exists()
    assert indexed(cache, new).keys() == {"new0.py"}
