"""What a model says is passed on only where it quotes a changed line and speaks of what is there."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.features.review.anchor import anchored, one_line
from assist_server.features.review.parse import Remark, UnreadableAnswer, parse_remarks
from assist_server.features.review.report import Finding, Suppressed
from support.reviews import one_unit

BODY = """\
 def last(items, count):
-    if count == 0:
-        return []
     result = []
+    for i in range(len(items) + 1):
+        result.append(items[i])
+        result.append(items[i])
+    total  = 1
     return result"""
UNIT = one_unit(BODY)


def said(quote: str, line: int | None = None, message: str = "It goes past the end") -> Finding | Suppressed:
    return anchored(UNIT, Remark(line, quote, "warning", message))


@pytest.mark.parametrize(
    ("quote", "line", "side", "start", "end"),
    [
        ("    for i in range(len(items) + 1):", 3, "new", 3, 3),
        ("for i in range(len(items) + 1):", 3, "new", 3, 3),
        ("for i in range(len(items) + 1):", 6, "new", 3, 3),
        ("for i in range(len(items) + 1):", None, "new", 3, 3),
        ("+    for i in range(len(items) + 1):", 3, "new", 3, 3),
        ("3 +     for i in range(len(items) + 1):", 3, "new", 3, 3),
        ("range(len(items) + 1)", 99, "new", 3, 3),
        ("result.append(items[i])", 5, "new", 5, 5),
        ("result.append(items[i])", 4, "new", 4, 4),
        ("for i in range(len(items) + 1):\n        result.append(items[i])", 3, "new", 3, 4),
        ("total  = 1", 6, "new", 6, 6),
        ("if count == 0:", 2, "old", 2, 2),
        ("-    if count == 0:\n-        return []", 2, "old", 2, 3),
    ],
)
def test_quote_finds_its_lines(quote: str, line: int | None, side: str, start: int, end: int) -> None:
    finding = said(quote, line)
    assert isinstance(finding, Finding)
    assert (finding.side, finding.start_line, finding.end_line) == (side, start, end)
    assert finding.anchor_text in BODY
    assert (finding.origin, finding.votes, finding.rule) == ("model", 1, "model")


@pytest.mark.parametrize(
    ("quote", "line", "reason"),
    [
        ("result = []", 2, "what it quotes is not on a changed line"),
        ("for i in range(len(items)):", 3, "what it quotes is not on a changed line"),
        ("FOR I IN RANGE(LEN(ITEMS) + 1):", 3, "what it quotes is not on a changed line"),
        ("total = 1", 6, "what it quotes is not on a changed line"),
        ("result.append(items[i])\nfor i in range(len(items) + 1):", 3, "what it quotes is not on a changed line"),
        ("result.append(items[i])", 3, "what it quotes is on several lines"),
        ("result.append(items[i])", None, "what it quotes is on several lines"),
        ("", 3, "it quotes no line"),
        ("  \n ", 3, "it quotes no line"),
        ("[i", 3, "it quotes no line"),
        ("+", 3, "it quotes no line"),
        ("3 + ", 3, "what it quotes is not on a changed line"),
    ],
)
def test_quote_that_is_not_on_one_changed_line_is_left_out(quote: str, line: int | None, reason: str) -> None:
    assert said(quote, line) == Suppressed("a.py", line, "It goes past the end", reason)


def test_evidence_is_the_line_and_its_neighbours_on_its_side() -> None:
    finding, removed = said("for i in range(len(items) + 1):"), said("if count == 0:")
    assert isinstance(finding, Finding)
    assert isinstance(removed, Finding)
    assert [(e.line, e.text.strip()[:6]) for e in finding.evidence] == [(2, "result"), (3, "for i "), (4, "result")]
    assert [(e.line, e.text.strip()[:6]) for e in removed.evidence] == [(1, "def la"), (2, "if cou"), (3, "return")]


QUOTE = "for i in range(len(items) + 1):"


@pytest.mark.parametrize(
    "message",
    [
        "`items[i]` is read past its end",
        "`i` may be `len(items)`, which raises `IndexError`",
        "Return `None` where `count` is 0",
        "`a.py` reads too much",
        "The variable not_here in plain words is not checked",
    ],
)
def test_message_about_what_is_there_is_passed_on(message: str) -> None:
    assert isinstance(said(QUOTE, message=message), Finding)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("`fetch_all` may fail", "it names what is not in the hunk"),
        ("call `items.sort()` first", "it names what is not in the hunk"),
        ("`result` is never used", "it claims what a hunk cannot show"),
        ("The function helper is not defined", "it claims what a hunk cannot show"),
        ("os has not been imported", "it claims what a hunk cannot show"),
        ("There is a missing import", "it claims what a hunk cannot show"),
        ("No issues found", "it says that nothing is wrong"),
        ("The code looks good", "it says that nothing is wrong"),
        ("There are no bugs in this line", "it says that nothing is wrong"),
        (" \n\t", "it says nothing"),
        ("\x1b\x00", "it says nothing"),
    ],
)
def test_message_that_cannot_be_trusted_is_left_out(message: str, reason: str) -> None:
    outcome = said(QUOTE, 3, message)
    assert isinstance(outcome, Suppressed)
    assert outcome.reason == reason


def test_message_is_one_clean_line() -> None:
    assert one_line("a\nb\r\n  c\x1b[31m\u202ed\u2028e\ud800") == "a b c[31md e"
    assert one_line("x" * 299) == "x" * 299
    assert len(one_line("x" * 5000)) == 300


@given(st.text(max_size=500))
def test_no_message_keeps_control_characters(message: str) -> None:
    text = one_line(message)
    assert len(text) <= 300
    assert not any(unicodedata.category(char)[0] in "CZ" and char != " " for char in text)


@given(st.sampled_from(BODY.split("\n")), st.integers(0, 40), st.integers(0, 40), st.none() | st.integers(0, 12))
def test_every_finding_quotes_a_changed_line_verbatim(source: str, start: int, end: int, line: int | None) -> None:
    quote = source[start:end]
    outcome = said(quote, line)
    if isinstance(outcome, Finding):
        anchors = [(old.new if outcome.side == "new" else old.old, old.text) for old in UNIT.changed()]
        assert (outcome.start_line, outcome.anchor_text) in anchors
        assert quote.strip() in outcome.anchor_text or quote[1:].strip() in outcome.anchor_text


def test_answer_is_read() -> None:
    answer = '{"findings": [{"line": 3, "quote": "q", "severity": "error", "message": "m"}]}'
    expected = (Remark(3, "q", "error", "m"),)
    assert parse_remarks(answer) == parse_remarks(f"```json\n{answer}\n```\n") == expected
    assert parse_remarks('{"findings": []}') == ()


ITEM = '{"line": 3, "quote": "q", "severity": "error", "message": "m"}'


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "No problems found.",
        '{"findings": [',
        '{"findings": [' + ITEM,
        "[]",
        "null",
        '{"findings": null}',
        '{"findings": {}}',
        '{"result": []}',
        '{"findings": ["text"]}',
        '{"findings": [' + ITEM.replace('"error"', '"fatal"') + "]}",
        '{"findings": [' + ITEM.replace('"severity": "error", ', "") + "]}",
        '{"findings": [' + ITEM.replace('"q"', "7") + "]}",
        "[" * 100_000,
    ],
)
def test_answer_that_is_not_what_was_asked_for_is_an_error(answer: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_remarks(answer)


@pytest.mark.parametrize("line", ['"3"', "true", "null", "3.5"])
def test_line_that_is_no_number_is_no_line(line: str) -> None:
    answer = '{"findings": [' + ITEM.replace('"line": 3', f'"line": {line}') + "]}"
    assert parse_remarks(answer)[0].line is None
