import os
from pathlib import Path

import pytest

from assist_server.core.programs import find_program, search_path


def program(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_relative_entries_are_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "here" / "tool")
    program(tmp_path / "here" / "bin" / "tool")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "bin", "../here"]))
    assert find_program("tool") is None
    assert search_path() == ""


def test_the_first_program_that_can_run_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "a" / "tool", 0o644)
    (tmp_path / "b" / "tool").mkdir(parents=True)
    found = program(tmp_path / "c" / "tool")
    program(tmp_path / "d" / "tool")
    folders = [".", *(str(tmp_path / name) for name in "abcd")]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    assert find_program("tool") == found
    assert search_path() == os.pathsep.join(folders[1:])


def test_windows_does_not_look_into_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def which(file: Path) -> str | None:
        asked.append(str(file))  # a file with a folder: which() then looks nowhere else
        return str(file) if file.parent == tmp_path else None

    monkeypatch.setattr("assist_server.core.programs.shutil.which", which)
    monkeypatch.setattr("assist_server.core.programs.search_path", lambda: f"/elsewhere{os.pathsep}{tmp_path}")
    assert find_program("tool") == tmp_path / "tool"
    assert asked == ["/elsewhere/tool", str(tmp_path / "tool")]


@pytest.mark.parametrize("name", ["", ".", "..", "../tool", "bin/tool", "/bin/sh"])
def test_only_a_bare_name_is_looked_up(name: str) -> None:
    assert find_program(name) is None
