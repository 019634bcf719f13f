"""Findings that need no model, and the masking of what no model may see."""

import pytest

from assist_context.diff import FileDiff, parse_diff
from assist_server.features.review.report import Finding
from assist_server.features.review.static import masked, static_findings
from assist_server.privacy.masking import mask
from support.reviews import file_patch, new_file_patch

TOKEN = "ghp_" + "R4nD0mQ7xVb2Lk9TzW8sYp3Hc6Jf5Ga1Ue0M"
KEY = (
    "-----BEGIN PRIVATE KEY-----\n" + ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2 + "\n") * 3 + "-----END PRIVATE KEY-----"
)


def parsed(patch: str) -> FileDiff:
    (file,) = parse_diff(patch)
    return file


def found(patch: str) -> list[Finding]:
    return list(static_findings(parsed(patch)))


def text_of(file: FileDiff) -> str:
    return "\n".join(line.text for hunk in file.hunks for line in hunk.lines)


def test_added_secret_is_found_and_nowhere_repeated() -> None:
    patch = file_patch("a.py", f" x = 1\n+token = '{TOKEN}'\n y = 2")
    (finding,) = found(patch)
    assert (finding.rule, finding.severity, finding.category, finding.origin) == (
        "secret",
        "error",
        "security",
        "static",
    )
    assert (finding.side, finding.start_line, finding.end_line) == ("new", 2, 2)
    assert finding.anchor_text == f"token = '{'*' * len(TOKEN)}'"
    assert "github-token" in finding.message
    assert TOKEN not in repr(finding)


@pytest.mark.parametrize("mark", ["+", "-", " "])
def test_secret_is_masked_on_every_kind_of_line(mark: str) -> None:
    file = masked(parsed(file_patch("a.py", f" x\n+y\n{mark}token = '{TOKEN}'")))
    assert TOKEN not in text_of(file)
    assert len(file.hunks[0].lines[2].text) == len(f"token = '{TOKEN}'")


@pytest.mark.parametrize(
    "body",
    [
        f" token = '{TOKEN}'\n+x = 1",
        f"-token = '{TOKEN}'\n+token = load()",
        f"-token = '{TOKEN}'\n+    token = '{TOKEN}'  # moved",
    ],
)
def test_secret_that_the_diff_does_not_add_is_no_finding(body: str) -> None:
    assert found(file_patch("a.py", body)) == []


def test_key_over_several_lines_is_masked_whole() -> None:
    patch = new_file_patch("a.py", f"KEY = '''{KEY}'''\nprint(KEY)")
    (finding,) = found(patch)
    assert (finding.start_line, finding.end_line) == (1, 5)
    shown = text_of(masked(parsed(patch)))
    assert "MII" not in shown
    assert "print(KEY)" in shown


def test_key_that_is_partly_context_is_masked_on_both_sides() -> None:
    lines = KEY.split("\n")
    body = f" {lines[0]}\n {lines[1]}\n-{lines[2]}\n+{lines[3]}\n {lines[4]}"
    assert "MII" not in text_of(masked(parsed(file_patch("a.py", body))))


def test_secret_in_the_hunks_section_is_masked() -> None:
    patch = file_patch("a.py", " a\n+b").replace(" @@\n", f" @@ token = '{TOKEN}'\n")
    assert TOKEN not in masked(parsed(patch)).hunks[0].section


def test_secret_file_is_searched_although_no_model_reads_it() -> None:
    assert [f.rule for f in found(new_file_patch(".env", f"GITHUB_TOKEN={TOKEN}"))] == ["secret"]


def test_mask_keeps_length_and_line_endings() -> None:
    text = f"a\r\n{KEY}\r\nb"
    assert len(mask(text)) == len(text)
    assert mask(text).count("\n") == text.count("\n")
    assert mask("nothing here") == "nothing here"


def test_conflict_is_one_finding_from_its_first_marker_to_its_last() -> None:
    body = " a\n+<<<<<<< HEAD\n+b\n+=======\n+c\n+>>>>>>> topic\n d"
    (finding,) = found(file_patch("a.py", body))
    assert (finding.rule, finding.start_line, finding.end_line) == ("conflict-marker", 2, 6)
    assert finding.anchor_text == "<<<<<<< HEAD"


@pytest.mark.parametrize("marker", ["<<<<<<< ours", ">>>>>>> theirs", "<<<<<<<"])
def test_single_marker_is_found(marker: str) -> None:
    assert [f.anchor_text for f in found(file_patch("a.py", f"+{marker}"))] == [marker]


@pytest.mark.parametrize("line", ["=======", "<<<<<<<< x", "x <<<<<<< y", ">>> x", "||||||| base", "<<<<<<<x"])
def test_what_only_looks_like_a_conflict_is_none(line: str) -> None:
    assert found(file_patch("a.rst", f" Title\n+{line}")) == []


def test_marker_that_was_there_or_goes_away_is_no_finding() -> None:
    assert found(file_patch("a.py", "-<<<<<<< HEAD\n+x\n >>>>>>> b")) == []
