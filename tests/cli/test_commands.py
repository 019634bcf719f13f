"""Every command with the scripted backend, as a user or a script sees it: output, JSON and exit status."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assist_server.cli.run import run

SOURCE = "def add(a, b):\n    return \n"
PATCH = """\
--- a/add.py
+++ b/add.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a + b
+    return a - b
"""
FINDING = {"line": 2, "quote": "    return a - b", "severity": "error", "message": "It subtracts"}


@dataclass
class Terminal:
    """Runs commands in a folder of their own, with a script for the backend."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def script(self, *steps: dict[str, Any]) -> None:
        path = self.folder.parent / "script.json"  # beside the folder, which a review reads whole
        path.write_text(json.dumps(steps))
        self.monkeypatch.setenv("ASSIST_BACKEND", "scripted")
        self.monkeypatch.setenv("ASSIST_BACKEND_SCRIPT", str(path))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        status = run(arguments)
        out, err = self.capsys.readouterr()
        return status, out, err

    def run_json(self, *arguments: str) -> tuple[int, Any]:
        status, out, _ = self.run(*arguments, "--json")
        return status, json.loads(out)


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "add.py").write_text(SOURCE)
    (folder / "change.patch").write_text(PATCH)
    monkeypatch.chdir(folder)
    return Terminal(folder, capsys, monkeypatch)


def test_complete_prints_the_text_alone(terminal: Terminal) -> None:
    terminal.script({"on": "fill", "text": "a + b"})
    assert terminal.run("complete", "add.py:2:12") == (0, "a + b\n", "")


def test_complete_as_json(terminal: Terminal) -> None:
    terminal.script({"on": "fill", "text": "a + b"})
    status, answer = terminal.run_json("complete", "add.py:2:12")
    assert (status, answer["items"]) == (0, [{"text": "a + b"}])
    assert {"model", "backend", "tokens", "ms", "trace"} <= answer.keys()
    assert answer["ms"].keys() == {"context", "first_token", "total"}


def test_complete_with_nothing_to_offer_says_why(terminal: Terminal) -> None:
    terminal.script({"on": "fill", "text": "  "})
    status, out, err = terminal.run("complete", "add.py:2:12")
    assert (status, out) == (0, "")
    assert err.startswith("assist: no completion: ")


def test_complete_takes_no_range(terminal: Terminal) -> None:
    terminal.script()
    status, out, err = terminal.run("complete", "add.py:1-2")
    assert (status, out) == (2, "")
    assert "not a range" in err


def test_explain_prints_what_the_model_writes(terminal: Terminal) -> None:
    terminal.script({"on": "chat", "chunks": ["It ", "adds."]})
    assert terminal.run("explain", "add.py:1-2") == (0, "It adds.\n", "")


def test_explain_as_json(terminal: Terminal) -> None:
    terminal.script({"on": "chat", "chunks": ["It ", "adds."]})
    status, answer = terminal.run_json("explain", "add.py:1-2")
    assert (status, answer["text"], answer["cut"]) == (0, "It adds.", False)
    assert {"model", "tokens", "ms"} <= answer.keys()


def test_explain_says_that_not_all_was_read(terminal: Terminal) -> None:
    (terminal.folder / "long.py").write_text("a = f(1, 2, 3)\n" * 5000)
    terminal.script({"on": "chat", "text": "It calls.", "repeat": True})
    status, out, _ = terminal.run("explain", "long.py:1-5000")
    assert status == 5
    assert "Only the beginning was read" in out
    assert terminal.run_json("explain", "long.py:1-5000")[1]["incomplete"]
    assert not terminal.run_json("explain", "add.py:1-2")[1]["incomplete"]


def test_explain_says_that_an_answer_was_cut(terminal: Terminal) -> None:
    terminal.script({"on": "chat", "text": "It", "reason": "length"})
    assert "chat.maxTokens" in terminal.run("explain", "add.py:1")[2]


def test_review_exits_with_1_on_a_finding(terminal: Terminal) -> None:
    terminal.script({"on": "chat", "text": json.dumps({"findings": [FINDING]})})
    status, out, _ = terminal.run("review", "--patch", "change.patch")
    assert status == 1
    assert "add.py:2: error: It subtracts" in out
    assert "1 of 1 hunk reviewed, 1 finding" in out


