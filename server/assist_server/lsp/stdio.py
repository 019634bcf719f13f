"""Standard input and output as the transport, and nothing else on them."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable

logger = logging.getLogger(__name__)

_CHUNK = 65_536
_LONGEST_HEADER = 4096


def take_over() -> tuple[int, int]:
    """Give private copies of standard input and output, and put the null device and standard error in their places.

    A child process or a stray print can then neither read nor write the protocol.
    """
    sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    if os.name == "posix":
        os.set_blocking(source, True)
        os.set_blocking(sink, True)
    return source, sink


class Writer:
    """Writes whole messages; a client that is gone is no error but the end."""

    def __init__(self, sink: int, gone: Callable[[], None]) -> None:
        self._sink = sink
        self._gone = gone

    def write(self, data: bytes) -> None:
        """Write all of a message."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._sink, view) :]
        except OSError as error:
            logger.info("the client reads no more: %s", error.strerror)
            self._gone()

    def close(self) -> None:
        """Do nothing: the descriptor lives as long as the process."""


def read_in_thread(source: int) -> asyncio.StreamReader:
    """Feed a stream from a blocking descriptor.

    The thread is a daemon in a plain system call: it can wait for input for ever without holding up the end.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LONGEST_HEADER, loop=loop)

    def pump() -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = os.read(source, _CHUNK)
            except OSError:
                chunk = b""
            try:
                loop.call_soon_threadsafe(reader.feed_data if chunk else lambda _: reader.feed_eof(), chunk)
            except RuntimeError:  # the loop is closed
                return

    threading.Thread(target=pump, name="assist-stdin", daemon=True).start()
    return reader


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Give the bodies of messages until the input ends.

    Lets other tasks run between two messages, so that a request sees the documents as they were when it arrived.
    """
    try:
        while (length := await _content_length(reader)) is not None:
            yield await reader.readexactly(length)
            await asyncio.sleep(0)
    except asyncio.IncompleteReadError:
        logger.info("the input ended in the middle of a message")
    except ValueError:
        logger.warning("the input is not the protocol")


async def _content_length(reader: asyncio.StreamReader) -> int | None:
    """Read one header; None at the end of the input, ValueError for a header without a length."""
    length = None
    while line := await reader.readline():
        name, _, value = line.decode("ascii", "replace").strip().partition(":")
        if not name and length is not None:
            return length
        if name.lower() == "content-length":
            length = int(value)
            if length < 0:
                raise ValueError(value)
    return None
