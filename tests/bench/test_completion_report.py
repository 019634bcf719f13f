"""The tables hold what was asked and answered, each arm beside the first on the same tasks."""

from dataclasses import replace

import completion_parsers
import pytest
from completion_answers import Answer, Answers
from completion_arms import Arm
from completion_parsers import ParserMissing
from completion_quality import TUNED, chosen, usual
from completion_report import Results, tables
from completion_tasks import KINDS, Task


def task(repository, kind, half="report", language="Python"):
    text = "def load(path):\n    \n"
    return Task(
        f"{repository}:{kind}",
        repository,
        language,
        half,
        kind,
        f"{kind}.py",
        "python",
        text,
        20,
        "return path.known",
        repeated=False,
    )


HALVES = ("tune", "report", "report") * 2
TASKS = [task(f"repo{number}", kind, half) for number, half in enumerate(HALVES) for kind in KINDS]
FILE, BETTER = Arm("file", (), digest="1"), Arm("better", (), digest="2")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Give the rows of all tables by their titles."""
    tmp_path = tmp_path_factory.mktemp("report")
    for each in TASKS:
        folder = tmp_path / "all" / each.repository
        folder.mkdir(parents=True, exist_ok=True)
        (folder / each.path).write_text(each.whole)
    answers = Answers(tmp_path / "answers.jsonl")
    for each in TASKS:
        good = each.kind == "line"
        answers.add(
            [
                Answer(each.id, "file", "1", "return invented_here", "", 1.0),
                Answer(each.id, "better", "2", each.hole if good else "", "" if good else "no idea", 2.0),
                Answer(each.id, "better", "of an older version", each.hole, "", 9.0),
            ]
        )
    results = Results((FILE, BETTER), {"file": TASKS, "better": TASKS}, TASKS, answers, tmp_path / "all")
    return {
        table.title: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in tables(results)
    }


def test_each_kind_and_arm_has_its_means(found):
    rows = {(row["kind"], row["arm"]): row for row in found["Scores, both halves"]}
    line = rows["line", "better"]
    assert (line["exact"], line["EM"], line["shown"], line["invented"]) == ("1.000", "1.000", "1.000", "0.000")
    assert rows["tail", "better"]["shown"] == rows["tail", "better"]["similarity"] == "0.000"
    assert rows["all", "file"]["invented"] == "1.000"
    assert rows["all", "better"]["exact"] == "0.250"
    assert rows["all", "file"]["tasks"] == str(len(TASKS))


def test_halves_are_apart(found):
    assert {row["tasks"] for row in found["Scores, tune"] if row["kind"] == "all"} == {"8"}
    assert {row["tasks"] for row in found["Scores, report"] if row["kind"] == "all"} == {"16"}


def test_differences_are_to_the_first_arm(found):
    rows = {(row["arm"], row["kind"]): row for row in found["Differences, both halves"]}
    assert {arm for arm, _ in rows} == {"better"}
    assert rows["better", "line"]["exact"] == "+1.000 (+1.000 to +1.000)"
    assert rows["better", "all"]["invented"].startswith("-1.000")


def test_what_was_not_shown_says_why(found):
    assert found["Why nothing was shown"] == [{"reason": "no idea", "file": "0", "better": "18"}]


def test_shown_texts_are_read_by_the_parser(found):
    rows = {(row["language"], row["arm"]): row for row in found["Syntax"]}
    assert rows.keys() == {(language, arm) for language in ("Python", "all") for arm in ("file", "better")}
    file, better = rows["Python", "file"], rows["all", "better"]
    assert (file["shown"], file["introduced"], file["left"]) == (str(len(TASKS)), "0", "0")
    assert (file["parse"], file["parse empty"], file["parse with the truth"]) == ("1.000", "0.000", "1.000")
    assert better["shown"] == "6"
    assert "Syntax errors introduced" not in found


@pytest.fixture
def with_errors(tmp_path, monkeypatch):
    """Give the tables of syntax where all arms show what does not parse, and Go has no parser."""
    monkeypatch.setattr(completion_parsers, "PARSERS", {**completion_parsers.PARSERS, "Go": no_parser})
    tasks = [
        replace(task(f"repo{number}", "line"), text="def load(path):\n    pass\n    \n", offset=29)
        for number in range(25)
    ]
    tasks += [replace(task("whole", "line"), text="total = \n", offset=8), task("go", "line", language="Go")]
    answers = Answers(tmp_path / "answers.jsonl")
    answers.add(Answer(each.id, "file", "1", "a | b)", "", 1.0) for each in tasks)
    return {
        table.title: table
        for table in tables(Results((FILE,), {"file": tasks}, tasks, answers, tmp_path / "all"))
        if table.title.startswith("Syntax")
    }


def no_parser(files):
    message = "`gofmt` is not on PATH"
    raise ParserMissing(message)


def test_errors_that_a_text_introduces_are_counted_and_listed(with_errors):
    (row, total) = with_errors["Syntax"].rows
    assert row[0] == "Python"
    assert row[1:] == total[1:] == ("file", "26", "25", "0", "0.000", "0.962", "0.962")
    listed = with_errors["Syntax errors introduced"]
    assert len(listed.rows) == 20
    assert listed.rows[0] == ("file", "repo0:line", "line 3: unmatched ')'")
    assert listed.note == "20 of 25."


def test_a_missing_parser_is_told_below_the_table(with_errors):
    assert with_errors["Syntax"].note.endswith("Go is not judged: `gofmt` is not on PATH.")


def test_answers_with_other_settings_do_not_count(found):
    assert {row["arm"]: row["s p50"] for row in found["Arms"]} == {"file": "1.00", "better": "2.00"}


def test_a_part_of_the_tasks_has_as_many_of_each_kind():
    picked = chosen(TASKS, 8)
    assert [sum(each.kind == kind for each in picked) for kind in KINDS] == [2, 2, 2, 2]
    assert picked == chosen(list(reversed(TASKS)), 8)[::-1]
    assert picked == [each for each in TASKS if each in picked]
    assert {each.id for each in chosen(TASKS, 4)} <= {each.id for each in picked}


def test_a_usual_run_asks_all_that_is_reported_and_a_part_of_the_rest():
    many = [replace(one, id=f"{one.id}{number}") for number in range(2 * TUNED) for one in TASKS]
    picked = usual(many)
    assert [one for one in picked if one.half == "report"] == [one for one in many if one.half == "report"]
    assert sum(one.half == "tune" for one in picked) == TUNED
