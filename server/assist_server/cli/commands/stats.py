"""`assist stats`."""

import argparse
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.session import load
from assist_server.core.errors import AssistError, UsageError
from assist_server.features.statistics import COUNTED, Key, Tally, by_model
from assist_server.features.statistics_file import StatisticsFile

_COLUMNS = (
    *("language", "model", "from", "to"),
    *("shown", "no model", "offered", "accepted", "partly", "kept"),
    *("p50 ms", "p95 ms", "tokens read", "written"),
)


def run(args: argparse.Namespace, output: Output) -> int:
    """Show how completions were used on this machine, by language and model."""
    if args.days is not None and args.days < 1:
        raise UsageError("--days takes a number of days, at least 1")
    _, own = load(args, workspace=None)
    file = StatisticsFile(own.data)
    try:
        found = _since(file.read(), args.days)
    except OSError as error:
        raise AssistError(f"the statistics cannot be read: {error.strerror}", hint=f"look at {file.path}") from error
    if output.as_json:
        output.result(_stats_json(file, found))
    elif not found:
        output.text("no completions were counted yet")
    else:
        rows = [_row(language, model, tally, found) for (language, model), tally in _ranked(found)]
        output.table(_COLUMNS, rows)
    if not output.as_json:
        output.note(f"assist: counted on this machine only, in {file.path}")
    return EXIT_DONE


def _since(found: Mapping[Key, Tally], days: int | None) -> dict[Key, Tally]:
    if days is None:
        return dict(found)
    today = datetime.now(timezone.utc).astimezone().date()
    first = (today - timedelta(days=min(days, today.toordinal()) - 1)).isoformat()
    return {key: tally for key, tally in found.items() if key.day >= first}


def _ranked(found: Mapping[Key, Tally]) -> list[tuple[tuple[str, str], Tally]]:
    return sorted(by_model(found.items()).items(), key=lambda one: (-one[1].counts["shown"], one[0]))


def _days(found: Mapping[Key, Tally], language: str, model: str) -> tuple[str, str]:
    days = [key.day for key in found if (key.language, key.model) == (language, model)]
    return min(days), max(days)


def _row(language: str, model: str, tally: Tally, found: Mapping[Key, Tally]) -> tuple[str, ...]:
    counts = tally.counts
    return (
        *(language or "plain text", model or "none", *_days(found, language, model)),
        str(counts["shown"]),
        _share(counts["shown_without_model"], counts["shown"]),
        str(counts["offered"]),
        f"{counts['accepted']} {_share(counts['accepted'], counts['offered'])}".rstrip(),
        str(counts["partly"]),
        _share(counts["kept"], counts["checked"]),
        *("" if value is None else f"{value:.0f}" for value in (tally.percentile(0.5), tally.percentile(0.95))),
        *(str(counts[name]) for name in ("prompt_tokens", "generated_tokens")),
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""


def _stats_json(file: StatisticsFile, found: Mapping[Key, Tally]) -> dict[str, object]:
    total = Tally()
    for tally in found.values():
        total.add(tally)
    days = [key.day for key in found]
    models = []
    for (language, model), tally in _ranked(found):
        first, last = _days(found, language, model)
        models.append({"language": language, "model": model, "from": first, "to": last, **_numbers(tally)})
    return {
        "file": str(file.path),
        "from": min(days, default=None),
        "to": max(days, default=None),
        "models": models,
        "total": _numbers(total),
    }


def _numbers(tally: Tally) -> dict[str, object]:
    counts = {name: tally.counts[name] for name, _ in COUNTED}
    return {**counts, "ms": {"p50": tally.percentile(0.5), "p95": tally.percentile(0.95)}}
