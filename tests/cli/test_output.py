"""What is printed, and the exit status of each kind of error."""

import io
import json
import subprocess
import sys

import pytest

from assist_context.errors import PlaceError
from assist_server.cli.output import Output, exit_status, guarded
from assist_server.core.errors import (
    AssistError,
    AuthFailed,
    BackendUnavailable,
    ConfigError,
    EgressRefused,
    EngineError,
    ModelError,
    RepositoryError,
    UsageError,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), 2),
        (RepositoryError("x"), 2),
        (PlaceError("x"), 2),
        (ConfigError("x"), 3),
        (EgressRefused("x"), 3),
        (ModelError("x"), 4),
        (EngineError("x"), 4),
        (BackendUnavailable("x"), 4),
        (AuthFailed("x", status=401), 4),
    ],
)
def test_exit_status_is_the_documented_one(error: Exception, status: int) -> None:
    assert exit_status(error) == status


def test_an_error_is_one_json_object_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise ModelError("no model", hint="pull one")

    assert guarded(Output(as_json=True), fails) == 4
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": {"code": "model", "message": "no model", "hint": "pull one"}}
    assert err == ""


def test_an_error_in_words_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise ModelError("no model", hint="pull one")

    guarded(Output(), fails)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "assist: no model\n  pull one\n"


def test_a_bug_gives_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise ZeroDivisionError

    assert guarded(Output(), fails) == 4
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_an_interrupt_has_its_status() -> None:
    def fails() -> int:
        raise KeyboardInterrupt

    assert guarded(Output(), fails) == 130


def test_an_interrupt_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise KeyboardInterrupt

    assert guarded(Output(as_json=True), fails) == 130
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "interrupted"


def test_a_reader_that_leaves_does_not_make_a_review_a_success() -> None:
    command = f"{sys.executable} -m assist_server config show --json | true; exit ${{PIPESTATUS[0]}}"
    for _ in range(3):  # the reader may be slower to leave than the writer is to write
        status = subprocess.run(["bash", "-c", command], check=False).returncode
        assert status in (0, 141)


@pytest.mark.parametrize(
    ("redirection", "status", "message"),
    [
        (">/dev/full", 5, "standard output cannot be written: No space left on device"),
        (">&-", 5, "standard output is closed"),
    ],
)
def test_a_result_that_cannot_be_written_is_one_message(redirection: str, status: int, message: str) -> None:
    for arguments in ("config show", "config show --json", "engine status --json"):
        command = f"{sys.executable} -m assist_server {arguments} {redirection}"
        done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
        assert (done.returncode, message in done.stderr) == (status, True), done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["complete -:1:1 --path x.py", "review --patch -", "lsp"])
def test_a_closed_standard_input_is_one_message(arguments: str) -> None:
    command = f"{sys.executable} -m assist_server {arguments} <&-"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "standard input" in done.stderr
    assert "Traceback" not in done.stderr


def test_brackets_in_a_path_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Output(color=False).steps("reviewing") as step:
        step(0, 1, "app/[slug]/a[/b].py")
    with Output(color=False).progress("[/x]") as progress:
        progress(1, 2)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_escape_sequence_of_a_model_reaches_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    Output(color=False).text("safe\x1b]0;title\x07\x9b31m\ttab\n")
    assert "\x1b" not in screen.getvalue()
    assert "\x9b" not in screen.getvalue()
    assert "\ttab\n" in screen.getvalue()


def test_every_error_has_a_code_of_its_own() -> None:
    def all_of(kind: type[AssistError]) -> list[type[AssistError]]:
        return [kind, *(below for child in kind.__subclasses__() for below in all_of(child))]

    codes = [kind.code for kind in all_of(AssistError)]
    assert sorted(codes) == sorted(set(codes))
