import difflib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.diff import DiffLine, FileDiff, Hunk, parse_diff, unquote
from assist_context.errors import DiffError

ONE = """\
diff --git a/pkg/io.py b/pkg/io.py
index 83db48f..bf269f4 100644
--- a/pkg/io.py
+++ b/pkg/io.py
@@ -1,4 +1,5 @@ def read(path):
 one
-two
+2
+2.5
 three
 four
@@ -10 +11 @@
-ten
+10
"""


def only(text: str) -> FileDiff:
    (file,) = parse_diff(text)
    return file


def test_a_modified_file():
    file = only(ONE)
    assert (file.old_path, file.new_path, file.path) == ("pkg/io.py", "pkg/io.py", "pkg/io.py")
    assert (file.status, file.old_mode, file.new_mode) == ("modified", "100644", "100644")
    assert not (file.binary)
    assert not (file.submodule)
    assert not (file.unreadable)
    first, second = file.hunks
    assert (first.old_start, first.old_count, first.new_start, first.new_count) == (1, 4, 1, 5)
    assert first.section == "def read(path):"
    assert first.lines == (
        DiffLine("context", 1, 1, "one"),
        DiffLine("removed", 2, None, "two"),
        DiffLine("added", None, 2, "2"),
        DiffLine("added", None, 3, "2.5"),
        DiffLine("context", 3, 4, "three"),
        DiffLine("context", 4, 5, "four"),
    )
    assert (second.old_start, second.old_count, second.new_start, second.new_count) == (10, 1, 11, 1)
    assert file.added_lines() == (2, 3, 11)
    assert file.removed_lines() == (2, 10)


