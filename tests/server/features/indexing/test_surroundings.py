"""What a completion learns of the workspace around its document: from the index, from disk, from what is open."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assist_context.document import Document
from assist_context.errors import IndexMissing
from assist_context.index.records import Reads
from assist_context.retrieval.snippet import Place
from assist_context.retrieval.sources.imported import imported
from assist_server.features.indexing.surroundings import FolderSurroundings, surroundings_on_disk
from assist_server.features.indexing.workspace import IndexFolder, index_folder
from support.indexing_process import built
from support.memory_index import MemoryIndex
from support.repositories import new_repository, write_files

FILES = {
    "prices.py": "def discounted(amount, percent): ...\n",
    "main.py": "import prices\n\nprices.discounted(\n",
    ".gitignore": "ignored.py\n",
    "ignored.py": "def hidden_away(): ...\n",
    ".env": "TOKEN=hidden_away\n",
}
LEFT_OUT = ("ignored.py", ".env", ".git/config", "gone.py", "../outside.py", "/etc/hostname")


@dataclass
class Opened:
    """The texts of open documents. asked: whose text somebody wanted."""

    texts: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def text(self, path: str) -> str | None:
        self.asked.append(path)
        return self.texts.get(path)


def around(root: Path, opened: Opened, *, reads: Reads | None = None, is_whole: bool = True) -> FolderSurroundings:
    """Know of a folder what an index of two of its files knows."""
    index = reads or MemoryIndex({path: FILES[path] for path in ("prices.py", "main.py")})
    return FolderSurroundings(root, "main.py", index, tree=lambda: None, unsaved=opened.text, is_whole=lambda: is_whole)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path / "shop", FILES)
    write_files(tmp_path, {"outside.py": "def hidden_away(): ...\n"})
    return tmp_path / "shop"


def test_what_the_index_leaves_out_is_never_read(root: Path) -> None:
    opened = Opened(dict.fromkeys(LEFT_OUT, "hidden_away"))
    project = around(root, opened).project()
    assert [project.text(path) for path in LEFT_OUT] == [None] * len(LEFT_OUT)
    assert opened.asked == [], "nor in an editor"


def test_unsaved_text_wins_over_the_file(root: Path) -> None:
    assert around(root, Opened({})).project().text("prices.py") == FILES["prices.py"]
    opened = Opened({"prices.py": "def reduced(): ...\n"})
    assert around(root, opened).project().text("prices.py") == "def reduced(): ...\n"
    assert around(root, Opened({"prices.py": ""})).project().text("prices.py") == ""


def test_a_file_that_is_gone_or_leads_elsewhere_has_no_text(root: Path) -> None:
    (root / "prices.py").unlink()
    assert around(root, Opened({})).project().text("prices.py") is None
    (root / "prices.py").symlink_to(root.parent / "outside.py")
    assert around(root, Opened({})).project().text("prices.py") is None


class Missing(MemoryIndex):
    """An index that is not there yet."""

    def paths_with(self, term: str, limit: int) -> tuple[str, ...]:
        raise IndexMissing(term)


@pytest.mark.parametrize(
    ("name", "is_whole", "reads", "known"),
    [
        ("discounted", True, None, True),
        ("hidden_away", True, None, False),
        ("hidden_away", False, None, True),
        ("hi", True, None, True),
        ("hidden_away", True, Missing({}), True),
        # That the document has it says nothing: it is being typed there.
        ("here_alone", True, MemoryIndex({"main.py": "here_alone = 1\n"}), False),
        ("here_too", True, MemoryIndex({"main.py": "here_too = 1\n", "a.py": "here_too"}), True),
    ],
)
def test_a_name_is_unknown_only_where_that_is_certain(
    root: Path, name: str, reads: Reads | None, *, is_whole: bool, known: bool
) -> None:
    assert around(root, Opened({}), reads=reads, is_whole=is_whole).known(name) is known


def test_the_name_of_the_repository_is_that_of_its_folder(root: Path) -> None:
    assert around(root, Opened({})).repository == "shop"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> IndexFolder:
    """A repository with an index on disk."""
    tmp_path = tmp_path_factory.mktemp("work")
    root = new_repository(tmp_path / "shop")
    write_files(root, FILES)
    built(tmp_path / "cache", root)
    return index_folder(tmp_path / "cache", root)


@contextmanager
def on_disk(folder: IndexFolder, path: str, text: str, language: str = "python") -> Iterator[FolderSurroundings]:
    with surroundings_on_disk(folder, Document(f"file:///shop/{path}", path, language, text)) as found:
        yield found


def test_a_document_is_laid_over_the_index_on_disk(folder: IndexFolder) -> None:
    text = "from prices import discounted\n\ndef fresh(amount):\n    return discounted("
    with on_disk(folder, "main.py", text) as found:
        project = found.project()
        assert [symbol.name for symbol in project.reads.symbols_of("main.py")] == ["fresh"]
        assert [one.name for one in project.reads.imports_of("main.py")] == ["discounted"]
        assert found.known("discounted")
        assert not found.known("hidden_away")
        (snippet,) = imported(Place("main.py", "python", text, len(text), found.parsed()), project)
        assert (snippet.path, snippet.text) == ("prices.py", "def discounted(amount, percent): ...")
        assert project.text("ignored.py") is None


def test_a_document_that_the_index_leaves_out_stays_out(folder: IndexFolder) -> None:
    with on_disk(folder, "ignored.py", FILES["ignored.py"]) as found:
        assert found.parsed() is not None
        assert not found.known("hidden_away")
        assert not found.project().reads.definitions("hidden_away", 1)
        assert found.project().text("prices.py") == FILES["prices.py"]


def test_a_language_without_a_grammar_has_no_tree(folder: IndexFolder) -> None:
    with on_disk(folder, "main.py", "some words", language="plaintext") as found:
        assert found.parsed() is None
        assert found.known("discounted")


def test_a_build_that_is_not_done_knows_every_name(folder: IndexFolder) -> None:
    folder.complete.rename(folder.path / "aside")
    try:
        with on_disk(folder, "main.py", "") as found:
            assert found.known("hidden_away")
    finally:
        (folder.path / "aside").rename(folder.complete)


def test_without_an_index_on_disk_nothing_is_known_and_none_is_made(tmp_path: Path, root: Path) -> None:
    missing = index_folder(tmp_path / "cache", root)
    with on_disk(missing, "main.py", "x = 1\n") as found:
        assert found.known("hidden_away")
        assert found.parsed() is not None
        with pytest.raises(IndexMissing):
            found.project().reads.symbols_of("main.py")
    assert not missing.path.exists()
