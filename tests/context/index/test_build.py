"""An index follows its files, and is never worse than one that is made anew."""

import os
import shutil
import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assist_context.errors import ParseTimeout
from assist_context.index import build as build_module
from assist_context.index.build import build, index_file, read, syntax_of
from assist_context.index.ignore import Reason
from assist_context.index.scan import changes, walk
from assist_context.index.store import IndexReader, Store
from assist_context.syntax.symbols import NOTHING
from support.index_content import IndexContent, assert_same_content, content_of

LONG_AGO = 1_700_000_000


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        file = root / (name.replace("__", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def built(folder: Path, root: Path) -> int:
    with Store(folder / "index.db") as store:
        return build(store, root, walk(root))


def names(folder: Path) -> dict[str, list[str]]:
    with IndexReader(folder / "index.db") as index:
        return {path: [symbol.name for symbol in index.symbols_of(path)] for path in index.files()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    write(root, a="class A:\n    def run(self): pass\n", b__c="def run_all(): pass\n\nrunner = 1\n")
    return root


def test_reads_only_what_has_changed_and_forgets_what_is_gone(tmp_path: Path, root: Path) -> None:
    assert built(tmp_path, root) == 2
    write(root, a="class B: pass\n", e="x = 1\n")
    (root / "b" / "c.py").unlink()
    assert built(tmp_path, root) == 2
    assert names(tmp_path) == {"a.py": ["B"], "e.py": ["x"]}
    assert built(tmp_path, root) == 0


def test_a_change_that_leaves_size_and_time_as_they_were_soon_after_is_seen(tmp_path: Path, root: Path) -> None:
    file = root / "a.py"
    soon = time.time_ns() + 10**9  # as good as now, however slow the machine is
    os.utime(file, ns=(soon, soon))
    built(tmp_path, root)
    found = file.stat()
    file.write_text(file.read_text().replace("run", "fun"))
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert built(tmp_path, root) == 1
    assert names(tmp_path)["a.py"] == ["A", "fun"]


def test_a_file_with_the_same_text_gets_its_new_time(tmp_path: Path, root: Path) -> None:
    os.utime(root / "a.py", (LONG_AGO, LONG_AGO))
    with Store(tmp_path / "index.db") as store:
        build(store, root, walk(root))
        assert changes(root, ["a.py"], store.files()).new_or_changed == ()
        os.utime(root / "a.py", (LONG_AGO + 1, LONG_AGO + 1))
        assert changes(root, ["a.py"], store.files()).new_or_changed == ("a.py",)
        assert build(store, root, ["a.py"]) == 0
        assert changes(root, ["a.py"], store.files()).new_or_changed == ()


def test_leaves_out_what_is_unfit(tmp_path: Path, root: Path) -> None:
    (root / "big.py").write_text("x = 1\n" * 200_000)
    (root / "min.js").write_text("x=1;" * 20_000)
    (root / "bin.py").write_bytes(b"x\0y")
    (root / "id_rsa").write_text("secret")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "outside.py").write_text("leak = 1\n")
    assert built(tmp_path, root) == 2
    with Store(tmp_path / "index.db") as store:
        batch = store.batch()
        assert index_file(batch, root, "big.py", None) is Reason.LARGE
        assert index_file(batch, root, "min.js", None) is Reason.MINIFIED
        assert index_file(batch, root, "bin.py", None) is Reason.BINARY
        assert index_file(batch, root, "link.py", None) is Reason.NOT_A_FILE
    assert names(tmp_path).keys() == {"a.py", "b/c.py"}


def test_a_file_that_becomes_unfit_is_forgotten(tmp_path: Path, root: Path) -> None:
    built(tmp_path, root)
    (root / "a.py").write_bytes(b"x\0y")
    assert built(tmp_path, root) == 0
    assert names(tmp_path).keys() == {"b/c.py"}


def test_text_without_a_grammar_has_words_only(tmp_path: Path, root: Path) -> None:
    (root / "notes.txt").write_text("see run_all\n")
    built(tmp_path, root)
    with IndexReader(tmp_path / "index.db") as index:
        assert index.paths_with("run_all", 9) == ("b/c.py", "notes.txt")
        assert index.symbols_of("notes.txt") == ()


def test_a_script_has_the_language_of_its_first_line(root: Path) -> None:
    (root / "tool").write_text("#!/usr/bin/env python3\ndef go(): pass\n")
    found = read(root, "tool")
    assert not isinstance(found, Reason)
    assert found.record.language == "python"


@pytest.mark.parametrize("harm", ["another version", "no database", "a broken page"])
def test_makes_a_file_anew_that_cannot_be_used(tmp_path: Path, root: Path, harm: str) -> None:
    built(tmp_path, root)
    file = tmp_path / "index.db"
    if harm == "another version":
        database = sqlite3.connect(file)
        database.execute("PRAGMA user_version = 99")
        database.close()
        (tmp_path / "index.db.seal").unlink()
    elif harm == "no database":
        file.write_bytes(b"nothing of the kind" * 100)
    else:
        content = bytearray(file.read_bytes())
        content[4096:8192] = bytes(4096)
        file.write_bytes(content)
    assert built(tmp_path, root) == 2
    assert names(tmp_path)["a.py"] == ["A", "run"]


def test_reads_a_file_that_is_not_utf_8(tmp_path: Path, root: Path) -> None:
    (root / "latin.py").write_bytes("grüße = 1\nnext_one = 2\n".encode("latin-1"))
    (root / "wide.py").write_bytes("wide = 1\n".encode("utf-16"))
    built(tmp_path, root)
    assert "next_one" in names(tmp_path)["latin.py"]
    assert names(tmp_path)["wide.py"] == ["wide"]


def test_what_a_grammar_takes_too_long_for_has_words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    source = b"x = 1\n" * 30_000
    assert len(source) > build_module._SURE
    assert syntax_of("python", source).symbols
    monkeypatch.setattr(build_module, "_PARSE_SECONDS", 0.0)
    assert syntax_of("python", source) == NOTHING
    with pytest.raises(ParseTimeout):
        build_module.parse("python", source, seconds=0.0)


def test_a_path_no_system_has_is_no_file(tmp_path: Path, root: Path) -> None:
    with Store(tmp_path / "index.db") as store:
        batch = store.batch()
        assert index_file(batch, root, "../outside.py", None) is Reason.OUTSIDE
        assert index_file(batch, root, "none.py", None) is Reason.MISSING
        assert index_file(batch, root, "a\0b", None) is Reason.OUTSIDE
        assert index_file(batch, root, "b", None) is Reason.NOT_A_FILE
        assert not batch


SOURCES = (
    "def run(): pass\n",
    "class A:\n    def run(self): self.x = helper()\n",
    "import os.path\nfrom a import run\n\nrun()\n",
    "broken (\n",
    "",
)
PATHS = ("a.py", "b.py", "d/a.py", "d/e/c.ts", "notes.txt")
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(PATHS), st.sampled_from(SOURCES)),
        st.tuples(st.just("delete"), st.sampled_from(PATHS), st.just("")),
        st.tuples(st.just("rename"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
        st.tuples(st.sampled_from(("save", "whole", "tidy", "reopen")), st.sampled_from(PATHS), st.just("")),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_after_any_changes_the_index_equals_a_fresh_one(changes: list[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as folder:
        root, file = Path(folder, "work"), Path(folder, "index.db")
        root.mkdir()
        store = Store(file).__enter__()
        for what, path, other in changes:
            if what == "reopen":
                store.__exit__(None, None, None)
                store = Store(file).__enter__()
            elif what == "tidy":
                list(store.tidy())
            elif what == "save":
                save(store, root, path)
            elif what == "whole":
                build(store, root, walk(root))
            else:
                change(root / path, what, other)
        build(store, root, walk(root))
        found = content_of(store)
        store.__exit__(None, None, None)
        assert_same_content(found, fresh(root))


def save(store: Store, root: Path, path: str) -> None:
    batch = store.batch()
    index_file(batch, root, path, store.file(path))
    store.write(batch)


def change(file: Path, what: str, other: str) -> None:
    if what == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(other)
    elif what == "delete":
        file.unlink(missing_ok=True)
    elif file.is_file():
        root = next(folder for folder in file.parents if folder.name == "work")
        (root / other).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, root / other)


def fresh(root: Path) -> IndexContent:
    with TemporaryDirectory() as folder, Store(Path(folder, "index.db")) as store:
        build(store, root, walk(root))
        return content_of(store)
