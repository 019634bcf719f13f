"""The files by which clients and hosts find each other."""

import dataclasses
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.config.settings import EngineSettings
from assist_server.core.errors import EngineError, ModelError
from assist_server.engine.connection import Connection, read_connection, running, write_connection
from assist_server.engine.failure import last_words
from assist_server.engine.folder import EngineFolder, engine_folders, make_engine_folder, read_record, write_record
from assist_server.engine.leases import clients, drop_dead_leases, drop_lease, last_touch, lease_path, touch_lease
from assist_server.engine.process import ProcessId, alive, end, identify, read_process, this_process
from assist_server.engine.spec import EngineSpec, make_spec, read_spec


@pytest.fixture
def folder(tmp_path: Path) -> EngineFolder:
    return make_engine_folder(tmp_path / "cache", "key")


def connection(process: ProcessId) -> Connection:
    return Connection(
        process=process,
        url="http://127.0.0.1:1234",
        api_key="the-key",
        model="m",
        model_path="/m.gguf",
        context_length=8192,
        started=1.5,
        version="v",
    )


def spec(path: Path, *, alias: str = "m", **settings: Any) -> EngineSpec:
    return make_spec(EngineSettings(**settings), model_path=path, alias=alias)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# folder


def test_everything_is_the_users_alone(tmp_path: Path, folder: EngineFolder) -> None:
    write_connection(folder, connection(this_process()))
    touch_lease(folder, this_process())
    below = [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]
    assert {rights(path) for path in below if path.is_dir()} == {0o700}
    assert {rights(path) for path in below if path.is_file()} == {0o600}
    assert folder.connection in below


def test_rights_of_others_are_taken_away(tmp_path: Path) -> None:
    root = tmp_path / "engine"
    root.mkdir(mode=0o755)
    make_engine_folder(tmp_path, "key")
    assert rights(root) == 0o700


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_engine_folder(tmp_path, "key")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(EngineError, match="belongs to another user"):
        make_engine_folder(tmp_path, "key")
    with pytest.raises(EngineError, match="belongs to another user"):
        engine_folders(tmp_path)


def test_a_link_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "engine").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EngineError, match="is not a folder"):
        make_engine_folder(tmp_path, "key")


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EngineError, match="cannot be used") as raised:
        make_engine_folder(tmp_path / "cache", "key")
    assert "ASSIST_CACHE_DIR" in str(raised.value.hint)


def test_a_cache_without_engines_has_none(tmp_path: Path) -> None:
    assert engine_folders(tmp_path / "nowhere") == ()


def test_a_record_is_replaced_in_one_step(folder: EngineFolder) -> None:
    write_record(folder.spec, {"a": 1})
    before = folder.spec.stat().st_ino
    write_record(folder.spec, {"a": 2})
    assert read_record(folder.spec) == {"a": 2}
    assert folder.spec.stat().st_ino != before
    assert [path.name for path in folder.path.iterdir() if path.name.startswith(".")] == []


# connection


def test_a_connection_comes_back_as_it_was_written(folder: EngineFolder) -> None:
    written = connection(this_process())
    write_connection(folder, written)
    assert read_connection(folder) == running(folder) == written


def test_the_key_is_in_no_representation() -> None:
    assert "the-key" not in repr(connection(this_process()))
    assert "the-key" not in repr(connection(this_process()).address)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pid", "12"),
        ("pid", True),
        ("pid", -1),
        ("created", None),
        ("url", "http://example.org:80"),
        ("url", "http://127.0.0.1:1234@example.org"),
        ("url", "http://127.0.0.1"),
        ("api_key", ""),
        ("api_key", 5),
        ("model", None),
        ("context_length", "8192"),
        ("started", False),
    ],
)
def test_a_record_with_a_bad_value_is_none(folder: EngineFolder, name: str, value: object) -> None:
    write_connection(folder, connection(this_process()))
    record = json.loads(folder.connection.read_text())
    folder.connection.write_text(json.dumps({**record, name: value}))
    assert read_connection(folder) is None
    del record[name]
    folder.connection.write_text(json.dumps(record))
    assert read_connection(folder) is None


