import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from assist_server.config.settings import EngineSettings
from assist_server.core import logs
from assist_server.core.logs import configure, log_crash, masked
from assist_server.engine import host
from assist_server.engine.folder import write_record
from assist_server.engine.spec import make_spec

LOGGER = logging.getLogger("assist_server.test_logs")


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    named = [root, *map(logging.getLogger, (*logs.OWN_LOGGERS, *logs.FOREIGN_LOGGERS))]
    levels, handlers = [logger.level for logger in named], list(root.handlers)
    yield
    root.handlers[:] = handlers
    for logger, level in zip(named, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize(
    ("level", "kept"),
    [("debug", "dw"), ("info", "w"), ("warning", "w"), ("error", "")],
)
def test_the_level_is_for_our_own_modules(tmp_path: Path, level: str, kept: str) -> None:
    path = configure(level, tmp_path)
    LOGGER.debug("a d")
    LOGGER.warning("a w")
    assert [line.rpartition(" ")[2] for line in path.read_text().splitlines()] == list(kept)


def test_other_libraries_say_only_warnings_even_at_debug(tmp_path: Path) -> None:
    path = configure("debug", tmp_path)
    for name in (*logs.FOREIGN_LOGGERS, "pygls.protocol.json_rpc", "httpcore.http11", "somebody.else"):
        logging.getLogger(name).info("the whole document")
        logging.getLogger(name).warning("of %s", name)
    assert "document" not in path.read_text()
    assert "of pygls.protocol.json_rpc" in path.read_text()


def test_the_file_is_the_owners_alone_and_so_is_a_new_folder(tmp_path: Path) -> None:
    path = configure("info", tmp_path / "new/log")
    assert path == tmp_path / "new/log/assist.log"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_configuring_again_replaces_what_was(tmp_path: Path) -> None:
    first = configure("info", tmp_path / "one", stderr=True)
    second = configure("info", tmp_path / "two")
    LOGGER.info("once")
    assert first.read_text() == ""
    assert second.read_text().count("once") == 1


def test_two_files_of_bounded_size_remain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 1000)
    path = configure("info", tmp_path)
    for number in range(100):
        LOGGER.info("line %03d %s", number, "x" * 50)
    LOGGER.info("y" * 5000)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["assist.log", "assist.log.1"]
    assert all(file.stat().st_size <= 1000 for file in tmp_path.iterdir())
    assert "yyy" in path.read_text()
    assert "line 099" in path.with_name("assist.log.1").read_text()


def test_a_file_that_another_server_has_rotated_is_not_held_on_to(tmp_path: Path) -> None:
    path = configure("info", tmp_path)
    LOGGER.info("old")
    path.rename(tmp_path / "assist.log.1")
    LOGGER.info("new")
    assert "new" in path.read_text()


def test_what_cannot_be_encoded_is_written_all_the_same(tmp_path: Path) -> None:
    path = configure("info", tmp_path)
    LOGGER.info("é漢😀 \ud800")
    assert "é漢😀 \\ud800" in path.read_text(encoding="utf-8")


def test_nothing_goes_to_standard_error_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", tmp_path)
    LOGGER.error("quiet")
    assert capsys.readouterr() == ("", "")
    configure("debug", tmp_path, stderr=True)
    LOGGER.info("quiet")
    LOGGER.warning("said with Bearer abcdef")
    out, err = capsys.readouterr()
    assert out == ""
    assert "quiet" not in err
    assert "said with Bearer ***" in err


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    path = configure("info", tmp_path / "file/log")
    LOGGER.error("lost")
    LOGGER.error("lost")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"assist: no log, {path} cannot be written (Not a directory)\n"


def test_a_full_disk_is_said_once_and_the_log_comes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configure("info", tmp_path)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        LOGGER.error("lost")
        LOGGER.error("lost")
    LOGGER.error("there is space again")
    assert capsys.readouterr().err == f"assist: the log {path} cannot be written any more (No space left on device)\n"
    assert "there is space again" in path.read_text()


def test_no_standard_error_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    (tmp_path / "file").write_text("")
    configure("info", tmp_path / "file/log")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer KEYKEYKEY",
        "{'authorization': 'Bearer KEYKEYKEY'}",
        "[(b'Authorization', b'Bearer KEYKEYKEY')]",
        "basic KEYKEYKEY",
        "api_key=KEYKEYKEY",
        'the body {"apiKey": "KEYKEYKEY", "x": 1}',
        "OPENAI_API_KEY=KEYKEYKEY",
        "x-api-key: KEYKEYKEY",
        "password = KEYKEYKEY",
        "sk-KEYKEYKEYKEYKEY",
        "at ghp_KEYKEYKEYKEYKEY.",
        "http://me:KEYKEYKEY@127.0.0.1:1234/v1",
        "Cookie: KEYKEYKEY",
    ],
)
def test_keys_are_masked(text: str) -> None:
    assert "KEY" not in masked(text).replace("API_KEY", "")
    assert "***" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "prompt_tokens: 123456, generated 12",
        "GET http://127.0.0.1:11434/api/tags 200",
        "max_tokens=4096",
        "model sk-8b",
    ],
)
def test_other_text_is_not_masked(text: str) -> None:
    assert masked(text) == text


def test_a_traceback_is_masked_too(tmp_path: Path) -> None:
    path = configure("info", tmp_path)
    try:
        int("Bearer KEYKEYKEY")
    except ValueError:
        LOGGER.exception("failed")
    assert "Traceback" in path.read_text()
    assert "Bearer ***" in path.read_text()
    assert "KEY" not in path.read_text().replace('int("Bearer ***")', "")


def test_a_long_line_is_masked_without_backtracking() -> None:
    assert masked("a-" * 50_000) == "a-" * 50_000
    assert masked("a://" * 50_000) == "a://" * 50_000


def test_a_crash_is_logged_without_its_message_and_its_code(tmp_path: Path) -> None:
    path = configure("error", tmp_path)
    try:
        int("text of a document")
    except ValueError as error:
        log_crash(LOGGER, error)
        place = f"{__file__}:{error.__traceback__.tb_lineno if error.__traceback__ else 0}"
    (line,) = path.read_text().splitlines()
    assert line.endswith(f"ERROR {os.getpid()} {LOGGER.name}: crashed with ValueError at {place}")


def test_a_crash_without_an_end_or_a_place_is_one_short_line(tmp_path: Path) -> None:
    def deeper() -> None:
        deeper()

    path = configure("error", tmp_path)
    try:
        deeper()
    except RecursionError as error:
        log_crash(LOGGER, error)
    log_crash(LOGGER, KeyError("text"))
    first, second = path.read_text().splitlines()
    assert 10 < first.count(__file__) <= 40
    assert second.endswith("crashed with KeyError at no known place")


def test_a_crash_of_the_engines_host_keeps_its_message_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(_host: host.Host) -> None:
        raise ValueError("text of a document")

    monkeypatch.setattr(host.Host, "run", crash)
    model = tmp_path / "model.gguf"
    model.touch()
    spec = make_spec(EngineSettings(), model_path=model, alias="model")
    write_record(tmp_path / "spec.json", asdict(spec))
    assert host.main([str(tmp_path / "spec.json")]) == 4
    assert f"crashed with ValueError at {host.__file__}:" in caplog.text
    assert "text of a document" not in caplog.text
