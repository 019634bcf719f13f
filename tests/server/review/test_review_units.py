"""From a diff to units: nothing is lost, nothing is read twice, and what is left out is said."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.diff import parse_diff
from assist_server.features.path_patterns import is_excluded
from assist_server.features.review.units import MAX_CHANGED_LINES, MAX_LINE, Plan, halves, plan
from support.reviews import file_patch, new_file_patch


def planned(patch: str, *exclude: str) -> Plan:
    return plan(parse_diff(patch), exclude)


def test_a_hunk_is_a_unit() -> None:
    patch = file_patch("a.py", " one\n-two\n+2\n three", old=4, new=5)
    result = planned(patch)
    (unit,) = result.units
    assert unit.hunk.path == "a.py"
    assert unit.hunk.header == "@@ -4,3 +5,3 @@"
    assert unit.language == "python"
    assert unit.whole
    assert [(line.kind, line.text) for line in unit.changed()] == [("removed", "two"), ("added", "2")]
    assert result.skipped == result.files == ()


def test_hunk_that_only_removes_is_a_unit() -> None:
    (unit,) = planned(file_patch("a.py", " a\n-if not ok:\n-    raise Stop\n b")).units
    assert [line.old for line in unit.changed()] == [2, 3]


HEAD = "diff --git a/x b/x\n"
WITHOUT_HUNKS = {
    "a binary file": HEAD + "index 1111111..2222222 100644\nBinary files a/x and b/x differ\n",
    "only its mode changes": HEAD + "old mode 100644\nnew mode 100755\n",
    "only renamed": "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n",
    "an empty file": HEAD + "new file mode 100644\nindex 0000000..e69de29\n",
    "the whole file is deleted": HEAD + "deleted file mode 100644\nindex e69de29..0000000\n",
}


@pytest.mark.parametrize("reason", WITHOUT_HUNKS)
def test_file_without_hunks_is_told_and_leaves_the_review_complete(reason: str) -> None:
    result = planned(WITHOUT_HUNKS[reason])
    assert result.units == result.hunks == ()
    assert [(s.hunk, s.reason, s.expected) for s in result.files] == [(None, reason, True)]


SUBMODULE = (
    HEAD + "index 1111111..2222222 160000\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n"
)
LINK = (
    HEAD + "new file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
)
DELETED = HEAD + "deleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (SUBMODULE, "a submodule"),
        (LINK, "a symbolic link"),
        (DELETED, "the whole file is deleted"),
        (new_file_patch(".env", "A=1"), "a file that usually holds secrets; it was searched for them"),
        (new_file_patch("gen/out.py", "a = 1"), "excluded by review.exclude"),
    ],
)
def test_file_that_is_left_out_accounts_for_its_hunks(patch: str, reason: str) -> None:
    result = planned(patch, "gen")
    assert result.units == ()
    assert [(s.hunk, s.reason, s.expected) for _, s in result.skipped] == [(result.hunks[0].header, reason, True)]


def test_merge_diff_makes_the_review_incomplete() -> None:
    result = planned("diff --cc a.py\nindex 1,2..3\n--- a/a.py\n+++ b/a.py\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n")
    assert [(s.path, s.expected) for s in result.files] == [("a.py", False)]


def test_cut_patch_makes_the_review_incomplete() -> None:
    whole = file_patch("a.py", " one\n-two\n+2\n three")
    result = planned(whole.removesuffix(" three\n"))
    assert [s.expected for s in result.files] == [False]


def test_line_that_is_too_long_leaves_out_its_own_part_only() -> None:
    lines = ["+short"] * MAX_CHANGED_LINES + ["+" + "x" * (MAX_LINE + 1)] + ["+end"] * 3
    result = planned(new_file_patch("a.js", "\n".join(line[1:] for line in lines)))
    ((hunk, skipped),) = result.skipped
    assert hunk == result.hunks[0]
    assert skipped.reason.startswith("lines ")
    assert not skipped.expected
    assert result.units
    assert all(len(line.text) <= MAX_LINE for unit in result.units for line in unit.lines)


def test_long_line_of_context_is_clipped() -> None:
    (unit,) = planned(file_patch("a.js", f" {'x' * 5000}\n+a")).units
    assert [len(line.text) for line in unit.lines] == [MAX_LINE, 1]


def test_large_hunk_is_divided_at_blank_lines() -> None:
    text = "\n".join("" if n % 10 == 9 else f"line {n}" for n in range(100))
    units = planned(new_file_patch("a.py", text)).units
    assert len(units) == 3
    assert all(unit.changed()[-1].text == "" for unit in units[:-1])
    assert not any(unit.whole for unit in units)


LINES = st.lists(st.sampled_from([" a", "-b", "+c", "+", " ", "-d", "+e"]), min_size=1, max_size=300)


@given(LINES)
def test_every_changed_line_is_in_exactly_one_unit(lines: list[str]) -> None:
    result = planned(file_patch("a.py", "\n".join(lines)))
    (file,) = parse_diff(file_patch("a.py", "\n".join(lines)))
    expected = [line for hunk in file.hunks for line in hunk.lines if line.kind != "context"]
    assert [line for unit in result.units for line in unit.changed()] == expected
    assert all(len(unit.changed()) <= MAX_CHANGED_LINES for unit in result.units)


@given(LINES)
def test_halves_lose_nothing_and_end(lines: list[str]) -> None:
    units = list(planned(file_patch("a.py", "\n".join(lines))).units)
    expected = Counter(line for unit in units for line in unit.changed())
    smallest = []
    while units:
        unit = units.pop()
        parts = halves(unit)
        units += parts
        smallest += [] if parts else [unit]
    assert all(len(unit.changed()) == 1 and len(unit.lines) <= 7 for unit in smallest)
    assert Counter(line for unit in smallest for line in unit.changed()) == expected


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/b.py", "*.py", True),
        ("a/b.py", "b.py", True),
        ("a/b.py", "a", True),
        ("a/b.py", "a/", True),
        ("a/b.py", "a/*", True),
        ("a/b.py", "b", False),
        ("ab/c.py", "a", False),
        ("package-lock.json", "package-lock.json", True),
        ("x/package-lock.json", "package-lock.json", True),
    ],
)
def test_exclude_patterns(path: str, pattern: str, expected: bool) -> None:
    assert is_excluded(path, [pattern]) is expected
