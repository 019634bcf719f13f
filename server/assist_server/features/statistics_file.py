"""The file in which statistics are kept: JSON lines of numbers, shared by all sessions of a user, bounded."""

import json
import logging
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from assist_server.core.folders import make_private
from assist_server.features.statistics import COUNTED, Key, Tally

logger = logging.getLogger(__name__)

_MOST_BYTES = 1_000_000
_LOCK_SECONDS = 5.0
_NAMES = frozenset(name for name, _ in COUNTED)
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class StatisticsFile:
    """Lines `{"day", "language", "model", "counts", "latencies"}`, to be added up. folder: the user's data folder."""

    folder: Path
    most_bytes: int = _MOST_BYTES

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.folder / "statistics" / "completions.jsonl"

    def add(self, tallies: Mapping[Key, Tally]) -> bool:
        """Append numbers; where that makes the file too large, lines are added up and the oldest days go.

        Tells whether it could be written: what cannot is only logged, as no work depends on it.
        """
        lines = "".join(_line(key, tally) for key, tally in tallies.items())
        try:
            make_private(self.path.parent)
            with FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_SECONDS, mode=0o600):
                self._append(lines.encode())
                if self.path.stat().st_size > self.most_bytes:
                    self._compact()
        except (OSError, Timeout) as error:
            logger.warning("the statistics could not be written: %s", type(error).__name__)
            return False
        return True

    def read(self) -> dict[Key, Tally]:
        """Give the numbers by day, the oldest first; lines that cannot be read count for nothing. Raises OSError."""
        found: dict[Key, Tally] = {}
        if not self.path.exists():
            return found
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            if (read := _read(line)) is not None:
                found.setdefault(read[0], Tally()).add(read[1])
        return dict(sorted(found.items(), key=lambda one: one[0]))

    def _append(self, content: bytes) -> None:
        descriptor = os.open(self.path, _FLAGS, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def _compact(self) -> None:
        lines: list[str] = []
        room = self.most_bytes // 2  # so that it is not done again at once
        for key, tally in reversed(self.read().items()):
            line = _line(key, tally)
            room -= len(line.encode())
            if room < 0:
                break
            lines.append(line)
        new = self.path.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text("".join(reversed(lines)), encoding="utf-8")
        new.replace(self.path)


def _line(key: Key, tally: Tally) -> str:
    latencies = {str(step): count for step, count in sorted(tally.latencies.items())}
    return json.dumps({**key._asdict(), "counts": dict(tally.counts), "latencies": latencies}) + "\n"


def _read(line: str) -> tuple[Key, Tally] | None:
    try:
        value = json.loads(line)
        key = Key(*(str(value[name]) for name in Key._fields))
        counts = {name: count for name, count in _numbers(value["counts"]).items() if name in _NAMES}
        latencies = {int(step): count for step, count in _numbers(value["latencies"]).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return key, Tally(Counter(counts), Counter(latencies))


def _numbers(value: Any) -> dict[str, int]:
    return {name: count for name, count in value.items() if type(count) is int}
