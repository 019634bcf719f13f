"""An index follows its files, and is never worse than one that is made anew."""

import sqlite3
from pathlib import Path

import pytest

from assist_context.index.build import Built, build
from assist_context.index.scan import walk
from assist_context.index.store import IndexedSymbol, Store, Totals


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        file = root / (name.replace("__", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def built(folder: Path, root: Path) -> Built:
    with Store(folder / "index.db") as store:
        return build(store, root, walk(root))


def names(folder: Path, query: str = "", limit: int = 100) -> list[str]:
    with Store(folder / "index.db") as store:
        return [f"{s.path}:{s.parent}:{s.name}" for s in store.symbols(query, limit)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    write(root, a="class A:\n    def run(self): pass\n", b__c="def run_all(): pass\n\nrunner = 1\n")
    return root


def test_finds_exact_names_before_beginnings_before_the_rest(tmp_path: Path, root: Path) -> None:
    write(root, d="def rerun(): pass\ndef run_100_percent(): pass\n")
    assert built(tmp_path, root) == Built(3, 0, {})
    found = ["a.py:A:run", "b/c.py::runner", "b/c.py::run_all", "d.py::run_100_percent", "d.py::rerun"]
    assert names(tmp_path, "RUN") == found
    assert names(tmp_path, "run", 2) == found[:2]
    assert names(tmp_path, "un_") == ["b/c.py::run_all", "d.py::run_100_percent"]
    assert names(tmp_path, "%") == []


def test_reads_only_what_has_changed_and_forgets_what_is_gone(tmp_path: Path, root: Path) -> None:
    built(tmp_path, root)
    write(root, a="class B: pass\n", e="x = 1\n")
    (root / "b" / "c.py").unlink()
    assert built(tmp_path, root) == Built(2, 1, {})
    assert names(tmp_path) == ["a.py::B", "e.py::x"]
    assert built(tmp_path, root) == Built(0, 0, {})
    with Store(tmp_path / "index.db") as store:
        assert store.totals() == Totals(2, 2, len("class B: pass\n") + len("x = 1\n"))
        assert store.symbols("B", 1) == (IndexedSymbol("B", "class", "a.py", 0, "class B", ""),)


def test_says_what_it_leaves_out(tmp_path: Path, root: Path) -> None:
    (root / "big.py").write_text("x = 1\n" * 200_000)
    (root / "min.js").write_text("x=1;" * 20_000)
    (root / "bin.py").write_bytes(b"x\0y")
    (root / "notes.txt").write_text("hello")
    (root / "id_rsa").write_text("secret")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "outside.py").write_text("leak = 1\n")
    assert built(tmp_path, root).skipped == {
        "larger than 1 MB": 1,
        "minified": 1,
        "binary": 1,
        "no language with a grammar": 1,
        "may hold secrets": 1,
        "not a regular file": 1,
    }
    assert names(tmp_path, "leak") == []


@pytest.mark.parametrize("harm", ["another version", "no database", "a broken page"])
def test_makes_a_file_anew_that_cannot_be_used(tmp_path: Path, root: Path, harm: str) -> None:
    built(tmp_path, root)
    file = tmp_path / "index.db"
    if harm == "another version":
        database = sqlite3.connect(file)
        database.execute("PRAGMA user_version = 99")
        database.close()
    elif harm == "no database":
        file.write_bytes(b"nothing of the kind" * 100)
    else:
        content = bytearray(file.read_bytes())
        content[4096:8192] = bytes(4096)
        file.write_bytes(content)
    assert built(tmp_path, root) == Built(2, 0, {})
    assert names(tmp_path, "run") == ["a.py:A:run", "b/c.py::runner", "b/c.py::run_all"]


def test_reads_a_file_that_is_not_utf_8(tmp_path: Path, root: Path) -> None:
    (root / "latin.py").write_bytes("grüße = 1\nnext_one = 2\n".encode("latin-1"))
    built(tmp_path, root)
    assert names(tmp_path, "next_one") == ["latin.py::next_one"]
