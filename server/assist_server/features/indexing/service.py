"""The indexes of an editor's folders: kept up by one process, read here, with the open documents laid over them."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from assist_context.document import Document
from assist_context.errors import IndexUnusable
from assist_context.index.ignore import why_not_name
from assist_context.index.records import Reads
from assist_context.index.store import IndexReader
from assist_context.index.view import OpenFile, View
from assist_context.syntax.symbols import FileSyntax
from assist_server import __version__
from assist_server.core.clock import Clock
from assist_server.features.indexing.documents import OpenDocument, read_once
from assist_server.features.indexing.left_out import read_left_out
from assist_server.features.indexing.messages import Alive, Event, Updated
from assist_server.features.indexing.process import IndexProcess
from assist_server.features.indexing.workspace import IndexFolder, index_folder, is_too_wide

_LARGEST = 1_000_000  # characters: as of files, larger documents are not indexed


class WorkspaceIndexes:
    """What an editor's folders define and use. Used as an asynchronous context manager, in one event loop.

    cache: the user's cache folder. output: the file for what the indexing process prints. hear: called with each of its
    events that is of all folders or of one that is kept. Paths are below their folder, with slashes. The folders are
    known by their paths as the editor gives them.
    """

    def __init__(self, cache: Path, output: Path, hear: Callable[[Event], None], clock: Clock, megabytes: int) -> None:
        self._cache = cache
        self._clock = clock
        self._hear = hear
        self._process = IndexProcess(cache, output, self._heard, megabytes=megabytes)
        self._folders: dict[Path, _Folder] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "WorkspaceIndexes":
        await self._process.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for root in tuple(self._folders):
            self._forget(root)
        if self._closing:
            await asyncio.wait(self._closing)
        await self._process.__aexit__(kind, error, trace)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders whose indexes are kept."""
        return tuple(self._folders)

    def set_folders(self, roots: Sequence[Path]) -> None:
        """Keep the indexes of these folders, but for one that is too wide, and no others."""
        for root in self._folders.keys() - set(roots):
            self._forget(root)
        for root in roots:
            if root not in self._folders and not is_too_wide(root):
                name, place = self._process.add(root), index_folder(self._cache, root)
                self._folders[root] = _Folder(name, place, IndexReader(place.database))

    def open(self, root: Path, path: str, document: Document) -> None:
        """Lay a document over the index, or its newest text; a file that no index may have is left alone."""
        folder = self._folders.get(root)
        if folder is None or len(document.text) > _LARGEST or why_not_name(path) is not None:
            self.close(root, path)  # it may have grown
            return
        known = folder.documents.get(path)
        if known is not None and known.language == document.language:
            known.change(document)
            return
        self.close(root, path)
        if path in read_left_out(folder.place.left_out, __version__):
            return  # it stops the parser, here as there
        folder.documents[path] = OpenDocument(path, document, self._clock, folder.show(path))
        self._process.near(folder.name, tuple(folder.documents))

    def close(self, root: Path, path: str) -> None:
        """Let the file on disk count again."""
        folder = self._folders.get(root)
        if folder is not None and (document := folder.documents.pop(path, None)) is not None:
            folder.opened.pop(path, None)
            self._end(document)

    def saved(self, root: Path, path: str) -> None:
        """Have a file read again before anything else."""
        if (folder := self._folders.get(root)) is not None:
            self._process.changed(folder.name, (path,))

    def reads(self, root: Path) -> Reads:
        """Give a folder's index as it is now; its methods raise IndexUnusable. Raises KeyError for another folder."""
        folder = self._folders[root]
        return View(folder.reader, folder.laid_over())

    def is_whole(self, root: Path) -> bool:
        """Tell whether all files of a folder are in its index."""
        folder = self._folders.get(root)
        return folder is not None and folder.place.complete.exists()

    def changes(self, root: Path, besides: str) -> int:
        """Count the changes of a folder's files besides one that were seen so far, of open documents and on disk."""
        folder = self._folders.get(root)
        return folder.changes.total() - folder.changes[besides] if folder is not None else 0

    def document(self, root: Path, path: str) -> OpenDocument | None:
        """Give an open document with its tree."""
        folder = self._folders.get(root)
        return folder.documents.get(path) if folder is not None else None

    async def syntax(self, root: Path, path: str) -> tuple[Document, FileSyntax] | None:
        """Give what an open document defines, uses and imports, with the text this is of; None for one left alone."""
        document = self.document(root, path)
        return await document.syntax() if document is not None else None

    async def syntax_outside(self, document: Document) -> tuple[Document, FileSyntax] | None:
        """Give the same of a document that is in no folder; None for one that is too large."""
        return await read_once(document, self._clock) if len(document.text) <= _LARGEST else None

    def _forget(self, root: Path) -> None:
        folder = self._folders.pop(root)
        for document in folder.documents.values():
            self._end(document)
        folder.reader.close()
        self._process.remove(folder.name)

    def _heard(self, event: Event) -> None:
        root = "" if isinstance(event, Alive) else event.root
        folder = next((one for one in self._folders.values() if one.name == root), None)
        if folder is not None and isinstance(event, Updated):
            folder.updated(event.paths)
        if folder is not None or not root:
            self._hear(event)

    def _end(self, document: OpenDocument) -> None:
        task = asyncio.get_running_loop().create_task(document.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Folder:
    """One folder: its name for the process, its index on disk, and the documents that are open in it."""

    def __init__(self, name: str, place: IndexFolder, reader: IndexReader) -> None:
        self.name = name
        self.place = place
        self.reader = reader
        self.documents: dict[str, OpenDocument] = {}
        self.opened: dict[str, OpenFile] = {}
        self.changes: Counter[str] = Counter()  # of documents by path, and under "" of files on disk

    def updated(self, paths: Sequence[str]) -> None:
        """Count a change on disk, unless documents hide all of it; paths: none where there are too many."""
        if not paths or not self.documents.keys() >= set(paths):
            self.changes[""] += 1

    def laid_over(self) -> Mapping[str, OpenFile]:
        """Give the documents whose files are indexed or not written yet; what the index leaves out stays out."""
        known: frozenset[str] = frozenset()
        with suppress(IndexUnusable):
            known = self.reader.has_files(self.opened)
        root = self.place.root
        return {path: one for path, one in self.opened.items() if path in known or not os.path.lexists(root / path)}

    def show(self, path: str) -> Callable[[OpenFile], None]:
        """Make what lays an open document over the index."""

        def show(opened: OpenFile) -> None:
            if path in self.documents:
                self.changes[path] += path in self.opened  # the first reading is no change
                self.opened[path] = opened

        return show
