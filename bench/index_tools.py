"""Other programs that read definitions out of sources, measured with the same files: ctags and aider."""

import fcntl
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index_rig import BENCH, run_json

CTAGS_MISSING = "not found: `apt-get install universal-ctags` (or your system's package of that name)"

_AIDER_EDITION = 1
# What `aider.repomap` needs, and no more: no language model is asked. Its own pins where it has them.
_AIDER = (
    "aider-chat==0.86.2",
    "diskcache==5.6.3",
    "grep-ast==0.9.0",
    "importlib-metadata==7.2.1",
    "importlib-resources==6.5.2",
    "markdown-it-py==4.0.0",
    "mdurl==0.1.2",
    "networkx==3.4.2",
    "packaging==25.0",
    "pathspec==0.12.1",
    "pygments==2.19.2",
    "rich==14.1.0",
    "tqdm==4.67.1",
    "tree-sitter==0.25.2",
    "tree-sitter-c-sharp==0.23.1",
    "tree-sitter-embedded-template==0.25.0",
    "tree-sitter-language-pack==0.13.0",
    "tree-sitter-yaml==0.7.2",
    "zipp==3.23.0",
)
_AIDER_PYTHONS = ("python3.12", "python3.11", "python3.10")


def ctags_version() -> str | None:
    """Give the version of the ctags on PATH, None where there is no Universal Ctags."""
    if shutil.which("ctags") is None:
        return None
    said = subprocess.run(["ctags", "--version"], check=False, capture_output=True, text=True).stdout
    return said.partition(",")[0] if said.startswith("Universal Ctags") else None


def measure_ctags(folder: Path, files: list[str], work: Path) -> dict[str, Any]:
    """Let ctags write its tags of some files, with the fields that the index has too."""
    with _listed(files, work) as names:
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            ["ctags", "--fields=+neKS", "--sort=no", "-f", str(work / "tags"), "-L", str(names)],
            check=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (work / "tags").unlink()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": time.perf_counter() - wall}


def measure_aider(python: Path, folder: Path, files: list[str], work: Path) -> dict[str, Any]:
    """Let aider extract its tags of some files; only `get_tags_raw` is measured, without its cache."""
    with _listed(files, work) as names:
        return run_json([str(python), str(BENCH / "index_aider.py"), str(folder), str(names)])


def aider_python(cache: Path) -> Path | str:
    """Give the Python of an environment with aider, made if need be; in words what keeps it from that."""
    folder = cache / f"aider-{_AIDER_EDITION}"
    python = folder / "bin" / "python"
    with (cache / "aider.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "ready").is_file():
            return python
        base = _python_for_aider()
        if base is None:
            return f"needs a Python before 3.13: none of {', '.join(_AIDER_PYTHONS)} runs"
        print("installing aider's tag extraction", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        steps = (
            [base, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", *_AIDER],
        )
        for step in steps:
            done = subprocess.run(step, check=False, capture_output=True, stdin=subprocess.DEVNULL)
            if done.returncode:
                return f"cannot be installed: {done.stderr.decode('utf-8', 'replace').strip()[-500:]}"
        (folder / "ready").touch()
    return python


def _python_for_aider() -> str | None:
    candidates = [sys.executable] if sys.version_info < (3, 13) else []
    for python in (*candidates, *_AIDER_PYTHONS):
        try:
            done = subprocess.run([python, "-c", ""], check=False, capture_output=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return python
    return None


@contextmanager
def _listed(files: list[str], work: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=work)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{each}\n" for each in files)
        yield Path(name)
    finally:
        Path(name).unlink()
