"""`assist index` and `assist symbols`, as a user or a script sees them."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from assist_server import __version__
from assist_server.cli.output import Output
from assist_server.cli.run import run
from assist_server.features.indexing.left_out import At, Version, leave_out
from assist_server.features.indexing.workspace import index_folder


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose git would leave one file out."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.py").write_text("class Alpha:\n    def measure(self, x): return x\n")
    (folder / "b.go").write_text("package b\nfunc measureAll() {}\n")
    (folder / "ignored.py").write_text("def measure_nothing(): pass\n")
    (folder / ".gitignore").write_text("ignored.py\n")
    subprocess.run(["git", "init", "-q", folder], check=True)
    monkeypatch.chdir(folder)
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_finds_definitions_by_a_part_of_their_name(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "symbols", "measure")["symbols"]
    assert found == [
        {
            "name": "measure",
            "kind": "method",
            "path": "a.py",
            "line": 2,
            "signature": "def measure(self, x)",
            "parent": "Alpha",
        },
        {
            "name": "measureAll",
            "kind": "function",
            "path": "b.go",
            "line": 2,
            "signature": "func measureAll()",
            "parent": "",
        },
    ]
    (workspace / "a.py").write_text("def measure_anew(): pass\n")
    assert [one["name"] for one in answer(capsys, "symbols", "measure_anew")["symbols"]] == ["measure_anew"]


def test_the_home_folder_is_not_indexed(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(workspace))
    for command in (["index", "build"], ["index", "status"], ["symbols", "x"]):
        assert run(command) == 2
        assert "the home folder" in capsys.readouterr().err


def test_prints_places_that_other_commands_take(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["symbols", "Alpha"]) == 0
    assert capsys.readouterr().out == "a.py:1: class Alpha\n"
    assert run(["symbols", "nowhere"]) == 0
    out, err = capsys.readouterr()
    assert (out, "nothing has a name like that" in err) == ("", True)


def test_finds_in_spite_of_a_slip_and_within_a_type(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for query, names in (("mesureAll", "measureAll"), ("Alpha.mea", "measure"), ("mAll", "measureAll")):
        assert names in [one["name"] for one in answer(capsys, "symbols", query)["symbols"]]
    assert len(answer(capsys, "symbols", "measure", "--limit", "1")["symbols"]) == 1


def test_builds_counts_and_clears(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = {"files": 0, "symbols": 0, "bytes": 0}
    assert figures(answer(capsys, "index", "status")) == empty
    built = answer(capsys, "index", "build")
    assert set(built) >= {"files", "symbols", "bytes", "seconds", "skipped"}
    sizes = sum((workspace / name).stat().st_size for name in ("a.py", "b.go", ".gitignore"))
    assert figures(built) == {"files": 3, "symbols": 4, "bytes": sizes}
    assert built["seconds"] >= 0
    assert figures(answer(capsys, "index", "status")) == figures(built)
    assert not any(path.suffix == ".db" for path in workspace.rglob("*"))
    assert answer(capsys, "index", "clear") == {"cleared": True}
    assert answer(capsys, "index", "clear") == {"cleared": False}
    assert figures(answer(capsys, "index", "status")) == empty


def figures(answered: dict[str, Any]) -> dict[str, int]:
    return {key: answered[key] for key in ("files", "symbols", "bytes")}


def test_says_what_is_left_out(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "id_rsa").write_text("secret\n")
    (workspace / "photo.png").write_bytes(b"\x89PNG\0")
    (workspace / "data.txt").write_bytes(b"\0\1\2\3" * 9)
    skipped = [{"reason": "binary", "count": 2}, {"reason": "may hold secrets", "count": 1}]
    # Without an index no file is read.
    assert answer(capsys, "index", "status")["skipped"] == [{**one, "count": 1} for one in skipped]
    assert answer(capsys, "index", "build")["skipped"] == skipped
    assert answer(capsys, "index", "status")["skipped"] == skipped
    capsys.readouterr()
    assert run(["index", "build"]) == 0
    assert "2 left out: binary" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "indexed", "reason"),
    [
        ("a.py", True, "indexed"),
        ("sub/new.py", False, "not looked at yet"),
        ("ignored.py", False, "ignored by git: .gitignore, line 1: ignored.py"),
        ("sub/own.py", False, "ignored by git: sub/.gitignore, line 2: own.py"),
        ("mine.py", False, "ignored by .assistignore: .assistignore, line 1: mine.py"),
        (".env", False, "may hold secrets"),
        ("photo.png", False, "binary"),
        ("sub", False, "a folder"),
        ("../outside.py", False, "outside the workspace"),
        ("link.py", False, "not a regular file"),
    ],
)
def test_why_a_file_is_left_out(
    workspace: Path, capsys: pytest.CaptureFixture[str], path: str, indexed: bool, reason: str
) -> None:
    (workspace / "sub").mkdir()
    (workspace / "sub" / ".gitignore").write_text("# mine\nown.py\n")
    (workspace / ".assistignore").write_text("mine.py\n")
    for name in ("sub/own.py", "mine.py", ".env", "photo.png", "../outside.py"):
        (workspace / name).write_text("a = 1\n")
    (workspace / "link.py").symlink_to("a.py")
    answer(capsys, "index", "build")
    (workspace / "sub" / "new.py").write_text("a = 1\n")
    told = answer(capsys, "index", "why", path)
    assert (told["indexed"], reason in told["reason"]) == (indexed, True), told
    assert run(["index", "why", path]) == 0
    out = capsys.readouterr().out
    assert (out.count("\n"), told["reason"] in out) == (1, True)


def test_why_of_a_file_that_is_not_there_is_a_usage_error(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "index", "why", "gone.py", status=2)["error"]["message"] == "no such file: gone.py"


def test_why_takes_a_path_from_the_current_folder(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "sub").mkdir()
    monkeypatch.chdir(workspace / "sub")
    answer(capsys, "index", "build")
    assert answer(capsys, "index", "why", "../a.py") == {"path": "a.py", "indexed": True, "reason": "indexed"}


def test_a_file_that_stops_the_parser_is_named(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workspace / "a.py"
    found = file.stat()
    folder = index_folder(Path(os.environ["ASSIST_CACHE_DIR"]), workspace)
    folder.touch()
    leave_out(folder.left_out, __version__, At("a.py", Version(found.st_size, found.st_mtime_ns)))
    assert run(["index", "build"]) == 5
    assert "not indexed: a.py: stopped the parser" in capsys.readouterr().err
    assert run(["symbols", "measure", "--json"]) == 5
    out, err = capsys.readouterr()
    assert [one["name"] for one in json.loads(out)["symbols"]] == ["measureAll"]
    assert "a.py: stopped the parser" in err
    assert "stopped the parser" in answer(capsys, "index", "why", "a.py")["reason"]
    file.write_text("def measured(): pass\n")
    assert "not looked at yet" in answer(capsys, "index", "why", "a.py")["reason"]
    assert {"reason": "stopped the parser", "count": 1} not in answer(capsys, "index", "build")["skipped"]


def test_an_index_that_cannot_be_written_is_incomplete(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = Path(os.environ["ASSIST_CACHE_DIR"])
    cache.mkdir()
    (cache / "index").write_text("no folder\n")
    for arguments in (("index", "build"), ("symbols", "x")):
        assert "there is no index" in answer(capsys, *arguments, status=5)["error"]["message"]


def test_a_server_that_keeps_the_index_is_waited_for(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = Path(os.environ["ASSIST_CACHE_DIR"])
    built = answer(capsys, "index", "build")
    with index_folder(cache, workspace).lock():
        assert figures(answer(capsys, "index", "build")) == figures(built)
        assert [one["name"] for one in answer(capsys, "symbols", "Alpha")["symbols"]] == ["Alpha"]
        capsys.readouterr()
        assert run(["index", "build"]) == 0
        assert "kept up to date by another process" in capsys.readouterr().out


def test_an_interrupt_leaves_a_usable_index_and_no_process(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1500):
        text = "".join(f"def work_{number}_{line}(a, b):\n    return a + b\n" for line in range(60))
        (workspace / f"m{number}.py").write_text(text)
    folder = index_folder(Path(os.environ["ASSIST_CACHE_DIR"]), workspace)
    command = [sys.executable, "-m", "assist_server", "index", "build"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not folder.database.exists():  # its first file is being read then
            assert process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, "interrupted" in err) == (130, True), err
    assert children
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert answer(capsys, "index", "status")["files"] < 1500
    assert answer(capsys, "index", "build")["files"] == 1503
    assert answer(capsys, "symbols", "work_1499_59")["symbols"][0]["path"] == "m1499.py"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_with_counts_and_a_rate(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Output(color=False).counting("indexing [/a]") as progress:
        progress(1, 4)
        progress(3, 4)
    shown = screen.getvalue()
    assert "indexing [/a]" in shown
    assert "3/4" in shown
    assert re.search(r"\d/s", shown)
    assert "\x1b[3" not in shown  # no color


def test_a_pipe_sees_no_bar(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["index", "build"]) == 0
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")


def test_works_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.rs").write_text("fn measure() {}\n")
    monkeypatch.chdir(tmp_path / "plain")
    assert [one["path"] for one in answer(capsys, "symbols", "measure")["symbols"]] == ["a.rs"]


def test_a_limit_is_a_number_above_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "symbols", "x", "--limit", "0", status=2)
    assert told["error"]["message"] == "--limit must be at least 1"
