"""Open documents: what is said of one belongs to its text, and somebody who asks is always answered."""

import asyncio

from assist_context.document import Document
from assist_context.index.view import OpenFile
from assist_server.features.indexing.documents import OpenDocument
from support.completion import StillClock
from support.indexing_process import SECONDS


def document(text: str) -> Document:
    return Document("file:///a.py", "a.py", "python", text)


async def test_what_is_defined_comes_with_the_text_that_was_read() -> None:
    first, second = document("def one(): ...\n"), document("\n\n# more\ndef two(): ...\n")
    seen: list[OpenFile] = []

    def tell(shown: OpenFile) -> None:
        if not seen:  # the next text comes before whoever waits goes on
            asyncio.get_running_loop().call_soon(opened.change, second)
        seen.append(shown)

    opened = OpenDocument("a.py", first, StillClock(), tell)
    for text, name in ((first, "one"), (second, "two")):
        known, syntax = await asyncio.wait_for(opened.syntax(), SECONDS)
        assert (known, [symbol.name for symbol in syntax.symbols]) == (text, [name])
    await opened.close()


async def test_a_document_that_cannot_be_read_keeps_nobody_waiting() -> None:
    def tell(_: OpenFile) -> None:
        raise RuntimeError

    opened = OpenDocument("a.py", document("a = 1\n"), StillClock(), tell)
    await asyncio.wait_for(opened.syntax(), SECONDS)
    opened.change(document("a = 2\n"))
    known, syntax = await asyncio.wait_for(opened.syntax(), SECONDS)
    assert (known.text, syntax.symbols) == ("a = 1\n", ())
    await opened.close()