@pytest.mark.parametrize("form", [["--json"], ["--format", "json"], ["--format=json"]])
def test_review_as_json(terminal: Terminal, form: list[str]) -> None:
    terminal.script({"on": "chat", "text": json.dumps({"findings": [FINDING]})})
    status, out, _ = terminal.run("review", "--patch", "change.patch", "--fail-on", "never", *form)
    report = json.loads(out)
    assert (status, report["schema"], report["verdict"]) == (0, "assist.review/1", "findings")


def test_review_of_nothing_is_clean(terminal: Terminal) -> None:
    terminal.script()
    (terminal.folder / "empty.patch").write_text("")
    status, report = terminal.run_json("review", "--patch", "empty.patch")
    assert (status, report["verdict"]) == (0, "clean")
    assert terminal.run("review", "--patch", "empty.patch")[:2] == (0, "there is nothing to review\n")


def test_review_that_could_not_be_read_is_incomplete(terminal: Terminal) -> None:
    terminal.script({"on": "chat", "text": "no JSON"}, {"on": "chat", "text": "no JSON"})
    assert terminal.run("review", "--patch", "change.patch")[0] == 5
    terminal.script({"on": "chat", "text": "no JSON"}, {"on": "chat", "text": "no JSON"})
    assert terminal.run("review", "--patch", "change.patch", "--allow-incomplete")[0] == 0


