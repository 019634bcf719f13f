"""The host's reason to wake up."""

import queue


class Stop:
    """An event that a signal handler may set: `threading.Event` deadlocks where the signal comes inside its `wait`.

    One thread waits; any thread may set.
    """

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_set = False

    def set(self) -> None:
        """End the waiting."""
        self._told.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for so many seconds at most; tells whether it was set."""
        if not self._is_set:
            try:
                self._told.get(timeout=seconds)
            except queue.Empty:
                return False
            self._is_set = True
        return True
