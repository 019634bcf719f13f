"""The report: verdict, exit status, JSON, names of findings, and its look in a terminal."""

import json

import pytest

from assist_server.features.review.rank import ranked
from assist_server.features.review.report import (
    Coverage,
    Evidence,
    Failed,
    Skipped,
    Suppressed,
    exit_status,
    fingerprinted,
    to_json,
)
from assist_server.features.review.text import layout, plain, summary, visible
from support.reviews import a_finding, a_report

FAILED = Coverage(2, 1, failed=(Failed("b.py", "@@ -1,1 +1,1 @@", "the answer is not JSON"),))
UNREAD = Coverage(2, 1, skipped=(Skipped("b.js", "@@ -1,1 +1,1 @@", "a line is too long", expected=False),))
BINARY = Coverage(2, 2, skipped=(Skipped("logo.png", None, "a binary file", expected=True),))


@pytest.mark.parametrize(
    ("coverage", "findings", "verdict"),
    [
        (Coverage(2, 2), (), "clean"),
        (BINARY, (), "clean"),
        (Coverage(2, 2), (a_finding(),), "findings"),
        (FAILED, (), "incomplete"),
        (UNREAD, (a_finding(),), "incomplete"),
        (Coverage(0, 0), (), "clean"),
    ],
)
def test_verdict(coverage: Coverage, findings: tuple, verdict: str) -> None:
    assert a_report(coverage=coverage, findings=findings).verdict == verdict


@pytest.mark.parametrize(
    ("severity", "fail_on", "status"),
    [
        ("error", "error", 1), ("error", "warning", 1), ("error", "info", 1), ("error", "never", 0),
        ("warning", "error", 0), ("warning", "warning", 1), ("warning", "info", 1), ("warning", "never", 0),
        ("info", "error", 0), ("info", "warning", 0), ("info", "info", 1), ("info", "never", 0),
    ],
)  # fmt: skip
def test_exit_status_by_severity(severity: str, fail_on: str, status: int) -> None:
    report = a_report(findings=(a_finding(severity=severity),))
    assert exit_status(report, fail_on) == status


@pytest.mark.parametrize("coverage", [FAILED, UNREAD])
@pytest.mark.parametrize(("findings", "allowed"), [((), 0), ((a_finding(),), 1)])
def test_incomplete_review_is_5_unless_allowed(coverage: Coverage, findings: tuple, allowed: int) -> None:
    report = a_report(coverage=coverage, findings=findings)
    assert exit_status(report, "warning") == 5
    assert exit_status(report, "warning", allow_incomplete=True) == allowed


def test_clean_review_is_0_with_a_binary_file() -> None:
    assert exit_status(a_report(coverage=BINARY), "info") == 0


def test_fingerprint_keeps_when_lines_move_or_the_model_says_it_otherwise() -> None:
    (one,) = fingerprinted([a_finding(fingerprint="")])
    (moved,) = fingerprinted(
        [a_finding(start_line=9, end_line=9, message="x", anchor_text="  return   1 ", severity="info")]
    )
    assert one.fingerprint == moved.fingerprint
    assert one.id == one.fingerprint[:12]


def test_fingerprints_of_equal_lines_differ() -> None:
    first, second = fingerprinted([a_finding(), a_finding(start_line=7, end_line=7)])
    assert first.fingerprint != second.fingerprint
    assert fingerprinted([a_finding(path="b.py")])[0].fingerprint != first.fingerprint
    assert fingerprinted([a_finding(rule="secret")])[0].fingerprint != first.fingerprint


def test_json_has_the_agreed_shape() -> None:
    document = to_json(a_report(findings=(a_finding(),), suppressed=(Suppressed("a.py", None, "m", "r"),)))
    assert document["schema"] == "assist.review/1"
    assert document["model"] == {
        "name": "tiny", "backend": "scripted", "digest": None, "quant": None, "ctx": 4096, "seed": 0, "temp": 0.0,
    }  # fmt: skip
    assert document["coverage"] == {"hunks_total": 2, "reviewed": 2, "cached": 0, "skipped": [], "failed": []}
    assert document["tokens"] == {"prompt": 100, "completion": 10, "exact": True}
    assert document["verdict"] == "findings"
    (finding,) = document["findings"]
    assert finding["id"] == finding["fingerprint"][:12]
    assert finding["evidence"][1] == {"path": "a.py", "line": 2, "text": "    return 1"}
    assert finding["suggestion"] is None


def test_json_of_a_path_that_is_not_utf8() -> None:
    document = to_json(a_report(findings=(a_finding(path="caf\udce9.py", message="\ud800"),)))
    assert "caf\N{REPLACEMENT CHARACTER}.py" in json.dumps(document, ensure_ascii=False).encode().decode()


