"""What is in the wheel, and that every version number is the same."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

import assist_server
from assist_server.config import toml
from support.checkout import ROOT, files

PROJECT = toml.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8")).values["project"]


def check_contents(names: Iterable[str]) -> None:
    """Accept the two packages with their data and the metadata, and nothing else."""
    listed = set(names)
    packages = {name.partition("/")[0] for name in listed}
    metadata = {name for name in packages if name.endswith(".dist-info")}
    assert packages - metadata == {"assist_server", "assist_context"}
    assert len(metadata) == 1
    for package, folder in (("assist_server", "server"), ("assist_context", "context")):
        assert f"{package}/py.typed" in listed
        data = files(".py", ".json", ".md", ".scm", under=(folder,))
        missing = {path.relative_to(ROOT / folder).as_posix() for path in data} - listed
        assert not missing
    assert "assist_server/models/catalogue.json" in listed
    assert any(re.fullmatch(r"assist_context/prompts/\w+\.md", name) for name in listed)
    assert not [name for name in listed if re.search(r"\.(pyc|so)$|(^|/)(tests?|conftest|test_[^/]*)(/|\.py$)", name)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.install
def test_the_wheel_holds_the_two_packages_and_their_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        check_contents(archive.namelist())


@pytest.mark.install
@pytest.mark.parametrize("change", ["tests/test_x.py", "server/x.py", "-assist_server/models/catalogue.json"])
def test_a_wrong_wheel_is_seen(wheel: Path, change: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    names = names - {change[1:]} if change.startswith("-") else names | {change}
    with pytest.raises(AssertionError):
        check_contents(names)


@pytest.mark.install
def test_the_wheel_is_for_any_python_that_is_supported(wheel: Path) -> None:
    assert wheel.name == f"assist_lsp-{assist_server.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    assert "\nRequires-Python: >=3.10\n" in text
    assert "\nLicense-Expression: Apache-2.0\n" in text
    assert "\nProvides-Extra: embedded\n" in text


def versions() -> dict[str, str]:
    """Give every place that states the version."""
    stated = {"pyproject.toml": PROJECT["version"], "assist_server": assist_server.__version__}
    extension = ROOT / "editors/vscode/package.json"
    if extension.is_file():
        stated["editors/vscode/package.json"] = json.loads(extension.read_text(encoding="utf-8"))["version"]
    return stated


def test_every_version_is_the_same() -> None:
    assert len(set(versions().values())) == 1, versions()


def test_the_change_log_has_the_version() -> None:
    headings = re.findall(r"^## \[?([^\s\]]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert assist_server.__version__ in headings


def test_what_is_supported_is_classified() -> None:
    supported = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: Python :: 3\.\d+$", c)}
    assert supported == {f"3.{minor}" for minor in range(10, 15)}
    assert PROJECT["requires-python"] == ">=3.10"