@given(content=st.binary(max_size=200))
def test_garbage_is_none(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = EngineFolder(tmp_path_factory.mktemp("engine"))
    folder.connection.write_bytes(content)
    assert read_connection(folder) is None


@given(share=st.floats(min_value=0, max_value=0.999))
def test_a_half_written_record_is_none(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    folder = EngineFolder(tmp_path_factory.mktemp("engine"))
    write_connection(folder, connection(this_process()))
    whole = folder.connection.read_bytes()
    folder.connection.write_bytes(whole[: int(len(whole) * share)])
    assert read_connection(folder) is None


def test_the_connection_of_a_process_that_has_ended_does_not_run(folder: EngineFolder) -> None:
    me = this_process()
    write_connection(folder, connection(ProcessId(me.pid, me.created - 60)))
    assert read_connection(folder) is not None
    assert running(folder) is None


# processes


def test_a_process_is_known_by_number_and_birth() -> None:
    me = this_process()
    assert me == identify(os.getpid())
    assert alive(me)
    assert alive(ProcessId(me.pid, me.created + 1))  # the system's clock was set meanwhile
    assert not alive(ProcessId(me.pid, me.created + 60))
    assert read_process(me.record()) == me


def test_a_process_that_nobody_waited_for_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = identify(child.pid)
        assert alive(identity)
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(identity)


def test_a_process_that_will_not_stop_is_killed_with_its_children() -> None:
    code = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(child.pid, flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        both = [identify(parent.pid), identify(int(parent.stdout.readline()))]
        assert end([both[0], ProcessId(os.getpid(), 0.0)], patience=0.2) == 1
        assert not any(map(alive, both))


# leases


def test_clients_are_those_that_run(folder: EngineFolder) -> None:
    me = this_process()
    dead = ProcessId(me.pid, me.created - 60)
    touch_lease(folder, me)
    touch_lease(folder, dead)
    (folder.leases / "7-1.00.json").write_text("garbage")
    assert clients(folder) == (me,)
    drop_dead_leases(folder)
    assert list(folder.leases.iterdir()) == [lease_path(folder, me)]
    drop_lease(folder, me)
    drop_lease(folder, me)
    assert clients(folder) == ()
    assert last_touch(folder) == 0


def test_every_use_touches_the_lease(folder: EngineFolder) -> None:
    me = this_process()
    touch_lease(folder, me)
    os.utime(lease_path(folder, me), (1, 1))
    assert last_touch(folder) == 1_000_000_000
    touch_lease(folder, me)
    assert last_touch(folder) > 1_000_000_000


def test_a_lease_is_written_where_the_folder_was_removed(folder: EngineFolder) -> None:
    folder.leases.rmdir()
    touch_lease(folder, this_process())
    assert clients(folder) == (this_process(),)


# spec


def test_the_key_follows_what_makes_another_engine(some_file: Path) -> None:
    same = [spec(some_file), spec(some_file, idle_minutes=1.0), spec(some_file, start_timeout_ms=5000)]
    others = [
        spec(some_file, alias="other"),
        spec(some_file, context_length=512),
        spec(some_file, batch_size=64),
        spec(some_file, threads=1),
        spec(some_file, gpu_layers=1),
        spec(some_file, command="/bin/sh"),
        dataclasses.replace(spec(some_file), assist_version="another"),
    ]
    assert len({one.key for one in same}) == 1
    assert len({one.key for one in [*same, *others]}) == 1 + len(others)


def test_a_replaced_model_is_another_engine(some_file: Path) -> None:
    before = spec(some_file).key
    some_file.write_bytes(b"another")
    os.utime(some_file, (1, 1))
    after = spec(some_file).key
    some_file.write_bytes(b"another")
    assert len({before, after, spec(some_file).key}) == 3


def test_a_spec_comes_back_as_it_was_written(folder: EngineFolder, some_file: Path) -> None:
    write_record(folder.spec, dataclasses.asdict(spec(some_file)))
    assert read_spec(folder.spec) == spec(some_file)
    folder.spec.write_text('{"alias": "m"}')
    assert read_spec(folder.spec) is None


def test_a_missing_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.gguf cannot be read") as raised:
        spec(tmp_path / "absent.gguf")
    assert "assist model pull" in str(raised.value.hint)


@pytest.mark.parametrize("command", ["no-such-program", "/no/such/program", "./my llama-server", "sub/llama-server"])
def test_a_command_that_is_no_program_is_refused(
    some_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A relative path would name a file of the project that is open."""
    for name in ("my llama-server", "sub/llama-server"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngineError, match=r"engine\.command"):
        spec(some_file, command=command)


# why it failed


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", ""),
        (
            "0.01.2 W load: odd\n0.02.1 E llama_model_load: error loading model: tensor 'x' is cut\n0.03 E srv  a: b\n",
            "tensor 'x' is cut",
        ),
        ("0.00.003.093 E gguf_init_from_reader: failed to read key-value pairs\n", "failed to read key-value pairs"),
        ("main: starting\nerror: unknown argument: --alias\n\nusage: ...\n", "error: unknown argument: --alias"),
        (
            "Traceback (most recent call last):\n  File ...\nOSError: [Errno 28] No space left\n",
            "OSError: [Errno 28] No space left",
        ),
    ],
)
def test_one_line_of_the_log_tells_why(tmp_path: Path, log: str, expected: str) -> None:
    (tmp_path / "engine.log").write_text(log)
    assert last_words(tmp_path / "engine.log") == expected


def test_a_log_that_is_missing_tells_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "engine.log") == ""
