"""From what was asked and what the engine saw to figures: which key asked a model, what for, and how long it took."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

QUICK = 0.02  # seconds: whatever answers sooner has asked no model, where nothing else tells
_WAITED = re.compile(r"waited (\d+) ms")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One key's request; times in seconds, None where there is nothing to tell.

    in_time: answered before the next key. right: characters of the suggestion that are true. model: a model was asked.
    how: what took its place. latency: from the key to the answer. waited: of it, for the next key. own: what of the
    rest was the server's own. cold: the first one of a file that asked. bare: what the engine alone takes. evaluated,
    generated, prompt, suffix: tokens. answered: from the cancelling to the answer; freed: to the free slot.
    """

    in_time: bool
    shown: int
    right: int
    model: bool
    how: str
    why: str
    latency: float | None = None
    waited: float = 0.0
    own: float | None = None
    cold: bool = False
    bare: float | None = None
    evaluated: int | None = None
    generated: int | None = None
    prompt: int | None = None
    suffix: int | None = None
    cancelled: bool = False
    answered: float | None = None
    freed: float | None = None


def requests_of(record: Json) -> list[Request]:
    """Join the requests of one function with the engine's calls; record: as it is kept."""
    found: list[Request] = []
    calls = record["calls"]
    warm = False
    for asked in record["typing"]["asked"]:
        end = asked["cancelled"] or asked["answered"] or float("inf")
        own = [call for call in calls if asked["sent"] <= call["begun"] < end]
        one = _request(asked, own, calls, is_recorded=record["recorded"], cold=not warm)
        warm = warm or one.model
        found.append(one)
    return found


def _request(asked: Json, own: Sequence[Json], calls: Sequence[Json], *, is_recorded: bool, cold: bool) -> Request:
    sent, answered, cancelled = asked["sent"], asked["answered"], asked["cancelled"]
    written = [call for call in own if call["writes"]]
    evaluated = [call["evaluated"] for call in own]
    latency = answered - sent if answered is not None and cancelled is None else None
    waited = next((int(found[1]) / 1000 for note in asked["trace"] if (found := _WAITED.match(note))), 0.0)
    busy = _covered(((call["begun"], call["ended"]) for call in calls), sent, answered) if answered else 0.0
    return Request(
        in_time=asked["in_time"],
        shown=asked["shown"],
        right=asked["right"],
        model=bool(own) if is_recorded else latency is None or latency > QUICK,
        how=_how(asked["trace"]),
        why=asked["why"],
        latency=latency,
        waited=waited,
        own=latency - waited - busy if latency is not None and is_recorded else None,
        cold=cold,
        bare=written[-1]["bare"] if written else None,
        evaluated=sum(evaluated) if written and None not in evaluated else None,
        generated=written[-1]["generated"] if written else None,
        prompt=written[-1]["prompt"] if written else None,
        suffix=written[-1]["suffix"] if written else None,
        cancelled=cancelled is not None,
        answered=answered - cancelled if answered is not None and cancelled is not None else None,
        freed=_freed(calls, cancelled) if cancelled is not None else None,
    )


def _how(trace: Iterable[str]) -> str:
    return next((note.partition(":")[0] for note in trace if note.startswith(("typed as", "asked before"))), "")


def _covered(spans: Iterable[tuple[float, float | None]], start: float, end: float) -> float:
    """Give how much of the time from start to end the spans cover."""
    covered, place = 0.0, start
    for first, last in sorted((first, end if last is None else last) for first, last in spans):
        covered += max(0.0, min(last, end) - max(first, place))
        place = max(place, min(last, end))
    return covered


def _freed(calls: Sequence[Json], cancelled: float) -> float | None:
    """Give how long after a cancelling the engine's slot was free; None where nothing ran."""
    running = [number for number, call in enumerate(calls) if call["begun"] <= cancelled < (call["ended"] or cancelled)]
    if not running:
        return None
    number = running[-1]
    moment = calls[number]["freed"]
    if moment is None and number + 1 < len(calls):
        # The next call was there before: it had the slot as long before its first text as the engine read for it.
        after = calls[number + 1]
        if after["first"] is None or after["prompt_ms"] is None:
            return None
        moment = after["first"] - after["prompt_ms"] / 1000
    return None if moment is None else max(0.0, moment - cancelled)
