"""Keep account of every hunk while a review goes on."""

from collections.abc import Iterable

from assist_server.features.review.report import Coverage, Failed, Skipped
from assist_server.features.review.units import HunkId, Plan, Unit, left_out, where


class Ledger:
    """Note what became of each unit; a hunk counts as reviewed if all its units were."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._skipped: dict[HunkId, list[Skipped]] = {}
        self._failed: dict[HunkId, list[str]] = {}
        self.answers = 0
        for hunk, skipped in plan.skipped:
            self._skipped.setdefault(hunk, []).append(skipped)

    def reviewed(self) -> None:
        """Note that a unit has a usable answer."""
        self.answers += 1

    def failed(self, unit: Unit, reason: str) -> None:
        """Note that a unit has none."""
        self._failed.setdefault(unit.hunk, []).append(where(unit) + reason)

    def skipped(self, unit: Unit, reason: str) -> None:
        """Note that a unit was not asked about."""
        self._skipped.setdefault(unit.hunk, []).append(left_out(unit, reason))

    def coverage(self, unread: Iterable[Skipped] = ()) -> Coverage:
        """Give the account, `unread` added; a hunk of which one part failed and another was left out is failed."""
        skipped = [*unread, *self._plan.files]
        failed = []
        reviewed = 0
        for hunk in self._plan.hunks:
            left = self._skipped.get(hunk, [])
            reasons = [*self._failed.get(hunk, []), *(s.reason for s in left)]
            if hunk in self._failed:
                failed.append(Failed(hunk.path, hunk.header, "; ".join(reasons)))
            elif left:
                expected = all(s.expected for s in left)
                skipped.append(Skipped(hunk.path, hunk.header, "; ".join(reasons), expected=expected))
            else:
                reviewed += 1
        return Coverage(len(self._plan.hunks), reviewed, tuple(skipped), tuple(failed))
