"""Work-done progress: tells the client that work goes on, and lets its user stop it."""

import asyncio
import uuid
from collections.abc import Callable

from lsprotocol import types

from assist_server.lsp.protocol import AssistProtocol


class Cancellations:
    """What `window/workDoneProgress/cancel` stops, by token."""

    def __init__(self) -> None:
        self._stops: dict[types.ProgressToken, Callable[[], object]] = {}

    def add(self, token: types.ProgressToken, stop: Callable[[], object]) -> None:
        """Make a token stop some work."""
        self._stops[token] = stop

    def remove(self, token: types.ProgressToken) -> None:
        """Forget a token whose work is done."""
        self._stops.pop(token, None)

    def cancel(self, token: types.ProgressToken) -> None:
        """Stop the work of a token; one whose work is done, or that never was, is ignored."""
        if token in self._stops:
            self._stops[token]()


class WorkDone:
    """The progress of one request: with the client's own token, else with one that the client is asked to create.

    stop: ends the work where its user says so; None for work that nobody can stop. counted: reports
    tell a percentage.

    Never in the way: where the client wants no progress, or is slow to create its token, the work goes on without.
    """

    def __init__(
        self,
        protocol: AssistProtocol,
        cancellations: Cancellations,
        *,
        token: types.ProgressToken | None,
        title: str,
        stop: Callable[[], object] | None,
        counted: bool = False,
    ) -> None:
        self._protocol = protocol
        self._cancellations = cancellations
        self._title = title
        self._token: types.ProgressToken = token if token is not None else str(uuid.uuid4())
        self._open = self._ended = False
        self._creation: asyncio.Future[object] | None = None
        self._cancellable = stop is not None
        self._first = 0 if counted else None
        if stop is not None:
            cancellations.add(self._token, stop)
        if token is not None:
            self._begin()
        elif protocol.supports("window", "workDoneProgress"):
            params = types.WorkDoneProgressCreateParams(self._token)
            self._creation = protocol.send_request_async(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params)
            self._creation.add_done_callback(self._created)

    def report(self, message: str, percentage: int | None = None) -> None:
        """Say how far the work is."""
        if self._open:
            report = types.WorkDoneProgressReport(message=message, cancellable=self._cancellable, percentage=percentage)
            self._send(report)

    def end(self, message: str | None = None) -> None:
        """Say that the work is over, for whatever reason; more than once does no harm."""
        self._cancellations.remove(self._token)
        if self._open and not self._ended:
            self._send(types.WorkDoneProgressEnd(message=message))
        self._open, self._ended = False, True

    def _created(self, creation: "asyncio.Future[object]") -> None:
        if creation.cancelled() or creation.exception() is not None:
            return
        if not self._ended:
            self._begin()

    def _begin(self) -> None:
        self._open = True
        self._send(
            types.WorkDoneProgressBegin(title=self._title, cancellable=self._cancellable, percentage=self._first)
        )

    def _send(
        self, value: types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd
    ) -> None:
        self._protocol.notify(types.PROGRESS, types.ProgressParams(self._token, value))
