"""What is offered to the editor, under names by which it can say that it was accepted; counted and written down."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types

from assist_context.document import Document
from assist_server.core.clock import Clock
from assist_server.features.completion.service import Completion
from assist_server.features.completion.trigger import Trigger
from assist_server.features.statistics import Statistics
from assist_server.features.statistics_file import StatisticsFile
from assist_server.lsp.convert import beginning
from assist_server.lsp.documents import Change, Documents
from assist_server.lsp.methods import ACCEPTED, AcceptedArguments

_SECONDS_BETWEEN_WRITES = 60.0
_TITLE = "Count this on your own machine"

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Offers:
    """The statistics of one connection. spawn: does something beside the requests."""

    def __init__(self, documents: Documents, clock: Clock, spawn: Spawn) -> None:
        self._documents = documents
        self._clock = clock
        self._spawn = spawn
        self._statistics = Statistics(clock)
        self._data: Path | None = None
        self._writing: asyncio.Future[bool] | None = None
        self._waits = False

    def configure(self, data: Path | None) -> None:
        """Keep the numbers in a data folder; None keeps them nowhere."""
        self._data = data

    def answered(self, document: Document, completion: Completion) -> None:
        """Count an answer of the completion."""
        self._statistics.answered(document.language, completion)
        self._write_later()

    def commands(
        self,
        document: Document,
        offset: int,
        trigger: Trigger,
        completion: Completion,
        *,
        place: tuple[int, int],
        texts: Sequence[str],
    ) -> list[types.Command]:
        """Count what is offered; give the command of each item, which its editor runs where the item is accepted.

        offset: the one asked for. place: the characters of the editor's document that the items replace; texts: what
        with.
        """
        offer = self._statistics.offered(
            completion,
            trigger,
            uri=document.uri,
            language=document.language,
            at=(document.version, offset),
            place=place,
            texts=texts,
        )
        self._write_later()
        arguments = ({"offer": offer, "item": number} for number in range(len(texts)))
        return [types.Command(_TITLE, ACCEPTED, arguments=[argument]) for argument in arguments]

    def accepted(self, what: AcceptedArguments) -> bool:
        """Count what was accepted, and look later whether it was kept; tell whether the offer is known."""
        text = self._statistics.text(what.offer, what.item)
        if text is None:
            return False
        length = None if what.length is None else len(beginning(text, what.length, self._documents.encoding))
        taken = self._statistics.accepted(what.offer, what.item, length)
        self._write_later()
        if taken is not None:

            async def look() -> None:
                await self._statistics.look_later(taken, self._documents.text)
                self._write_later()

            self._spawn(look)
        return True

    def changed(self, uri: str, changes: Sequence[Change]) -> None:
        """Follow the changes of a document."""
        for change in changes:
            self._statistics.changed(uri, change.start, change.end, change.length)

    def closed(self, uri: str) -> None:
        """Forget the offers of a document."""
        self._statistics.closed(uri)

    async def write(self) -> None:
        """Write what was counted since the last time; once it is taken it is written, whoever is cancelled."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        if self._data is not None and not self._statistics.is_empty:
            add = asyncio.to_thread(StatisticsFile(self._data).add, self._statistics.take())
            self._writing = asyncio.ensure_future(add)
            await asyncio.shield(self._writing)

    def _write_later(self) -> None:
        if self._data is not None and not self._waits:
            self._waits = True
            self._spawn(self._write_soon)

    async def _write_soon(self) -> None:
        await self._clock.sleep(_SECONDS_BETWEEN_WRITES)
        self._waits = False
        await self.write()
