"""A real `llama-server`, as a user would name it in `engine.command`."""

import os
import subprocess
from pathlib import Path

import filelock
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "get_llama_server.sh"


def llama_server_program() -> Path:
    """Give the program's path; fetch it where it is not there yet, or fail with the script's words."""
    cache = Path(os.environ.get("ASSIST_DEV_CACHE") or Path.home() / ".cache" / "assist-dev")
    prefix = cache / "llama-server"
    prefix.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / "llama-server.lock"):
        result = subprocess.run(
            [SCRIPT, prefix], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
        )
    if result.returncode != 0:
        pytest.fail(
            f"no llama-server for the tests: run `scripts/get_llama_server.sh {prefix}`\n{result.stderr.strip()}"
        )
    return prefix / "bin" / "llama-server"
