"""One workspace in the indexing process, step by step."""

import queue
import shutil
from pathlib import Path

import pytest

from assist_server.features.indexing import work as work_module
from assist_server.features.indexing.child import contained
from assist_server.features.indexing.messages import Event, Ready, Trouble, Waiting
from assist_server.features.indexing.threads import Heard
from assist_server.features.indexing.work import Office, Work
from assist_server.features.indexing.workspace import index_folder
from support.indexing_process import SECONDS, indexed
from support.repositories import new_repository, write_files


class Desk:
    """A workspace with what its threads say and what it tells."""

    def __init__(self, tmp_path: Path) -> None:
        self.cache = tmp_path / "cache"
        self.root = new_repository(tmp_path / "work", {"a.py": "a = 1\n", ".gitignore": "*.log\n"})
        self.lock = index_folder(self.cache, self.root).lock()
        self.told: list[Event] = []
        self.heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        office = Office(self.cache, 10**9, self.heard.put, self.told.append, contained)
        self.work = Work(str(self.root), office, near=(), watch=False)

    def hear(self) -> None:
        """Do what the next thread asks for."""
        self.work.heard(self.heard.get(timeout=SECONDS))

    def finish(self) -> None:
        """Index what is to be indexed."""
        while self.work.pending:
            self.work.step(lambda: False)

    def built(self) -> None:
        """Build the index, and forget what was told of it."""
        self.work.start()
        self.hear()
        self.finish()
        self.told.clear()

    def ends(self, kind: type[Event]) -> int:
        """Count events of a kind."""
        return sum(isinstance(event, kind) for event in self.told)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_build_for_once_is_tidy_when_it_says_that_it_is_ready(desk: Desk) -> None:
    desk.work.start()
    desk.hear()
    while not desk.ends(Ready):
        desk.work.step(lambda: False)
    assert not desk.work.pending


def test_a_workspace_that_failed_is_anybodys(desk: Desk) -> None:
    desk.built()
    desk.work.fail("storage", "full", OSError())
    with desk.lock.acquire(timeout=0):
        assert desk.ends(Trouble) == 1


def test_one_that_failed_waits_once_for_whoever_has_it_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "_REST_SECONDS", -1.0)
    desk.built()
    desk.work.fail("storage", "full", OSError())
    with desk.lock.acquire(timeout=0):
        desk.work.changed(["a.py"])
        desk.work.changed(["a.py"])
        assert desk.ends(Waiting) == 1
    desk.hear()  # the lock is free
    desk.hear()  # all files are listed
    desk.finish()
    assert desk.ends(Ready) == 1
    desk.work.close()


def test_a_build_of_which_nothing_is_left_ends(desk: Desk) -> None:
    desk.built()
    write_files(desk.root, {"b.py": "b = 1\n"})
    desk.work.rescan(asked=False)
    desk.hear()
    assert desk.work.pending
    (desk.root / "b.py").unlink()
    desk.work.rescan(asked=False)
    desk.hear()
    desk.finish()
    assert desk.ends(Ready) == 1
    assert index_folder(desk.cache, desk.root).complete.exists()
    desk.work.close()


def test_git_is_asked_once_about_a_file_that_does_not_belong(desk: Desk) -> None:
    desk.built()
    for line in range(2):
        write_files(desk.root, {"app.log": f"line {line}\n"})
        desk.work.changed(["app.log"])
        if not line:
            desk.hear()
    assert not desk.work.busy
    (desk.root / ".gitignore").unlink()
    desk.work.rescan()
    desk.hear()
    desk.finish()
    assert indexed(desk.cache, desk.root).keys() == {"a.py", "app.log"}
    for text in ("", "now it does\n"):
        (desk.root / "app.log").unlink(missing_ok=True)
        if text:
            write_files(desk.root, {"app.log": text})
        desk.work.changed(["app.log"])
    assert desk.work.busy
    desk.work.close()


def test_a_cache_that_is_deleted_is_made_anew(desk: Desk) -> None:
    desk.built()
    shutil.rmtree(desk.cache)
    desk.work.idle()
    desk.hear()
    desk.finish()
    assert "a.py" in indexed(desk.cache, desk.root)
    desk.work.close()
