"""Places on the command line."""

import io
import sys
from pathlib import Path

import pytest

from assist_server.cli.parser import STANDARD_INPUT, build_parser, without_dashes
from assist_server.cli.places import read_place
from assist_server.core.errors import UsageError

TEXT = "import os\nx = 'é漢😀' + y\n\ndef f():\n    return 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pkg" / "a.py"
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    return path


def check_place(file: Path, place: str, expect: tuple[str, str]) -> None:
    """Compare what lies before the place, and what it covers."""
    found = read_place(f"{file}:{place}", name=None, workspace=file.parent.parent)
    text = found.document.text
    assert (text[: found.start].splitlines()[-1] if found.start else "", text[found.start : found.end]) == expect


def test_the_helper_rejects_a_wrong_value(file: Path) -> None:
    with pytest.raises(AssertionError):
        check_place(file, "1:1", ("import", ""))


@pytest.mark.parametrize(
    ("place", "expect"),
    [
        ("1:1", ("", "")),
        ("1:8", ("import ", "")),
        ("2:9", ("x = 'é漢😀", "")),  # columns are characters, whatever their bytes
        ("1", ("import os", "")),  # a line alone is its end
        ("1-2", ("", "import os\nx = 'é漢😀' + y")),
    ],
)
def test_finds_the_place(file: Path, place: str, expect: tuple[str, str]) -> None:
    check_place(file, place, expect)


def test_gives_the_path_in_the_workspace_and_the_language(file: Path) -> None:
    place = read_place(f"{file}:1:1", name=None, workspace=file.parent.parent)
    assert (place.document.path, place.document.language) == ("pkg/a.py", "python")


def test_a_file_outside_the_workspace_is_known_by_its_name(file: Path, tmp_path: Path) -> None:
    assert read_place(f"{file}:1:1", name=None, workspace=tmp_path / "elsewhere").document.path == "a.py"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere.py:1:1", "no such file: nowhere.py"),
        ("no place at all", "not a place: no place at all"),
        ("a.py:0:1", "line 0"),
        ("a.py:99:1", "line 99"),
        ("a.py:1:99", "column 99"),
        ("a.py:5-2", "the range ends before it begins: 5-2"),
        (".:1:1", "is a folder"),
    ],
)
def test_refuses_with_one_message(file: Path, monkeypatch: pytest.MonkeyPatch, place: str, message: str) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(UsageError) as refused:
        read_place(place, name=None, workspace=file.parent)
    assert message in refused.value.message
    assert "\n" not in refused.value.message


def test_refuses_what_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_place(f"{tmp_path / 'a.py'}:1:1", name=None, workspace=tmp_path)


def test_reads_standard_input_under_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    place = read_place(f"{STANDARD_INPUT}:1:8", name="b.rs", workspace=tmp_path)
    assert (place.document.language, place.start) == ("rust", 7)


def test_standard_input_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a name"):
        read_place(f"{STANDARD_INPUT}:1:8", name=None, workspace=tmp_path)


def test_a_dash_with_a_place_is_no_option() -> None:
    args = build_parser().parse_args(without_dashes(["complete", "-:1:8", "--path", "b.rs"]))
    assert args.place == f"{STANDARD_INPUT}:1:8"
