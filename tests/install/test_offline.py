"""With no network at all, the main job works once the model is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ROOT / "tests" / "support" / "offline.py"

pytestmark = [pytest.mark.model, pytest.mark.install]


def offline(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where only loopback exists; an unprivileged user gets the namespace through a user namespace."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    return subprocess.run(
        [*unshare, sys.executable, str(OFFLINE), *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_namespace_has_no_network(real_environment: dict[str, str]) -> None:
    probe = "import socket; socket.create_connection(('192.0.2.1', 9), 5)"
    assert "Network is unreachable" in offline(real_environment, sys.executable, "-c", probe).stderr


def test_the_demonstration_runs(real_environment: dict[str, str], tmp_path: Path) -> None:
    environment = {**real_environment, "ASSIST_CACHE_DIR": str(tmp_path / "cache")}
    assist = [sys.executable, "-m", "assist_server"]
    demo = f"{sys.executable} scripts/demo.py; status=$?; {' '.join(assist)} engine stop >&2; exit $status"
    done = offline(environment, "bash", "-c", demo)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the model says" in done.stdout
    assert "hunks reviewed" in done.stdout
