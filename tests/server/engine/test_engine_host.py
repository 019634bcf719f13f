"""When a host ends, with no model behind it."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from assist_server.config.settings import EngineSettings
from assist_server.engine import host as host_module
from assist_server.engine.connection import Connection, read_connection, write_connection
from assist_server.engine.folder import EngineFolder, make_engine_folder, write_record
from assist_server.engine.host import Host
from assist_server.engine.leases import lease_path, touch_lease
from assist_server.engine.process import ProcessId, this_process
from assist_server.engine.spec import make_spec


class Server:
    url = "http://127.0.0.1:1"
    api_key = "the-key"
    version = "v"
    context_length = 512
    gone = False

    def ended(self) -> bool:
        return self.gone

    def close(self) -> None:
        raise AssertionError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Case:
    """A host that has just become ready, with one client; idle after a minute."""

    def __init__(self, folder: EngineFolder, model: Path, clock: Clock) -> None:
        spec = make_spec(EngineSettings(idle_minutes=1.0), model_path=model, alias="m")
        self.folder = folder
        self.clock = clock
        self.server = Server()
        self._uses = 0
        self.host = Host(spec, folder)
        self.connection: Connection = self.host._connection(self.server)
        self.use()
        self.host._look_at_leases()
        self.host._tell_process(None)
        write_connection(folder, self.connection)

    def use(self) -> None:
        """Touch the lease at a later time than ever, whatever the file system's clock can tell apart."""
        self._uses += 1
        touch_lease(self.folder, this_process())
        os.utime(lease_path(self.folder, this_process()), (self._uses, self._uses))

    def over(self, *, after: float) -> bool:
        self.clock.now += after
        return self.host._over(self.server, self.connection)


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], None]:
    """Say what the host hears when it asks its server whether it works on a request."""
    return lambda answer: monkeypatch.setattr(host_module, "busy", lambda _address: answer())


@pytest.fixture
def case(
    tmp_path: Path, some_file: Path, monkeypatch: pytest.MonkeyPatch, working: Callable[[Callable[[], bool]], None]
) -> Case:
    clock = Clock()
    monkeypatch.setattr(host_module, "monotonic", clock)
    working(lambda: False)
    return Case(make_engine_folder(tmp_path / "cache", "key"), some_file, clock)


def test_it_ends_when_nobody_used_it_for_the_idle_time(case: Case) -> None:
    assert not case.over(after=59)
    assert case.folder.connection.exists()
    assert case.over(after=2)
    assert not case.folder.connection.exists()
    assert not case.folder.process.exists()


def test_use_keeps_it(case: Case) -> None:
    for _ in range(3):
        case.use()
        assert not case.over(after=59)
    assert case.over(after=61)


def test_the_server_is_asked_only_after_the_idle_time(
    case: Case, working: Callable[[Callable[[], bool]], None]
) -> None:
    """Questions hold up the work of llama.cpp's server."""
    asked = 0

    def answer() -> bool:
        nonlocal asked
        asked += 1
        return True

    working(answer)
    assert not case.over(after=59)
    assert asked == 0
    assert not case.over(after=2)
    assert asked == 1
    assert not case.over(after=59)
    assert asked == 1


def test_a_client_that_comes_at_the_last_moment_keeps_it(
    case: Case, working: Callable[[Callable[[], bool]], None]
) -> None:
    def come() -> bool:
        case.use()
        assert read_connection(case.folder) == case.connection
        return False

    working(come)
    assert not case.over(after=61)
    assert read_connection(case.folder) == case.connection
    assert case.folder.process.exists()


def test_a_client_that_is_starting_keeps_it(case: Case) -> None:
    with filelock.FileLock(case.folder.lock):
        assert not case.over(after=61)
    assert read_connection(case.folder) == case.connection
    assert case.over(after=1)


def test_it_ends_when_its_connection_is_taken_away(case: Case) -> None:
    case.folder.connection.unlink()
    assert case.over(after=1)


def test_it_ends_when_its_server_has_ended(case: Case) -> None:
    case.server.gone = True
    assert case.over(after=1)


def test_it_removes_its_own_records_and_no_others(case: Case) -> None:
    other = ProcessId(1, 1.0)
    write_connection(case.folder, dataclasses.replace(case.connection, process=other))
    case.host._remove_records()
    assert case.folder.connection.exists()
    assert not case.folder.process.exists()
    write_record(case.folder.process, other.record())
    case.host._remove_records()
    assert case.folder.process.exists()


def test_leases_of_the_dead_are_dropped(case: Case) -> None:
    me = this_process()
    touch_lease(case.folder, ProcessId(me.pid, me.created - 60))
    assert not case.over(after=1)
    assert len(list(case.folder.leases.iterdir())) == 1


def test_the_log_is_bounded(case: Case) -> None:
    case.folder.log.write_bytes(b"x" * 1_000_001)
    assert not case.over(after=1)
    assert case.folder.log.stat().st_size == 0
