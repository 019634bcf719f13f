"""What the index finds in real sources, against the real parser of each language: recall and precision, by kind.

A real parser knows calls, imports and owners too, which ctags does not.
"""

import json
import sysconfig
import warnings
from collections import Counter
from pathlib import Path

from support.recall.found import found_in, python_found
from support.recall.python_truth import python_truth
from support.recall.score import Facts, check_recall, gathered, once, renamed
from support.recall.sources import (
    NpmPackage,
    go_facts,
    go_root,
    java_facts,
    rust_facts,
    rust_sources,
    typescript_facts,
    unpacked,
)

TYPESCRIPT = NpmPackage(
    "typescript",
    "5.9.3",
    "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
)
IN_TYPESCRIPT = (
    NpmPackage(
        "rxjs",
        "7.8.2",
        "sha512-dhKf903U/PQZY6boNNtAGdWbG85WAbjT/1xYoZIC7FAY0yWapOBQVsVrDl58W86//e1VpMNBtRV4MaXfdMySFA==",
    ),
    NpmPackage(
        "zod",
        "4.6.7",
        "sha512-g8W2D2kU6a8untc053fX1uVBKzM7yqAxW/3zwk83+6RyF2+SKOuV+c0wBDhUwzV1PaGapmZH+rmcUzPf+3CGwg==",
    ),
    NpmPackage(
        "@tanstack/react-query",
        "5.108.0",
        "sha512-DpMbB8pVorEZcsHRa0Z13KQGfmndqvJbuLy9h+xfP8XpuEZBOxzq+QfXGonQ0fAgRSWhc+QsfoRETSTWxAEAVw==",
    ),
)
IN_JAVA = NpmPackage(
    "react-native",
    "0.71.19",
    "sha512-E6Rz4lpe4NC9ZR6zq9AWiB0MAoVeidr+aPu/pmwk5ezvVL/wbQ1Gdj70v7fKMC8Nz5wYFO1S0XUNPUKYaPhfeg==",
)
ALL, MOST = (0.99, 0.99), (0.97, 0.97)


def test_python() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    others = {root / "test", root / "site-packages", root / "dist-packages"}
    files = [file for file in sorted(root.rglob("*.py")) if others.isdisjoint(file.parents)]
    true, ours = [], []
    for file in files:
        name, source = file.relative_to(root).as_posix(), file.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                facts = list(python_truth(name, source))
        except (SyntaxError, ValueError):  # there to be wrong
            continue
        true += facts
        ours += python_found(name, source)
    truth, found = _with_attributes(gathered(true), gathered(ours))
    least = dict.fromkeys(["class", "method", "function", "nested function", "call", "import", "base"], ALL)
    attributes = dict.fromkeys(["class attribute", "instance attribute", "attribute"], MOST)
    check_recall(truth, found, {**least, **attributes, "module variable": (0.95, 0.99)})


def _with_attributes(truth: Facts, found: Facts) -> tuple[Facts, Facts]:
    """Tell of both kinds of attributes, which the index does not tell apart, and of all; each counts once."""
    truth["attribute"] = truth["class attribute"] | truth["instance attribute"]
    parts = ("class attribute", "instance attribute")
    truth = once(truth, "attribute", "module variable", *parts)
    found = once(found, "attribute", "module variable")
    return truth, {**found, **{part: found["attribute"] & truth[part] for part in parts}}


def test_typescript() -> None:
    compiler = unpacked(TYPESCRIPT, lambda name: name.startswith("lib/typescript.js") or name == "package.json")
    least = dict.fromkeys(
        ["class", "interface", "enum", "type", "module", "function", "method", "field", "constant", "owner"], ALL
    )
    uses = dict.fromkeys(["call", "new", "import", "base"], ALL)
    truth: Facts = {}
    found: Facts = {}
    for package in IN_TYPESCRIPT:
        root = unpacked(package, lambda name: name.startswith("src/") and name.endswith((".ts", ".tsx")))
        files = _files(root, ".ts", ".tsx")
        true = _facts(typescript_facts(compiler, root, files))
        for all_of, some in ((truth, true), (found, found_in(root, files, true))):
            for kind, count in some.items():
                all_of[kind] = all_of.get(kind, Counter()) + count
    check_recall(truth, found, {**least, **uses})


def test_go() -> None:
    root = go_root()
    folders = ("archive", "crypto/tls", "database", "encoding", "go", "html", "net", "text")
    files = [f"{folder}/{name}" for folder in folders for name in _files(root / folder, ".go")]
    files = [name for name in files if "testdata" not in name]
    truth = renamed(_facts(go_facts(root, files)), {"class": "type", "interface": "type"})
    found = found_in(root, files, truth)
    kinds = ["module", "function", "method", "type", "field", "constant", "variable", "owner", "call", "import"]
    check_recall(truth, found, dict.fromkeys(kinds, ALL))


def test_rust() -> None:
    root = rust_sources()
    files = [name for name in _files(root, ".rs") if name.split("/")[1] == "src"]
    truth = _facts(rust_facts(root, files))
    kinds = ["class", "enum", "type", "interface", "module", "macro", "method", "field", "constant"]
    least = dict.fromkeys([*kinds, "call", "import", "base", "owner"], ALL)
    check_recall(truth, found_in(root, files, truth), {**least, "function": (0.99, 0.98)})


def test_java() -> None:
    root = unpacked(IN_JAVA, lambda name: name.endswith(".java"))
    files = _files(root, ".java")
    truth = _facts(java_facts(root, files))
    found = renamed(found_in(root, files, truth), {"constant": "field"})
    kinds = ["class", "interface", "enum", "method", "field", "owner", "call", "new", "import", "base"]
    check_recall(truth, found, dict.fromkeys(kinds, ALL))


def _files(root: Path, *endings: str) -> list[str]:
    return sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.suffix in endings)


def _facts(lines: str) -> Facts:
    return gathered((kind, tuple(fact)) for kind, *fact in map(json.loads, lines.splitlines()))
