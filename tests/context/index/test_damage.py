"""Whatever happens to the file of an index: the next writer has one that equals a fresh build, and no reader breaks."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from assist_context.errors import IndexBusy, IndexDamaged, IndexMissing, IndexUnusable
from assist_context.index.build import build
from assist_context.index.records import FileRecord
from assist_context.index.scan import walk
from assist_context.index.seal import break_seal, condemn, discard, is_condemned, seal_of, state_of, write_seal
from assist_context.index.store import IndexReader, Store
from assist_context.syntax.symbols import NOTHING
from support.index_content import IndexContent, assert_same_content, content_of

CORRUPTIONS = 20  # of each of ten kinds
LONG_AGO = 1_700_000_000
SPOILT = "UPDATE content SET symbols = x'0102'"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("work")
    for at in range(12):
        lines = [
            f"import module_{at}.part_{n}\n\nclass Class{at}_{n}:\n    def run_{n}(self): return self.x{n}\n"
            for n in range(8)
        ]
        (root / f"file_{at}.py").write_text("".join(lines))
    (root / "notes.txt").write_text("words that are no code\n")
    for file in root.iterdir():
        os.utime(file, (LONG_AGO, LONG_AGO))
    return root


@pytest.fixture(scope="module")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    rebuilt(folder, root)
    return folder


@pytest.fixture(scope="module")
def content(finished: Path) -> IndexContent:
    with IndexReader(finished / "index.db") as index:
        return content_of(index)


def rebuilt(folder: Path, root: Path) -> IndexContent:
    with Store(folder / "index.db") as store:
        build(store, root, walk(root))
        return content_of(store)


def flip_bits(folder: Path, rng: random.Random) -> None:
    file = folder / "index.db"
    found = bytearray(file.read_bytes())
    for _ in range(rng.choice((1, 1, 2, 10, 100))):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    file.write_bytes(found)


def zero_a_page(folder: Path, rng: random.Random) -> None:
    file = folder / "index.db"
    found = bytearray(file.read_bytes())
    at = rng.randrange(len(found) // 4096) * 4096
    found[at : at + 4096] = bytes(4096)
    file.write_bytes(found)


def swap_pages(folder: Path, rng: random.Random) -> None:
    file = folder / "index.db"
    found = file.read_bytes()
    pages = [found[at : at + 4096] for at in range(0, len(found), 4096)]
    one, other = rng.sample(range(len(pages)), 2)
    pages[one], pages[other] = pages[other], pages[one]
    file.write_bytes(b"".join(pages))


def cut_off(folder: Path, rng: random.Random) -> None:
    file = folder / "index.db"
    found = file.read_bytes()
    file.write_bytes(found[: rng.randrange(len(found))])


def add_garbage(folder: Path, rng: random.Random) -> None:
    with (folder / "index.db").open("ab") as file:
        file.write(rng.randbytes(rng.choice((1, 100, 4096, 100_000))))


def spoil_the_log(folder: Path, rng: random.Random) -> None:
    (folder / "index.db-wal").write_bytes(rng.randbytes(rng.choice((1, 32, 5000, 100_000))))


def spoil_the_shared_memory(folder: Path, rng: random.Random) -> None:
    (folder / "index.db-shm").write_bytes(rng.randbytes(rng.choice((1, 136, 32_768))))
    if rng.random() < 0.5:
        spoil_the_log(folder, rng)


def spoil_the_journal(folder: Path, rng: random.Random) -> None:
    magic = bytes.fromhex("d9d505f920a163d7")
    (folder / "index.db-journal").write_bytes(rng.choice((b"", magic)) + rng.randbytes(10_000))


def spoil_the_seal(folder: Path, rng: random.Random) -> None:
    seal = seal_of(folder / "index.db")
    found = bytearray(seal.read_bytes())
    found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    seal.write_bytes(found[: rng.randrange(len(found) + 1)])


def delete_parts(folder: Path, rng: random.Random) -> None:
    files = sorted(folder.iterdir())
    for file in rng.sample(files, rng.randint(1, len(files))):
        file.unlink()


KINDS = (
    flip_bits,
    zero_a_page,
    swap_pages,
    cut_off,
    add_garbage,
    spoil_the_log,
    spoil_the_shared_memory,
    spoil_the_journal,
    spoil_the_seal,
    delete_parts,
)


@pytest.mark.parametrize("harm", KINDS)
def test_after_a_corruption_the_index_equals_a_fresh_one(
    harm: Callable[[Path, random.Random], None], root: Path, finished: Path, content: IndexContent, tmp_path: Path
) -> None:
    for seed in range(CORRUPTIONS):
        folder = tmp_path / f"{seed}"
        shutil.copytree(finished, folder)
        harm(folder, random.Random(f"{harm.__name__} {seed}"))  # noqa: S311
        ask_everything(folder)
        assert_same_content(rebuilt(folder, root), content)
        with IndexReader(folder / "index.db") as index:
            assert_same_content(content_of(index), content)
        assert state_of(folder / "index.db") == "sealed"


def ask_everything(folder: Path) -> None:
    """Ask a damaged index; whatever it says, it says it with errors of this engine."""
    index = IndexReader(folder / "index.db")
    questions: list[Callable[[], object]] = [
        lambda: content_of(index),
        lambda: index.names_like("runs", 5),
        lambda: index.names_starting("r", 5),
        lambda: index.paths_with_each(["self", "module_3"], 100),
        lambda: index.symbols_of("file_3.py"),
        index.totals,
    ]
    for question in questions:
        with suppress(IndexUnusable):
            question()
    index.close()


def test_each_state_of_a_seal(tmp_path: Path) -> None:
    file = tmp_path / "index.db"
    assert state_of(file) == "missing"
    write_whole(file, b"content")
    assert state_of(file) == "unsealed"
    write_seal(file)
    assert state_of(file) == "sealed"
    write_whole(file, b"Content")
    assert state_of(file) == "damaged"
    write_whole(file, b"content")
    assert state_of(file) == "sealed"
    condemn(file)
    assert state_of(file) == "damaged"
    break_seal(file)
    assert state_of(file) == "unsealed"
    write_seal(file)
    discard(file)
    assert list(tmp_path.iterdir()) == []
    break_seal(file)
    discard(file)


def write_whole(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def test_a_seal_is_broken_before_the_first_change_and_not_before(root: Path, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shutil.copytree(finished, folder)
    file = folder / "index.db"
    with Store(file) as store:
        build(store, root, walk(root))
        assert state_of(file) == "sealed"
        batch = store.batch()
        batch.remove("notes.txt")
        store.write(batch)
        assert state_of(file) == "unsealed"
        store.seal()
        assert state_of(file) == "sealed"
    assert state_of(file) == "sealed"


@pytest.fixture
def killed(root: Path, tmp_path: Path) -> Path:
    """An index as it is when its writer is killed: a log beside it, and no seal."""
    folder, copy = tmp_path / "written", tmp_path / "killed"
    with Store(folder / "index.db") as store:
        build(store, root, [path for path in walk(root) if path != "notes.txt"])
        copy.mkdir()
        for file in folder.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy)
    return copy


def test_what_a_killed_writer_wrote_is_kept(killed: Path, root: Path, content: IndexContent) -> None:
    file = killed / "index.db"
    assert state_of(file) == "unsealed"
    assert (killed / "index.db-wal").stat().st_size > 0
    with Store(file) as store:
        assert build(store, root, walk(root)) == 1
        assert_same_content(content_of(store), content)


def test_of_a_broken_log_the_sound_part_is_kept(killed: Path, root: Path, content: IndexContent) -> None:
    log = killed / "index.db-wal"
    found = bytearray(log.read_bytes())
    found[len(found) // 2] ^= 0xFF
    log.write_bytes(found)
    assert_same_content(rebuilt(killed, root), content)


def test_what_is_unsealed_and_broken_is_thrown_away(killed: Path, root: Path, content: IndexContent) -> None:
    with Store(killed / "index.db"):
        pass
    break_seal(killed / "index.db")
    zero_a_page(killed, random.Random(3))  # noqa: S311
    with Store(killed / "index.db") as store:
        assert build(store, root, walk(root)) == 13
        assert_same_content(content_of(store), content)


def test_a_writer_that_meets_damage_leaves_word_of_it(root: Path, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shutil.copytree(finished, folder)
    file = folder / "index.db"
    with pytest.raises(IndexDamaged), Store(file) as store:
        change_and_ask(file, SPOILT, store)
    assert state_of(file) == "damaged"
    with pytest.raises(IndexDamaged), IndexReader(file) as reader:
        reader.symbols_of("file_1.py")
    with Store(file) as store:
        assert store.files() == {}


@pytest.mark.parametrize("sealed", [True, False])
def test_damage_that_only_a_reader_meets_is_told_to_the_writer(finished: Path, tmp_path: Path, *, sealed: bool) -> None:
    folder = tmp_path / "index"
    shutil.copytree(finished, folder)
    file = folder / "index.db"
    with Store(file) as store:
        if not sealed:
            remove(store, "notes.txt")
        with IndexReader(file) as reader, pytest.raises(IndexDamaged):
            change_and_ask(file, SPOILT, reader)
        assert is_condemned(file)
        with pytest.raises(IndexDamaged, match="found damaged"):
            store.seal()
        with pytest.raises(IndexDamaged, match="found damaged"):
            remove(store, "file_2.py")
    with Store(file) as store:
        assert store.files() == {}
    assert not is_condemned(file)


def test_a_writer_does_not_seal_what_a_reader_has_condemned(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shutil.copytree(finished, folder)
    with Store(folder / "index.db") as store:
        remove(store, "notes.txt")
        condemn(folder / "index.db")
    assert state_of(folder / "index.db") == "damaged"


def test_a_question_that_is_no_text_condemns_nothing(finished: Path) -> None:
    with IndexReader(finished / "index.db") as reader:
        with pytest.raises(IndexBusy):
            reader.names_starting("\ud800", 5)
        assert reader.names_starting("run_1", 5) == ("run_1",)
    assert state_of(finished / "index.db") == "sealed"


@pytest.mark.parametrize(
    "statement",
    [
        SPOILT,
        "UPDATE content SET uses = CAST(uses || x'00' AS BLOB) WHERE file = 3",
        "UPDATE file SET path = replace(path, 'file_1.', 'file_l.')",
        "UPDATE file SET size = size + 1",
        "UPDATE segment SET files = x'01000000'",
        "UPDATE block SET data = x'00' WHERE id = 2",
        "UPDATE state SET files = files + 1",
        "UPDATE state SET next_file = 1",
    ],
)
def test_what_is_unsealed_and_has_other_values_than_were_written_is_thrown_away(
    statement: str, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    shutil.copytree(finished, folder)
    file = folder / "index.db"
    change(file, statement)
    break_seal(file)
    with Store(file) as store:
        assert store.files() == {}


def change(file: Path, statement: str) -> None:
    """Change values behind the back of the engine, as SQLite sees nothing wrong with."""
    database = sqlite3.connect(file)
    database.execute(statement)
    database.commit()
    database.close()


def change_and_ask(file: Path, statement: str, index: IndexReader) -> None:
    change(file, statement)
    index.symbols_of("file_1.py")


def remove(store: Store, path: str) -> None:
    batch = store.batch()
    batch.remove(path)
    store.write(batch)


READER = """
import sys
from pathlib import Path
from assist_context.index.store import IndexReader
reader = IndexReader(Path(sys.argv[1]))
for _ in sys.stdin:
    print(*sorted(reader.files()), flush=True)
reader.close()
"""


def test_a_reader_of_another_process_sees_what_each_next_writer_writes(tmp_path: Path) -> None:
    file = tmp_path / "index.db"
    with Store(file):
        pass
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        written: list[str] = []
        for name in ("a", "b", "c"):
            with Store(file) as store:
                batch = store.batch()
                batch.put(FileRecord(name, "", b"", 1, 1), NOTHING, ["word"])
                store.write(batch)
                written.append(name)
                reader.stdin.write("\n")
                reader.stdin.flush()
                assert reader.stdout.readline().split() == written


def test_a_reader_goes_over_to_the_index_that_is_made_anew(root: Path, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shutil.copytree(finished, folder)
    with IndexReader(folder / "index.db") as reader:
        assert reader.file_count() == 13
        discard(folder / "index.db")
        with pytest.raises(IndexMissing):
            reader.file_count()
        with Store(folder / "index.db") as store:
            assert reader.file_count() == 0
            build(store, root, ["notes.txt"])
            assert reader.files().keys() == {"notes.txt"}
