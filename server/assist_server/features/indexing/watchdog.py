"""A clock that runs while a process owes a sign of life."""

import asyncio
from collections.abc import Callable

from assist_server.features.indexing.messages import Alive, Event

# Before it is called stuck, what may lie unread in the pipe gets this part of the patience.
_GRACE = 0.1


class Watchdog:
    """Calls `stuck` when there is work and nothing was heard for `patience` seconds. For use in the event loop."""

    def __init__(self, patience: float, stuck: Callable[[], None]) -> None:
        self._patience = patience
        self._stuck = stuck
        self._timer: asyncio.TimerHandle | None = None
        self._sent = 0
        self._seen = 0
        self._busy = False

    def expect(self, number: int) -> None:
        """Note a job that was sent."""
        self._sent = number
        if self._timer is None:
            self._start()

    def heard(self, event: Event) -> None:
        """Note a sign of life."""
        if isinstance(event, Alive):
            self._seen, self._busy = event.seen, event.busy
        self._cancel()
        if self._busy or self._seen < self._sent:
            self._start()

    def stop(self) -> None:
        """Expect nothing any more."""
        self._cancel()
        self._busy, self._seen = False, self._sent

    def _start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._late)

    def _late(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._patience * _GRACE, self._too_late)

    def _too_late(self) -> None:
        self._timer = None
        self._stuck()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
