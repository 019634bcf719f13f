"""The command line on the real model, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.model

PATCH = """\
--- a/pages.py
+++ b/pages.py
@@ -1,2 +1,4 @@
 def pages(total, size):
-    return (total + size - 1) // size
+    if size == 0:
+        return total / size
+    return (total + size) // size
"""


def assist(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assist_server", *arguments]
    return subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)


def test_completes(real_environment: dict[str, str]) -> None:
    done = assist(
        real_environment, "complete", "-:2:12", "--path", "add.py", "--json", stdin="def add(a, b):\n    return \n"
    )
    answer = json.loads(done.stdout)
    assert "a + b" in answer["items"][0]["text"]
    assert answer["backend"] == "embedded"
    assert answer["tokens"]["prompt"] > 0
    assert answer["ms"]["total"] >= answer["ms"]["first_token"] > 0


def test_explains(real_environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "add.py").write_text("def add(a, b):\n    return a + b\n")
    done = assist(real_environment, "explain", f"{tmp_path / 'add.py'}:1-2")
    assert done.returncode == 0
    assert "add" in done.stdout
    assert done.stderr == ""


def test_reviews_and_stands_on_changed_lines(real_environment: dict[str, str]) -> None:
    done = assist(real_environment, "review", "--patch", "-", "--json", "--fail-on", "never", stdin=PATCH)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    added = [line[1:] for line in PATCH.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert report["schema"] == "assist.review/1"
    assert report["coverage"]["reviewed"] == report["coverage"]["hunks_total"] > 0
    for finding in report["findings"]:
        assert any(finding["anchor_text"].strip() in line for line in added)


def test_reports_its_engine(real_environment: dict[str, str]) -> None:
    assist(real_environment, "complete", "-:1:1", "--path", "a.py")
    status = json.loads(assist(real_environment, "engine", "status", "--json").stdout)
    assert status["running"]
    assert status["url"].startswith("http://127.0.0.1:")


def test_doctor_finds_the_engine_and_says_how_it_fills_in(real_environment: dict[str, str]) -> None:
    done = assist(real_environment, "doctor", "--json")
    report = json.loads(done.stdout)
    assert {check["state"] for check in report["checks"]} <= {"ok", "warn", "fail"}
    assert "qwen" in json.dumps(report["fim"])
