"""`assist context`, as a user or a script sees it, beside what `assist complete` really asks."""

import io
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from assist_context.document import Document
from assist_server.backends.base import ChatRequest, FimEvidence
from assist_server.backends.scripted import ScriptedBackend
from assist_server.cli.run import run
from assist_server.config.settings import BackendSettings, Settings
from assist_server.features.completion.service import CompletionQuery, CompletionService
from assist_server.features.completion.window import completion_window
from assist_server.features.selection import Selector

SOURCE = "def add(a, b):\n    return \n\n\ndef sub(a, b):\n    return a - b\n"


@dataclass
class Terminal:
    """Runs commands in a folder of their own; the backend answers anything and writes down what it was asked."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    @property
    def asked(self) -> list[str]:
        """The prompts so far."""
        path = self.folder.parent / "asked.jsonl"
        entries = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [entry["text"] for entry in entries if "text" in entry]

    def script(self, **head: object) -> None:
        answers = [{"on": kind, "text": "x", "repeat": True} for kind in ("fill", "chat")]
        path = self.folder.parent / "script.json"
        path.write_text(json.dumps([{"record": "asked.jsonl", **head}, *answers]))
        self.monkeypatch.setenv("ASSIST_BACKEND", "scripted")
        self.monkeypatch.setenv("ASSIST_BACKEND_SCRIPT", str(path))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        status = run(arguments)
        out, err = self.capsys.readouterr()
        return status, out, err

    def json(self, *arguments: str, status: int = 0) -> Any:
        told, out, _ = self.run(*arguments, "--json")
        assert told == status
        return json.loads(out)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of which some are longer than a window."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "add.py").write_text(SOURCE)
    (work / "windows.py").write_bytes(SOURCE.replace("\n", "\r\n").encode())
    (work / "long.py").write_text("".join(f"value_{number} = compute({number}, 'ä')\n" for number in range(3000)))
    (work / "empty.py").write_text("")
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def terminal(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal(folder, capsys, monkeypatch)
    made.script()
    return made


def none() -> None:
    """Keep no engine from starting."""


def unasked(pieces: list[dict[str, Any]], prompt: str) -> list[str]:
    """Give the texts of pieces that do not stand in a prompt."""
    return [piece["text"] for piece in pieces if piece["text"] not in prompt]


@pytest.mark.parametrize("template", ["", "<PRE>{prefix}<SUF>{suffix}<MID>"])
@pytest.mark.parametrize("context_length", [8192, 700])
@pytest.mark.parametrize(
    "place", ["add.py:2:12", "add.py:5", "windows.py:2:12", "long.py:1500:4", "long.py:1", "long.py:3000"]
)
def test_shows_what_complete_asks(
    terminal: Terminal,
    template: str,
    context_length: int,
    place: str,
) -> None:
    terminal.script(contextLength=context_length)
    if template:
        terminal.monkeypatch.setenv("ASSIST_COMPLETION_FIM_TEMPLATE", template)
    shown = terminal.json("context", place)
    assert not terminal.asked  # looking asks no model
    terminal.json("complete", place)
    (prompt,) = terminal.asked
    assert shown["pieces"]
    assert unasked(shown["pieces"], prompt) == []
    assert sum(len(piece["text"]) for piece in shown["pieces"]) >= 0.9 * len(prompt) - 100  # and hardly anything else
    assert 0 < sum(piece["tokens"] for piece in shown["pieces"]) <= shown["budget"]["used"] + len(shown["pieces"])
    assert shown["budget"]["used"] <= shown["budget"]["total"] < context_length


@pytest.mark.parametrize(
    "evidence", [FimEvidence(control_tokens=frozenset()), FimEvidence(inserts=True), FimEvidence(template="")]
)
@pytest.mark.parametrize("name", ["add.py", "windows.py", "long.py"])
async def test_shows_what_is_asked_in_other_ways(folder: Path, evidence: FimEvidence, name: str) -> None:
    text = (folder / name).read_bytes().decode()
    document, offset = Document("file:///x.py", name, "python", text), len(text) // 2
    backend = ScriptedBackend(fills=["x"], chats=["x"], evidence=evidence)
    selector = Selector(Settings(backend=BackendSettings(name="scripted")), lambda _: backend, embedded_missing=none)
    window = await completion_window(document, offset, around=None, selector=selector, settings=Settings())
    assert not backend.requests
    await CompletionService(selector, Settings()).complete(CompletionQuery(document, offset, "invoked"))
    (request,) = backend.requests
    if isinstance(request, ChatRequest):
        prompt = request.messages[-1].content
    else:
        prompt = request.prompt.as_string() + (request.suffix or "")
    assert len(window.pieces) == 2
    assert unasked([asdict(piece) for piece in window.pieces], prompt) == []


def test_a_text_that_is_not_asked_is_found() -> None:
    assert unasked([{"text": "a + b"}, {"text": "a - b"}], "def f(): return a + b") == ["a - b"]


def test_says_which_lines_and_why(terminal: Terminal) -> None:
    shown = terminal.json("context", "add.py:2:12")
    before, after = shown["pieces"]
    assert before == {
        "path": "add.py",
        "start": 1,
        "end": 2,
        "source": "file",
        "reason": "the text before the cursor",
        "tokens": 7,  # the script counts a token for four characters
        "text": "def add(a, b):\n    return ",
    }
    assert (after["start"], after["end"], after["reason"]) == (2, 6, "the text after the cursor")
    assert (shown["exact"], shown["model"], shown["backend"]) == (True, "scripted", "scripted")


@pytest.mark.parametrize("number", [1, 700, 1500, 2999, 3000])
def test_the_lines_of_a_piece_are_those_of_the_file(terminal: Terminal, number: int) -> None:
    lines = (terminal.folder / "long.py").read_text().splitlines(keepends=True)
    for piece in terminal.json("context", f"long.py:{number}:5")["pieces"]:
        assert piece["text"] in "".join(lines[piece["start"] - 1 : piece["end"]])
        assert piece["text"].count("\n") in (piece["end"] - piece["start"], piece["end"] - piece["start"] + 1)


@pytest.fixture
def shop(terminal: Terminal) -> Terminal:
    """A workspace with an index, in which one file uses another."""
    (terminal.folder / "prices.py").write_text("RATE = 3\n\n\ndef discounted(amount, percent):\n    return amount\n")
    (terminal.folder / "order.py").write_text("import prices\n\n\ndef total(order):\n    return prices.discounted(\n")
    assert terminal.run("index", "build")[0] == 0
    return terminal


def test_shows_pieces_of_other_files_and_why_they_are_there(shop: Terminal) -> None:
    shown = shop.json("context", "order.py:5:30")
    assert shown["pieces"][0] == {
        "path": "prices.py",
        "start": 4,
        "end": 4,
        "source": "imports",
        "reason": "prices, imported and used here",
        "tokens": 9,  # the script counts a token for four characters
        "text": "def discounted(amount, percent): ...",
    }
    assert [piece["source"] for piece in shown["pieces"]] == ["imports", "file", "file"]
    shop.json("complete", "order.py:5:30")
    (prompt,) = set(shop.asked)
    assert unasked(shown["pieces"], prompt) == []
    other, before, _ = (piece["text"] for piece in shown["pieces"])
    assert prompt.index(other) < prompt.index(before)
    _, out, _ = shop.run("context", "order.py:5:30")
    assert "prices.py:4  prices, imported and used here, 9 tokens\n    def discounted(amount, percent): ..." in out


@pytest.mark.parametrize("setting", ["ASSIST_COMPLETION_CONTEXT_TOKENS=0", "ASSIST_COMPLETION_SOURCES=outline"])
def test_settings_say_what_is_read_beside_the_file(shop: Terminal, setting: str) -> None:
    shop.monkeypatch.setenv(*setting.split("="))
    assert {piece["path"] for piece in shop.json("context", "order.py:5:30")["pieces"]} == {"order.py"}


def test_without_an_index_only_the_file_is_read(shop: Terminal) -> None:
    assert shop.run("index", "clear")[0] == 0
    assert {piece["path"] for piece in shop.json("context", "order.py:5:30")["pieces"]} == {"order.py"}


def test_reads_standard_input(terminal: Terminal) -> None:
    terminal.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fn main() {\n    let a = \n}\n")))
    shown = terminal.json("context", "-:2:13", "--path", "src/main.rs")
    assert [(piece["path"], piece["text"]) for piece in shown["pieces"]] == [
        ("src/main.rs", "fn main() {\n    let a = "),
        ("src/main.rs", "\n}\n"),
    ]


def test_is_readable(terminal: Terminal) -> None:
    _, out, _ = terminal.run("context", "add.py:2:12")
    assert "add.py:1-2  the text before the cursor, 7 tokens\n    def add(a, b):\n        return" in out
    assert out.rstrip().splitlines()[-1].endswith("tokens for scripted on scripted")


def test_works_without_a_model(terminal: Terminal, unused_tcp_port: int) -> None:
    terminal.monkeypatch.setenv("ASSIST_BACKEND", "ollama")
    terminal.monkeypatch.setenv("ASSIST_URL", f"http://127.0.0.1:{unused_tcp_port}")
    status, out, err = terminal.run("context", "long.py:1500:4", "--json")
    shown = json.loads(out)
    assert status == 0
    assert "as there is no model" in err
    assert (len(shown["pieces"]), shown["exact"], shown["model"]) == (2, False, "")
    assert 0 < shown["budget"]["used"] <= shown["budget"]["total"] < 4096


def test_says_why_nothing_would_be_asked(terminal: Terminal) -> None:
    shown = terminal.json("context", "empty.py:1")
    assert (shown["pieces"], shown["why_empty"]) == ([], "the document is empty")
    status, out, err = terminal.run("context", "empty.py:1")
    assert (status, out) == (0, "")
    assert "nothing would be asked here: the document is empty" in err


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("add.py:1-2",), 2, "not a range"),
        (("add.py",), 2, "not a place"),
        (("gone.py:1",), 2, "no such file"),
        (("add.py:99",), 2, "99"),
        (("add.py:1", "--path", "x.py"), 2, "standard input"),
        (("add.py:1", "--backend", "nonsense"), 2, "nonsense"),
        (("add.py:1", "--config", "gone.toml"), 3, "gone.toml"),
    ],
)
def test_fails_as_complete_does(
    terminal: Terminal,
    arguments: tuple[str, ...],
    status: int,
    told: str,
) -> None:
    error = terminal.json("context", *arguments, status=status)["error"]
    assert told in error["message"]
    completing = terminal.json("complete", *arguments, status=status)["error"]
    assert (error["code"], "range" in error["message"] or error["message"]) == (
        completing["code"],
        "range" in completing["message"] or completing["message"],
    )
