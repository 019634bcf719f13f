"""How useful completions are to their user: counted on this machine, for its owner's eyes only.

What is counted never holds text, paths or times of day: only numbers for each day, language and model. The text of the
last offers is in memory while it may still be accepted, and half a minute longer.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from difflib import SequenceMatcher
from math import ceil, log2
from typing import NamedTuple

from assist_server.core.clock import Clock
from assist_server.features.completion.service import Completion
from assist_server.features.completion.trigger import Trigger

COUNTED = (
    ("answers", "requests that were answered, with a suggestion or without"),
    ("shown", "answers with a suggestion"),
    ("shown_invoked", "of these: asked for by a person"),
    ("shown_without_model", "of these: without asking the model"),
    ("offered", "suggestions; one that is shown again while it is typed counts once"),
    ("accepted", "suggestions that were taken as a whole"),
    ("partly", "suggestions of which only a part was taken"),
    ("checked", "taken suggestions whose place could be looked at half a minute later"),
    ("kept", "of these: where at least four fifths of what was taken was still there"),
    ("model_calls", "answers for which the model was asked"),
    ("prompt_tokens", "tokens of their prompts"),
    ("cached_tokens", "of these: not evaluated anew, as far as the server says"),
    ("generated_tokens", "tokens that the model wrote"),
)
"""Every number, and what it counts."""

KEPT_SECONDS = 30.0
_KEPT_SHARE = 0.8
_OFFERS = 16
_LONGEST_NAME = 100
_STEPS = 4  # of latencies in a doubling
_TOKEN = re.compile(r"\w+|[^\w\s]")
_FILE = re.compile(r"(?:[A-Za-z]:[\\/]|[\\/~.]).*|.*\\.*")


class Key(NamedTuple):
    """What is counted together; day as `2025-01-31`."""

    day: str
    language: str
    model: str


@dataclass(slots=True)
class Tally:
    """Numbers by their names in `COUNTED`, and how many model calls took about 2 ** (key / 4) milliseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    latencies: Counter[int] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Add the numbers of another."""
        self.counts.update(other.counts)
        self.latencies.update(other.latencies)

    def percentile(self, share: float) -> float | None:
        """Give the milliseconds that a share of the model calls were within, to a tenth; None without any."""
        left = ceil(share * self.latencies.total())
        for step in sorted(self.latencies):
            left -= self.latencies[step]
            if left <= 0:
                return float(round(2 ** (step / _STEPS), 1))
        return None


@dataclass(eq=False, slots=True)
class _Suggestion:
    """What was offered, at first and while it was typed."""

    key: Key
    accepted: bool = False
    partly: bool = False


@dataclass(eq=False, slots=True)
class _Offer:
    """One answer; start, end: the characters of the document that it would replace, wherever they are by now."""

    identity: str
    suggestion: _Suggestion
    uri: str
    start: int
    end: int
    texts: tuple[str, ...]
    at: tuple[int, int]
    rest: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Something that was taken, to be looked at later."""

    offer: "_Offer"
    text: str