HEADERS = {
    "new": (
        (
            "diff --git a/n.py b/n.py\nnew file mode 100755\nindex 0000000..ce01362\n"
            "--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+hello\n"
        ),
        (None, "n.py", "added", None, "100755", False, False),
    ),
    "new and empty": (
        "diff --git a/with space b/with space\nnew file mode 100644\nindex 0000000..e69de29\n",
        (None, "with space", "added", None, "100644", False, False),
    ),
    "deleted": (
        (
            "diff --git a/d.py b/d.py\ndeleted file mode 100644\nindex ce01362..0000000\n"
            "--- a/d.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-hello\n"
        ),
        ("d.py", None, "deleted", "100644", None, False, False),
    ),
    "renamed": (
        "diff --git a/old name.py b/new.py\nsimilarity index 100%\nrename from old name.py\nrename to new.py\n",
        ("old name.py", "new.py", "renamed", None, None, False, False),
    ),
    "copied with a change": (
        (
            "diff --git a/a.py b/b.py\nsimilarity index 60%\ncopy from a.py\ncopy to b.py\nindex 1c2..3e4 100644\n"
            "--- a/a.py\n+++ b/b.py\n@@ -1 +1 @@\n-x\n+y\n"
        ),
        ("a.py", "b.py", "copied", "100644", "100644", False, False),
    ),
    "mode only": (
        "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n",
        ("run.sh", "run.sh", "modified", "100644", "100755", False, False),
    ),
    "rewritten": (
        "diff --git a/a b/a\ndissimilarity index 95%\nindex 1c2..3e4 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n",
        ("a", "a", "modified", "100644", "100644", False, False),
    ),
    "binary": (
        "diff --git a/p.png b/p.png\nindex 1c2..3e4 100644\nBinary files a/p.png and b/p.png differ\n",
        ("p.png", "p.png", "modified", "100644", "100644", True, False),
    ),
    "binary with its data": (
        (
            "diff --git a/p.png b/p.png\nindex 1c2..3e4 100644\nGIT binary patch\nliteral 4\nLc${NkU}WL}00aO5\n\n"
            "literal 0\nHc$@<O00001\n\n"
        ),
        ("p.png", "p.png", "modified", "100644", "100644", True, False),
    ),
    "binary of plain diff": (
        "Binary files one/p.png and two/p.png differ\n",
        ("one/p.png", "two/p.png", "modified", None, None, True, False),
    ),
    "submodule": (
        (
            "diff --git a/sub b/sub\nindex 1c2..3e4 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n"
            "-Subproject commit 1c2\n+Subproject commit 3e4\n"
        ),
        ("sub", "sub", "modified", "160000", "160000", False, True),
    ),
    "new submodule": (
        (
            "diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..3e4\n--- /dev/null\n+++ b/sub\n"
            "@@ -0,0 +1 @@\n+Subproject commit 3e4\n"
        ),
        (None, "sub", "added", None, "160000", False, True),
    ),
    "submodule log": (
        "Submodule lib/sub 1234567..89abcde:\n  > a commit\n  < another\n",
        ("lib/sub", "lib/sub", "modified", None, None, False, True),
    ),
    "no prefix": (
        "diff --git src/a.c src/a.c\nindex 1c2..3e4 100644\n--- src/a.c\n+++ src/a.c\n@@ -1 +1 @@\n-x\n+y\n",
        ("src/a.c", "src/a.c", "modified", "100644", "100644", False, False),
    ),
    "mnemonic prefix": (
        "diff --git i/a.c w/a.c\nindex 1c2..3e4 100644\n--- i/a.c\n+++ w/a.c\n@@ -1 +1 @@\n-x\n+y\n",
        ("a.c", "a.c", "modified", "100644", "100644", False, False),
    ),
    "own prefixes": (
        "diff --git old/a.c newer/a.c\nindex 1c2..3e4 100644\n--- old/a.c\n+++ newer/a.c\n@@ -1 +1 @@\n-x\n+y\n",
        ("old/a.c", "newer/a.c", "modified", "100644", "100644", False, False),
    ),
    "own prefixes without lines": (
        "diff --git old/a.c newer/a.c\nold mode 100644\nnew mode 100755\n",
        ("old/a.c newer/a.c", "old/a.c newer/a.c", "modified", "100644", "100755", False, False),
    ),
    "quoted": (
        (
            'diff --git "a/\\303\\251\\t\\"x\\\\" "b/\\303\\251\\t\\"x\\\\"\nindex 1c2..3e4 100644\n'
            '--- "a/\\303\\251\\t\\"x\\\\"\n+++ "b/\\303\\251\\t\\"x\\\\"\n@@ -1 +1 @@\n-x\n+y\n'
        ),
        ('é\t"x\\', 'é\t"x\\', "modified", "100644", "100644", False, False),
    ),
    "renamed from a quoted name": (
        'diff --git "a/\\303\\251" b/e\nsimilarity index 100%\nrename from "\\303\\251"\nrename to e\n',
        ("é", "e", "renamed", None, None, False, False),
    ),
    "a name with a blank has a tab after it": (
        "diff --git a/a b b/a b\nindex 1c2..3e4 100644\n--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-x\n+y\n",
        ("a b", "a b", "modified", "100644", "100644", False, False),
    ),
    "two paths of diff --no-index": (
        "diff --git a/one/a.c b/two/b.c\nindex 1c2..3e4 100644\n--- a/one/a.c\n+++ b/two/b.c\n@@ -1 +1 @@\n-x\n+y\n",
        ("one/a.c", "two/b.c", "modified", "100644", "100644", False, False),
    ),
    "plain with times": (
        "--- a.py\t2024-01-01 00:00:00.000000000 +0000\n+++ a.py\t2024-01-02 00:00:00.0 +0000\n@@ -1 +1 @@\n-x\n+y\n",
        ("a.py", "a.py", "modified", None, None, False, False),
    ),
    "plain and new": (
        (
            "diff -uN one/a.py two/a.py\n--- one/a.py\t1970-01-01 00:00:00.000000000 +0000\n"
            "+++ two/a.py\t2024-01-02 00:00:00.0 +0000\n@@ -0,0 +1 @@\n+y\n"
        ),
        (None, "two/a.py", "added", None, None, False, False),
    ),
    "plain and gone": (
        "--- one/a.py\t2024-01-02\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n",
        ("one/a.py", None, "deleted", None, None, False, False),
    ),
    "Mercurial": (
        "diff -r 1c2 -r 3e4 a.py\n--- a/a.py\tThu Jan 01 2024\n+++ b/a.py\tFri Jan 02\n@@ -1,1 +1,1 @@\n-x\n+y\n",
        ("a.py", "a.py", "modified", None, None, False, False),
    ),
    "Subversion": (
        "Index: a.py\n====\n--- a.py\t(revision 1)\n+++ a.py\t(working copy)\n@@ -1 +1 @@\n-x\n+y\n",
        ("a.py", "a.py", "modified", None, None, False, False),
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name):
    text, expected = HEADERS[name]
    file = only(text)
    assert (
        file.old_path,
        file.new_path,
        file.status,
        file.old_mode,
        file.new_mode,
        file.binary,
        file.submodule,
    ) == expected
    assert file.unreadable is None
    assert bool(file.hunks) == ("@@" in text)


def test_headers_with_the_line_endings_of_the_transport():
    assert only(ONE.replace("\n", "\r\n")).added_lines() == (2, 3, 11)
    text, expected = HEADERS["renamed"]
    assert only(text.replace("\n", "\r\n")).new_path == expected[1]


def test_line_endings_of_the_file_are_kept_apart_from_its_lines():
    text = "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n-x\r\n+y\r\n \r\n z\n\\ No newline at end of file\n"
    (hunk,) = only(text).hunks
    assert [(line.text, line.ending) for line in hunk.lines] == [
        ("x", "\r\n"),
        ("y", "\r\n"),
        ("", "\r\n"),
        ("z", ""),
    ]


def test_no_newline_on_both_sides_in_any_language():
    text = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n\\ Kein Zeilenumbruch am Dateiende.\n"
    assert [line.ending for line in only(text).hunks[0].lines] == ["", ""]


def test_hunk_lines_that_look_like_headers():
    text = (
        "--- a/q.sql\n+++ b/q.sql\n@@ -1,3 +1,3 @@\n--- a comment\n-diff --git a/x b/x\n+++ b\n+@@ -1 +1 @@\n c\n"
        "-- \n2.45.0\n"
    )
    (hunk,) = only(text).hunks
    assert [line.text for line in hunk.lines] == ["-- a comment", "diff --git a/x b/x", "++ b", "@@ -1 +1 @@", "c"]


def test_an_empty_context_line_whose_blank_was_stripped():
    (hunk,) = only("--- a/a\n+++ b/a\n@@ -1,3 +1,4 @@\n a\n\n+x\n b\n").hunks
    assert hunk.lines[1] == DiffLine("context", 2, 2, "")
    (crlf,) = only("--- a/a\n+++ b/a\n@@ -1,2 +1,3 @@\n\r\n+x\r\n b\r\n").hunks
    assert crlf.lines[0] == DiffLine("context", 1, 1, "", "\r\n")


def test_a_mail_with_several_files():
    text = (
        "From 1c2 Mon Sep 17\nSubject: [PATCH] change\n\n---\n a | 2 +-\n\n"
        + ONE
        + HEADERS["mode only"][0]
        + "-- \n2.45\n"
    )
    assert [file.path for file in parse_diff(text)] == ["pkg/io.py", "run.sh"]


@pytest.mark.parametrize("kind", ["cc", "combined"])
def test_a_combined_diff_is_named_but_not_read(kind):
    text = (
        f"diff --{kind} a.py\nindex 1c2,3e4..5f6\n--- a/a.py\n+++ b/a.py\n@@@ -1,2 -1,2 +1,3 @@@\n  one\n"
        "--- a/x\n+++ b/x\n++merged\n - gone\n" + ONE
    )
    merged, other = parse_diff(text)
    assert (merged.path, merged.hunks) == ("a.py", ())
    assert "merge" in merged.unreadable
    assert other.path == "pkg/io.py"


def test_an_unmerged_file_is_named():
    assert "conflict" in only("* Unmerged path a.py\n").unreadable


@pytest.mark.parametrize("text", ["", "\n", "  \n\n"])
def test_an_empty_diff_has_no_files(text):
    assert parse_diff(text) == ()


@pytest.mark.parametrize("text", ["hello", "def f():\n    pass\n", "@@ -1 +1 @@\n-a\n+b\n", "--- a\n+++ b\n"])
def test_text_that_is_no_diff_is_refused(text):
    with pytest.raises(DiffError, match="not a unified diff") as caught:
        parse_diff(text)
    assert "git diff" in caught.value.hint


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("@@ -1,2 +1,2 @@\n a\n-b\n", 2),  # cut off
        ("@@ -1 +1 @@\n-a\n-b\n+c\n", 1),  # more lines than promised
        ("@@ -1,2 +1,2 @@\n a\nnonsense\n", 1),
        ("@@ -1,2 +1,2 @@\n a\ndiff --git a/y b/y\nold mode 100644\nnew mode 100755\n", 1),
        ("@@ -one +1 @@\n a\n", 0),
    ],
)
def test_a_broken_hunk_makes_the_file_unreadable_and_says_where(body, read):
    file = parse_diff("--- a/x\n+++ b/x\n" + body)[0]
    assert "line 3 of the diff" in file.unreadable
    assert sum(len(hunk.lines) for hunk in file.hunks) == read