def test_findings_are_given_by_place() -> None:
    at_nine = a_finding(start_line=9, end_line=9, message="x")
    findings = [a_finding(path="b.py"), at_nine, a_finding(start_line=3, end_line=3)]
    kept, dropped = ranked(findings, ["b.py", "a.py"], 20)
    assert [(f.path, f.start_line) for f in kept] == [("b.py", 2), ("a.py", 3), ("a.py", 9)]
    assert dropped == ()


def test_limit_keeps_the_most_severe_and_counts_the_rest() -> None:
    findings = [
        a_finding(start_line=n, end_line=n, severity=s, message=f"m{n}")
        for n, s in ((1, "info"), (2, "error"), (3, "warning"), (4, "error"))
    ]
    kept, dropped = ranked(findings, ["a.py"], 2)
    assert [f.start_line for f in kept] == [2, 4]
    assert [(s.line, s.reason) for s in dropped] == [
        (3, "over the limit of 2 findings"),
        (1, "over the limit of 2 findings"),
    ]


def test_repetitions_are_dropped() -> None:
    same_line = [a_finding(), a_finding(message="the same in other words")]
    same_words = [a_finding(), a_finding(start_line=9, end_line=9)]
    overlap = [a_finding(start_line=2, end_line=5), a_finding(start_line=4, end_line=6, message="x")]
    for findings in (same_line, same_words, overlap):
        kept, dropped = ranked(findings, ["a.py"], 20)
        assert (len(kept), [s.reason for s in dropped]) == (1, ["it repeats another finding"])
    other_side = [a_finding(), a_finding(side="old", message="x")]
    assert len(ranked(other_side, ["a.py"], 20)[0]) == 2


def test_model_that_agrees_with_a_static_finding_is_a_vote_for_it() -> None:
    static = a_finding(origin="static", rule="secret", severity="error", votes=0, message="a secret")
    kept, dropped = ranked([a_finding(), static], ["a.py"], 20)
    assert [(f.rule, f.origin, f.votes, f.message) for f in kept] == [("secret", "both", 1, "a secret")]
    assert len(dropped) == 1


def test_two_static_findings_on_a_line_are_both_kept() -> None:
    static = a_finding(origin="static", rule="secret", message="one")
    assert len(ranked([static, a_finding(origin="static", rule="secret", message="two")], ["a.py"], 20)[0]) == 2


def test_terminal() -> None:
    evidence = (Evidence("a.py", 40, "\tif x:"),)
    removed = a_finding(side="old", start_line=40, end_line=40, severity="error", evidence=evidence)
    skipped = (
        Skipped("a.png", None, "a binary file", expected=True),
        Skipped("b.png", None, "a binary file", expected=True),
        Skipped("c.js", "@@ -1,1 +1,1 @@", "a line is too long", expected=False),
    )
    failed = (Failed("d.py", "@@ -2,1 +2,1 @@", "the answer is not JSON"),)
    remark = Suppressed("a.py", 1, "m", "it quotes no line")
    coverage = Coverage(5, 3, skipped=skipped, failed=failed)
    report = a_report(findings=(a_finding(), removed), coverage=coverage, suppressed=(remark, remark))
    assert plain(report, place="offline").split("\n") == [
        "a.py:2: warning: It is always one [model]",
        "    1 | def f():",
        "  > 2 |     return 1",
        "",
        "a.py:40 (removed): error: It is always one [model]",
        "  > 40 |     if x:",
        "",
        "could not be read: c.js @@ -1,1 +1,1 @@: a line is too long",
        "failed: d.py @@ -2,1 +2,1 @@: the answer is not JSON",
        "not read: a.png, b.png: a binary file",
        "2 remarks of the model left out: 2 it quotes no line",
        "incomplete, 3 of 5 hunks reviewed, 2 findings, 1.2 s, tiny, offline",
    ]


def test_clean_summary() -> None:
    assert summary(a_report(coverage=Coverage(1, 1))) == "1 of 1 hunk reviewed, no findings, 1.2 s, tiny"


def test_long_list_of_files_that_need_no_reading_is_one_line() -> None:
    skipped = tuple(Skipped(f"{n}.png", None, "a binary file", expected=True) for n in range(9))
    lines = plain(a_report(coverage=Coverage(0, 0, skipped=skipped))).split("\n")
    assert lines[0] == "not read: 0.png, 1.png, 2.png and 6 more: a binary file"


def test_nothing_from_the_diff_can_drive_the_terminal() -> None:
    evil = "\x1b]0;x\x07\u202e\nnext"
    report = a_report(
        findings=(a_finding(path=evil, anchor_text=evil, evidence=(Evidence(evil, 2, evil),)),),
        coverage=Coverage(1, 0, failed=(Failed(evil, "@@ -1,1 +1,1 @@", evil),)),
    )
    for line in layout(report):
        text = "".join(part for part, _ in line)
        assert text.isprintable(), text


def test_long_line_is_cut_and_tabs_are_blanks() -> None:
    assert visible("\ta") == "    a"
    assert len(visible("x" * 1000)) == 160