class Statistics:
    """What one session counts. today: gives the day, for tests."""

    def __init__(self, clock: Clock, today: Callable[[], str] | None = None) -> None:
        self._clock = clock
        self._today = today or _today
        self._tallies: dict[Key, Tally] = {}
        self._offers: deque[_Offer] = deque(maxlen=_OFFERS)
        self._watched: list[_Offer] = []
        self._number = 0

    def answered(self, language: str, completion: Completion) -> None:
        """Count an answer of the completion, whatever becomes of it."""
        key = self._key(language, completion)
        self._count(key, "answers")
        if (usage := completion.usage) is None:
            return
        self._count(key, "model_calls")
        self._count(key, "prompt_tokens", usage.prompt)
        self._count(key, "cached_tokens", usage.cached or 0)
        self._count(key, "generated_tokens", usage.generated)
        self._tally(key).latencies[round(_STEPS * log2(max(1.0, completion.ms.total)))] += 1

    def offered(
        self,
        completion: Completion,
        trigger: Trigger,
        *,
        uri: str,
        language: str,
        at: tuple[int, int],
        place: tuple[int, int],
        texts: Sequence[str],
    ) -> str:
        """Count what an editor is given to show; give the name by which it may say that it was accepted.

        at: the document's version and the offset asked for. place: the characters that are replaced. texts: what with.
        """
        key, rest = self._key(language, completion), completion.items[0].text
        last = self._offers[-1] if self._offers else None
        same = last is not None and last.uri == uri and not last.suggestion.accepted and _continues(last, at[1], rest)
        suggestion = last.suggestion if last is not None and same else _Suggestion(key)
        if not same:
            self._count(key, "offered")
        if last is None or not same or last.at != at:  # else ghost text and list of one keystroke
            self._count(key, "shown")
            self._count(key, "shown_invoked", int(trigger == "invoked"))
            self._count(key, "shown_without_model", int(completion.usage is None))
        self._number += 1
        offer = _Offer(str(self._number), suggestion, uri, *place, texts=tuple(texts), at=at, rest=rest)
        self._offers.append(offer)
        return offer.identity

    def text(self, offer: str, item: int) -> str | None:
        """Give a text that was offered, None where nobody remembers it."""
        found = self._find(offer)
        return found.texts[item] if found is not None and 0 <= item < len(found.texts) else None

    def accepted(self, offer: str, item: int, length: int | None = None) -> Accepted | None:
        """Count what was accepted, and give it where it is to be looked at later; None for the unknown, and twice.

        length: how many of its characters, from the first, None for all. Parts may be told as they grow.
        """
        found, text = self._find(offer), self.text(offer, item)
        if found is None or text is None or found.suggestion.accepted:
            return None
        whole, suggestion = length is None or length >= len(text), found.suggestion
        if whole:
            self._count(suggestion.key, "accepted")
            self._count(suggestion.key, "partly", -int(suggestion.partly))
            suggestion.accepted = True
        elif not suggestion.partly and length:
            self._count(suggestion.key, "partly")
        else:
            return None
        watched, suggestion.partly = suggestion.partly, not whole
        if watched:
            return None
        self._watched.append(found)
        return Accepted(found, text if whole else text[:length])

    def changed(self, uri: str, start: int, end: int, length: int) -> None:
        """Follow a change of a document: the characters from start to end have become as many as length."""
        growth = length - (end - start)
        for offer in {*self._offers, *self._watched}:
            if offer.uri != uri or start > offer.end:
                continue
            if end < offer.start:
                offer.start, offer.end = offer.start + growth, offer.end + growth
            else:
                offer.start, offer.end = min(start, offer.start), max(end, offer.end) + growth

    def closed(self, uri: str) -> None:
        """Forget the offers of a document."""
        self._offers = deque((offer for offer in self._offers if offer.uri != uri), maxlen=_OFFERS)
        self._watched = [offer for offer in self._watched if offer.uri != uri]

    async def look_later(self, accepted: Accepted, text_of: Callable[[str], str | None]) -> None:
        """Wait half a minute, then count whether what was accepted is still there; text_of gives a document's text."""
        await self._clock.sleep(KEPT_SECONDS)
        offer = accepted.offer
        text = text_of(offer.uri)
        if offer not in self._watched or text is None:
            return
        self._watched.remove(offer)
        self._count(offer.suggestion.key, "checked")
        self._count(offer.suggestion.key, "kept", int(_is_kept(accepted.text, text[offer.start : offer.end])))

    def take(self) -> Mapping[Key, Tally]:
        """Give what was counted since the last time."""
        taken, self._tallies = self._tallies, {}
        return taken

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was counted since the last `take`."""
        return not self._tallies

    def _find(self, identity: str) -> _Offer | None:
        return next((offer for offer in self._offers if offer.identity == identity), None)

    def _key(self, language: str, completion: Completion) -> Key:
        return Key(self._today(), language[:_LONGEST_NAME], model_name(completion.model))

    def _tally(self, key: Key) -> Tally:
        return self._tallies.setdefault(key, Tally())

    def _count(self, key: Key, name: str, number: int = 1) -> None:
        if number:
            self._tally(key).counts[name] += number


def model_name(model: str) -> str:
    """Give a model's name without the folders of its file: some servers call their models by their paths."""
    name = re.split(r"[\\/]", model)[-1] if _FILE.fullmatch(model) else model
    return name[:_LONGEST_NAME]


def by_model(tallies: Iterable[tuple[Key, Tally]]) -> dict[tuple[str, str], Tally]:
    """Add up all days for each language and model."""
    summed: dict[tuple[str, str], Tally] = {}
    for key, tally in tallies:
        summed.setdefault((key.language, key.model), Tally()).add(tally)
    return summed


def _continues(last: _Offer, offset: int, rest: str) -> bool:
    """Tell whether a suggestion is the last one, of which some was typed or deleted again.

    A line ending of two characters counts for one of the text, and what an editor closed ends the rest earlier.
    """
    typed = offset - last.at[1]
    if typed >= 0:
        least = typed - last.rest[:typed].count("\n")
        return any(last.rest.startswith(rest, start) for start in range(least, typed + 1))
    return rest.endswith(last.rest) and len(rest) - len(last.rest) == -typed


def _is_kept(accepted: str, now: str) -> bool:
    """Compare tokens, so that a formatter does no harm; what was added in between counts for nothing."""
    wanted = _TOKEN.findall(accepted)
    found = _TOKEN.findall(now[: 4 * len(accepted) + 400])
    matcher = SequenceMatcher(None, wanted, found, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) >= _KEPT_SHARE * len(wanted)


def _today() -> str:
    return datetime.now(timezone.utc).astimezone().date().isoformat()
