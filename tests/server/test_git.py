"""The git wrapper on ordinary repositories; hostile ones are in test_git_hostile.py."""

import asyncio
import os
from pathlib import Path

import pytest

from assist_server import git
from assist_server.core.errors import RepositoryError
from support.repositories import commit_all, new_repository, plain_git, write_files


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "repo", {"a.py": "one\ntwo\n", "sub/b.py": "x = 1\n"})


async def test_root_is_found_from_a_file_and_from_a_folder_below_it(repository: Path) -> None:
    assert await git.repository_root(repository / "sub") == repository
    assert await git.repository_root(repository / "sub" / "b.py") == repository


async def test_root_with_spaces_quotes_and_other_alphabets(tmp_path: Path) -> None:
    root = new_repository(tmp_path / 'a "b" é漢😀\n', {"x": "1\n"})
    assert await git.repository_root(root) == root


async def test_folder_without_a_repository_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="not a git repository") as caught:
        await git.repository_root(tmp_path)
    assert "\n" not in caught.value.message
    assert not caught.value.message.endswith(".")


async def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="no folder"):
        await git.repository_root(tmp_path / "nowhere" / "file.py")


async def test_bare_repository_is_refused_with_gits_reason(tmp_path: Path) -> None:
    plain_git(tmp_path, "init", "--quiet", "--bare", "bare.git")
    with pytest.raises(RepositoryError, match="git: "):
        await git.repository_root(tmp_path / "bare.git")


async def test_worktree_has_staged_unstaged_and_new_files_but_no_ignored_one(repository: Path) -> None:
    write_files(repository, {"a.py": "one\n2\n", ".gitignore": "*.log\n", "new.py": "n\n", "x.log": "secret\n"})
    plain_git(repository, "add", "a.py")
    write_files(repository, {"a.py": "one\n2\nthree\n"})
    diff = await git.diff_worktree(repository)
    assert "+2\n+three\n" in diff.text
    assert "+++ b/new.py\n@@ -0,0 +1 @@\n+n\n" in diff.text
    assert "x.log" not in diff.text
    assert diff.base == plain_git(repository, "rev-parse", "HEAD").strip()
    assert diff.head == git.WORKING_TREE


async def test_staged_is_what_would_be_committed(repository: Path) -> None:
    write_files(repository, {"a.py": "one\n2\n"})
    plain_git(repository, "add", "a.py")
    write_files(repository, {"a.py": "one\nthree\n", "new.py": "n\n"})
    diff = await git.diff_staged(repository)
    assert "+2" in diff.text
    assert "three" not in diff.text
    assert "new.py" not in diff.text
    assert diff.head == git.INDEX


async def test_first_commit_is_compared_with_nothing(tmp_path: Path) -> None:
    root = new_repository(tmp_path / "unborn")
    write_files(root, {"a.py": "x\n", "b.py": "y\n"})
    plain_git(root, "add", "a.py")
    staged, worktree = await git.diff_staged(root), await git.diff_worktree(root)
    assert "+x" in staged.text
    assert "+y" not in staged.text
    assert "+x" in worktree.text
    assert "+y" in worktree.text


async def test_repository_of_sha256_objects(tmp_path: Path) -> None:
    plain_git(tmp_path, "init", "--quiet", "--object-format=sha256", "big")
    write_files(tmp_path / "big", {"a.py": "x\n"})
    diff = await git.diff_worktree(tmp_path / "big")
    assert len(diff.base) == 64
    assert "+x" in diff.text


async def test_ranges(repository: Path) -> None:
    first = plain_git(repository, "rev-parse", "HEAD").strip()
    write_files(repository, {"a.py": "one\ntwo\nmain\n"})
    second = commit_all(repository, "second: on main")
    plain_git(repository, "checkout", "--quiet", "-b", "topic", first)
    write_files(repository, {"sub/b.py": "x = 2\n"})
    third = commit_all(repository, "third")
    write_files(repository, {"sub/b.py": "x = 3\n", "new.py": "n\n"})

    two = await git.diff_range(repository, "main..topic")
    assert (two.base, two.head) == (second, third)
    assert "-main" in two.text
    assert "+x = 2" in two.text

    three = await git.diff_range(repository, "main...topic")
    assert (three.base, three.head) == (first, third)
    assert "main" not in three.text

    assert (await git.diff_range(repository, "main..")).head == third
    assert (await git.diff_range(repository, "..main")).base == third

    since = await git.diff_range(repository, "main")
    assert (since.base, since.head) == (second, git.WORKING_TREE)
    assert "+x = 3" in since.text
    assert "+n" in since.text

    one = await git.diff_range(repository, "topic^!")
    assert (one.base, one.head) == (first, third)
    assert "+x = 2" in (await git.diff_range(repository, "HEAD~1..HEAD")).text
    assert (await git.diff_range(repository, ":/second: on")).base == second


