"""The Ollama of the tests leaves nothing behind, and is installed once."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from support.installed_programs import SCRIPTS, llama_server_program, ollama_program
from support.ollama_server import FIM_MODEL, bare_ollama

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("ollama")]  # that installs with the caller's own network

HOLDER = f"""
import sys
from pathlib import Path
import httpx
from support.ollama_server import bare_ollama

with bare_ollama(Path(sys.argv[1])) as server:
    server.create({FIM_MODEL!r}, sys.argv[2])
    httpx.post(server.url + "/api/generate", json={{"model": {FIM_MODEL!r}}}, timeout=120, trust_env=False)
    print(server.process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("way", ["kill", "end"])
def test_ends_with_the_process_that_uses_it(tmp_path: Path, test_model: Path, way: str) -> None:
    folder, tests = tmp_path / "ollama", Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder, test_model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tests)},
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        watching = psutil.Process(int(holder.stdout.readline()))
        processes = [watching, *watching.children(recursive=True)]
        assert len(processes) >= 3, "the watcher, Ollama and the llama-server of the loaded model"
        if way == "kill":
            holder.kill()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive
    assert not (folder / "models").exists()
    assert (folder / "serve.log").exists()


def test_tells_its_address(tmp_path: Path) -> None:
    with bare_ollama(tmp_path / "ollama") as server:
        assert httpx.get(f"{server.url}/api/version", trust_env=False).json()["version"]
        assert server.log.loads(0) == 0
        with pytest.raises(RuntimeError, match="came 0 of 1 times"):
            server.log.wait_for("no such line", server.log.mark(), seconds=0.01)


def test_a_second_run_installs_nothing(tmp_path: Path) -> None:
    """The scripts have neither a network nor Go, pip or apt: only what a shell needs."""
    llama = llama_server_program().parents[1]
    ollama = tmp_path / "ollama"
    (ollama / "bin").mkdir(parents=True)
    (ollama / "bin" / "ollama").symlink_to(ollama_program())
    (ollama / "version").write_text(f"{_wanted()}\n")
    nowhere = _without_network(tmp_path)
    for command in ([SCRIPTS / "get_llama_server.sh", llama], [SCRIPTS / "get_ollama.sh", ollama, llama]):
        before = _contents(llama), _contents(ollama / "bin")
        result = subprocess.run(command, check=False, capture_output=True, text=True, env=nowhere, timeout=60)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert (_contents(llama), _contents(ollama / "bin")) == before
    runner = ollama / "lib" / "ollama" / "llama-server"
    assert "version" in subprocess.run([runner, "--version"], check=True, capture_output=True, text=True).stderr


@pytest.mark.parametrize("version", ["v0.0.1\n", None])
def test_an_ollama_of_another_version_is_built_anew(tmp_path: Path, version: str | None) -> None:
    llama, ollama = llama_server_program().parents[1], tmp_path / "ollama"
    (ollama / "bin").mkdir(parents=True)
    (ollama / "bin" / "ollama").write_text("#!/bin/sh\n")
    (ollama / "bin" / "ollama").chmod(0o755)
    if version is not None:
        (ollama / "version").write_text(version)
    command = [SCRIPTS / "get_ollama.sh", ollama, llama]
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, env=_without_network(tmp_path), timeout=60
    )
    assert result.returncode == 1
    assert "cannot make a virtual environment" in result.stderr  # the first thing that a build without Go needs


def _wanted() -> str:
    found = re.search(r"^version=(\S+)$", (SCRIPTS / "get_ollama.sh").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _without_network(folder: Path) -> dict[str, str]:
    tools = folder / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "mkdir", "chmod", "mv", "mktemp", "rm"):
        (tools / name).symlink_to(str(shutil.which(name)))
    return {"PATH": str(tools), "HOME": str(folder), "GOPROXY": "off", "https_proxy": "http://127.0.0.1:9"}


def _contents(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*")}
