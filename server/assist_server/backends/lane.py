"""Whose turn it is on a server that answers only a few requests at a time and keeps no order of importance.

Whoever waits here can still be put in front of others, or give up for nothing. In the server's own queue nobody can.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager


class Lane:
    """Let `width` requests through at a time: those that a person waits for at the keyboard first, then in order."""

    def __init__(self, width: int) -> None:
        self._free = width
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._patient: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self, *, urgent: bool, waits: Callable[[], None]) -> AsyncGenerator[None, None]:
        """Hold a place in the lane; `waits` is called once where it is not free at once."""
        await self._enter(urgent=urgent, waits=waits)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, *, urgent: bool, waits: Callable[[], None]) -> None:
        if self._free:
            self._free -= 1
            return
        waits()
        queue = self._urgent if urgent else self._patient
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()  # it was given the place in the very moment in which it gave up
            elif place in queue:
                queue.remove(place)
            raise

    def _leave(self) -> None:
        for queue in (self._urgent, self._patient):
            while queue:
                place = queue.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self._free += 1