async def test_root_commit_alone(repository: Path) -> None:
    diff = await git.diff_range(repository, "HEAD^!")
    assert "+two" in diff.text


async def test_sides_without_a_common_commit_are_refused(repository: Path) -> None:
    plain_git(repository, "checkout", "--quiet", "--orphan", "other")
    commit_all(repository, "other")
    with pytest.raises(RepositoryError, match="no commit in common"):
        await git.diff_range(repository, "main...other")


@pytest.mark.parametrize("revision", ["nowhere", "main..nowhere", "", "sub/b.py", "main:a.py", "a\0b", "main\n..", "!"])
async def test_unknown_revision_is_named(repository: Path, revision: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        await git.diff_range(repository, revision)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "option", ["--output={}", "-o{}", "--no-index", "--output={}..HEAD", "HEAD..--output={}", "--all"]
)
async def test_argument_with_a_dash_is_never_an_option(repository: Path, tmp_path: Path, option: str) -> None:
    written = tmp_path / "written"
    with pytest.raises(RepositoryError, match="no revision"):
        await git.diff_range(repository, option.format(written))
    assert not written.exists()


async def test_unborn_head_in_a_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="no revision 'HEAD'"):
        await git.diff_range(new_repository(tmp_path / "r"), "..")


NAMES = [
    "a b.py",
    'quo"te.py',
    "é漢😀.py",
    "tab\there.py",
    "new\nline.py",
    "back\\slash.py",
    " lead",
    "-dash",
    "dir é/x y",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["x\n", "x\ny\n", "no end", "", "\r\n", "a\r\nb\x0c\x1c\u2028c\n", "\n"])
async def test_new_file_looks_as_git_itself_would_print_it(repository: Path, name: str, text: str) -> None:
    write_files(repository, {name: text})
    ours = (await git.diff_worktree(repository)).text
    plain_git(repository, "add", "--all")
    theirs = (await git.diff_worktree(repository)).text
    assert [line for line in theirs.split("\n") if not line.startswith("index ")] == ours.split("\n")


async def test_new_binary_link_and_program(repository: Path) -> None:
    (repository / "data.bin").write_bytes(b"\0\1\2")
    (repository / "link").symlink_to("/etc/passwd")
    write_files(repository, {"run.sh": "#!/bin/sh\n"})
    (repository / "run.sh").chmod(0o755)
    text = (await git.diff_worktree(repository)).text
    assert "Binary files /dev/null and b/data.bin differ\n" in text
    assert "new file mode 120000\n--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline" in text
    assert "new file mode 100755\n" in text


async def test_new_files_that_are_not_read_are_told(repository: Path) -> None:
    new_repository(repository / "nested", {"inner.py": "1\n"})
    (repository / "large.txt").write_bytes(b"a\n" * git.MAX_NEW_FILE)
    diff = await git.diff_worktree(repository)
    assert diff.text == ""
    assert diff.unread == (("large.txt", "a new file larger than 1 MB"), ("nested/", "a repository of its own"))


async def test_bytes_that_are_not_utf8_are_replaced(repository: Path) -> None:
    (repository / "a.py").write_bytes(b"one\ncaf\xe9\n")
    assert "+caf\N{REPLACEMENT CHARACTER}\n" in (await git.diff_worktree(repository)).text


USERS_SETTINGS = {
    "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.context": "9", "diff.interHunkContext": "5",
    "diff.relative": "true", "diff.suppressBlankEmpty": "true", "diff.orderFile": "/nowhere", "diff.submodule": "log",
    "diff.wsErrorHighlight": "all", "diff.colorMoved": "zebra", "color.ui": "always", "core.quotePath": "false",
}  # fmt: skip


