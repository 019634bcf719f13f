"""`assist stats`, as a user or a script sees it."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from assist_server.cli.run import run
from assist_server.features.statistics import Key, Tally
from assist_server.features.statistics_file import StatisticsFile


def tally(**counts: int) -> Tally:
    made = Tally()
    made.counts.update(counts)
    made.latencies.update({28: 3, 36: 1})
    return made


@pytest.fixture
def file(tmp_path: Path) -> StatisticsFile:
    return StatisticsFile(tmp_path / "assist-data")


def day(ago: int) -> str:
    return (datetime.now(timezone.utc).astimezone().date() - timedelta(days=ago)).isoformat()


def test_nothing_was_counted(capsys: pytest.CaptureFixture[str], file: StatisticsFile) -> None:
    assert run(["stats"]) == 0
    assert capsys.readouterr() == (
        "no completions were counted yet\n",
        f"assist: counted on this machine only, in {file.path}\n",
    )
    assert run(["stats", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["models"] == []
    assert (told["from"], told["to"], told["total"]["shown"]) == (None, None, 0)
    assert told["total"]["ms"] == {"p50": None, "p95": None}


def test_a_table_for_each_language_and_model(capsys: pytest.CaptureFixture[str], file: StatisticsFile) -> None:
    counts = {"shown": 8, "shown_without_model": 2, "offered": 4, "accepted": 2, "checked": 2, "kept": 1}
    file.add({Key(day(3), "python", "qwen"): tally(**counts), Key(day(0), "python", "qwen"): tally(shown=2)})
    file.add({Key(day(0), "", "qwen"): tally(shown=30)})
    assert run(["stats"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "qwen" in line]
    assert rows[0][:5] == ["plain", "text", "qwen", day(0), day(0)]
    percents = [cell for cell in rows[1] if cell == "%"]
    assert rows[1][:5] == ["python", "qwen", day(3), day(0), "10"]
    assert rows[1][5:] == ["20", "%", "4", "2", "50", "%", "0", "50", "%", "128", "512", "0", "0"]
    assert len(percents) == 3


def test_the_last_days_only(capsys: pytest.CaptureFixture[str], file: StatisticsFile) -> None:
    file.add({Key(day(ago), "python", "qwen"): tally(shown=1) for ago in range(5)})
    for days, shown in (("1", 1), ("3", 3), ("9999999", 5)):
        assert run(["stats", "--json", "--days", days]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["total"]["shown"] == shown
        assert (told["from"], told["to"]) == (day(min(shown, 5) - 1), day(0))
    assert run(["stats", "--days", "0"]) == 2
