"""No text of a document, no prompt, no answer and no key gets into the log."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.checkout import product_trees

LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
LOGGERS = frozenset({"log", "_log", "logger", "_logger", "logging"})
CONTENT = frozenset(
    {"text", "texts", "prompt", "prompts", "prefix", "suffix", "document", "content", "contents", "source", "snippet"}
    | {"messages", "answer", "delta", "chunk", "chunks", "line", "lines", "body", "payload", "params", "request"}
    | {"query", "quote", "hunk", "patch", "api_key", "bearer", "headers", "password", "secret", "environ", "template"}
)
# What may be said of a thing whose content may not: how much of it there is, and what it is called.
SAYS_LITTLE = frozenset({"len", "type", "bool"})
NAMES = frozenset({"path", "uri", "version", "language", "name", "model", "code", "status", "id", "method", "__name__"})

TREES = tuple(product_trees())
SENTINEL = "zebra_crossing_sentinel"


def logged_content(tree: ast.AST) -> Iterator[str]:
    """Give what a module logs that may be text of a user, as `line: expression`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LEVELS:
            continue
        if ast.unparse(node.func.value).rpartition(".")[2] in LOGGERS:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                if _is_content(argument):
                    yield f"{node.lineno}: {ast.unparse(argument)}"


def _is_content(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in SAYS_LITTLE:
        return False
    if isinstance(node, ast.Attribute):
        return node.attr in CONTENT or (node.attr not in NAMES and _is_content(node.value))
    if isinstance(node, ast.Subscript):
        return _is_content(node.value)
    if isinstance(node, ast.Name):
        return node.id in CONTENT
    return any(_is_content(child) for child in ast.iter_child_nodes(node))


@pytest.mark.parametrize(("name", "tree"), TREES, ids=[name for name, _ in TREES])
def test_no_module_logs_content(name: str, tree: ast.Module) -> None:
    assert not list(logged_content(tree))


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("_log.info('%s', text)", True),
        ("_log.info(prompt)", True),
        ("self._log.debug('%s', document.text)", True),
        ("logging.warning('%s', document)", True),
        ("_log.info('%s', repr(request.prompt))", True),
        ("_log.info('%s', {'k': api_key})", True),
        ("_log.info('%s', text[:10])", True),
        ("_log.info('%s', query.document.text.strip())", True),
        ("_log.info('x', extra={'a': lines})", True),
        ("_log.info('%s', document.path)", False),
        ("_log.info('%d', len(text))", False),
        ("_log.info('%s', table[text])", False),
        ("_log.info('text %s', error.message)", False),
        ("trace.append(text)", False),
    ],
)
def test_logged_content_is_seen(code: str, *, content: bool) -> None:
    assert bool(list(logged_content(ast.parse(code)))) is content


@pytest.mark.parametrize("error", [None, "backend-timeout", "bad-response", "backend"])
@pytest.mark.parametrize("command", ["complete", "explain"])
def test_a_run_leaves_no_content_in_the_log(tmp_path: Path, command: str, error: str | None) -> None:
    source = tmp_path / "code.py"
    source.write_text(f"def {SENTINEL}(a, b):\n    return \n", encoding="utf-8")
    step = {"chunks": [f"{SENTINEL}_answer"], "repeat": True} | ({"error": error} if error else {})
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"on": kind, **step} for kind in ("fill", "chat")]), encoding="utf-8")
    environ = os.environ | {
        "ASSIST_BACKEND": "scripted",
        "ASSIST_BACKEND_SCRIPT": str(script),
        "ASSIST_BACKEND_API_KEY_ENV": "KEY_OF_THE_TEST",
        "KEY_OF_THE_TEST": f"{SENTINEL}_key",
    }
    place = f"{source}:2:12" if command == "complete" else f"{source}:1-2"
    done = subprocess.run(
        [sys.executable, "-m", "assist_server", command, place, "--log-level", "debug"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is (error is None), done.stderr
    assert error is not None or f"{SENTINEL}_answer" in done.stdout
    log = (Path(environ["ASSIST_CACHE_DIR"]) / "log/assist.log").read_text(encoding="utf-8")
    assert log
    assert SENTINEL not in log
    assert f"{SENTINEL}_key" not in done.stdout + done.stderr
