"""A signal that arrives at the worst moment stops the host all the same."""

import signal
import threading

from assist_server.engine.stopping import Stop


class Stuck(Exception):
    """Signals pile up inside a handler that never comes back."""


def test_it_is_set_once_and_for_all() -> None:
    stop = Stop()
    assert not stop.wait(0)
    threading.Thread(target=stop.set).start()
    assert stop.wait(60)
    assert stop.wait(0)


def test_a_signal_handler_may_set_it_at_any_moment() -> None:
    """A `threading.Event` in its place is stuck after some hundred signals."""
    stop = Stop()
    handled = depth = 0

    def handle(*_: object) -> None:
        nonlocal handled, depth
        depth += 1
        if depth > 50:
            raise Stuck
        stop.set()
        depth -= 1
        handled += 1

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.00005, 0.00005)
    try:
        while handled < 10_000:
            stop._is_set = False
            stop.wait(0.0001)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert stop.wait(0)
