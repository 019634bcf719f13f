"""Which files are found, read and known to have changed, and nothing outside the workspace."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assist_context.index.ignore import LARGEST, Reason
from assist_context.index.patterns import GitSays, Rule
from assist_context.index.records import FileRecord
from assist_context.index.scan import Content, changes, place_in, read_dated, read_file, walk, why
from support.repositories import new_repository, plain_git, write_files

OLD = 1_600_000_000_123_456_789


def record(root: Path, path: str) -> FileRecord:
    """Give what an index has of a file that it read a while ago."""
    os.utime(root / path, ns=(OLD, OLD))
    return FileRecord(path, "python", b"", (root / path).stat().st_size, OLD)


def listed_by_git(root: Path) -> list[str]:
    return sorted(filter(None, plain_git(root, "ls-files", "-coz", "--exclude-standard").split("\0")))


# -- walk


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_repository(tmp_path_factory.mktemp("walked"))


names = st.sampled_from(["a", "b", "ab", "c.log", "é", "a b", "b ", "!a", "#a", "[a]", "x\\", "*"])
files = st.lists(st.lists(names, min_size=1, max_size=4).map("/".join), min_size=1, max_size=14)
pieces = st.sampled_from(
    [
        "a",
        "b",
        "*",
        "**",
        "/",
        "/",
        "?",
        "*.log",
        "[!b]",
        "[a-c]",
        "é",
        "\\ ",
        " ",
        "\\!",
        "\\#",
        "#",
        "!",
        "\\[",
        "\\\\",
    ]
)
patterns = st.builds(
    "{}{}{}".format, st.sampled_from(["", "", "!"]), st.lists(pieces, max_size=4).map("".join),
    st.sampled_from(["", "/"]),
)  # fmt: skip
ignore_files = st.dictionaries(
    st.lists(names, max_size=2).map("/".join), st.lists(patterns, min_size=1, max_size=4).map("\n".join), max_size=4
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(paths=files, ignored=ignore_files)
def test_walks_what_git_lists(repository: Path, paths: list[str], ignored: dict[str, str]) -> None:
    for entry in repository.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path, text in [*((path, "") for path in paths), *((f"{at}/.gitignore", text) for at, text in ignored.items())]:
        file = repository / path.lstrip("/")
        if not any(above.is_file() for above in file.parents) and not file.is_dir():
            write_files(repository, {path.lstrip("/"): text})
    assert sorted(walk(repository)) == listed_by_git(repository)


def test_walks_links_without_following_them_and_no_pipe(repository: Path, tmp_path: Path) -> None:
    root = new_repository(tmp_path / "repo", {"src/a.py": "1\n", "raw/x": ""})
    (root / "link").symlink_to(root / "src")
    (root / "loop").symlink_to(root)
    (root / "gone").symlink_to(root / "nowhere")
    (root / ".gitignore").symlink_to(root / "src" / "a.py")
    os.mkfifo(root / "pipe")
    os.mkfifo(root / "src" / ".gitignore")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "s"))
        assert walk(root) == (".gitignore", "gone", "link", "loop", "raw/x", "src/a.py")


def test_walks_without_what_the_repository_excludes_unless_its_own_patterns_say_otherwise(tmp_path: Path) -> None:
    files = {".gitignore": "!kept.log\n", "a.log": "", "kept.log": "", "b/c.log": "", "b/d.py": ""}
    root = new_repository(tmp_path / "repo")
    write_files(root, {**files, ".git/info/exclude": "*.log\n"})
    assert list(walk(root)) == listed_by_git(root) == [".gitignore", "b/d.py", "kept.log"]
    assert why(root, "b/c.log").rule == Rule(".git/info/exclude", 1, "*.log")
    assert why(root, "kept.log").reason is None


def test_does_not_walk_what_tools_fill(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"a.py": "", "node_modules/b/c.js": "", "env/pyvenv.cfg": "", "env/d.py": "", "target/CACHEDIR.TAG": "",
         "target/e.rs": "", ".github/f.yml": "", "build/g.py": ""},
    )  # fmt: skip
    assert walk(tmp_path) == (".github/f.yml", "a.py", "build/g.py")


def test_walks_other_repositories_where_there_is_none_around_them(tmp_path: Path) -> None:
    new_repository(tmp_path / "one", {"a.py": "", ".gitignore": "*.log\n"})
    write_files(tmp_path, {"one/b.log": "", "two/.git": "gitdir: nowhere\n", "two/c.py": ""})
    assert walk(tmp_path) == ("one/.gitignore", "one/a.py", "two/c.py")


def test_walks_names_that_are_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.py")).write_text("")
    assert walk(tmp_path) == ("a\udcff.py",)
    assert read_file(tmp_path, "a\udcff.py") == b""


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert walk(tmp_path / "nowhere") == ()


# -- reading


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    write_files(root, {"a.py": "a = 1\n", "b/c/d.py": "d = 1\n", "big.py": "x" * 11})
    write_files(tmp_path, {"outside/secret.py": "leak = 1\n"})
    (root / "link.py").symlink_to(root / "a.py")
    (root / "out.py").symlink_to(tmp_path / "outside" / "secret.py")
    (root / "way").symlink_to(tmp_path / "outside")
    (root / "inner").symlink_to(root / "b")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.py", b"a = 1\n"),
        ("b/c/d.py", b"d = 1\n"),
        ("big.py", Reason.LARGE),
        ("b", Reason.NOT_A_FILE),
        ("link.py", Reason.NOT_A_FILE),
        ("out.py", Reason.NOT_A_FILE),
        ("pipe", Reason.NOT_A_FILE),
        ("way/secret.py", Reason.BEHIND_LINK),
        ("inner/c/d.py", Reason.BEHIND_LINK),
        ("nowhere.py", Reason.MISSING),
        ("a.py/x", Reason.MISSING),
        ("a\0.py", Reason.OUTSIDE),
        ("../outside/secret.py", Reason.OUTSIDE),
        ("b/../../outside/secret.py", Reason.OUTSIDE),
        ("/etc/passwd", Reason.OUTSIDE),
        ("", Reason.OUTSIDE),
        ("x" * 300, Reason.MISSING),
    ],
)
def test_reads_no_file_but_those_of_the_workspace(root: Path, path: str, found: bytes | Reason) -> None:
    assert read_file(root, path, 10) == found


def test_reads_below_a_root_that_is_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(root)
    assert read_file(tmp_path / "here", "b/c/d.py") == b"d = 1\n"


@pytest.mark.parametrize("path", ["a.py", "b/c/d.py", "out.py", "way/secret.py", "inner/c/d.py", "nowhere.py"])
def test_reads_the_same_where_folders_cannot_be_opened(root: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_file(root, path)
    monkeypatch.setattr(os, "supports_dir_fd", frozenset())
    found = read_file(root, path)
    assert found == expected or {found, expected} == {Reason.BEHIND_LINK, Reason.NOT_A_FILE}


def test_a_file_that_was_just_changed_has_no_time(root: Path) -> None:
    os.utime(root / "a.py", ns=(OLD, OLD))
    assert read_dated(root, "a.py") == Content(b"a = 1\n", OLD)
    (root / "a.py").write_text("a = 2\n")
    assert read_dated(root, "a.py") == Content(b"a = 2\n", 0)
    later = (root / "a.py").stat().st_mtime_ns + 3_600_000_000_000
    os.utime(root / "a.py", ns=(later, later))
    assert read_dated(root, "a.py") == Content(b"a = 2\n", 0)


# -- changes


def test_tells_what_changed_what_is_gone_and_what_stays_out(root: Path) -> None:
    write_files(
        root,
        {"new.py": "", "same.py": "1", "touched.py": "1", "longer.py": "1", "unsure.py": "1", ".env": "K=1",
         "x.min.js": "", "large.py": "x" * (LARGEST + 1), "env/pyvenv.cfg": "", "env/lib/a.py": "",
         "hidden/.assistignore": "*.py\n", "hidden/a.py": "", "hidden/b.txt": "", "gone.py": ""},
    )  # fmt: skip
    records = {path: record(root, path) for path in ("same.py", "touched.py", "longer.py", "gone.py", "hidden/a.py")}
    records["unsure.py"] = record(root, "unsure.py")._replace(changed=0)
    records["way/secret.py"] = FileRecord("way/secret.py", "python", b"", 9, OLD)
    os.utime(root / "touched.py")
    (root / "longer.py").write_text("12")
    os.utime(root / "longer.py", ns=(OLD, OLD))
    (root / "gone.py").unlink()
    listed = [
        *records,
        "new.py",
        ".env",
        "x.min.js",
        "large.py",
        "env/lib/a.py",
        "hidden/b.txt",
        "link.py",
        "pipe",
        "b",
    ]
    listed.remove("way/secret.py")
    found = changes(root, [*listed, "new.py", "../outside/secret.py"], records)
    assert sorted(found.new_or_changed) == ["hidden/b.txt", "longer.py", "new.py", "touched.py", "unsure.py"]
    assert sorted(found.gone) == ["gone.py", "hidden/a.py", "way/secret.py"]
    assert dict(found.left_out) == {
        "hidden/a.py": Reason.ASSIST_IGNORED,
        ".env": Reason.PRIVATE,
        "x.min.js": Reason.GENERATED,
        "large.py": Reason.LARGE,
        "env/lib/a.py": Reason.MADE_BY_TOOLS,
        "link.py": Reason.NOT_A_FILE,
        "pipe": Reason.NOT_A_FILE,
        "b": Reason.NOT_A_FILE,
        "../outside/secret.py": Reason.OUTSIDE,
    }


def test_assistignore_means_what_gitignore_means(root: Path) -> None:
    write_files(
        root,
        {".assistignore": "/docs/\n*.sql\n!keep.sql\n", "docs/.assistignore": "!a.md\n", "docs/a.md": "", "x.sql": "",
         "keep.sql": "", "b/.assistignore": "!x.sql\n/c\n", "b/x.sql": ""},
    )  # fmt: skip
    out = dict(changes(root, ["docs/a.md", "x.sql", "keep.sql", "b/x.sql", "b/c/d.py", "a.py"], {}).left_out)
    assert out == dict.fromkeys(["docs/a.md", "x.sql", "b/c/d.py"], Reason.ASSIST_IGNORED)


def test_a_name_that_is_not_utf_8_stays_out(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.py")).write_text("")
    assert changes(tmp_path, walk(tmp_path), {}) == ((), (), (("a\udcff.py", Reason.NAME),))
    assert why(tmp_path, "a\udcff.py").reason is Reason.NAME


def test_deep_folders_are_no_trouble(tmp_path: Path) -> None:
    path = "d/" * 1500 + "a.py"
    assert changes(tmp_path, [path], {path: FileRecord(path, "", b"", 0, OLD)}).gone == (path,)
    assert why(tmp_path, path).reason is Reason.MISSING


# -- why


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "indexed"),
        ("./b/../a.py", "indexed"),
        ("nowhere.py", "there is no such file"),
        ("nowhere/a.py", "there is no such file"),
        ("", "a folder; ask about a file in it"),
        ("b", "a folder; ask about a file in it"),
        ("node_modules", "in a folder that tools fill"),
        ("env", "in a folder that tools fill"),
        ("env/a.py", "in a folder that tools fill"),
        ("link.py", "not a regular file"),
        ("pipe", "not a regular file"),
        ("way/secret.py", "behind a symbolic link"),
        ("../outside/secret.py", "outside the workspace"),
        ("/etc/passwd", "outside the workspace"),
        ("x.log", "ignored by git: .gitignore, line 2: *.log"),
        ("out/deep/x", "ignored by git: .gitignore, line 3: /out/"),
        ("b/x.sql", "ignored by .assistignore: b/.assistignore, line 1: *.sql"),
        (".env", "may hold secrets"),
        ("yarn.lock", "generated"),
        ("made.go", "generated"),
        ("bin", "binary"),
        ("min.js", "minified"),
        ("large.py", "larger than 1 MB"),
        ("slow.py", "stopped the parser"),
    ],
)
def test_why_has_one_clear_answer(root: Path, path: str, text: str) -> None:
    write_files(
        root,
        {".gitignore": "# logs\n*.log\n/out/\n", "x.log": "", "out/deep/x": "", "b/.assistignore": "*.sql\n",
         "b/x.sql": "", ".env": "", "yarn.lock": "", "made.go": "// Code generated by x. DO NOT EDIT.\n", "bin": "\0",
         "min.js": "a;" * 9000, "large.py": "x" * (LARGEST + 1), "slow.py": "",
         "node_modules/a.js": "", "env/pyvenv.cfg": "", "env/a.py": ""},
    )  # fmt: skip
    answer = why(root, path, quarantined={"slow.py"})
    assert answer.text == text
    assert why(root, root / path, quarantined={"slow.py"}).text == text


def test_nothing_ignores_the_workspace_itself(root: Path) -> None:
    write_files(root, {".gitignore": "*\n", ".assistignore": "*\n"})
    assert why(root, ".").reason is Reason.FOLDER
    assert why(root, "b").reason is Reason.GIT_IGNORED


def test_why_believes_git(root: Path) -> None:
    write_files(root, {".gitignore": "*.py\n", "other/.git": "", "other/x.py": ""})
    rule = Rule(".git/info/exclude", 3, "a.*")
    assert why(root, "a.py", GitSays(listed=True)).reason is None
    assert why(root, "a.py", GitSays(listed=False, rule=rule)).rule == rule
    assert why(root, "other/x.py", GitSays(listed=False)).reason is Reason.OTHER_REPOSITORY
    assert why(root, "b/c/d.py", GitSays(listed=False)).text == "ignored by git"
    assert why(root, "other", GitSays(listed=False)).reason is Reason.OTHER_REPOSITORY


@pytest.mark.parametrize(
    ("path", "place"),
    [("a/b.py", "a/b.py"), (".", ""), ("a/..", ""), ("..", None), ("../work2/x", None), ("/", None), ("a//./b", "a/b")],
)
def test_places(root: Path, path: str, place: str | None) -> None:
    assert place_in(root, path) == place


def test_a_place_may_be_named_through_a_link_to_the_workspace(root: Path, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(root)
    assert place_in(tmp_path / "here", root / "b" / "c") == "b/c"
    assert place_in(root, tmp_path / "here" / "b" / "c") == "b/c"
