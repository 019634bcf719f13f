"""A broken-off run goes on, and what is shown is what the document would gain."""

from dataclasses import replace

import pytest
from completion_answers import Answer, Answers
from completion_session import shown_text
from completion_tasks import Task

ANSWER = Answer("task", "file", "digest", "x = 1\n", "", 0.5)
TASK = Task("one", "repo", "Python", "tune", "tail", "a.py", "python", "é = 漢(\n)\nfoo\n", 6, "hole", repeated=False)


def test_answers_are_found_by_task_arm_and_digest(tmp_path):
    file = tmp_path / "new" / "answers.jsonl"
    Answers(file).add([ANSWER])
    again = Answers(file)
    assert again.get("task", "file", "digest") == ANSWER
    assert again.get("task", "file", "other") is None
    assert again.get("task", "all", "digest") is None


def test_half_a_line_is_left_out_and_does_not_spoil_the_next(tmp_path):
    file = tmp_path / "answers.jsonl"
    Answers(file).add([ANSWER])
    with file.open("a") as broken:
        broken.write('\n{"task": "half"')
    answers = Answers(file)
    assert answers.get("task", "file", "digest") == ANSWER
    other = replace(ANSWER, task="other")
    answers.add([other])
    assert Answers(file).get("other", "file", "digest") == other


def item(text, start=None, end=None):
    range_ = (
        {
            "start": dict(zip(("line", "character"), start, strict=True)),
            "end": dict(zip(("line", "character"), end, strict=True)),
        }
        if start
        else None
    )
    return {"insertText": text, **({"range": range_} if range_ else {})}


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (None, ""),
        ([], ""),
        ({"items": []}, ""),
        ({"items": [item("bar")]}, "bar"),
        ([item("bar"), item("other")], "bar"),
        ({"items": [item({"kind": "snippet", "value": "bar"})]}, "bar"),
        ({"items": [item("a\r\nb")]}, "a\nb"),
        ({"items": [item("bar", (0, 6), (0, 6))]}, "bar"),
        ({"items": [item("漢(bar", (0, 4), (0, 6))]}, "bar"),
        ({"items": [item("é = 漢(bar\n)", (0, 0), (1, 1))]}, "bar"),
        ({"items": [item("else", (0, 4), (0, 6))]}, "else"),
    ],
)
def test_what_is_shown_is_what_the_document_gains(answer, shown):
    assert shown_text(TASK, answer, line=0) == shown
