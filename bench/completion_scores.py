"""Judge what was shown at a hole, and compare arms over repositories.

All scores are of the text that a person would see, as the server gave it: only blanks at its end do not count.
"""

import random
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from completion_tasks import Task
from completion_words import code_of, identifiers_of, words_of

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Score:
    """How good one shown text is; everything is 0 where nothing was shown.

    exact: it is the hole. em: it is, when cut to the hole's number of lines. similarity: of the whole text to the hole,
    0 to 1, twice the characters of the longest common subsequence by those of both. identifier_f1: of the identifiers,
    None where the hole has none. invented: identifiers that nothing accounts for.
    """

    shown: bool
    exact: bool
    em: bool
    similarity: float
    identifier_f1: float | None
    invented: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of one arm less that of another over the same tasks, and its interval at 95 %."""

    mean: float
    low: float
    high: float
    tasks: int
    repositories: int


def judge(task: Task, shown: str, known: Callable[[str], bool]) -> Score:
    """Score a text that was shown at a task's hole, `""` for nothing.

    known: tells whether a word is accounted for by the workspace or the language; the file's own and the hole's are.
    """
    shown, hole = shown.rstrip(), task.hole.rstrip()
    if not shown:
        f1 = 0.0 if identifiers_at(task, hole) else None
        return Score(shown=False, exact=False, em=False, similarity=0.0, identifier_f1=f1, invented=())
    lines = hole.count("\n") + 1
    cut = "\n".join(shown.split("\n")[:lines]).rstrip()
    written, wanted = identifiers_at(task, shown), identifiers_at(task, hole)
    own = words_of(task.text) | words_of(task.whole)  # a cut in a word leaves its halves behind
    invented = dict.fromkeys(word for word in written if word not in own and not known(word))
    return Score(
        shown=True,
        exact=shown == hole,
        em=cut == hole,
        similarity=similarity(shown, hole),
        identifier_f1=f1_of(written, wanted) if wanted else None,
        invented=tuple(invented),
    )


def identifiers_at(task: Task, filling: str) -> list[str]:
    """Give the identifiers of a text in the place of the hole; one that the hole cuts in two counts as a whole."""
    before = task.text[: task.offset]
    code = code_of(before + filling, task.language)
    start = task.offset
    while start and (before[start - 1].isalnum() or before[start - 1] == "_"):
        start -= 1
    return identifiers_of(code[start:], task.language)


def similarity(left: str, right: str) -> float:
    """Give twice the length of the longest common subsequence by the length of both texts; 1 for two empty ones."""
    if not left and not right:
        return 1.0
    return 2 * common_subsequence(left, right) / (len(left) + len(right))


def common_subsequence(left: str, right: str) -> int:
    """Give the length of the longest common subsequence, by the bits of one number for a whole row (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, character in enumerate(left):
        places[character] = places.get(character, 0) | 1 << place
    everything = (1 << len(left)) - 1
    row = everything
    for character in right:
        matches = row & places.get(character, 0)
        row = ((row + matches) | (row - matches)) & everything
    return len(left) - row.bit_count()


def f1_of(written: Sequence[str], wanted: Sequence[str]) -> float:
    """Give the harmonic mean of precision and recall, each identifier as often as it stands there."""
    both = (Counter(written) & Counter(wanted)).total()
    return 2 * both / (len(written) + len(wanted)) if both else 0.0


def compare(
    pairs: Mapping[str, Sequence[tuple[float, float]]], *, resamples: int = RESAMPLES, seed: int = 1
) -> Difference | None:
    """Compare two arms, given by repository as pairs of one task's values, the arm's first; None without any pair.

    The interval is of a bootstrap that draws whole repositories: tasks of one are alike.
    """
    drawn = [(sum(one - other for one, other in each), len(each)) for each in pairs.values() if each]
    if not drawn:
        return None
    random_ = random.Random(seed)  # noqa: S311 - no secret
    means = sorted(_mean(random_.choices(drawn, k=len(drawn))) for _ in range(resamples))
    low, high = (means[min(resamples - 1, int(share * resamples))] for share in (0.025, 0.975))
    return Difference(_mean(drawn), low, high, sum(count for _, count in drawn), len(drawn))


def mean_of(values: Sequence[float | None]) -> float | None:
    """Give the mean of what there is, None for nothing."""
    there = [value for value in values if value is not None]
    return statistics.fmean(there) if there else None


def _mean(sums: Sequence[tuple[float, int]]) -> float:
    return sum(total for total, _ in sums) / sum(count for _, count in sums)
