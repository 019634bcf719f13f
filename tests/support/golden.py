"""Golden files: what a test gave when somebody last looked at it and found it good."""

import difflib
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
_UPDATE = os.environ.get("ASSIST_UPDATE_GOLDEN") == "1"  # read here, as each test clears the variables of assist


def check_golden(name: str, text: str, *, folder: Path = GOLDEN, update: bool = _UPDATE) -> None:
    """Compare a text with tests/golden/NAME; with ASSIST_UPDATE_GOLDEN=1 write it there instead."""
    path = folder / name
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return
    if not path.is_file():
        pytest.fail(
            f"there is no golden file {name}: run the test with ASSIST_UPDATE_GOLDEN=1 and look at what it writes"
        )
    expected = path.read_bytes().decode()
    if expected != text:
        lines = difflib.unified_diff(expected.splitlines(), text.splitlines(), "golden", "now", lineterm="")
        pytest.fail("\n".join(["the text is not the golden one (ASSIST_UPDATE_GOLDEN=1 accepts it)", *lines]))