def test_review_of_the_working_tree(terminal: Terminal) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], check=True)
    (terminal.folder / "add.py").write_text("def add(a, b):\n    return a - b\n")
    terminal.script({"on": "chat", "text": json.dumps({"findings": [FINDING]}), "when": "return a - b"})
    status, report = terminal.run_json("review")
    assert (status, [finding["path"] for finding in report["findings"]]) == (1, ["add.py"])
    assert (report["coverage"]["hunks_total"], len(report["base"])) == (1, 40)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["review", "--patch", "nowhere.patch"], 2, "no such file: nowhere.patch"),
        (["review", "--patch", "add.py"], 2, "diff"),
        (["review", "--staged", "--patch", "change.patch"], 2, "exclude each other"),
        (["review", "main..HEAD"], 2, "git"),
        (["complete", "nowhere.py:1:1"], 2, "no such file: nowhere.py"),
        (["complete", "add.py:9:1"], 2, "line 9"),
        (["complete", "add.py:2:12", "--backend", "nothing"], 2, "nothing"),
        (["complete", "add.py:2:12", "--config", "nowhere.toml"], 3, "nowhere.toml"),
        (["complete", "add.py:2:12", "--url", "http://127.0.0.1:1"], 3, "which program"),
        (["complete", "add.py:2:12", "--backend", "ollama", "--url", "http://127.0.0.1:1"], 4, "127.0.0.1:1"),
        (["complete", "add.py:2:12", "--backend", "openai", "--url", "http://192.0.2.1:80"], 3, "privacy.allowHosts"),
        (["complete", "add.py:2:12", "--backend", "embedded"], 4, "assist model pull qwen2.5-coder-0.5b"),
        (["complete", "add.py:2:12", "--backend", "embedded", "--model", "nothing.gguf"], 4, "nothing.gguf"),
        (["model", "path", "qwen2.5-coder-0.5b"], 4, "assist model pull"),
        (["model", "pull", "nothing"], 4, "nothing"),
        (["model", "pull", "qwen2.5-coder-0.5b", "--source", "nothing"], 2, "sources are"),
        (["model"], 2, "ACTION"),
        (["complete", "add.py:2:12", "--max-tokens", "0"], 2, "from 1 to 2048"),
        (["complete", "add.py:2:12", "--path", "b.py"], 2, "--path is for"),
        (["complete", "-", "--path", "b.py"], 2, "-:LINE:COL"),
        (["review"], 2, "--patch"),
        (["doctor", "--js"], 2, "--js"),  # no abbreviations
        (["complete", "/dev/zero:1:1"], 2, "larger than"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_bad_input_gives_one_clear_message(terminal: Terminal, arguments: list[str], status: int, message: str) -> None:
    got, out, err = terminal.run(*arguments)
    assert (got, out) == (status, "")
    assert message in err
    assert "Traceback" not in err
    got, answer = terminal.run_json(*arguments)
    assert got == status
    assert message in f"{answer['error']['message']} {answer['error']['hint']}"
    assert answer["error"].keys() == {"code", "message", "hint"}


def test_a_bad_value_is_said_once_and_the_work_goes_on(terminal: Terminal) -> None:
    (terminal.folder / ".assist.toml").write_text('[completion]\nmaxTokens = "many"\n[backend]\nurl = "http://evil"\n')
    terminal.script({"on": "fill", "text": "a + b"})
    status, out, err = terminal.run("complete", "add.py:2:12")
    assert (status, out) == (0, "a + b\n")
    assert err.count("completion.maxTokens") == 1
    assert ".assist.toml:2" in err
    assert err.count("backend.url") == 1


def test_a_workspace_cannot_switch_off_its_review(terminal: Terminal) -> None:
    (terminal.folder / ".assist.toml").write_text('[review]\nfailOn = "never"\nexclude = ["*"]\n')
    terminal.script({"on": "chat", "text": json.dumps({"findings": [FINDING]})})
    status, _, err = terminal.run("review", "--patch", "change.patch")
    assert status == 1
    assert "review.failOn" in err
    assert "review.exclude" in err


def test_model_list_and_recommend(terminal: Terminal) -> None:
    _, listed = terminal.run_json("model", "list")
    assert {"qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"} <= {model["name"] for model in listed["models"]}
    assert all(model["state"] == "absent" for model in listed["models"])
    _, advice = terminal.run_json("model", "recommend")
    assert all(model["fit"] in ("good", "tight", "none") for model in advice["models"])
    assert "qwen2.5-coder-0.5b" in terminal.run("model", "list")[1]
    assert "qwen2.5-coder-0.5b" in terminal.run("model", "recommend")[1]


def test_engine_status_and_stop_without_an_engine(terminal: Terminal) -> None:
    assert terminal.run("engine", "status")[:2] == (0, "no engine is running\n")
    status, answer = terminal.run_json("engine", "status")
    assert (status, answer["running"], answer["engines"]) == (0, False, [])
    assert terminal.run("engine", "stop")[:2] == (0, "stopped 0 engines\n")


def test_config_show_says_where_each_value_comes_from(terminal: Terminal) -> None:
    (terminal.folder / ".assist.toml").write_text("[completion]\nmaxTokens = 7\n")
    terminal.monkeypatch.setenv("ASSIST_MODEL", "some-model")
    status, shown = terminal.run_json("config", "show", "--log-level", "debug")
    values = {value["name"]: value for value in shown["values"]}
    assert status == 0
    assert values["completion.maxTokens"]["value"] == 7
    assert ".assist.toml:2" in values["completion.maxTokens"]["source"]
    assert "ASSIST_MODEL" in values["backend.model"]["source"]
    assert values["log.level"] == {"name": "log.level", "value": "debug", "source": "command line"}
    assert values["backend.url"]["source"] == "default"
    assert "completion.maxTokens" in terminal.run("config", "show")[1]


def test_config_path(terminal: Terminal) -> None:
    status, out, _ = terminal.run("config", "path")
    assert (status, Path(out.strip()).name) == (0, "config.toml")
    for action in ("show", "path"):
        assert {"values", "problems", "path"} <= terminal.run_json("config", action)[1].keys()
    (terminal.folder / "mine.toml").write_text("")
    terminal.monkeypatch.setenv("ASSIST_CONFIG", str(terminal.folder / "mine.toml"))
    assert terminal.run("config", "path")[1] == f"{terminal.folder / 'mine.toml'}\n"


def test_version_names_every_folder(terminal: Terminal) -> None:
    assert terminal.run("--version")[1].startswith("assist 0.")
    status, out, _ = terminal.run("--version", "--json")
    version = json.loads(out)
    assert status == 0
    assert version["folders"].keys() == {"cache", "data", "config", "log"}
    assert version["log_file"].startswith(version["folders"]["log"])


def test_doctor_exits_with_1_where_nothing_answers(terminal: Terminal) -> None:
    terminal.monkeypatch.setenv("ASSIST_BACKEND", "embedded")
    status, report = terminal.run_json("doctor")
    assert status == 1
    assert {"checks", "machine", "servers", "models", "fim"} <= report.keys()
    assert any("assist model pull" in (check["fix"] or "") for check in report["checks"])
    status, out, _ = terminal.run("doctor")
    assert status == 1
    assert "assist model pull" in out


def test_help_without_a_command(terminal: Terminal) -> None:
    status, out, _ = terminal.run()
    assert status == 0
    assert "complete" in out
