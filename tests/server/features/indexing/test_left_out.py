"""Which file a process was at is known after its death, and what stops the parser is left out until it changes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assist_server.features.indexing.left_out import At, Mark, Version, leave_out, read_left_out, read_mark

NAMES = ["a.py", "sub/ö 漢.py", os.fsdecode(b"latin-\xe9.py"), "deep/" * 300 + "x.py"]


@pytest.mark.parametrize("path", NAMES, ids=["plain", "unicode", "no utf-8", "long"])
def test_a_mark_says_which_file_until_it_is_cleared(tmp_path: Path, path: str) -> None:
    mark = Mark(tmp_path / "at")
    mark.set("before/with/a/longer/name.py", Version(1, 2))
    mark.set(path, Version(123, 1_700_000_000_000_000_000))
    assert read_mark(tmp_path / "at", os.getpid()) == At(path, Version(123, 1_700_000_000_000_000_000))
    assert read_mark(tmp_path / "at", os.getpid() + 1) is None
    mark.clear()
    assert read_mark(tmp_path / "at", os.getpid()) is None
    mark.close()


def test_a_mark_that_is_missing_or_no_mark_says_nothing(tmp_path: Path) -> None:
    assert read_mark(tmp_path / "at", 1) is None
    (tmp_path / "at").write_bytes(b"\xff" * 5000)
    assert read_mark(tmp_path / "at", 1) is None


def test_a_name_that_is_too_long_for_a_mark_costs_nothing(tmp_path: Path) -> None:
    mark = Mark(tmp_path / "at")
    mark.set("x" * 10_000, Version(1, 1))
    assert read_mark(tmp_path / "at", os.getpid()) is None


def test_a_mark_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from assist_server.features.indexing.left_out import Mark, Version\n"
        "Mark(Path(sys.argv[1])).set('bad.py', Version(7, 8))\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "at")])
    assert process.wait() == -signal.SIGKILL
    assert read_mark(tmp_path / "at", process.pid) == At("bad.py", Version(7, 8))


def test_files_are_left_out_for_one_version_of_the_product(tmp_path: Path) -> None:
    file = tmp_path / "left-out.json"
    assert read_left_out(file, "1.0") == {}
    for number, path in enumerate(NAMES):
        leave_out(file, "1.0", At(path, Version(number, number)))
    leave_out(file, "1.0", At("a.py", Version(9, 9)))
    assert read_left_out(file, "1.0") == {**{p: Version(n, n) for n, p in enumerate(NAMES)}, "a.py": Version(9, 9)}
    assert read_left_out(file, "1.1") == {}
    assert [path.name for path in tmp_path.iterdir()] == ["left-out.json"]


@pytest.mark.parametrize("content", ["", "[]", "null", '{"product": "1.0"}', '{"product": "1.0", "files": [[1]]}'])
def test_a_list_that_cannot_be_read_leaves_nothing_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "left-out.json").write_text(content)
    assert read_left_out(tmp_path / "left-out.json", "1.0") == {}
