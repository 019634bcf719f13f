"""Stop strings, applied by us to every stream: servers let some through, or take only a few."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from assist_server.backends.base import Delta, Done, Event, EventStream, Usage
from assist_server.core.errors import AssistError


class StopFilter:
    """Cut a streamed text before the first stop string, which may come in pieces.

    stops: end the text. What could be the beginning of one is held back until the next piece tells.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(dict.fromkeys(stop for stop in stops if stop))
        self._held = ""
        self.stopped = False

    def feed(self, piece: str) -> str:
        """Take the next piece and give the text that is certain; nothing once a stop string was met."""
        if self.stopped:
            return ""
        text = self._held + piece
        # the stop that is complete first wins, so that the cut does not depend on where the pieces end
        ends = [(place + len(stop), place) for stop in self._stops if (place := text.find(stop)) >= 0]
        if ends:
            self.stopped, self._held = True, ""
            return text[: min(ends)[1]]
        kept = max((_begun(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """Give what was held back, at the end of the stream."""
        held, self._held = self._held, ""
        return held


def _begun(text: str, stop: str) -> int:
    """Count the characters at the end of text that are a beginning of stop."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0


async def apply_stops(events: EventStream, stops: Sequence[str], prompt_tokens: int) -> AsyncGenerator[Event, None]:
    """Pass a server's events on up to the first stop string, then close them, which stops the model.

    prompt_tokens: for the usage of a text that was cut here, which the server does not count.
    """
    stop = StopFilter(stops)
    pieces = 0
    async with aclosing(events):
        try:
            async for event in events:
                text = stop.rest() if isinstance(event, Done) else stop.feed(event.text)
                if text:
                    yield Delta(text)
                if isinstance(event, Done):
                    yield event
                    return
                pieces += 1
                if stop.stopped:
                    break
        except AssistError:
            if text := stop.rest():
                yield Delta(text)
            raise
    yield Done("stop", Usage(prompt=prompt_tokens, generated=pieces, exact=False))
