"""`assist index` and `assist symbols`, as a user or a script sees them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assist_server.cli.run import run


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


def test_prints_places_that_other_commands_take(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["symbols", "Alpha"]) == 0
    assert capsys.readouterr().out == "a.py:1: class Alpha\n"
    assert run(["symbols", "nowhere"]) == 0
    out, err = capsys.readouterr()
    assert (out, "nothing has a name like that" in err) == ("", True)


def test_builds_counts_and_clears(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = {"files": 0, "symbols": 0, "bytes": 0}
    assert answer(capsys, "index", "status") == empty
    built = answer(capsys, "index", "build")
    assert (built["files"], built["symbols"]) == (2, 4)
    assert built["skipped"] == [{"reason": "no language with a grammar", "count": 1}]
    assert built["seconds"] >= 0
    assert answer(capsys, "index", "status")["files"] == 2
    assert not any(path.suffix == ".db" for path in workspace.rglob("*"))
    assert answer(capsys, "index", "clear") == {"cleared": True}
    assert answer(capsys, "index", "clear") == {"cleared": False}
    assert answer(capsys, "index", "status") == empty


def test_works_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.rs").write_text("fn measure() {}\n")
    monkeypatch.chdir(tmp_path / "plain")
    assert [one["path"] for one in answer(capsys, "symbols", "measure")["symbols"]] == ["a.rs"]


def test_a_limit_is_a_number_above_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "symbols", "x", "--limit", "0", status=2)
    assert told["error"]["message"] == "--limit must be at least 1"
