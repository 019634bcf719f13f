"""What one workspace's index takes, what it leaves out, and what that costs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assist_context.index.batch import Batch
from assist_context.index.build import index_file
from assist_context.index.ignore import Reason
from assist_context.index.records import FileRecord
from assist_server import __version__
from assist_server.features.indexing import open_index
from assist_server.features.indexing.child import contained
from assist_server.features.indexing.left_out import At, leave_out, read_left_out
from assist_server.features.indexing.listing import Version, version_of
from assist_server.features.indexing.open_index import OpenIndex
from assist_server.features.indexing.workspace import IndexFolder, index_folder
from support.repositories import write_files

STOPPED = ((Reason.QUARANTINED.value, 1),)
LATER = 4_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> IndexFolder:
    write_files(tmp_path / "work", {"a.py": "a = 1\n", "b.py": "b = 1\n"})
    found = index_folder(tmp_path / "cache", tmp_path / "work")
    found.touch()
    return found


@pytest.fixture
def index(folder: IndexFolder) -> Iterator[OpenIndex]:
    index = OpenIndex(folder, contained)
    yield index
    index.close()


def version(folder: IndexFolder, path: str) -> Version:
    found = version_of(folder.root, path)
    assert found is not None
    return found


def test_a_file_that_stops_the_parser_is_left_out_until_it_changes(folder: IndexFolder) -> None:
    os.utime(folder.root / "a.py", (LATER, LATER))  # no index trusts such a time
    leave_out(folder.left_out, __version__, At("a.py", version(folder, "a.py")))
    leave_out(folder.left_out, __version__, At("b.py", Version(1, 1)))
    index = OpenIndex(folder, contained)
    assert index.update(["a.py", "b.py", "gone.py"]) == ("b.py",)
    assert (index.has(["a.py", "b.py"]), index.skipped()) == ({"b.py"}, STOPPED)
    os.utime(folder.root / "a.py", (LATER + 1, LATER + 1))
    assert index.update(["a.py"]) == ("a.py",)
    assert index.skipped() == ()
    index.close()


def test_what_nobody_foresaw_costs_the_file_at_which_it_happens(
    folder: IndexFolder, index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(batch: Batch, root: Path, path: str, known: FileRecord | None) -> bool | Reason:
        found = index_file(batch, root, path, known)
        if path == "a.py":
            raise ValueError
        return found

    monkeypatch.setattr(open_index, "index_file", broken)
    index.update(["a.py", "b.py"])
    assert (index.has(["a.py", "b.py"]), index.skipped()) == ({"b.py"}, STOPPED)
    assert index.knows("a.py")
    assert read_left_out(folder.left_out, __version__) == {"a.py": version(folder, "a.py")}


def test_a_file_that_is_saved_while_others_are_collected_stays_as_it_was_saved(
    folder: IndexFolder, index: OpenIndex
) -> None:
    index.collect("a.py")
    index.collect("b.py")
    assert index.has(["a.py", "b.py", "c.py"]) == {"a.py", "b.py"}
    write_files(folder.root, {"a.py": "saved = 22\n"})
    (folder.root / "b.py").unlink()
    index.update(["a.py", "b.py"])
    index.flush()
    assert index.has(["a.py", "b.py"]) == {"a.py"}
    assert index.totals().bytes == len("saved = 22\n")