def test_files_after_a_broken_one_are_read():
    first, second = parse_diff("--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n" + ONE)
    assert first.unreadable
    assert second.added_lines() == (2, 3, 11)


def test_colours_and_a_byte_order_mark_are_taken_off():
    colored = "".join(f"\x1b[1m{line}\x1b[m\n" for line in ONE.splitlines())
    assert parse_diff(colored) == parse_diff(ONE)
    assert parse_diff("\ufeff" + ONE) == parse_diff(ONE)


def test_escape_codes_in_the_lines_stay():
    assert only("--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+\x1b[1mbold\n").hunks[0].lines[0].text == "\x1b[1mbold"


def test_a_large_hunk():
    body = "".join(f"+line {n}\n" for n in range(5000))
    file = only(f"--- a/x\n+++ b/x\n@@ -0,0 +1,5000 @@\n{body}")
    assert file.added_lines() == tuple(range(1, 5001))


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("plain", "plain"),
        ('"a\\nb"', "a\nb"),
        ('"\\346\\274\\242"', "漢"),
        ('"\\377"', "\udcff"),
        ('"\\a\\b\\f\\r\\v\\\\\\""', '\a\b\f\r\v\\"'),
        ('"half', '"half'),
    ],
)
def test_quoted_paths(written, path):
    assert unquote(written) == path


