"""The tables of part (b)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from completion_replay_figures import Json, Request, requests_of
from index_rig import Table, milliseconds, percentile


@dataclass(frozen=True, slots=True)
class Group:
    """All functions that one arm typed one way; records: as they are kept."""

    name: tuple[str, ...]
    records: Sequence[Json]
    requests: Sequence[Request]

    @property
    def calls(self) -> list[Request]:
        """The answered requests that asked a model."""
        return [each for each in self.requests if each.model and each.latency is not None]


def tables(records: Sequence[Json]) -> Iterator[Table]:
    """Give the tables of what was recorded: of each arm and way, for each half and both."""
    halves = [_group(records, half) for half in ("tune", "report")]
    both = _group(records, None)
    groups = [*(halves if all(halves) else []), both]
    yield _keys([group for part in groups for group in part])
    yield _keys_by_kind(records)
    yield _tokens([group for part in groups for group in part])
    yield _latency(both)
    yield _own(both)
    yield _cancels(both)
    yield _reasons(both)


def _group(records: Sequence[Json], half: str | None) -> list[Group]:
    kept = [record for record in records if half in {None, record["half"]}]
    return list(_groups(kept, lambda record: (record["arm"], record["way"], half or "both")))


def _groups(records: Sequence[Json], name: Callable[[Json], tuple[str, ...]]) -> Iterator[Group]:
    for each in dict.fromkeys(map(name, records)):
        of_name = [record for record in records if name(record) == each]
        yield Group(each, of_name, [request for record in of_name for request in requests_of(record)])


def _keys(groups: Sequence[Group]) -> Table:
    note = (
        "A key shows what is answered before the next one. Right: of what is shown at least the rest of the line is "
        "true. Saved: characters that nobody typed, of all that are typed without suggestions."
    )
    columns = ("arm", "way", "half", *_KEY_COLUMNS)
    return Table("Keys", columns, [(*group.name, *_key_cells(group)) for group in groups], note)


def _keys_by_kind(records: Sequence[Json]) -> Table:
    groups = _groups(records, lambda record: (record["arm"], record["way"], record["kind"]))
    return Table(
        "Keys by kind",
        ("arm", "way", "kind", *_KEY_COLUMNS),
        [(*group.name, *_key_cells(group)) for group in groups],
        "Across: after edits and a view in other files, which only the session tells of.",
    )


_KEY_COLUMNS = (
    "functions",
    "keys",
    "answered in time",
    "shown",
    "right",
    "of right, no model call",
    "p50, p95 of functions",
    "saved",
)


def _key_cells(group: Group) -> tuple[str, ...]:
    keys = [each for each in group.requests if each.in_time]
    right = [each for each in keys if each.right]
    free = [each for each in right if not each.model]
    total = len(group.requests)
    shares = [
        sum(not each.model for each in of_one) / len(of_one)
        for record in group.records
        if (of_one := [each for each in requests_of(record) if each.in_time and each.right])
    ]
    needed = sum(record["needed"] for record in group.records)
    saved = needed - sum(record["typing"]["keys"] for record in group.records)
    return (
        str(len(group.records)),
        str(total),
        _share(len(keys), total),
        _share(sum(each.shown > 0 for each in keys), total),
        _share(len(right), total),
        _share(len(free), len(right)),
        _spread(shares, "{:.2f}".format),
        f"{saved} ({_share(saved, needed)})",
    )


def _tokens(groups: Sequence[Group]) -> Table:
    rows = []
    for group in groups:
        for name, has in (("without", False), ("with", True)):
            calls = [each for each in group.calls if bool(each.suffix) == has and each.evaluated is not None]
            if calls:
                above = [(each.evaluated or 0) - (each.suffix or 0) for each in calls]
                columns = ([each.suffix or 0 for each in calls], [each.evaluated or 0 for each in calls], above)
                written = [each.generated or 0 for each in calls], [each.prompt or 0 for each in calls]
                rows.append(
                    (*group.name, name, str(len(calls)), *(_spread(each, str) for each in (*columns, *written)))
                )
    columns_ = ("arm", "way", "half", "suffix", "calls", "suffix tokens", "evaluated", "evaluated - suffix")
    note = "p50, p95 of the requests that asked a model and were answered. Aims: evaluated <= 40, <= suffix + 24 (p50)."
    return Table("Tokens of a model call", (*columns_, "generated", "prompt"), rows, note)


def _latency(groups: Sequence[Group]) -> Table:
    rows = []
    for group in groups:
        for name, calls in (
            ("no model call", [each for each in group.requests if not each.model and each.latency is not None]),
            ("cold", [each for each in group.calls if each.cold]),
            ("warm", [each for each in group.calls if not each.cold]),
        ):
            if calls:
                both = [((each.latency or 0) - each.waited, each.bare) for each in calls if each.bare]
                seconds = [(each.latency or 0) - each.waited for each in calls]
                rows.append((*group.name[:2], name, str(len(calls)), _spread(seconds, milliseconds), *_ratio(both)))
    note = (
        "Milliseconds p50, p95, without the wait for the next key. Bare: the engine alone, asked for the same tokens "
        "in the same order right after; the other columns are of the same requests. Aim: warm ratio <= 1.15. Where "
        "requests are cancelled the bare engine has less in its cache: read the ratio at pace 0."
    )
    columns = ("arm", "way", "requests", "number", "latency", "with bare", "latency of those", "bare")
    return Table("Latency", (*columns, "p50 / p50", "p95 / p95", "ratio p50, p95"), rows, note)


def _ratio(both: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    if not both:
        return ("0", "", "", "", "", "")
    ours, bare = [each[0] for each in both], [each[1] for each in both]
    of_percentiles = (f"{percentile(ours, share) / percentile(bare, share):.3f}" for share in (0.5, 0.95))
    ratios = [own / other for own, other in both]
    spreads = _spread(ours, milliseconds), _spread(bare, milliseconds)
    return (str(len(both)), *spreads, *of_percentiles, _spread(ratios, "{:.3f}".format))


def _own(groups: Sequence[Group]) -> Table:
    rows = []
    for group in groups:
        for files in sorted({record["files"] for record in group.records}):
            of_files = [record for record in group.records if record["files"] == files]
            own = [
                each.own for record in of_files for each in requests_of(record) if not (each.cold or each.own is None)
            ]
            if own:
                rows.append((*group.name[:2], str(files), str(len(own)), _spread(own, milliseconds, (0.5, 0.95, 0.99))))
    note = (
        "Milliseconds of an answered request in which no call of the engine ran, from the first model call of a file "
        "on. Aim: p99 < 15 with 10,000 files."
    )
    return Table("The server's own share", ("arm", "way", "more files", "requests", "p50, p95, p99"), rows, note)


def _cancels(groups: Sequence[Group]) -> Table:
    rows = []
    for group in groups:
        if cancelled := [each for each in group.requests if each.cancelled]:
            answered = [each.answered for each in cancelled if each.answered is not None]
            freed = [each.freed for each in cancelled if each.freed is not None]
            rows.append(
                (
                    *group.name[:2],
                    str(len(cancelled)),
                    str(len(cancelled) - len(answered)),
                    _spread(answered, milliseconds, (0.5, 0.95, 1.0)),
                    str(len(freed)),
                    _spread(freed, milliseconds, (0.5, 0.95, 1.0)),
                )
            )
    columns = ("arm", "way", "cancelled", "unanswered", "ms to the answer", "engine busy", "ms to the free slot")
    return Table("Cancelled requests", columns, rows, "p50, p95, worst.")


def _reasons(groups: Sequence[Group]) -> Table:
    counted: list[Mapping[str, int]] = [
        Counter(each.how or each.why or "a model's suggestion" for each in group.requests if each.in_time)
        for group in groups
    ]
    names = sorted({name for each in counted for name in each})
    rows = [(name, *(str(each.get(name, 0)) for each in counted)) for name in names]
    return Table("What the answers were", ("answer", *(" ".join(group.name[:2]) for group in groups)), rows)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.3f}" if whole else ""


def _spread(values: Iterable[float], write: Callable[[float], str], shares: Sequence[float] = (0.5, 0.95)) -> str:
    found = list(values)
    return ", ".join(write(percentile(found, share)) for share in shares) if found else ""
