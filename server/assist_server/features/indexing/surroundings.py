"""What a completion may know of the workspace around its document."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assist_context.document import Document
from assist_context.errors import IndexUnusable
from assist_context.index.ignore import Reason
from assist_context.index.records import Reads
from assist_context.index.scan import read_file
from assist_context.index.store import IndexReader
from assist_context.index.view import OpenFile, View, open_file
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import Snippet
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.incremental import DocumentTree, Parsed
from assist_context.syntax.symbols import NOTHING, file_syntax, words
from assist_server.features.indexing.workspace import IndexFolder

_WHOLE = 5.0  # seconds for a whole document
_SHORTEST = 3  # letters of a word that an index has


def _nothing() -> tuple[Snippet, ...]:
    return ()


def _never() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class FolderSurroundings:
    """One workspace folder around one document; implements `Surroundings` of the completion.

    root: the folder. path: of the document below it. reads: its index. tree: gives the document's tree. unsaved: gives
    the text of a file that is open, None for another. is_whole: tells whether all files are in the index. lately: gives
    what was edited, looked at or opened. changed: counts the changes of other files.
    """

    root: Path
    path: str
    reads: Reads
    tree: Callable[[], Parsed | None]
    unsaved: Callable[[str], str | None]
    is_whole: Callable[[], bool]
    lately: Callable[[], Iterable[Snippet]] = _nothing
    changed: Callable[[], int] = _never

    @property
    def repository(self) -> str:
        """The name of the folder."""
        return self.root.name

    def project(self) -> Project:
        """Give what imports are resolved and names are looked up in; for one answer only."""
        return Project(self.reads, self._text)

    def parsed(self) -> Parsed | None:
        """Give the document's tree, which may be a few keys old."""
        return self.tree()

    def known(self, name: str) -> bool:
        """Tell whether a name occurs in another file; True as long as nobody can tell."""
        try:
            # The document itself has the name that is being typed in it.
            elsewhere = any(path != self.path for path in self.reads.paths_with(name, 2))
            return len(name) < _SHORTEST or elsewhere or not self.is_whole()
        except IndexUnusable:
            return True

    def recent(self) -> Iterable[Snippet]:
        """Give what was edited, looked at or opened lately."""
        return self.lately()

    def changes(self) -> int:
        """Count the changes of the workspace's other files; only that the number has grown means something."""
        return self.changed()

    def _text(self, path: str) -> str | None:
        """Give the text of a file that the index has: what it leaves out is nobody's business."""
        if self.reads.file(path) is None:
            return None
        text = self.unsaved(path)
        if text is not None:
            return text
        content = read_file(self.root, path)
        return None if isinstance(content, Reason) else content.decode("utf-8", "replace")


@contextmanager
def surroundings_on_disk(folder: IndexFolder, document: Document) -> Iterator[FolderSurroundings]:
    """Give what the index on disk knows, if there is one, with this document laid over it."""
    parsed = _parsed(document)
    with closing(IndexReader(folder.database)) as index:
        opened: dict[str, OpenFile] = {}
        with suppress(IndexUnusable):
            # What is on disk and not in the index was left out of it.
            if index.file(document.path) is not None or not (folder.root / document.path).exists():
                opened[document.path] = _laid_over(document, parsed)
        yield FolderSurroundings(
            folder.root,
            document.path,
            View(index, opened),
            tree=lambda: parsed,
            unsaved=lambda _: None,
            is_whole=folder.complete.exists,
        )


def _parsed(document: Document) -> Parsed | None:
    if document.language not in GRAMMARS:
        return None
    tree = DocumentTree(document.language, document.text)
    tree.parse_for(_WHOLE)
    return tree.parsed


def _laid_over(document: Document, parsed: Parsed | None) -> OpenFile:
    source, syntax = document.text.encode("utf-8", "replace"), NOTHING
    if parsed is not None:
        source, syntax = parsed.source, file_syntax(document.language, parsed.source, parsed.tree)
    return open_file(document.path, document.language, syntax, words(source), len(source))