GIT = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"]


def test_what_git_really_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def git(*arguments: str) -> str:
        done = subprocess.run([*GIT, *arguments], cwd=tmp_path, check=True, capture_output=True)
        return done.stdout.decode("utf-8", "surrogateescape")

    names = ["plain.py", "a b.py", "é漢😀.py", 'quote"d.py', "tab\t.py", "back\\slash.py"]
    git("init", "-q")
    for name in names:
        (tmp_path / name).write_text("one\ntwo\nthree\n" + name + "\n")
    (tmp_path / "gone.py").write_text("x\n")
    (tmp_path / "moved away.py").write_text("".join(f"line {n}\n" for n in range(20)))
    (tmp_path / "run.sh").write_text("x\n")
    (tmp_path / "data.bin").write_bytes(b"\0\1\2")
    git("add", "-A")
    git("commit", "-qm", "one")
    for name in names:
        (tmp_path / name).write_text("one\nTWO\nthree\n" + name)
    (tmp_path / "gone.py").unlink()
    (tmp_path / "moved away.py").rename(tmp_path / "moved \u00e9.py")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "data.bin").write_bytes(b"\0\1\3")
    (tmp_path / "empty.py").write_text("")
    git("add", "-A")

    for options in (
        [],
        ["-c", "core.quotePath=false"],
        ["-c", "diff.noprefix=true"],
        ["-c", "diff.mnemonicPrefix=true"],
    ):
        files = {file.path: file for file in parse_diff(git(*options, "diff", "--cached", "-M"))}
        assert set(files) == {*names, "gone.py", "moved \u00e9.py", "run.sh", "data.bin", "empty.py"}
        assert all(files[name].added_lines() == (2, 4) for name in names)
        assert files["gone.py"].status == "deleted"
        assert files["moved \u00e9.py"].old_path == "moved away.py"
        assert files["run.sh"].new_mode == "100755"
        assert files["data.bin"].binary
        assert files["empty.py"].status == "added"