async def test_users_own_diff_settings_do_not_change_the_format(repository: Path) -> None:
    write_files(repository, {"a.py": "one\n\n2\n", "é.py": "n\n"})
    expected = (await git.diff_worktree(repository)).text
    for key, value in USERS_SETTINGS.items():
        plain_git(repository, "config", key, value)
    assert (await git.diff_worktree(repository)).text == expected


async def test_file_at(repository: Path) -> None:
    first = plain_git(repository, "rev-parse", "HEAD").strip()
    write_files(repository, {"a.py": "staged\n", "é b.py": "u\n"})
    plain_git(repository, "add", "--all")
    assert await git.file_at(repository, first, "a.py") == "one\ntwo\n"
    assert await git.file_at(repository, git.INDEX, "a.py") == "staged\n"
    assert await git.file_at(repository, git.INDEX, "é b.py") == "u\n"
    assert await git.file_at(repository, "HEAD", "é b.py") is None
    for revision, path in (("-x", "a.py"), ("HEAD", "sub"), ("nowhere", "a.py")):
        with pytest.raises(RepositoryError) as caught:
            await git.file_at(repository, revision, path)
        assert "\n" not in caught.value.message


async def test_rename_is_found(repository: Path) -> None:
    plain_git(repository, "mv", "sub/b.py", "sub/c.py")
    text = (await git.diff_staged(repository)).text
    assert "rename from sub/b.py\nrename to sub/c.py\n" in text


async def test_caller_inside_a_hook_of_commit_all_reviews_what_is_committed(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(repository, {"a.py": "one\n2\n"})
    lock = repository / ".git" / "index.lock"
    lock.write_bytes((repository / ".git" / "index").read_bytes())
    plain_git(repository, "add", "a.py", index=lock)
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index.lock")
    assert "+2" in (await git.diff_staged(repository)).text
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert (await git.diff_staged(repository)).text == ""


async def test_callers_variables_for_another_repository_are_ignored(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other", {"z.py": "z\n"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert await git.repository_root(repository) == repository
    assert (await git.diff_staged(repository)).text == ""


async def test_too_large_a_diff_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "MAX_OUTPUT", 1000)
    write_files(repository, {"a.py": "line\n" * 100_000})
    with pytest.raises(RepositoryError, match="larger than") as caught:
        await git.diff_worktree(repository)
    assert caught.value.hint


async def test_too_many_new_files_are_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "MAX_OUTPUT", 1000)
    write_files(repository, {"new.py": "line\n" * 1000})
    with pytest.raises(RepositoryError, match="larger than"):
        await git.diff_worktree(repository)


async def test_missing_git_says_what_to_do(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent:.:")
    (repository / "git").write_text("#!/bin/sh\n")
    (repository / "git").chmod(0o755)
    monkeypatch.chdir(repository)
    with pytest.raises(RepositoryError, match="not installed") as caught:
        await git.diff_worktree(repository)
    assert caught.value.hint


async def test_cancel_ends_git(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake, pid = tmp_path / "bin" / "git", tmp_path / "pid"
    fake.parent.mkdir()
    os.mkfifo(pid)
    fake.write_text(f'#!/bin/sh\necho $$ > "{pid}"\nexec sleep 600\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    task = asyncio.create_task(git.diff_staged(repository))
    number = int(await asyncio.wait_for(asyncio.to_thread(pid.read_text), 20))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.parametrize("groups", [True, False])
async def test_git_that_hangs_is_given_up(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: bool
) -> None:
    if not groups:  # as on Windows
        monkeypatch.delattr(os, "killpg")
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git, "DEADLINE", 0.05)
    with pytest.raises(RepositoryError, match="did not finish"):
        await git.diff_staged(repository)


async def test_new_files_are_read_where_the_system_lacks_posix_flags(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(repository, {"new.py": "x = 1\n"})
    monkeypatch.delattr(os, "O_NOFOLLOW")
    monkeypatch.delattr(os, "O_NONBLOCK")
    assert "+x = 1" in (await git.diff_worktree(repository)).text
