"""Open documents: each is parsed beside the typing, in slices that hold nothing up, and laid over the index."""

import asyncio
import logging
from collections.abc import Callable

from assist_context.document import Document
from assist_context.index.view import OpenFile, open_file
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.incremental import DocumentTree, Parsed, syntax_steps
from assist_context.syntax.symbols import NOTHING, FileSyntax, words
from assist_server.core.clock import Clock

log = logging.getLogger(__name__)

_SLICE_SECONDS = 0.004
_REST_SECONDS = 0.2  # without a change, before definitions are read again; the tree follows every change
_WORDS_AT_ONCE = 1 << 17  # bytes; about a millisecond


class OpenDocument:
    """One document and what is known of it.

    tell: called in the event loop with what the index shows for it, after each reading.
    """

    def __init__(self, path: str, document: Document, clock: Clock, tell: Callable[[OpenFile], None]) -> None:
        self._path = path
        self._document = document
        self._clock = clock
        self._tell = tell
        language = document.language
        self._tree = DocumentTree(language, document.text) if language in GRAMMARS else None
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._known = document, NOTHING
        self._task = asyncio.get_running_loop().create_task(self._follow())
        self._task.add_done_callback(self._ended)

    @property
    def language(self) -> str:
        """The language that it is read as."""
        return self._document.language

    @property
    def parsed(self) -> Parsed | None:
        """The last text that was parsed to its end, and its tree."""
        return self._tree.parsed if self._tree is not None else None

    def change(self, document: Document) -> None:
        """Take the newest text."""
        self._document = document
        if self._tree is not None:
            self._tree.change(document.text)
        if not self._task.done():
            self._settled.clear()
        self._changed.set()

    async def syntax(self) -> tuple[Document, FileSyntax]:
        """Give what it defines, uses and imports, as soon as that is known of its newest text, with that text.

        Where it is not read any more, or changes just then, it is what was last known.
        """
        await self._settled.wait()
        return self._known

    async def close(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.wait({self._task})

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._settled.set()  # nobody waits for what will not come
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an open document is not read any more: %s", type(error).__name__)

    async def _follow(self) -> None:
        while True:
            self._changed.clear()
            syntax = await self._read(self._document)
            if not self._changed.is_set():
                self._known = self._document, syntax
                self._settled.set()
                await self._changed.wait()
            while self._changed.is_set():
                self._changed.clear()
                await self._parse()
                await self._clock.sleep(_REST_SECONDS)

    async def _read(self, document: Document) -> FileSyntax:
        await self._parse()
        if self._tree is not None and (parsed := self.parsed) is not None and not parsed.exact:
            self._tree.forget()  # a tree of a text with errors depends on the changes that led to it
            await self._parse()
        syntax, parsed = NOTHING, self.parsed
        if parsed is not None:
            for step in syntax_steps(document.language, parsed):
                await asyncio.sleep(0)
                syntax = step or syntax
        source = parsed.source if parsed is not None else document.text.encode("utf-8", "replace")
        terms = await _words(source)
        self._tell(open_file(self._path, document.language, syntax, terms, len(source)))
        return syntax

    async def _parse(self) -> None:
        while self._tree is not None and not self._tree.parse_for(_SLICE_SECONDS):  # noqa: ASYNC110 - gives way, waits for nothing
            await asyncio.sleep(0)


async def read_once(document: Document, clock: Clock) -> tuple[Document, FileSyntax]:
    """Give what a document defines, uses and imports, by a parse for this alone."""
    opened = OpenDocument(document.path, document, clock, lambda _: None)
    try:
        return await opened.syntax()
    finally:
        await opened.close()


async def _words(source: bytes) -> set[str]:
    found: set[str] = set()
    start = 0
    while start < len(source):
        end = source.find(b"\n", start + _WORDS_AT_ONCE)
        end = len(source) if end < 0 else end
        found |= words(source[start:end])
        start = end + 1
        await asyncio.sleep(0)
    return found
