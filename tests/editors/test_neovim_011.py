"""A client that is not ours: Neovim 0.11, which knows inline completion only as a request that somebody sends."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.neovim import Neovim, neovim_011

pytestmark = pytest.mark.install

SERVER = [sys.executable, "-m", "assist_server", "lsp"]
WORDS = "It adds two numbers."


@pytest.fixture(scope="session")
def program() -> Path:
    """Give Neovim 0.11."""
    return neovim_011()


@pytest.fixture
def neovim(program: Path, tmp_path: Path) -> Iterator[Neovim]:
    """Give a running Neovim."""
    editor = Neovim(program, tmp_path / "neovim")
    yield editor
    editor.close()


@pytest.fixture
def scripted(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a server that plays a script."""
    script = tmp_path / "script.json"
    steps = [
        {"on": "fill", "text": "a + b", "repeat": True},
        {"on": "chat", "chunks": ["It adds ", "two numbers."], "repeat": True},
    ]
    script.write_text(json.dumps(steps))
    return {"ASSIST_BACKEND": "scripted", "ASSIST_BACKEND_SCRIPT": str(script)}


def edit(neovim: Neovim, folder: Path, text: str, cursor: tuple[int, int]) -> None:
    """Open a file; the cursor is a line from 1 and a column in bytes, as Neovim has it."""
    file = folder / "add.py"
    file.write_text(text)
    neovim.editor.command(f"edit {file}")
    neovim.editor.current.window.cursor = cursor


def inline(neovim: Neovim, *, seconds: float = 30) -> list[dict]:
    params = {**neovim.cursor(), "context": {"triggerKind": 1}}
    return neovim.request("textDocument/inlineCompletion", params, seconds=seconds)["items"]


def explain(neovim: Neovim, *, seconds: float = 30) -> str:
    """Take the code action and give the text of the buffer that the editor then shows."""
    lines = len(neovim.editor.current.buffer[:])
    span = {"start": {"line": 0, "character": 0}, "end": {"line": lines, "character": 0}}
    where = {"textDocument": neovim.cursor()["textDocument"], "range": span, "context": {"diagnostics": []}}
    (action,) = neovim.request("textDocument/codeAction", where)
    answer = neovim.request("workspace/executeCommand", action["command"], seconds=seconds)
    assert answer["text"]

    def shown() -> str | None:
        buffers = [buffer for buffer in neovim.editor.buffers if buffer.name.endswith(".md")]
        return "\n".join(buffers[0][:]) if buffers and len(buffers[0][:]) > 1 else None

    text = neovim.wait_until(shown)
    assert answer["text"].strip() in text
    return text


def test_a_suggestion_and_an_explanation_without_any_plugin(neovim, scripted, tmp_path):
    edit(neovim, tmp_path, "def add(a, b):\n    return \n", (2, 11))
    neovim.start(SERVER, scripted, tmp_path)
    (item,) = inline(neovim)
    assert item["insertText"] == "a + b"
    text = explain(neovim)
    assert text.startswith("# Explanation of add.py:1-2")
    assert WORDS in text
    assert neovim.stop() == 0


def test_places_after_wide_characters_are_right(neovim, scripted, tmp_path):
    edit(neovim, tmp_path, "def add(a, b):\n    é漢😀 = \n", (2, 16))
    neovim.start(SERVER, scripted, tmp_path)
    assert neovim.lua("return vim.lsp.get_clients({ name = 'assist' })[1].offset_encoding") == "utf-8"
    (item,) = inline(neovim)
    place = neovim.cursor()["position"]
    assert item["range"] == {"start": place, "end": place}
    edit_here = "vim.lsp.util.apply_text_edits({ { range = ..., newText = 'a' } }, vim.fn.bufnr(), 'utf-8')"
    neovim.lua(edit_here, item["range"])
    assert neovim.editor.current.buffer[1] == "    é漢😀 = a"
    assert neovim.stop() == 0


def test_the_completion_list_of_an_editor_without_ghost_text(neovim, scripted, tmp_path):
    edit(neovim, tmp_path, "def add(a, b):\n    return \n", (2, 11))
    neovim.start(SERVER, scripted, tmp_path)
    answer = neovim.request("textDocument/completion", neovim.cursor())
    assert [item["label"] for item in answer["items"]] == ["a + b"]


@pytest.mark.model
def test_a_suggestion_and_an_explanation_of_a_real_model(neovim, real_environment, tmp_path):
    edit(neovim, tmp_path, "def add(a, b):\n    return \n\n\nprint(add(1, 2))\n", (2, 11))
    own = {name: value for name, value in real_environment.items() if name.startswith("ASSIST_")}
    neovim.start(SERVER, {**own, "ASSIST_CHAT_MAX_TOKENS": "48"}, tmp_path)
    items = inline(neovim, seconds=180)
    assert "a" in items[0]["insertText"]
    assert "b" in items[0]["insertText"]
    assert "add" in explain(neovim, seconds=180)
    assert neovim.stop() == 0
