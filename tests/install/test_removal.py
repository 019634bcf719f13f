"""What the README says of removing assist is the whole of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.model


def test_the_four_folders_are_all_that_is_written(tmp_path: Path, test_model: Path) -> None:
    home = tmp_path / "home"
    project = tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (project / "add.py").write_text("def add(a, b):\n    return \n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASSIST_", "XDG_"))}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "ASSIST_ENGINE_MODEL": str(test_model)}

    def assist(*arguments: str) -> str:
        command = [sys.executable, "-m", "assist_server", *arguments]
        return subprocess.run(command, env=environment, cwd=project, check=True, capture_output=True, text=True).stdout

    assist("complete", "add.py:2:12", "--backend", "embedded")
    assist("config", "show")
    assist("engine", "stop")
    folders = json.loads(assist("--version", "--json"))["folders"]
    for folder in folders.values():
        assert Path(folder).is_relative_to(home)
        shutil.rmtree(folder, ignore_errors=True)
    assert [path for path in home.rglob("*") if not path.is_dir() or path.name == "assist"] == []
    assert [path.name for path in project.iterdir()] == ["add.py"]
