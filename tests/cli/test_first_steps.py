"""What a command says of an Ollama that is not ready, and while it gets ready: one message, beside the result."""

import asyncio
import json
from pathlib import Path

import pytest

from assist_server.cli.run import run
from support.dialects import VOCABULARY, OllamaDialect
from support.loopback_server import LoopbackServer, json_reply

SOURCE = "def add(a, b):\n    return \n"
NEVER = "http://127.0.0.1:9"  # the port of a service that nobody runs


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "add.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    # No Ollama of this machine is found but by its address.
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    return "add.py:2:12"


def install(folder: Path) -> None:
    program = folder / "programs" / "ollama"
    program.parent.mkdir()
    program.touch(mode=0o755)


class WithoutFim(OllamaDialect):
    """An Ollama whose only model is taught to talk and nothing else."""

    def prepare(self, server: LoopbackServer) -> None:
        super().prepare(server)
        shown = self.shown(template="{{ .Prompt }}", capabilities=["completion"])
        words = {"tokenizer.ggml.tokens": ["a"], "tokenizer.ggml.token_type": [1]}
        server.on("POST", "/api/show", json_reply(shown))
        server.on("POST", VOCABULARY, json_reply({**shown, "model_info": {**shown["model_info"], **words}}))
        told = "```python\na + b\n```"
        server.on("POST", "/api/chat", lambda _: self.stream(self.events("chat", (told,))))


@pytest.mark.parametrize("command", [["complete"], ["explain"], ["review"]])
def test_an_ollama_that_does_not_run(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    install(tmp_path)
    (tmp_path / "c.patch").write_text("--- a/add.py\n+++ b/add.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n")
    monkeypatch.setenv("OLLAMA_HOST", NEVER)
    arguments = ["--patch", "c.patch"] if command == ["review"] else [place]
    assert run([*command, *arguments, "--backend", "ollama"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "assist: Ollama is installed but does not run at 127.0.0.1:9, which OLLAMA_HOST names\n  run `ollama serve`\n"
    )


def test_nothing_is_ready(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", NEVER)
    assert run(["complete", place, "--json"]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "backend-unavailable"
    assert error["message"].startswith("no model is ready: qwen2.5-coder-0.5b is not installed; no Ollama answers at ")
    assert error["hint"] == "run `assist model pull qwen2.5-coder-0.5b`"
    install(tmp_path)
    assert run(["complete", place, "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["hint"] == "run `ollama serve`"


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_notices_are_said_once_beside_the_result(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    async with LoopbackServer() as server:
        WithoutFim().prepare(server)
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert await asyncio.to_thread(run, ["complete", place, *options]) == 0
    out, err = capsys.readouterr()
    text = json.loads(out)["items"][0]["text"] if options else out.rstrip("\n")
    assert text == "a + b"
    advice, *loading = err.splitlines()
    assert advice == (
        "assist: qwen2.5-coder:0.5b cannot fill in at the cursor; it is asked in words, which is slower and less often "
        "right (run `ollama pull qwen2.5-coder:1.5b`)"
    )
    assert loading in ([], ["assist: Ollama loads qwen2.5-coder:0.5b"])  # which is said only where it takes a while


async def test_the_doctor_says_it_as_checks_alone(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LoopbackServer() as server:
        WithoutFim().prepare(server)
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert await asyncio.to_thread(run, ["doctor", "--json", "--backend", "ollama"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    (check,) = [check for check in json.loads(out)["checks"] if check["id"] == "fim"]
    assert (check["state"], check["fix"]) == ("warn", "run `ollama pull qwen2.5-coder:1.5b`")
