"""The wheel in an environment that has never seen this checkout."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.model, pytest.mark.install]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it with the embedded engine into an empty environment and give its programs' folder."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    programs = folder / "env" / "bin"
    install = [str(programs / "python"), "-m", "pip", "install", "--quiet", f"{wheel}[embedded]"]
    subprocess.run(install, check=True, cwd=folder)
    return programs


def test_completes_with_the_real_model(installed: Path, real_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [str(installed / "assist"), "complete", "-:2:12", "--path", "add.py", "--json"],
        env=real_environment,
        input="def add(a, b):\n    return \n",
        capture_output=True,
        text=True,
        check=False,
        cwd=installed,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a + b" in json.loads(done.stdout)["items"][0]["text"]


def test_runs_as_a_module(installed: Path) -> None:
    done = subprocess.run(
        [str(installed / "python"), "-m", "assist_server", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("assist ")


def test_says_what_to_do_without_the_embedded_extra(installed: Path, tmp_path: Path, test_model: Path) -> None:
    uninstall = [str(installed / "python"), "-m", "pip", "uninstall", "--quiet", "--yes", "xllamacpp"]
    subprocess.run(uninstall, check=True)
    environment = {f"ASSIST_{name}_DIR": str(tmp_path / name) for name in ("CACHE", "DATA", "CONFIG")}
    environment |= {"ASSIST_BACKEND": "embedded", "ASSIST_ENGINE_MODEL": str(test_model), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [str(installed / "assist"), "complete", "-:1:1", "--path", "a.py"],
        env=environment,
        input="x = 1\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "assist-lsp[embedded]" in done.stderr
    assert "Traceback" not in done.stderr
