"""A command imports only what it needs: `assist --help` must be quick."""

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import assist_context
import assist_server

HEAVY = frozenset({"lsprotocol", "pygls", "httpx", "tree_sitter", "rich", "ollama", "psutil", "asyncio", "xllamacpp"})
# What the command line has imported by the time it is done, on the last line of standard error.
PROGRAM = """
import sys
from assist_server.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.stderr.write("\\n" + " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported(program: str, *arguments: str) -> frozenset[str]:
    """Give the top-level modules that a program has imported at its end."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout, done.stderr
    return frozenset(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], [], ["review", "--help"], ["lsp", "--help"], ["model", "pull", "--help"]]
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert not imported(PROGRAM, *arguments) & HEAVY


# The package makes an HTTP client when it is imported, from an environment that may not let it; pydantic is its own.
OLLAMA = frozenset({"ollama", "pydantic"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor", "--help"],
        ["doctor"],
        ["lsp"],
        ["model", "path", "qwen2.5-coder-0.5b"],
        ["model", "list"],
        ["model", "recommend"],
    ],
    ids=" ".join,
)
def test_the_package_of_ollama_is_imported_only_to_change_its_models(arguments: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    modules = frozenset(done.stderr.splitlines()[-1].split())
    assert "assist_server" in modules, done.stderr
    assert not modules & OLLAMA


def test_a_model_of_our_own_is_found_without_http() -> None:
    command = [sys.executable, "-c", PROGRAM, "model", "path", "qwen2.5-coder-0.5b"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not frozenset(done.stderr.splitlines()[-1].split()) & (HEAVY - {"asyncio"})


def test_what_is_imported_is_seen() -> None:
    program = PROGRAM.replace("import sys", "import sys, httpx", 1)
    assert "httpx" in imported(program, "--help")


# Import modules and leave with 1 if one of ours writes, connects or starts something meanwhile.
IMPORTER = """
import importlib, os, sys
def refuse(event, arguments):
    written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if written or event in {"socket.connect", "subprocess.Popen", "os.mkdir", "os.remove", "os.rename"}:
        frame = sys._getframe(1)
        while frame is not None and "frozen importlib" not in frame.f_code.co_filename:  # beyond is whoever imports
            if os.sep + "assist_" in frame.f_code.co_filename:
                sys.stderr.write(f"{frame.f_code.co_filename}: {event} {arguments}\\n")
                os._exit(1)
            frame = frame.f_back
sys.dont_write_bytecode = True
sys.addaudithook(refuse)
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def import_all(names: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", IMPORTER, *names],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )


def test_no_module_of_the_product_does_work_when_it_is_imported(tmp_path: Path) -> None:
    packages = (assist_context, assist_server)
    names = [m.name for p in packages for m in pkgutil.walk_packages(p.__path__, f"{p.__name__}.")]
    done = import_all([name for name in names if not name.endswith("__main__")], tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(names) > 20


@pytest.mark.parametrize(
    "work", ["open('x', 'w')", "import os; os.mkdir('x')", "import subprocess; subprocess.run('ls')"]
)
def test_work_at_import_is_seen(tmp_path: Path, work: str) -> None:
    (tmp_path / "assist_busy.py").write_text(work)
    (tmp_path / "assist_idle.py").write_text(f"def f():\n    {work}\n")
    assert import_all(["assist_idle"], tmp_path).returncode == 0
    assert import_all(["assist_busy"], tmp_path).returncode == 1
