"""Real servers that tests run: a `llama-server`, as a user would name it in `engine.command`, and Ollama."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import filelock

SCRIPTS = Path(__file__).parents[2] / "scripts"


def llama_server_program() -> Path:
    """Give the program; it is fetched where it is not there yet. Raises RuntimeError with what to run."""
    prefix = _cache() / "llama-server"
    _install("get_llama_server.sh", prefix)
    return prefix / "bin" / "llama-server"


def ollama_program() -> Path:
    """Give the one on PATH, else ours; it is built where it is not there yet. Raises RuntimeError with what to run."""
    if found := shutil.which("ollama"):
        return Path(found)
    prefix = _cache() / "ollama"
    _install("get_ollama.sh", prefix, llama_server_program().parents[1])
    return prefix / "bin" / "ollama"


def _cache() -> Path:
    return Path(os.environ.get("ASSIST_DEV_CACHE") or Path.home() / ".cache" / "assist-dev")


def _install(script: str, prefix: Path, *more: Path) -> None:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    command = [str(SCRIPTS / script), str(prefix), *map(str, more)]
    with filelock.FileLock(prefix.with_name(f"{prefix.name}.lock")):
        result = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
            env={**os.environ, "PYTHON": sys.executable},
        )
    if result.returncode != 0:
        said = "\n".join(result.stderr.splitlines()[-10:])
        message = f"no {prefix.name} for the tests: `{' '.join(command)}` must work\n{said}"
        raise RuntimeError(message)
