"""The indexes of an editor's folders, without the process that writes them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assist_context.document import Document
from assist_server.features.indexing.messages import Event, Progress, Trouble, Updated
from assist_server.features.indexing.service import WorkspaceIndexes
from support.completion import StillClock
from support.indexing_process import built
from support.repositories import write_files


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
async def indexes(tmp_path: Path, heard: list[Event]) -> AsyncIterator[WorkspaceIndexes]:
    """Indexes whose process is never started."""
    indexes = WorkspaceIndexes(tmp_path / "cache", tmp_path / "index.log", heard.append, StillClock(), 10)
    yield indexes
    await indexes.__aexit__(None, None, None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    write_files(root, {"known.py": "def known(): ...\n", "private.py": "", ".assistignore": "private.py\n"})
    return root


async def show(indexes: WorkspaceIndexes, root: Path, path: str, text: str) -> None:
    indexes.open(root, path, Document((root / path).as_uri(), path, "python", text))
    await indexes.syntax(root, path)


async def test_what_the_index_leaves_out_is_not_laid_over_it(
    tmp_path: Path, root: Path, indexes: WorkspaceIndexes
) -> None:
    built(tmp_path / "cache", root)
    indexes.set_folders([root])
    for path in ("known.py", "private.py", "new.py"):
        await show(indexes, root, path, f"def find_{path[:-3]}(): ...\n")
    assert indexes.reads(root).names_starting("find", 9) == ("find_new", "find_known")
    found = await indexes.syntax(root, "private.py")
    assert found is not None, "its editor is told what is in it"
    assert [symbol.name for symbol in found[1].symbols] == ["find_private"]


async def test_a_document_that_grows_too_large_is_no_longer_laid_over(
    tmp_path: Path, root: Path, indexes: WorkspaceIndexes
) -> None:
    built(tmp_path / "cache", root)
    indexes.set_folders([root])
    await show(indexes, root, "known.py", "def typed(): ...\n")
    assert indexes.reads(root).definitions("typed", 9)
    await show(indexes, root, "known.py", "#" * 1_000_001)
    assert not indexes.reads(root).definitions("typed", 9)
    assert indexes.reads(root).definitions("known", 9)


async def test_the_home_folder_has_no_index(
    root: Path, indexes: WorkspaceIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(root))
    (root / "inner").mkdir()
    indexes.set_folders([root, root / "inner"])
    assert indexes.roots == (root / "inner",)


async def test_changes_of_other_files_are_counted(tmp_path: Path, root: Path, indexes: WorkspaceIndexes) -> None:
    built(tmp_path / "cache", root)
    assert indexes.changes(root, "known.py") == 0, "nothing is known of the folder"
    indexes.set_folders([root])

    def seen() -> tuple[int, int]:
        return indexes.changes(root, "known.py"), indexes.changes(root, "new.py")

    for path in ("known.py", "new.py"):
        await show(indexes, root, path, "a = 1\n")
    assert seen() == (0, 0), "they were only opened"
    await show(indexes, root, "known.py", "a = 2\n")
    assert seen() == (0, 1)
    await show(indexes, root, "new.py", "a = 2\n")
    assert seen() == (1, 1)
    indexes._heard(Updated(str(root), ("known.py", "new.py")))
    assert seen() == (1, 1), "what is open hides them"
    for paths in (("known.py", "closed.py"), ()):
        indexes._heard(Updated(str(root), paths))
    assert seen() == (3, 3)


async def test_nothing_is_heard_of_a_folder_that_is_not_kept_any_more(
    root: Path, indexes: WorkspaceIndexes, heard: list[Event]
) -> None:
    late, of_all = Progress(str(root), 1, 200), Trouble("", "stopped", "it ends again and again")
    indexes.set_folders([root])
    indexes._heard(late)
    indexes.set_folders([])
    indexes._heard(late)
    indexes._heard(of_all)
    assert heard == [late, of_all]