lines = st.lists(st.text(alphabet=st.sampled_from("ab -+@\\\t\r\u2028é"), max_size=6), max_size=12)


@given(lines, lines, st.integers(0, 3))
def test_the_new_text_can_be_put_together_from_what_is_read(old, new, context):
    diff = list(difflib.unified_diff([f"{x}\n" for x in old], [f"{x}\n" for x in new], "a/x", "b/x", n=context))
    hunks = parse_diff("".join(diff))[0].hunks if diff else ()
    assert all(line.text == old[line.old - 1].removesuffix("\r") for h in hunks for line in h.lines if line.old)
    assert all(line.text == new[line.new - 1].removesuffix("\r") for h in hunks for line in h.lines if line.new)
    missing = sorted(set(range(1, len(new) + 1)) - {line.new for h in hunks for line in h.lines if line.new})
    unchanged = sorted(set(range(1, len(old) + 1)) - {line.old for h in hunks for line in h.lines if line.old})
    assert [new[n - 1] for n in missing] == [old[n - 1] for n in unchanged]


kinds = st.lists(st.sampled_from(["context", "added", "removed"]), min_size=1, max_size=8)
one_line = st.text(alphabet=st.sampled_from("ab -+@\\\té漢😀"), max_size=6)
MARKS = {"context": " ", "added": "+", "removed": "-"}


@st.composite
def file_diffs(draw: st.DrawFn) -> FileDiff:
    old = new = 1
    hunks = []
    for _ in range(draw(st.integers(1, 3))):
        old, new = old + 3, new + 3
        first = old, new
        found = []
        for kind in draw(kinds):
            text, ending = draw(one_line), draw(st.sampled_from(["\n", "\r\n", ""]))
            found.append(
                DiffLine(kind, old if kind != "added" else None, new if kind != "removed" else None, text, ending)
            )
            old, new = old + (kind != "added"), new + (kind != "removed")
        section = draw(st.sampled_from(["", "def f(x):", "@@ odd"]))
        hunks.append(Hunk(first[0], old - first[0], first[1], new - first[1], section, tuple(found)))
    path = draw(st.sampled_from(["x", "a/b c", "é"]))
    return FileDiff(path, path, hunks=tuple(hunks))


def written(file: FileDiff) -> str:
    parts = [f"--- a/{file.path}\t2024\n+++ b/{file.path}\t2024\n"]
    for hunk in file.hunks:
        parts.append(
            f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@ {hunk.section}".rstrip(" ")
        )
        parts.append("\n")
        for line in hunk.lines:
            end = line.ending or "\n\\ No newline at end of file\n"
            parts.append(MARKS[line.kind] + line.text + end)
    return "".join(parts)


@given(st.lists(file_diffs(), min_size=1, max_size=3))
def test_what_is_written_is_read_back(files):
    assert parse_diff("".join(map(written, files))) == tuple(files)


@given(st.text(alphabet=st.sampled_from('ab-+@ \n\\\r"/1,'), max_size=80))
def test_nothing_but_a_diff_error_comes_out(noise):
    for text in (noise, ONE + noise, "diff --git a/x b/x\n" + noise, "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n" + noise):
        try:
            files = parse_diff(text)
        except DiffError:
            continue
        assert all(file.path for file in files)
