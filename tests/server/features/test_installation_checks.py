"""What `assist doctor` says of this machine without asking a server."""

import importlib.util
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from assist_server.config.resolve import Origin, Problem, resolve
from assist_server.config.settings import EngineSettings, Settings
from assist_server.core.folders import Folders
from assist_server.core.hardware import Machine
from assist_server.features import installation
from assist_server.features.installation import (
    Check,
    check_configuration,
    check_disk,
    check_engine,
    check_folders,
)
from assist_server.models.catalogue import load_catalogue
from assist_server.models.gguf import check_gguf
from assist_server.models.store import ModelStore
from support.gguf_files import VALUES, gguf
from support.models import store_of, tiny_model

GIB = 1 << 30
MACHINE = Machine("Linux", "3.13", "CPU", 2, 16 * GIB, 8 * GIB, 100 * GIB, ())
GGUF = gguf()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "cache", tmp_path / "data", tmp_path / "config", tmp_path / "log")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store whose one model, a GGUF, is not installed yet."""
    return store_of(tmp_path / "models", tiny_model(GGUF))


def install(store: ModelStore) -> Path:
    store.folder.mkdir()
    path = store.file(store.catalogue.model("tiny"))
    path.write_bytes(GGUF)
    return path


def settings(**engine: object) -> Settings:
    return Settings(engine=replace(EngineSettings(model="tiny"), **engine))  # type: ignore[arg-type]


def the_check(checks: Iterable[Check], name: str) -> Check:
    """Give the only check of that id; one that is not ok says what to do."""
    (check,) = [check for check in checks if check.id == name]
    assert check.state == "ok" or check.fix
    assert not check.message.endswith(".")
    return check


def test_settings_without_problems(folders: Folders) -> None:
    check = the_check(check_configuration(resolve([]), folders), "configuration")
    assert check.state == "ok"
    assert "would be" in check.message
    folders.config.mkdir()
    (folders.config / "config.toml").touch()
    assert f"is {folders.config}" in the_check(check_configuration(resolve([]), folders), "configuration").message


def test_each_problem_of_the_settings_is_a_check(folders: Folders) -> None:
    problems = tuple(Problem(f"bad {n}", Origin("user file", "/c.toml", n), "mend it") for n in (1, 2))
    checks = list(check_configuration(replace(resolve([]), problems=problems), folders))
    assert checks == [Check("configuration", "fail", f"/c.toml:{n}: bad {n}", "mend it") for n in (1, 2)]


def test_folders_that_are_not_there_yet_can_be_made(folders: Folders) -> None:
    assert the_check(check_folders(folders), "folders").state == "ok"
    assert not folders.cache.exists()


def test_a_folder_that_cannot_be_written(folders: Folders) -> None:
    folders.data.parent.joinpath("data").write_text("a file in the way")
    check = the_check(check_folders(folders), "folders")
    assert check.state == "fail"
    assert str(folders.data) in check.message
    assert "ASSIST_DATA_DIR" in str(check.fix)


def test_a_read_only_folder(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    checks = list(check_folders(folders))
    assert [check.state for check in checks] == ["fail"] * 3
    assert all(check.fix for check in checks)


@pytest.mark.parametrize(("free", "state"), [(100 * GIB, "ok"), (GIB // 8, "warn"), (None, "warn")])
def test_free_space(folders: Folders, store: ModelStore, free: int | None, state: str) -> None:
    (check,) = check_disk(settings(), folders, store, replace(MACHINE, disk_free=free))
    assert check.state == state


def test_a_model_that_is_not_here_needs_twice_its_size(folders: Folders, tmp_path: Path) -> None:
    model = tiny_model(GGUF)
    big = replace(model, file=replace(model.file, size=GIB))
    store = store_of(tmp_path / "models", big)
    for free, state in ((3 * GIB, "ok"), (2 * GIB - 1, "warn")):
        (check,) = check_disk(settings(), folders, store, replace(MACHINE, disk_free=free))
        assert check.state == state
    assert "2.0 GiB" in check.message


@pytest.mark.parametrize(("needed", "state"), [(True, "fail"), (False, "ok")])
def test_what_the_engine_misses(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, *, needed: bool, state: str
) -> None:
    monkeypatch.setattr(installation, "find_spec", lambda _: None)
    checks = list(check_engine(settings(), store, MACHINE, running=False, needed=needed))
    assert [(check.id, check.state) for check in checks] == [("engine", state), ("model", state)]
    assert "pip install" in str(checks[0].fix)
    assert checks[1].fix == "run `assist model pull tiny`"


def test_the_extra_is_looked_for_without_importing_it(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(installation, "find_spec", asked.append)
    list(check_engine(settings(), store, MACHINE, running=False, needed=True))
    assert asked == ["xllamacpp"]
    assert importlib.util.find_spec is not installation.find_spec


def test_a_program_of_the_users_own(store: ModelStore, tmp_path: Path) -> None:
    program = tmp_path / "llama-server"
    own = settings(command=str(program))
    check = the_check(check_engine(own, store, MACHINE, running=False, needed=True), "engine")
    assert check.state == "fail"
    program.touch(mode=0o755)
    check = the_check(check_engine(own, store, MACHINE, running=False, needed=True), "engine")
    assert (check.state, str(program) in check.message) == ("ok", True)


def test_an_installed_model(store: ModelStore) -> None:
    path = install(store)
    checks = list(check_engine(settings(), store, MACHINE, running=False, needed=True))
    assert the_check(checks, "model").state == "ok"
    assert str(path) in the_check(checks, "model").message
    assert the_check(checks, "memory").state == "ok"


def test_a_damaged_model(store: ModelStore) -> None:
    install(store).write_bytes(GGUF[:-1])
    check = the_check(check_engine(settings(), store, MACHINE, running=False, needed=True), "model")
    assert (check.state, check.fix) == ("fail", "run `assist model pull tiny`")


def test_a_file_of_the_users_own(store: ModelStore, tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUX")
    own = settings(model=str(file))
    assert the_check(check_engine(own, store, MACHINE, running=False, needed=True), "model").state == "fail"
    file.write_bytes(gguf({**VALUES, "qwen2.context_length": 2048}))
    checks = list(check_engine(own, store, MACHINE, running=False, needed=True))
    assert the_check(checks, "memory").state == "ok"


@pytest.mark.parametrize(
    ("total", "available", "running", "state"),
    [
        (16 * GIB, 8 * GIB, False, "ok"),
        (16 * GIB, GIB // 4, False, "warn"),
        (16 * GIB, GIB // 4, True, "ok"),
        (GIB // 4, GIB // 4, False, "fail"),
        (GIB // 4, GIB // 4, True, "fail"),
    ],
)
def test_memory(store: ModelStore, total: int, available: int, *, running: bool, state: str) -> None:
    install(store)
    small = replace(MACHINE, memory_total=total, memory_available=available)
    check = the_check(check_engine(settings(), store, small, running=running, needed=True), "memory")
    assert check.state == state


@pytest.mark.model
def test_the_memory_of_a_model_of_the_catalogue_is_told_as_it_is_recommended(test_model: Path) -> None:
    """By the file's own header, which holds for a user's model too."""
    header = check_gguf(test_model)
    listed = load_catalogue().model("qwen2.5-coder-0.5b")
    assert (header.size, header.kv_bytes_per_token) == (listed.file.size, listed.kv_bytes_per_token)


def test_memory_is_nobodys_business_where_another_server_answers(store: ModelStore) -> None:
    install(store)
    small = replace(MACHINE, memory_total=1, memory_available=1)
    checks = check_engine(settings(), store, small, running=False, needed=False)
    assert [check.id for check in checks] == ["engine", "model"]


def test_the_check_of_a_check_rejects_one_without_a_fix() -> None:
    with pytest.raises(AssertionError):
        the_check([Check("a", "fail", "bad")], "a")
    with pytest.raises(ValueError, match="unpack"):
        the_check([], "a")
