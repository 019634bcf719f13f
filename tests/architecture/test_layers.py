"""Which package may import which."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.checkout import ROOT

LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def lint(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LINT, *options], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_contract_is_kept() -> None:
    done = lint()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("source", "target"),
    [("assist_server.core", "platformdirs"), ("assist_server.config", "assist_server.core")],
)
def test_a_broken_contract_is_seen(tmp_path: Path, source: str, target: str) -> None:
    config = tmp_path / "contracts.ini"
    config.write_text(
        "[importlinter]\nroot_packages =\n    assist_server\n    assist_context\ninclude_external_packages = True\n"
        f"[importlinter:contract:one]\nname = One\ntype = forbidden\nsource_modules = {source}\n"
        f"forbidden_modules = {target}\n"
    )
    done = lint("--config", str(config))
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
