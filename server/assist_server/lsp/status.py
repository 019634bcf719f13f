"""What the editor's status bar may say: `assist/status`, sent when it changes to clients that asked for it."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from assist_server.lsp.methods import State


@dataclass(frozen=True, slots=True)
class StatusParams:
    """The shape of the notification.

    model: `backend: model` of the last answer.
    remote: the host that answers, None where that is this machine, `unknown` where a program here may ask another.
    message: why the state is what it is, for a person; with `busy`, what is waited for.
    """

    state: State = "idle"
    model: str | None = None
    remote: str | None = None
    message: str | None = None


class Status:
    """The state of one session."""

    def __init__(self, send: Callable[[StatusParams], None]) -> None:
        self._send = send
        self._sent: StatusParams | None = None
        self._rest = StatusParams()
        self._off: str | None = None
        self._waiting: Counter[Hashable] = Counter()
        self._asked: set[Hashable] = set()
        self._doing: str | None = None

    @property
    def now(self) -> StatusParams:
        """The state in force: an answer in the making goes before all, then an error, then being off."""
        if self._is_busy:
            return replace(self._rest, state="busy", message=self._doing)
        if self._rest.state == "idle" and self._off is not None:
            return replace(self._rest, state="off", message=self._off)
        return self._rest

    @property
    def _is_busy(self) -> bool:
        return bool(self._asked or (self._waiting and self._doing is not None))

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Say that an answer is in the making."""
        with self.waiting(work := object()):
            self.asked(work)
            yield

    @contextmanager
    def waiting(self, work: Hashable) -> Iterator[None]:
        """Have somebody wait for an answer to which no model may be needed; only `asked` makes this `busy`.

        work: what several who wait for the same have in common.
        """
        self._waiting[work] += 1
        try:
            yield
        finally:
            self._waiting[work] -= 1
            if not self._waiting[work]:
                del self._waiting[work]
                self._asked.discard(work)
            if not self._waiting:
                self._doing = None
            self._publish_unless_busy()

    def asked(self, work: Hashable) -> None:
        """Say that a model is asked for what somebody waits for, until nobody does."""
        if work in self._waiting:
            self._asked.add(work)
            self.publish()

    def waits(self, message: str) -> None:
        """Say what the answers in the making wait for, until there are none."""
        if self._waiting:
            self._doing = message
            self.publish()

    def works(self, model: str, *, remote: str | None) -> None:
        """Say that an answer came, and from where."""
        self._rest = StatusParams(model=model, remote=remote)
        self._publish_unless_busy()

    def fails(self, message: str) -> None:
        """Say that nothing works until something does."""
        self._rest = replace(self._rest, state="error", message=message)
        self._publish_unless_busy()

    def configure(self, *, remote: str | None, off: str | None) -> None:
        """Take over what the settings say; `off` is why no completion is offered at all, or None."""
        self._rest = StatusParams(remote=remote)
        self.switch(off)

    def switch(self, off: str | None) -> None:
        """Say that completions are off, and why, or that they are on."""
        self._off = off
        self.publish()

    def _publish_unless_busy(self) -> None:
        if not self._is_busy:
            self.publish()

    def publish(self) -> None:
        """Send the state where it differs from what was sent last."""
        if self.now != self._sent:
            self._sent = self.now
            self._send(self.now)
