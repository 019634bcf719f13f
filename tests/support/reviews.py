"""Diffs and reports for tests of the review."""

from assist_context.diff import parse_diff
from assist_server.features.review.report import Coverage, Evidence, Finding, Report, Reviewer, Tokens
from assist_server.features.review.units import Unit, plan


def file_patch(path: str, body: str, *, old: int = 1, new: int = 1) -> str:
    """Make a patch of one file with one hunk from its lines, each with its mark."""
    lines = body.split("\n")
    olds = sum(line[:1] in " -" for line in lines)
    news = sum(line[:1] in " +" for line in lines)
    header = f"@@ -{old},{olds} +{new},{news} @@"
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{header}\n" + "\n".join(lines) + "\n"


def new_file_patch(path: str, text: str) -> str:
    """Make a patch that adds a file."""
    lines = text.removesuffix("\n").split("\n")
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    return head + f"@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)


def one_unit(body: str, path: str = "a.py") -> Unit:
    """Give the only unit of a one-hunk patch."""
    (unit,) = plan(parse_diff(file_patch(path, body))).units
    return unit


def a_finding(**changes: object) -> Finding:
    """Make a finding, changed where a test needs it."""
    values: dict[str, object] = {
        "rule": "model", "severity": "warning", "category": "correctness", "path": "a.py", "side": "new",
        "start_line": 2, "end_line": 2, "anchor_text": "    return 1", "message": "It is always one", "origin": "model",
        "evidence": (Evidence("a.py", 1, "def f():"), Evidence("a.py", 2, "    return 1")), "votes": 1,
        "fingerprint": "ab" * 32,
    }  # fmt: skip
    return Finding(**(values | changes))  # type: ignore[arg-type]  # a test names the fields


def a_report(**changes: object) -> Report:
    """Make a complete report without findings, changed where a test needs it."""
    values: dict[str, object] = {
        "model": Reviewer("tiny", "scripted", 4096), "base": "1" * 40, "head": "working tree",
        "coverage": Coverage(hunks_total=2, reviewed=2), "findings": (), "suppressed": (),
        "tokens": Tokens(100, 10), "wall_ms": 1234,
    }  # fmt: skip
    return Report(**(values | changes))  # type: ignore[arg-type]  # as above
