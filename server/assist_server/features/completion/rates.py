"""How quick each model is on each server, learnt from its answers and kept across runs."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assist_server.backends.base import Usage
from assist_server.core.folders import make_private
from assist_server.engine.folder import read_record, write_record

_log = logging.getLogger(__name__)

Source = tuple[str, str]  # the names of a backend and of a model

PREFILL, DECODE = 200.0, 45.0  # tokens/s of a model of half a billion parameters on two cores: until it is known
_FEWEST_READ, _FEWEST_WRITTEN = 32, 8  # tokens; of fewer the fixed cost of a request says more than the model
_NEWEST = 0.2  # the share of the newest answer in what is known, once there are some
_TRUSTING = 3  # answers that count in full; after them one answer moves nothing by more than its share of a doubling
_MOST_SOURCES = 64
_WORTH_WRITING = 0.1  # the change, as a share, that is worth a write
_SLOWEST, _QUICKEST = 0.01, 1e6


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens a second in reading a prompt that is not cached and in writing; usual ones of a CPU where not known."""

    prefill: float = PREFILL
    decode: float = DECODE


@dataclass(frozen=True, slots=True)
class Sample:
    """What one answer took. read: prompt tokens that were evaluated; seconds are of the part beside them."""

    read: int = 0
    read_seconds: float = 0.0
    written: int = 0
    write_seconds: float = 0.0


def sample_of(usage: Usage, *, fresh: float, first: float | None, rest: float | None) -> Sample:
    """Say what an answer took, by the server's own clock where it has one.

    fresh: the share of the prompt (0..1) that the server cannot have cached, for servers that do not tell.
    first, rest: seconds by our clock to the first text, and from there to the end; None where there was none.
    """
    read = round(usage.prompt * fresh) if usage.cached is None else usage.prompt - usage.cached
    if usage.generated_ms is not None:
        written, seconds = usage.generated, usage.generated_ms / 1000
    else:
        written, seconds = max(0, usage.generated - 1), rest or 0.0  # the first one came at the end of `first`
    return Sample(read, (first or 0.0) if usage.prompt_ms is None else usage.prompt_ms / 1000, written, seconds)


@dataclass(frozen=True, slots=True)
class _Known:
    """A rate and how many answers it comes from; rate 0 where there was none."""

    rate: float = 0.0
    answers: int = 0

    def and_(self, tokens: int, seconds: float, *, fewest: int) -> "_Known":
        """Take in one answer, unless it tells nothing."""
        if tokens < fewest or not (math.isfinite(seconds) and seconds > 0):
            return self
        rate = min(_QUICKEST, max(_SLOWEST, tokens / seconds))
        if not self.answers:
            return _Known(rate, 1)
        step = math.log(rate / self.rate)
        if self.answers >= _TRUSTING:
            step = max(-math.log(2), min(math.log(2), step))
        share = max(_NEWEST, 1 / (self.answers + 1))
        return _Known(self.rate * math.exp(share * step), self.answers + 1)

    def differs(self, other: "_Known") -> bool:
        """Tell whether the two are worth telling apart."""
        return abs(self.rate - other.rate) > _WORTH_WRITING * max(self.rate, other.rate)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of a source; changed: seconds since 1970."""

    prefill: _Known = _Known()
    decode: _Known = _Known()
    changed: float = 0.0


RATES = "rates.json"
"""The file of a cache folder that keeps the rates."""


class RateBook:
    """The rates of all sources.

    path: a file that several servers may share, read when first needed; None keeps nothing. now: seconds since 1970.
    """

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._entries: dict[Source, _Entry] | None = None
        self._written: dict[Source, _Entry] = {}

    def of(self, source: Source) -> Rates:
        """Give the rates of a source."""
        entry = self._loaded().get(source, _Entry())
        return Rates(entry.prefill.rate or PREFILL, entry.decode.rate or DECODE)

    def learn(self, source: Source, sample: Sample) -> None:
        """Take in what an answer took; writes nothing."""
        entries = self._loaded()
        old = entries.get(source, _Entry())
        prefill = old.prefill.and_(sample.read, sample.read_seconds, fewest=_FEWEST_READ)
        decode = old.decode.and_(sample.written, sample.write_seconds, fewest=_FEWEST_WRITTEN)
        if (prefill, decode) != (old.prefill, old.decode):
            entries[source] = _Entry(prefill, decode, self._now())
            _bound(entries)

    def save(self) -> None:
        """Write what has changed by a tenth or more since the last time; what others wrote of other sources stays.

        Blocks for one small file. A file that cannot be written is no error: it would only have saved some learning.
        """
        changed = {source: entry for source, entry in self._loaded().items() if self._news(source, entry)}
        if self._path is None or not changed:
            return
        entries = {**_read(self._path), **changed}
        _bound(entries)
        try:
            make_private(self._path.parent)
            write_record(self._path, {"rates": [_as_json(*each) for each in entries.items()]})
        except OSError as error:
            _log.debug("the rates cannot be kept: %s", type(error).__name__)
        self._written |= changed

    def _loaded(self) -> dict[Source, _Entry]:
        if self._entries is None:
            self._entries = _read(self._path) if self._path else {}
            self._written = dict(self._entries)
        return self._entries

    def _news(self, source: Source, entry: _Entry) -> bool:
        old = self._written.get(source, _Entry())
        return entry.prefill.differs(old.prefill) or entry.decode.differs(old.decode)


def _bound(entries: dict[Source, _Entry]) -> None:
    while len(entries) > _MOST_SOURCES:
        del entries[min(entries, key=lambda source: entries[source].changed)]


def _as_json(source: Source, entry: _Entry) -> dict[str, Any]:
    return {
        "backend": source[0],
        "model": source[1],
        "prefill": [round(entry.prefill.rate, 2), entry.prefill.answers],
        "decode": [round(entry.decode.rate, 2), entry.decode.answers],
        "changed": round(entry.changed),
    }


def _read(path: Path) -> dict[Source, _Entry]:
    """Read a file; what is in it but makes no sense is left out."""
    listed = (read_record(path) or {}).get("rates")
    entries = dict(filter(None, map(_from_json, listed if isinstance(listed, list) else ())))
    _bound(entries)
    return entries


def _from_json(value: Any) -> tuple[Source, _Entry] | None:
    try:
        entry = _Entry(_known(value["prefill"]), _known(value["decode"]), float(value["changed"]))
        return (str(value["backend"]), str(value["model"])), entry
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None


def _known(value: Any) -> _Known:
    rate, answers = float(value[0]), int(value[1])
    if answers == 0:
        return _Known()
    if not (_SLOWEST <= rate <= _QUICKEST and answers > 0):
        raise ValueError("no rate")
    return _Known(rate, answers)
