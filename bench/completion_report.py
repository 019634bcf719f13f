"""The tables of part (a): scores of each arm, and how far the others are from the first, with intervals."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from completion_answers import Answers
from completion_arms import Arm
from completion_corpora import LANGUAGES
from completion_parsers import PARSERS, Judge, ParserMissing, Verdict
from completion_scores import Score, compare, judge, mean_of
from completion_tasks import KINDS, Task
from completion_words import standard_words, words_of
from index_rig import Table, percentile

ALL = "all"
MOST_ERRORS = 20  # that are listed
Scores = Mapping[str, Mapping[Task, Score]]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a score, None where a score has none."""

    name: str
    of: Callable[[Score], float | None]


MEASURES = (
    Measure("exact", lambda score: float(score.exact)),
    Measure("EM", lambda score: float(score.em)),
    Measure("similarity", lambda score: score.similarity),
    Measure("identifier F1", lambda score: score.identifier_f1),
    Measure("shown", lambda score: float(score.shown)),
    Measure("invented", lambda score: float(bool(score.invented))),
)


@dataclass(frozen=True, slots=True)
class Results:
    """What was asked and answered.

    asked: the tasks of each arm. holes: all that were cut. folder: of the repositories.
    """

    arms: Sequence[Arm]
    asked: Mapping[str, Sequence[Task]]
    holes: Sequence[Task]
    answers: Answers
    folder: Path


def tables(results: Results) -> Iterator[Table]:
    """Score all answers and give the tables."""
    scores = _scores(results)
    yield _counts(results, scores)
    halves = {task.half for each in scores.values() for task in each}
    for name, part in [*((half, {half}) for half in sorted(halves)), ("both halves", halves)]:
        if name in halves or len(halves) > 1:
            part_scores = {arm: {t: s for t, s in scored.items() if t.half in part} for arm, scored in scores.items()}
            yield _means(name, part_scores)
            if len(scores) > 1:
                yield _differences(name, part_scores)
    yield _by_language(scores)
    yield from _syntax(results)
    yield _unshown(results)


def _scores(results: Results) -> dict[str, dict[Task, Score]]:
    known = _Known(results)
    scores: dict[str, dict[Task, Score]] = {}
    for arm in results.arms:
        answered = (
            (task, answer)
            for task in results.asked[arm.name]
            if (answer := results.answers.get(task.id, arm.name, arm.digest)) is not None
        )
        scores[arm.name] = {task: judge(task, answer.shown, known.of(task)) for task, answer in answered}
    return scores


class _Known:
    """Which words a file has without inventing them."""

    def __init__(self, results: Results) -> None:
        self._folder = results.folder
        self._holes: defaultdict[str, dict[str, Task]] = defaultdict(dict)
        for task in results.holes:
            self._holes[task.repository][task.path] = task
        self._workspace = cache(self._words_of_workspace)

    def of(self, task: Task) -> Callable[[str], bool]:
        """Give what tells whether a word is known to the workspace or the language."""
        workspace = self._workspace(task.repository)
        standard = standard_words(task.text, task.language, self._folder / "declarations")
        return lambda word: word in workspace or word in standard

    def _words_of_workspace(self, repository: str) -> frozenset[str]:
        """Read the workspace as it was indexed: a file with a hole without it."""
        words: set[str] = set()
        root = self._folder / repository
        for file in (path for path in root.rglob("*") if path.is_file()):
            hole = self._holes[repository].get(file.relative_to(root).as_posix())
            words |= words_of(hole.text if hole else file.read_text(encoding="utf-8", errors="replace"))
        return frozenset(words)


def _counts(results: Results, scores: Scores) -> Table:
    rows = []
    for arm in results.arms:
        tasks = scores[arm.name]
        seconds = [
            answer.seconds
            for task in tasks
            if (answer := results.answers.get(task.id, arm.name, arm.digest)) is not None
        ]
        rows.append(
            (
                arm.name,
                f"{len(tasks)} of {len(results.asked[arm.name])}",
                str(len({task.repository for task in tasks})),
                *(f"{percentile(seconds, share):.2f}" if seconds else "" for share in (0.5, 0.95)),
                str(sum(task.repeated for task in tasks)),
            )
        )
    columns = ("arm", "answered", "repositories", "s p50", "s p95", "repeated")
    return Table("Arms", columns, rows, "Repeated: the hole's text stands in another file of its repository too.")


def _means(part: str, scores: Scores) -> Table:
    rows = []
    for kind in (*KINDS, ALL):
        for arm, scored in scores.items():
            found = [score for task, score in scored.items() if kind in {task.kind, ALL}]
            if found:
                rows.append(
                    (kind, arm, str(len(found)), *(_number(mean_of([m.of(s) for s in found])) for m in MEASURES))
                )
    return Table(f"Scores, {part}", ("kind", "arm", "tasks", *(measure.name for measure in MEASURES)), rows)


