"""What was written is what is answered, to the writer and to readers, before and after segments are merged."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from assist_context.errors import IndexBusy, IndexDamaged, IndexMissing
from assist_context.index.records import Definition, FileRecord, Reads, Totals
from assist_context.index.store import IndexReader, Store
from assist_context.index.store.tables import SCHEMA, schema_for, version
from assist_context.syntax.grammars import index_queries
from assist_context.syntax.symbols import NOTHING, FileSyntax, Import, References, Symbol
from support.index_content import assert_same_content, content_of


def symbol(name: str, line: int = 0, parent: str = "", doc: str = "") -> Symbol:
    return Symbol(name, "function", 10 * line, 10 * line + 5, line, line + 2, f"def {name}()", parent, doc)


def syntax(*symbols: Symbol, imports: tuple[Import, ...] = (), uses: tuple[str, ...] = ()) -> FileSyntax:
    lines = range(len(uses))
    return FileSyntax(symbols, References.of([one.encode() for one in uses], bytes(len(uses)), list(lines)), imports)


def record(path: str, digest: bytes = b"d", size: int = 10, changed: int = 1) -> FileRecord:
    return FileRecord(path, "python", digest, size, changed)


def put(store: Store, path: str, found: FileSyntax = NOTHING, words: str = "", digest: bytes = b"d") -> None:
    batch = store.batch()
    batch.put(record(path, digest), found, set(words.split()))
    store.write(batch)


def remove(store: Store, path: str) -> None:
    batch = store.batch()
    batch.remove(path)
    store.write(batch)


def tidy(store: Store) -> int:
    return sum(1 for _ in store.tidy())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "index" / "index.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    with Store(file) as store:
        yield store


def test_answers_with_all_that_was_put(store: Store) -> None:
    reads: Reads = store
    run = symbol("run", 3, "A.B", "Run it.")
    imports = (Import("a.b", "c", "d", 7), Import("os", "", "", 8))
    uses = ("print", "é", "$on", "a-b")
    put(store, "a/x.py", syntax(symbol("B"), run, imports=imports, uses=uses), "print other")
    put(store, "b.py", syntax(symbol("run"), symbol("Run", 9)), "print")
    put(store, "notes.txt", NOTHING, "other")
    assert reads.files() == {path: record(path) for path in ("a/x.py", "b.py", "notes.txt")}
    assert reads.totals() == Totals(3, 4, 30)
    assert reads.file_count() == 3
    assert (reads.file("b.py"), reads.file("c.py")) == (record("b.py"), None)
    assert reads.has_files(["b.py", "c.py"]) == {"b.py"}
    assert reads.definitions("run", 10) == (Definition("a/x.py", run), Definition("b.py", symbol("run")))
    assert reads.definitions("run", 1) == (Definition("a/x.py", run),)
    assert reads.definitions("ru", 10) == reads.definitions("RUN", 10) == ()
    assert reads.symbols_of("a/x.py") == (symbol("B"), run)
    assert [(one.name, one.kind, one.line) for one in reads.references_of("a/x.py")] == [
        ("print", "call", 0),
        ("é", "call", 1),
        ("$on", "call", 2),
        ("a-b", "call", 3),
    ]
    assert reads.imports_of("a/x.py") == imports
    assert reads.symbols_of("none") == reads.references_of("notes.txt") == reads.imports_of("b.py") == ()
    assert reads.paths_with("other", 9) == ("a/x.py", "notes.txt")
    assert reads.paths_with("<c", 9) == reads.paths_with("nothing", 9) == ()
    assert reads.paths_with("<os", 9) == ("a/x.py",)
    assert reads.paths_with_each(["print", "other", "nothing"], 2).keys() == {"print", "other"}
    assert reads.paths_with_each(["print", "<os", "nothing"], 1) == {"<os": ("a/x.py",), "print": ()}
    assert reads.paths_with("é", 9) == reads.paths_with("$on", 9) == ("a/x.py",)
    assert reads.paths_with("a-b", 9) == ()
    assert reads.paths_with(".b", 9) == ("a/x.py",)


def test_finds_names_by_parts(store: Store) -> None:
    names = ["get", "getUser", "GET_ALL", "target", "forget_user", "user", "Straße", "x"]
    put(store, "a.py", syntax(*map(symbol, names)))
    put(store, "b.py", syntax(symbol("get"), symbol("GetUser")))
    assert store.names_starting("gEt", 9) == ("get", "GET_ALL", "GetUser", "getUser")
    assert store.names_starting("g", 2) == ("get", "GET_ALL")
    assert store.names_starting("x", 9) == ("x",)
    assert store.names_starting("", 9) == store.names_starting("zz", 9) == ()
    assert store.names_containing("GET", 9) == ("get", "target", "GET_ALL", "GetUser", "getUser", "forget_user")
    assert store.names_containing("use", 1) == ("user",)
    assert store.names_containing("STRASSE", 9) == ("Straße",)
    assert store.names_containing("=ge", 9) == store.names_containing("xyz", 9) == ()
    assert store.names_like("getUsr", 3) == ("GetUser", "getUser", "get")
    assert store.names_like("qqq", 9) == ()


def test_a_file_that_is_put_again_takes_the_place_of_the_old_one(store: Store) -> None:
    put(store, "a.py", syntax(symbol("old"), symbol("both")), "gone stays")
    put(store, "a.py", syntax(symbol("new"), symbol("both")), "stays came", digest=b"e")
    assert store.files() == {"a.py": record("a.py", b"e")}
    assert store.totals() == Totals(1, 2, 10)
    assert store.definitions("old", 9) == store.paths_with("gone", 9) == ()
    assert store.paths_with("stays", 9) == ("a.py",)
    assert store.names_starting("o", 9) == store.names_containing("old", 9) == store.names_like("oldest", 9) == ()
    remove(store, "a.py")
    assert store.totals() == Totals(0, 0, 0)
    assert store.definitions("both", 9) == store.paths_with("stays", 9) == ()
    assert store.paths_with_each(["stays"], 9) == {}


def test_of_two_batches_the_file_that_was_put_last_counts(store: Store) -> None:
    slow = store.batch()
    slow.put(record("a.py", b"old"), syntax(symbol("old")), ["old"])
    slow.put(record("b.py", b"old"), syntax(symbol("old")), ["old"])
    slow.put(record("c.py", b"only"), NOTHING, ["old"])
    put(store, "a.py", syntax(symbol("new")), "new", b"new")
    remove(store, "b.py")
    store.write(slow)
    assert {path: one.digest for path, one in store.files().items()} == {"a.py": b"new", "c.py": b"only"}
    assert store.paths_with("old", 9) == ("c.py",)
    assert store.definitions("old", 9) == ()
    put(store, "b.py", NOTHING)
    assert store.has_files(["b.py"])


def test_a_time_is_set_without_reading_a_file_again(store: Store) -> None:
    put(store, "a.py", syntax(symbol("run")), "run")
    batch = store.batch()
    batch.date(record("a.py", changed=99))
    batch.date(record("b.py", changed=99))
    store.write(batch)
    assert store.files() == {"a.py": record("a.py", changed=99)}
    assert store.paths_with("run", 9) == ("a.py",)


def test_numbers_of_files_are_never_used_again(file: Path) -> None:
    with Store(file) as store:
        put(store, "a.py", NOTHING, "secret")
        remove(store, "a.py")
    with Store(file) as store:
        put(store, "b.py", NOTHING, "public")
        assert store.paths_with("secret", 9) == ()


def test_merging_changes_no_answer(store: Store) -> None:
    for at in range(120):
        found = syntax(symbol(f"name_{at % 50}", at, "A"), symbol("all"), uses=("call",))
        put(store, f"d/{at % 70}.py", found, f"word{at} common")
    remove(store, "d/3.py")
    before, segments = content_of(store), count_segments(store)
    like = store.names_like("name_22", 1)
    assert tidy(store) > 0
    assert_same_content(content_of(store), before)
    assert store.names_like("name_22", 1) == like == ("name_22",)
    assert count_segments(store) < segments / 4
    assert tidy(store) == 0


def test_what_is_gone_is_dropped_when_it_is_half(store: Store) -> None:
    for _ in range(130):
        put(store, "a.py", NOTHING, "word " + " ".join(f"w{at}" for at in range(50)))
    tidy(store)
    assert count_segments(store) <= 8
    assert store.paths_with("w7", 9) == ("a.py",)


def test_a_merge_that_is_left_halfway_does_no_harm(file: Path) -> None:
    with Store(file) as store:
        for at in range(4):
            put(store, f"{at}.py", syntax(symbol("run")), " ".join(f"w{at}_{word}" for word in range(3000)))
        before = content_of(store)
        steps = store.tidy()
        next(steps)
        put(store, "new.py", NOTHING, "word")
        remove(store, "new.py")
        next(steps)
        assert_same_content(content_of(store), before)
    with Store(file) as store:
        assert_same_content(content_of(store), before)
        assert tidy(store) > 0
        assert_same_content(content_of(store), before)
    assert leftovers(file) == 0


def test_a_name_of_very_many_files_is_found_in_some(store: Store) -> None:
    batch = store.batch()
    for at in range(1000):
        batch.put(record(f"{at:04}.py"), syntax(symbol("main")), ["word"])
    store.write(batch)
    assert [one.path for one in store.definitions("main", 3)] == ["0000.py", "0001.py", "0002.py"]
    assert len(store.definitions("main", 2000)) == 1000
    assert len(store.paths_with("word", 5)) == 5
    assert store.paths_with_each(["word"], 999) == {"word": ()}
    assert len(store.paths_with_each(["word"], 1000)["word"]) == 1000


def test_a_reader_sees_each_write_and_a_new_file(file: Path) -> None:
    with pytest.raises(IndexMissing), IndexReader(file):
        pass
    with Store(file) as store:
        with IndexReader(file) as reader:
            put(store, "a.py", NOTHING, "word")
            assert reader.paths_with("word", 9) == ("a.py",)
            put(store, "a.py", NOTHING, "other", b"e")
            assert (reader.paths_with("word", 9), reader.paths_with("other", 9)) == ((), ("a.py",))
            held = reader
        store.close()
        for path in file.parent.iterdir():
            path.unlink()
        with pytest.raises(IndexMissing):
            held.files()
        with Store(file) as other:
            put(other, "b.py", NOTHING, "word")
            assert held.paths_with("word", 9) == ("b.py",)
        held.close()


def test_a_reader_has_one_moment_while_the_writer_goes_on(file: Path) -> None:
    with Store(file) as store, IndexReader(file) as reader:
        put(store, "a.py", syntax(symbol("run")), "word")
        with reader._reading():
            assert reader.file_count() == 1
            put(store, "b.py", syntax(symbol("run")), "word")
            remove(store, "a.py")
            assert reader.files().keys() == {"a.py"}
            assert [one.path for one in reader.definitions("run", 9)] == ["a.py"]
        assert reader.files().keys() == {"b.py"}
        assert [one.path for one in reader.definitions("run", 9)] == ["b.py"]


def test_a_batch_is_written_whole_or_not_at_all(file: Path, store: Store) -> None:
    put(store, "a.py", NOTHING, "word")
    before = content_of(store)
    batch = store.batch()
    batch.put(record("b.py"), NOTHING, ["word"])
    batch.put(FileRecord("c.py", "python", "no bytes", 1, 1), NOTHING, ["word"])  # type: ignore[arg-type]
    with pytest.raises(IndexDamaged):
        store.write(batch)
    assert_same_content(content_of(store), before)


def test_two_writers_are_told(file: Path, store: Store) -> None:
    put(store, "a.py")
    with Store(file) as other:
        put(other, "b.py")
        with pytest.raises(IndexBusy, match="another process"):
            put(store, "c.py")


def test_errors_are_the_engines_own(file: Path) -> None:
    file.parent.mkdir()
    file.mkdir()
    with pytest.raises(IndexBusy), IndexReader(file):
        pass
    file.rmdir()
    file.write_bytes(b"no database at all" * 1000)
    with pytest.raises(IndexDamaged), IndexReader(file):
        pass
    file.unlink()
    with Store(file):
        pass
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(IndexDamaged, match="version 99"), IndexReader(file):
        pass


def test_an_index_is_of_another_version_where_the_queries_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < version() < 2**31
    before = index_queries()
    assert "(function_definition name: (identifier) @name) @definition.function" in before
    assert "@local" not in before
    monkeypatch.setattr("assist_context.index.store.tables.index_queries", lambda: before + "\n(a) @definition.class")
    assert version.__wrapped__() != version()


def test_content_that_differs_is_noticed(file: Path, tmp_path: Path) -> None:
    variants = [
        (syntax(symbol("run")), "word"),
        (syntax(symbol("run", 1)), "word"),
        (syntax(symbol("run")), "word more"),
        (syntax(symbol("run"), uses=("print",)), "word"),
        (syntax(symbol("run"), imports=(Import("os", "", "", 1),)), "word"),
    ]
    contents = []
    for at, (found, words) in enumerate(variants):
        with Store(tmp_path / f"{at}.db") as store:
            put(store, "a.py", found, words)
            contents.append(content_of(store))
    for at, content in enumerate(contents):
        for other, wanted in enumerate(contents):
            if at == other:
                assert_same_content(content, wanted)
            else:
                with pytest.raises(AssertionError):
                    assert_same_content(content, wanted)


def count_segments(store: Store) -> int:
    with store._reading() as database:
        return int(database.execute("SELECT count(*) FROM segment").fetchone()[0])


def leftovers(file: Path) -> int:
    database = sqlite3.connect(file)
    try:
        query = "SELECT count(*) FROM block WHERE segment NOT IN (SELECT id FROM segment)"
        return int(database.execute(query).fetchone()[0])
    finally:
        database.close()


def test_an_older_sqlite_gets_the_same_tables() -> None:
    assert schema_for((3, 40, 1)) == SCHEMA
    database = sqlite3.connect(":memory:")
    database.executescript(schema_for((3, 34, 0)))
    assert "STRICT" not in schema_for((3, 34, 0))
    database.close()
