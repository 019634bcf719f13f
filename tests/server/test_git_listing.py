"""The files that git lists, in ordinary repositories and in hostile ones."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assist_context.index.ignore import Reason
from assist_context.index.patterns import GitSays, Rule
from assist_context.index.scan import changes, walk, why
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
def root(tmp_path: Path) -> Path:
    root = new_repository(tmp_path / "repo", {"a.py": "1\n", "b/c.py": "1\n", "b/followed.log": "", "gone.py": ""})
    write_files(root, {".gitignore": "*.log\n/out/\n", "new.py": "", "x.log": "", "out/y.py": "", "b/d.py": ""})
    (root / "gone.py").unlink()
    return root


def add_submodule(root: Path, at: str, files: dict[str, str]) -> Path:
    """Make a repository out of the way, and a submodule of it."""
    inner = new_repository(Path(plain_git(root, "rev-parse", "--absolute-git-dir").strip()) / "origins" / at, files)
    plain_git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), at)
    commit_all(root, at)
    return root / at


async def listed(root: Path, only: Iterable[str] = ()) -> list[str]:
    return sorted(await git.listed_files(root, tuple(only)))


# -- what is listed


async def test_lists_what_git_follows_or_would(root: Path) -> None:
    assert await listed(root) == [".gitignore", "a.py", "b/c.py", "b/d.py", "b/followed.log", "gone.py", "new.py"]
    assert await listed(root / "b") == ["c.py", "d.py", "followed.log"]


async def test_heeds_the_ignore_files_that_only_git_knows(root: Path) -> None:
    write_files(root, {".git/info/exclude": "d.py\n", "../home/config/git/ignore": "new.*\n"})
    assert await listed(root) == [".gitignore", "a.py", "b/c.py", "b/followed.log", "gone.py"]
    plain_git(root, "config", "core.excludesFile", str(root / ".git" / "more"))
    write_files(root, {".git/more": ".gitignore\n"})
    assert await listed(root) == ["a.py", "b/c.py", "b/followed.log", "gone.py", "new.py"]


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (["a.py"], ["a.py"]),
        (["x.log"], []),
        (["nowhere"], []),
        (["gone.py", "new.py", "x.log", "out/y.py"], ["gone.py", "new.py"]),
        (["b"], ["b/c.py", "b/d.py", "b/followed.log"]),
        (["*.py"], []),
        ([":(glob)**"], []),
        (["-x", "--help"], []),
        (["b/c.py"] * 2 + ["b"], ["b/c.py", "b/d.py", "b/followed.log"]),
        ([f"nowhere/{number}" for number in range(9000)] + ["a.py", "b"],
         ["a.py", "b/c.py", "b/d.py", "b/followed.log"]),
    ],
)  # fmt: skip
async def test_lists_only_what_is_asked_for(root: Path, only: list[str], found: list[str]) -> None:
    assert await listed(root, only) == found


async def test_names_are_taken_to_the_letter(root: Path) -> None:
    odd = ["é漢😀.py", "a b ", "new\nline", "tab\t", "[x]", "*", ":(top)", '"q"', "-x", os.fsdecode(b"\xff.py")]
    for name in odd:
        (root / name).write_text("")
    assert set(odd) <= set(await listed(root))
    for name in odd:
        assert await listed(root, [name]) == [name]


async def test_a_path_outside_is_refused(root: Path) -> None:
    with pytest.raises(RepositoryError, match="outside"):
        await git.listed_files(root, ["../x"])
    with pytest.raises(RepositoryError):
        await git.listed_files(root, ["a\0b"])


async def test_a_file_with_a_conflict_is_listed_once(tmp_path: Path) -> None:
    root = new_repository(tmp_path / "repo", {"a.py": "1\n"})
    plain_git(root, "checkout", "--quiet", "-b", "other")
    write_files(root, {"a.py": "2\n"})
    commit_all(root, "two")
    plain_git(root, "checkout", "--quiet", "main")
    write_files(root, {"a.py": "3\n"})
    commit_all(root, "three")
    plain_git(root, "merge", "other", check=False)
    assert await git.listed_files(root) == ("a.py",)


async def test_a_folder_that_a_repository_around_it_ignores_is_not_listed(root: Path) -> None:
    with pytest.raises(RepositoryError, match="lists no file"):
        await git.listed_files(root / "out")
    with pytest.raises(RepositoryError, match="lists no file"):
        await git.listed_files(root / "out", ["y.py"])
    assert walk(root / "out") == ("y.py",)
    assert await git.listed_files(new_repository(root.parent / "empty")) == ()
    assert await git.listed_files(root / "b", ["nowhere"]) == ()


async def test_a_folder_without_a_repository_is_not_listed(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="not a git repository"):
        await git.listed_files(tmp_path)


# -- repositories within


async def test_files_of_submodules_are_listed_those_of_other_repositories_are_not(root: Path) -> None:
    inner = add_submodule(root, "libs/sub mod", {"i.py": "1\n", ".gitignore": "*.tmp\n"})
    write_files(inner, {"j.py": "", "k.tmp": "", "deep/l.py": ""})
    add_submodule(inner, "more", {"m.py": "1\n"})
    new_repository(root / "nested", {"n.py": "1\n"})
    new_repository(inner / "own", {"o.py": "1\n"})
    write_files(root, {"? 160000 x": ""})
    mine = [path for path in await listed(root) if path.startswith(("libs", "nested", "?"))]
    below = [".gitignore", ".gitmodules", "deep/l.py", "i.py", "j.py", "more/m.py", "own/"]
    assert mine == ["? 160000 x", *(f"libs/sub mod/{path}" for path in below), "nested/"]
    assert await listed(inner) == below


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (["sub/i.py"], ["sub/i.py"]),
        (["sub/k.tmp"], []),
        (["sub/j.py", "a.py", "nested/n.py"], ["a.py", "sub/j.py"]),
        (["sub"], ["sub/.gitignore", "sub/deep/l.py", "sub/i.py", "sub/j.py"]),
        (["sub", "sub/i.py"], ["sub/.gitignore", "sub/deep/l.py", "sub/i.py", "sub/j.py"]),
        (["sub/deep"], ["sub/deep/l.py"]),
        (["nested"], ["nested/"]),
    ],
)
async def test_lists_only_what_is_asked_for_in_submodules(root: Path, only: list[str], found: list[str]) -> None:
    inner = add_submodule(root, "sub", {"i.py": "1\n", ".gitignore": "*.tmp\n"})
    write_files(inner, {"j.py": "", "k.tmp": "", "deep/l.py": ""})
    new_repository(root / "nested", {"n.py": "1\n"})
    assert await listed(root, only) == found


async def test_a_submodule_that_is_not_checked_out_or_leads_elsewhere_has_no_files(root: Path) -> None:
    inner = add_submodule(root, "sub", {"i.py": "1\n"})
    before = [path for path in await listed(root) if not path.startswith("sub/")]
    assert len(before) == len(await listed(root)) - 1
    (inner / ".git").write_text("gitdir: nowhere\n")
    assert await listed(root) == before
    (inner / ".git").unlink()
    assert await listed(root) == before
    (inner / "i.py").unlink()
    inner.rmdir()
    inner.symlink_to(new_repository(root.parent / "outside", {"secret.py": "1\n"}))
    found = await listed(root)
    assert not any("secret" in path for path in found)


# -- hostile repositories


@pytest.mark.parametrize("trap", ["fsmonitor", "included", "submodule"])
async def test_nothing_the_repository_names_is_run(root: Path, trap: str) -> None:
    marker = root.parent / "marker"
    at, options = root, ["core.fsmonitor"]
    if trap == "submodule":
        at = add_submodule(root, "sub", {"i.py": "1\n"})
    if trap == "included":
        (root / ".git" / "more").write_text(f'[core]\n\tfsmonitor = "touch {marker}; false"\n')
        plain_git(root, "config", "include.path", "more")
    else:
        plain_git(at, "config", options[0], f"touch {marker}; false")
    plain_git(at, "ls-files", "--others")
    assert marker.exists()  # the trap works
    marker.unlink()
    await git.listed_files(root)
    await git.listed_files(root, ["new.py"])
    await git.git_says(root, "x.log")
    assert not marker.exists()


async def test_no_filter_hook_or_alias_is_run(root: Path) -> None:
    marker = root.parent / "marker"
    write_files(
        root, {".gitattributes": "* filter=evil diff=evil\n", "hooks/post-index-change": f"#!/bin/sh\ntouch {marker}\n"}
    )
    (root / "hooks" / "post-index-change").chmod(0o755)
    for key in ("filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "alias.ls-files", "core.pager"):
        plain_git(root, "config", key, f"touch {marker}")
    plain_git(root, "config", "core.hooksPath", str(root / "hooks"))
    os.utime(root / "a.py", (1, 1))
    before = (root / ".git" / "index").read_bytes()
    await git.listed_files(root)
    await git.git_says(root, "x.log")
    assert not marker.exists()
    assert (root / ".git" / "index").read_bytes() == before


async def test_variables_of_the_caller_change_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = await listed(root)
    other = new_repository(root.parent / "other", {"secret.py": "1\n"})
    for name, value in {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"touch {root.parent}/marker",
        "GIT_GLOB_PATHSPECS": "1",
        "GIT_TRACE": str(root.parent / "marker"),
    }.items():
        monkeypatch.setenv(name, value)
    assert await listed(root) == expected
    assert not (root.parent / "marker").exists()


async def test_files_of_a_working_tree_elsewhere_are_not_listed(root: Path) -> None:
    write_files(root.parent, {"outside/secret.py": ""})
    plain_git(root, "config", "core.worktree", str(root.parent / "outside"))
    assert set(changes(root, await git.listed_files(root), {}).new_or_changed) == {"a.py", "b/c.py", "b/followed.log"}
    plain_git(root, "config", "core.worktree", str(root.parent))
    assert "new.py" in await listed(root)
    assert not any(".." in path or "secret" in path for path in await listed(root))


async def test_what_an_index_elsewhere_names_is_not_there(root: Path) -> None:
    other = new_repository(root.parent / "other", {"secret.py": "1\n"})
    plain = root.parent / "plain"
    write_files(plain, {"a.py": "", ".git": f"gitdir: {other}/.git\n"})
    found = await git.listed_files(plain)
    assert sorted(found) == ["a.py", "secret.py"]
    assert changes(plain, found, {}).new_or_changed == ("a.py",)


@pytest.mark.parametrize("pipe", [".gitignore", "b/.gitignore", ".git/info/exclude", ".git/more", ".git/config"])
async def test_a_pipe_in_place_of_a_file_does_not_hang(root: Path, pipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_git(root, "config", "core.excludesFile", str(root / ".git" / "more"))
    (root / pipe).unlink(missing_ok=True)
    os.mkfifo(root / pipe)
    monkeypatch.setattr(git, "LISTING_DEADLINE", 0.2)
    with pytest.raises(RepositoryError, match="did not finish"):
        await git.listed_files(root)
    assert "a.py" in walk(root)


# -- why


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("a.py", GitSays(listed=True)),
        ("b", GitSays(listed=True)),
        ("", GitSays(listed=True)),
        ("b/followed.log", GitSays(listed=True)),
        ("x.log", GitSays(listed=False, rule=Rule(".gitignore", 1, "*.log"))),
        ("out/y.py", GitSays(listed=False, rule=Rule(".gitignore", 2, "/out/"))),
        ("b/no\n.log", GitSays(listed=False, rule=Rule("b/.gitignore", 2, "no*"))),
        ("b/yes.log", GitSays(listed=False)),
        ("mine.txt", GitSays(listed=False, rule=Rule(".git/info/exclude", 1, "mine.*"))),
        ("sub/i.py", GitSays(listed=True)),
        ("sub/k.tmp", GitSays(listed=False, rule=Rule(".gitignore", 1, "*.tmp"))),
        ("nested/n.py", GitSays(listed=False)),
        ("link/x.log", GitSays(listed=False)),
        ("nowhere", GitSays(listed=False)),
        (":(top)x.log", GitSays(listed=False, rule=Rule(".gitignore", 1, "*.log"))),
        ("-x.log", GitSays(listed=False, rule=Rule(".gitignore", 1, "*.log"))),
    ],
)
async def test_says_which_rule_ignores_a_path(root: Path, path: str, says: GitSays) -> None:
    add_submodule(root, "sub", {"i.py": "1\n", ".gitignore": "*.tmp\n"})
    new_repository(root / "nested", {"n.py": "1\n"})
    (root / "link").symlink_to(root / "b")
    write_files(
        root, {"b/.gitignore": "!yes.log\nno*\n", "sub/k.tmp": "", ".git/info/exclude": "mine.*\n", "mine.txt": ""}
    )
    assert await git.git_says(root, path) == says


async def test_why_with_git(root: Path) -> None:
    new_repository(root / "nested", {"n.py": "1\n"})
    for path, text in {
        "a.py": "indexed",
        "b/followed.log": "indexed",
        "x.log": "ignored by git: .gitignore, line 1: *.log",
        "nested/n.py": "in a repository of its own",
        ".git/config": "in a folder that tools fill",
        "b": "a folder; ask about a file in it",
        "out": "ignored by git: .gitignore, line 2: /out/",
    }.items():
        assert why(root, path, await git.git_says(root, path)).text == text
    (root / ".assistignore").write_text("b/*.py\n!x.log\n")
    assert why(root, "b/c.py", await git.git_says(root, "b/c.py")).reason is Reason.ASSIST_IGNORED
    assert why(root, "x.log", await git.git_says(root, "x.log")).reason is Reason.GIT_IGNORED


# -- the same files with git and without


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [f"{folder}{name}" for folder in ("", "a/", "a/b/", "c/") for name in ("x.py", "y.log", "build", ".z")]
    root = new_repository(tmp_path_factory.mktemp("listed"))
    write_files(root, dict.fromkeys(names, ""))
    return root


lines = st.lists(
    st.sampled_from(
        ["*", "!*.py", "/a/", "!a/", "*.log", "!y.*", "build/", "build", "b", "/b", "a/b/x.py", "**/b/*", "!/c", ".*"]
    ),
    max_size=4,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(top=lines, inner=lines)
async def test_lists_the_same_with_git_and_without(repository: Path, top: list[str], inner: list[str]) -> None:
    write_files(repository, {".gitignore": "\n".join(top), "a/.gitignore": "\n".join(inner)})
    assert await listed(repository) == sorted(walk(repository))
