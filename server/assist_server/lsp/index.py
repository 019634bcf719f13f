"""The index of the editor's folders: begun when the editor is ready, told of what is open, asked by handlers."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path

from assist_context.document import Document
from assist_context.index.records import Reads
from assist_context.syntax.symbols import FileSyntax
from assist_server.config.settings import IndexSettings
from assist_server.core.clock import Clock
from assist_server.core.folders import Folders
from assist_server.features.indexing.messages import FATAL, Event, Progress, Ready, Trouble
from assist_server.features.indexing.service import WorkspaceIndexes
from assist_server.features.indexing.surroundings import FolderSurroundings
from assist_server.lsp.documents import Documents, place_below
from assist_server.lsp.errors import ToldOnce
from assist_server.lsp.progress import Cancellations, WorkDone
from assist_server.lsp.protocol import AssistProtocol

logger = logging.getLogger(__name__)

_WORTH_TELLING = 100  # files: a progress for fewer would only flicker


@dataclass(frozen=True, slots=True)
class FolderIndex:
    """One workspace folder that can be asked."""

    root: Path
    reads: Reads

    def uri_of(self, path: str) -> str:
        """Give the URI of a file by its path below the folder."""
        return from_fs_path(str(self.root / path)) or ""


class SessionIndex:
    """The indexes of one connection; all methods are for the event loop."""

    def __init__(self, protocol: AssistProtocol, cancellations: Cancellations, told: ToldOnce, clock: Clock) -> None:
        self._protocol = protocol
        self._cancellations = cancellations
        self._told = told
        self._clock = clock
        self._indexes: WorkspaceIndexes | None = None
        self._wanted: tuple[Folders, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._progress: dict[str, WorkDone] = {}
        self._ready = False
        self._documents = Documents()

    def configure(self, settings: IndexSettings, folders: Folders, documents: Documents) -> None:
        """Index by these settings, or stop indexing."""
        wanted = (folders, settings.cache_megabytes) if settings.enable else None
        self._documents = documents
        if wanted != self._wanted:
            self._wanted = wanted
            self._restart()

    def begin(self) -> None:
        """Start, now that the client may be told of the progress."""
        self._ready = True
        self._restart()

    def change_folders(self) -> None:
        """Index the folders that the editor has now."""
        if self._indexes is None:
            return
        for uri in self._documents.uris():
            self.close(uri)  # its deepest folder may be another from now on
        self._indexes.set_folders(self._documents.roots)
        for uri in self._documents.uris():
            self.open(uri)
        self._end_progress()

    def open(self, uri: str) -> None:
        """Lay a document over the index, or its newest text."""
        if self._indexes is not None and (place := self._place(uri)) is not None:
            document = self._documents.snapshot(uri)
            if document is not None:
                self._indexes.open(*place, document)

    def close(self, uri: str) -> None:
        """Let the file on disk count again."""
        if self._indexes is not None and (place := self._place(uri)) is not None:
            self._indexes.close(*place)

    def save(self, uri: str) -> None:
        """Have a file indexed at once."""
        if self._indexes is not None and (place := self._place(uri)) is not None:
            self._indexes.saved(*place)

    def folders(self) -> Iterator[FolderIndex]:
        """Give the folders that have an index."""
        if self._indexes is not None:
            for root in self._indexes.roots:
                yield FolderIndex(root, self._indexes.reads(root))

    def around(self, document: Document) -> FolderSurroundings | None:
        """Give what is known of the workspace around a document; None where it is in no folder that is indexed."""
        place = self._place(document.uri)
        if (indexes := self._indexes) is None or place is None:
            return None
        root, path = place
        opened = indexes.document(root, path)

        def unsaved(other: str) -> str | None:
            return self._documents.text(from_fs_path(str(root / other)) or "")

        return FolderSurroundings(
            root,
            path,
            indexes.reads(root),
            tree=lambda: opened.parsed if opened is not None else None,
            unsaved=unsaved,
            is_whole=lambda: indexes.is_whole(root),
            changed=lambda: indexes.changes(root, path),
        )

    async def syntax(self, document: Document) -> tuple[Document, FileSyntax] | None:
        """Give what an open document defines, uses and imports, and the document as it was when that was read.

        None where the index is off or leaves the document alone. One that is in no folder is read for this alone.
        """
        if self._indexes is None:
            return None
        place = self._place(document.uri)
        return await (self._indexes.syntax_outside(document) if place is None else self._indexes.syntax(*place))

    async def aclose(self) -> None:
        """Leave the indexes in good order."""
        self._wanted = None
        await self._stop()

    def _restart(self) -> None:
        if self._ready:
            previous, self._task = self._task, None
            self._task = asyncio.get_running_loop().create_task(self._run(previous, self._wanted))

    async def _run(self, previous: "asyncio.Task[None] | None", wanted: tuple[Folders, int] | None) -> None:
        """Keep the indexes until cancelled."""
        if previous is not None:
            previous.cancel()
            await asyncio.wait({previous})
        if wanted is None:
            return
        folders, megabytes = wanted
        indexes = WorkspaceIndexes(folders.cache, folders.log / "index.log", self._hear, self._clock, megabytes)
        async with indexes:
            self._indexes = indexes
            try:
                indexes.set_folders(self._documents.roots)
                for uri in self._documents.uris():
                    self.open(uri)
                await asyncio.get_running_loop().create_future()
            finally:
                self._indexes = None
                self._end_progress()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _hear(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._show(event)
        elif isinstance(event, Ready):
            if (progress := self._progress.pop(event.root, None)) is not None:
                progress.end(f"{event.files} files")
        elif isinstance(event, Trouble):
            if event.code in FATAL:
                self._end_progress(event.root)
            self._told.tell(types.MessageType.Warning, event.text)

    def _show(self, event: Progress) -> None:
        if event.total < _WORTH_TELLING:
            return
        if event.root not in self._progress:
            title = f"Indexing {Path(event.root).name}"
            self._progress[event.root] = WorkDone(
                self._protocol, self._cancellations, token=None, title=title, stop=None, counted=True
            )
        share = 100 * event.done // event.total
        self._progress[event.root].report(f"{event.done} of {event.total} files", percentage=share)

    def _end_progress(self, root: str = "") -> None:
        """End the progress of a folder, by its name in events, or of all."""
        for name in tuple(self._progress):
            if root in {name, ""}:
                self._progress.pop(name).end()

    def _place(self, uri: str) -> tuple[Path, str] | None:
        """Give the deepest indexed folder that holds a document and its path below that."""
        return place_below(self._indexes.roots, uri) if self._indexes is not None else None
