"""How much of the truth was found, and how much of what was found is true."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

Fact = tuple[str | int, ...]
"""What tells one definition or use from another: file, line, name and whatever else both sides know."""

Facts = dict[str, Counter[Fact]]
"""By kind."""


class Score(NamedTuple):
    """How one kind fares.

    true: facts of the truth. found: those of them that were found. extra: those found that the truth does not have.
    """

    kind: str
    true: int
    found: int
    extra: int

    @property
    def recall(self) -> float:
        return self.found / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.extra) if self.found or self.extra else 1.0


def gathered(facts: Iterable[tuple[str, Fact]]) -> Facts:
    """Sort facts by kind; a fact told twice counts twice."""
    kinds: Facts = {}
    for kind, fact in facts:
        kinds.setdefault(kind, Counter())[fact] += 1
    return kinds


def once(facts: Facts, *kinds: str) -> Facts:
    """Count each fact of some kinds once: an attribute is one, however often it is set."""
    return {kind: Counter(set(count)) if kind in kinds else count for kind, count in facts.items()}


def renamed(facts: Facts, names: Mapping[str, str]) -> Facts:
    """Put kinds together that one of the sides does not tell apart."""
    result: Facts = {}
    for kind, count in facts.items():
        name = names.get(kind, kind)
        result[name] = result.get(name, Counter()) + count
    return result


def scores(truth: Facts, found: Facts) -> dict[str, Score]:
    """Compare, kind by kind; a kind that one side alone has is compared with nothing."""
    result = {}
    for kind in sorted(truth.keys() | found.keys()):
        true, ours = truth.get(kind, Counter()), found.get(kind, Counter())
        both = sum((true & ours).values())
        result[kind] = Score(kind, sum(true.values()), both, sum(ours.values()) - both)
    return result


def check_recall(truth: Facts, found: Facts, least: Mapping[str, tuple[float, float]]) -> None:
    """Assert that the recall and precision of each kind reach what is asked; tell all of them and what is amiss.

    A kind of which the truth has nothing fails, and so does one that nothing is asked of.
    """
    got = scores(truth, found)
    assert truth.keys() == got.keys() == least.keys(), f"other kinds than were asked for\n{table(got)}"
    low = [
        kind
        for kind, (recall, precision) in least.items()
        if got[kind].recall < recall or got[kind].precision < precision
    ]
    assert not low, "\n".join([table(got), *(_amiss(kind, truth, found) for kind in low)])


def table(got: Mapping[str, Score]) -> str:
    """Write the figures, a line for each kind."""
    lines = [f"{one.kind:20} {one.true:7} {one.recall:.4f} {one.precision:.4f}" for one in got.values()]
    return "\n".join([f"{'kind':20} {'n':>7} recall precision", *lines])


def _amiss(kind: str, truth: Facts, found: Facts) -> str:
    true, ours = truth[kind], found.get(kind, Counter())
    missed, extra = list((true - ours).elements()), list((ours - true).elements())
    return f"{kind}: missed {len(missed)}: {missed[:10]}; not in the truth {len(extra)}: {extra[:10]}"
