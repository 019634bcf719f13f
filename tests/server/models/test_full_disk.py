"""A disk too small for a model: said before the download where that can be known, and when the disk fills up."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("full_disk_cases.py")


def in_own_mounts() -> list[str]:
    """Give what runs a command with mounts of its own, as root or as anybody; nothing where the system refuses."""
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if shutil.which("unshare") is None:
        return []
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else []


@pytest.mark.parametrize("limited", [False, True], ids=["a disk where one can be mounted", "a limit"])
def test_a_disk_that_is_too_small(tmp_path, monkeypatch, limited):
    prefix = [] if limited else in_own_mounts()
    if limited:
        monkeypatch.setenv("PATH", "")  # there is no `mount` then
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path}/in", CASES],
        capture_output=True,
        text=True,
        check=False,
        cwd=CASES.parents[3],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