def _differences(part: str, scores: Scores) -> Table:
    first, *others = scores
    rows = []
    for arm in others:
        for kind in (*KINDS, ALL):
            both = [task for task in scores[arm] if task in scores[first] and kind in {task.kind, ALL}]
            if both:
                cells = (_difference(both, scores[arm], scores[first], measure) for measure in MEASURES)
                rows.append((arm, kind, str(len(both)), *cells))
    note = f"Arm less `{first}` on the same tasks; in brackets 95 % of 10,000 draws of whole repositories."
    columns = ("arm", "kind", "tasks", *(measure.name for measure in MEASURES))
    return Table(f"Differences, {part}", columns, rows, note)


def _difference(tasks: Sequence[Task], one: Mapping[Task, Score], other: Mapping[Task, Score], measure: Measure) -> str:
    pairs: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for task in tasks:
        left, right = measure.of(one[task]), measure.of(other[task])
        if left is not None and right is not None:
            pairs[task.repository].append((left, right))
    found = compare(pairs)
    return "" if found is None else f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _by_language(scores: Scores) -> Table:
    rows = []
    for language in LANGUAGES:
        for arm, scored in scores.items():
            found = [score for task, score in scored.items() if task.language == language]
            if found:
                rows.append(
                    (language, arm, str(len(found)), *(_number(mean_of([m.of(s) for s in found])) for m in MEASURES))
                )
    return Table(
        "Scores by language, both halves", ("language", "arm", "tasks", *(measure.name for measure in MEASURES)), rows
    )


def _syntax(results: Results) -> Iterator[Table]:
    """Give what the languages' parsers say of the shown texts, and the errors that these introduce."""
    parsers = Judge()
    rows, errors, missing = [], [], {}
    for arm in results.arms:
        verdicts: dict[str, Verdict] = {}
        for language in PARSERS:
            try:
                judged = parsers.verdicts(_shown(results, arm, language))
            except ParserMissing as error:
                missing[language] = str(error)
                continue
            if judged:
                rows.append((language, arm.name, *_parsed(judged.values())))
            verdicts |= judged
        if verdicts:
            rows.append((ALL, arm.name, *_parsed(verdicts.values())))
        errors += [(arm.name, name, _cell(verdict.shown)) for name, verdict in verdicts.items() if verdict.introduced]
    note = (
        "Introduced: the file parses with an empty hole and with the truth, but not with the text. Left: it parses "
        "with the truth alone. Neither counts lines that rightly begin a longer truth. Parse: share of the files in "
        "which something was shown. C++ has no parser that reads syntax alone."
    )
    columns = ("language", "arm", "shown", "introduced", "left", "parse", "parse empty", "parse with the truth")
    notes = (note, *(f"{language} is not judged: {why}." for language, why in missing.items()))
    yield Table("Syntax", columns, sorted(rows, key=_language_of_row), " ".join(notes))
    if errors:
        note = f"{MOST_ERRORS} of {len(errors)}." if len(errors) > MOST_ERRORS else ""
        yield Table("Syntax errors introduced", ("arm", "task", "error"), errors[:MOST_ERRORS], note)


def _shown(results: Results, arm: Arm, language: str) -> list[tuple[Task, str]]:
    return [
        (task, answer.shown)
        for task in results.asked[arm.name]
        if task.language == language
        and (answer := results.answers.get(task.id, arm.name, arm.digest)) is not None
        and answer.shown.strip()
    ]


def _parsed(verdicts: Collection[Verdict]) -> Iterator[str]:
    yield from (str(len(verdicts)), str(sum(v.introduced for v in verdicts)), str(sum(v.left for v in verdicts)))
    for errors in ([v.shown for v in verdicts], [v.empty for v in verdicts], [v.truth for v in verdicts]):
        yield _number(mean_of([float(not error) for error in errors]))


def _language_of_row(row: Sequence[str]) -> int:
    return (*PARSERS, ALL).index(row[0])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _unshown(results: Results) -> Table:
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for arm in results.arms:
        for task in results.asked[arm.name]:
            answer = results.answers.get(task.id, arm.name, arm.digest)
            if answer is not None and not answer.shown:
                counts[answer.why or "not said"][arm.name] = counts[answer.why or "not said"].get(arm.name, 0) + 1
    names = [arm.name for arm in results.arms]
    rows = [(why, *(str(found.get(name, 0)) for name in names)) for why, found in sorted(counts.items())]
    return Table("Why nothing was shown", ("reason", *names), rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
