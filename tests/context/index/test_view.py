"""Open documents laid over an index."""

from assist_context.index.records import Reads
from assist_context.index.view import OpenFile, View, open_file
from assist_context.languages import language_of
from assist_context.retrieval.names import find_definitions
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import file_syntax, words
from support.memory_index import MemoryIndex

DISK = MemoryIndex(
    {
        "a.py": "import json\ndef kept(): helper()\ndef dropped(): ...\n",
        "b.py": "from a import kept\nkept()\n",
    }
)


def opened(path: str, text: str) -> OpenFile:
    source, language = text.encode(), language_of(path)
    return open_file(path, language, file_syntax(language, source, parse(language, source)), words(source), len(source))


def view(**texts: str) -> Reads:
    return View(DISK, {f"{name}.py": opened(f"{name}.py", text) for name, text in texts.items()})


def test_without_open_documents_everything_is_as_on_disk() -> None:
    plain: Reads = View(DISK, {})
    assert plain.files() == DISK.files()
    assert plain.definitions("kept", 5) == DISK.definitions("kept", 5)
    assert plain.names_like("kep", 5) == DISK.names_like("kep", 5)
    assert plain.paths_with_each({"kept", "json"}, 5) == DISK.paths_with_each({"kept", "json"}, 5)


def test_an_open_document_hides_its_file() -> None:
    now = view(a="import toml\ndef fresh(): other()\n")
    assert [d.symbol.name for d in now.definitions("fresh", 5)] == ["fresh"]
    assert now.definitions("dropped", 5) == ()
    assert [s.name for s in now.symbols_of("a.py")] == ["fresh"]
    assert [r.name for r in now.references_of("a.py")] == ["other"]
    assert [i.source for i in now.imports_of("a.py")] == ["toml"]
    assert now.paths_with("helper", 5) == ()
    assert now.paths_with("other", 5) == ("a.py",)
    assert now.paths_with("kept", 5) == ("b.py",)
    assert now.paths_with_each({"helper", "fresh", "kept"}, 5) == {"fresh": ("a.py",), "kept": ("b.py",)}


def test_a_document_that_is_nowhere_else_is_found() -> None:
    now = view(c="class Café: ...\n")
    assert now.has_files({"a.py", "c.py", "d.py"}) == {"a.py", "c.py"}
    assert set(now.files()) == {"a.py", "b.py", "c.py"}
    assert now.names_starting("ca", 5) == ("Café",)
    assert now.names_containing("afé", 5) == ("Café",)
    assert "Café" in now.names_like("café", 5)
    assert now.file("c.py") is not None


def test_a_member_that_is_only_in_a_document_is_found_by_what_is_around_it() -> None:
    now = view(c="class Store:\n    def put(self): ...\n    class Inner:\n        size = go()\n")
    assert [d.path for d in find_definitions(now, "store.put")] == ["c.py"]
    assert [d.path for d in find_definitions(now, "Store.Inner.size")] == ["c.py"]
    assert now.paths_with("/c", 5) == now.paths_with("go", 5) == ("c.py",)


def test_a_word_of_too_many_files_stays_one_whatever_is_open() -> None:
    now = view(c="kept = fresh")
    assert now.paths_with_each({"kept", "fresh", "toml"}, 1) == {"kept": (), "fresh": ("c.py",)}
    assert now.paths_with_each({"kept"}, 2) == {"kept": ("c.py", "a.py", "b.py")}


def test_definitions_of_disk_and_of_documents_come_in_order() -> None:
    now = view(c="def kept(): ...\ndef kept(): ...\n")
    assert [(d.path, d.symbol.line) for d in now.definitions("kept", 5)] == [("a.py", 1), ("c.py", 0), ("c.py", 1)]
    assert len(now.definitions("kept", 2)) == 2
