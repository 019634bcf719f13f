"""Standard input and output as the transport, and nothing else on them."""

import asyncio
import contextlib
import logging
import os
import queue
import sys
import threading
from collections.abc import AsyncIterator, Callable

logger = logging.getLogger(__name__)

_CHUNK = 65_536
_LONGEST_HEADER = 4096
_LONGEST_MESSAGE = 256 * 1024 * 1024
_MOST_UNREAD = 64 * 1024 * 1024
_LAST_WORDS_SECONDS = 1.0


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
    """Writes whole messages in their order, without ever waiting for the client.

    gone: called in the event loop when the client cannot be written to any more, which is no error but the end.
    One daemon thread does the writing: a client that stops to read holds up neither the loop nor the end. The
    descriptor stays blocking, for what it leads to may be shared with other processes.
    """

    def __init__(self, sink: int, gone: Callable[[], None]) -> None:
        self._sink = sink
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._accepted = 0  # bytes; counted here by the loop alone, below by the thread alone
        self._written = 0
        self._thread = threading.Thread(target=self._pump, name="assist-stdout", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Take a message; the end has come for a client that leaves far too much unread."""
        if not self._thread.is_alive():
            return
        if self._accepted - self._written > _MOST_UNREAD:
            logger.warning("the client leaves %s bytes unread", self._accepted - self._written)
            self._gone()
            return
        self._accepted += len(data)
        self._messages.put(data)

    def close(self) -> None:
        """Write what is left, as far as the client reads it in a moment; the descriptor stays open."""
        self._messages.put(None)
        self._thread.join(_LAST_WORDS_SECONDS)

    def _pump(self) -> None:
        try:
            while (data := self._messages.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._sink, view) :]
                self._written += len(data)
        except OSError as error:
            logger.info("the client reads no more: %s", error.strerror)
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._gone)


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
        sys.stderr.write("assist: what came on standard input is not the Language Server Protocol\n")


async def _content_length(reader: asyncio.StreamReader) -> int | None:
    """Read one header; None at the end of the input, ValueError for a header without a length."""
    length = None
    while line := await reader.readline():
        name, _, value = line.decode("ascii", "replace").strip().partition(":")
        if not name and length is not None:
            return length
        if name.lower() == "content-length":
            length = int(value)
            if not 0 <= length <= _LONGEST_MESSAGE:
                raise ValueError(value)
    return None
