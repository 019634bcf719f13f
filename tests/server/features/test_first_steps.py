"""Which command helps with an Ollama that is missing, does not run, or has no model."""

import sys
from pathlib import Path

import pytest

from assist_server.features.first_steps import FirstSteps, find_ollama

GIB = 1024**3


def steps(url: str = "http://127.0.0.1:11434", named_by: str | None = None, *, start: str | None = None) -> FirstSteps:
    return FirstSteps(url, named_by, start=lambda: start, memory=lambda: 8 * GIB)


@pytest.mark.parametrize(
    ("found", "message", "hint"),
    [
        (steps(start="ollama serve"), "Ollama is installed but does not run", "run `ollama serve`"),
        (steps(start="systemctl start ollama"), "Ollama is installed but does not run", "run `systemctl start ollama`"),
        (
            steps("http://127.0.0.1:9", "OLLAMA_HOST", start="systemctl start ollama"),
            "Ollama is installed but does not run at 127.0.0.1:9, which OLLAMA_HOST names",
            "run `ollama serve`",
        ),
        (
            steps("http://127.0.0.1:9", "OLLAMA_HOST"),
            "no Ollama answers at 127.0.0.1:9, which OLLAMA_HOST names",
            "start it there, or correct OLLAMA_HOST (`assist doctor` helps)",
        ),
        (
            steps("http://gpu.example:80", "OLLAMA_HOST", start="ollama serve"),
            "no Ollama answers at gpu.example:80, which OLLAMA_HOST names",
            "start it there, or correct OLLAMA_HOST (`assist doctor` helps)",
        ),
        (
            steps("http://127.0.0.1:9", "backend.url", start="ollama serve"),
            "no Ollama answers at 127.0.0.1:9, which backend.url names",
            "start it there, or correct backend.url (`assist doctor` helps)",
        ),
    ],
)
def test_an_ollama_that_does_not_answer(found: FirstSteps, message: str, hint: str) -> None:
    error = found.unreachable()
    assert (error.message, error.hint) == (message, hint)
    assert found.can_start() == message.startswith("Ollama is installed")


@pytest.mark.parametrize(("platform", "tool"), [("linux", "curl "), ("darwin", "brew "), ("win32", "winget ")])
def test_a_missing_ollama_is_installed_as_the_platform_does(
    monkeypatch: pytest.MonkeyPatch, platform: str, tool: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    error = steps().unreachable()
    assert error.message == "Ollama is not installed on this machine, and nothing answers at 127.0.0.1:11434"
    assert (error.hint or "").startswith(f"run `{tool}")


def test_the_model_to_pull_fits_the_memory_of_this_machine() -> None:
    assert FirstSteps(memory=lambda: 8 * GIB).pull() == "ollama pull qwen2.5-coder:1.5b"
    assert FirstSteps(memory=lambda: 2 * GIB).pull() == "ollama pull qwen2.5-coder:0.5b"
    elsewhere = FirstSteps("http://gpu.example:80", "OLLAMA_HOST", memory=lambda: 2 * GIB)
    assert elsewhere.pull() == "ollama pull qwen2.5-coder:1.5b"


@pytest.mark.parametrize(
    ("named_by", "command"),
    [
        (None, "ollama pull x:1"),
        ("OLLAMA_HOST", "ollama pull x:1"),
        ("backend.url", "assist model pull x:1 --backend ollama --url http://127.0.0.1:9"),
    ],
)
def test_the_command_that_pulls_reaches_the_server_that_is_looked_for(named_by: str | None, command: str) -> None:
    found = steps("http://127.0.0.1:9", named_by)
    assert found.pull("x:1") == command
    assert found.pull() == command.replace("x:1", "qwen2.5-coder:1.5b")


class TestFinding:
    """What of a file system makes an Ollama."""

    @pytest.fixture(autouse=True)
    def only_this_root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path / "path"))

    @staticmethod
    def put(file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o755)

    def test_nothing(self, tmp_path: Path) -> None:
        assert find_ollama(root=tmp_path) is None

    @pytest.mark.parametrize("place", ["path/ollama", "usr/local/bin/ollama", "opt/homebrew/bin/ollama"])
    def test_the_program(self, tmp_path: Path, place: str) -> None:
        self.put(tmp_path / place)
        assert find_ollama(root=tmp_path) == "ollama serve"

    @pytest.mark.parametrize("folder", ["etc/systemd/system", "usr/lib/systemd/system"])
    def test_a_service_counts_where_systemd_runs(self, tmp_path: Path, folder: str) -> None:
        self.put(tmp_path / "usr/local/bin/ollama")
        self.put(tmp_path / folder / "ollama.service")
        assert find_ollama(root=tmp_path) == "ollama serve"
        (tmp_path / "run/systemd/system").mkdir(parents=True)
        assert find_ollama(root=tmp_path) == "systemctl start ollama"

    def test_the_application_of_macos(self, tmp_path: Path) -> None:
        (tmp_path / "Applications/Ollama.app").mkdir(parents=True)
        assert find_ollama(root=tmp_path) == "open -a Ollama"

    def test_windows(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
        assert find_ollama(root=tmp_path) is None
        self.put(tmp_path / "Programs/Ollama/ollama.exe")
        assert find_ollama(root=tmp_path) == "ollama serve"
