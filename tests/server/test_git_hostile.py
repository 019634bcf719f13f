"""Repositories that name programs: plain git runs each of them, ours runs none.

Every trap leaves a marker file when it is sprung. The control test springs it with plain git, so that a trap which has
stopped working cannot pass for protection.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Trap:
    """A repository that runs a command; plain: what springs it with plain git, None where that takes a terminal."""

    name: str
    set: Callable[[Path, str], None]
    plain: tuple[str, ...] | None


def _config(*pairs: tuple[str, str]) -> Callable[[Path, str], None]:
    def set_trap(root: Path, command: str) -> None:
        for key, value in pairs:
            plain_git(root, "config", key, value.replace("COMMAND", command))

    return set_trap


def _attribute(attribute: str, *pairs: tuple[str, str]) -> Callable[[Path, str], None]:
    def set_trap(root: Path, command: str) -> None:
        write_files(root, {".gitattributes": f"* {attribute}\n"})
        _config(*pairs)(root, command)

    return set_trap


def _info_attribute(root: Path, command: str) -> None:
    write_files(root, {".git/info/attributes": "* filter=evil\n"})
    _config(("filter.evil.clean", "COMMAND; cat"))(root, command)


def _included(root: Path, command: str) -> None:
    write_files(root, {".gitattributes": "* filter=evil\n"})
    (root / ".git" / "more").write_text(f'[Filter "evil"]\n\tCLEAN = "{command}; cat"\n\trequired = true\n')
    plain_git(root, "config", "include.path", "more")


def _hooks(root: Path, command: str) -> None:
    folder = root / "hooks"
    folder.mkdir()
    for name in ("post-index-change", "post-checkout", "pre-commit", "fsmonitor-watchman"):
        (folder / name).write_text(f"#!/bin/sh\n{command}\n")
        (folder / name).chmod(0o755)
    plain_git(root, "config", "core.hooksPath", str(folder))
    os.utime(root / "a.py", (1, 1))


def _filtered_submodule(root: Path, command: str) -> None:
    inner = new_repository(root.parent / "inner", {"i.py": "1\n"})
    plain_git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    commit_all(root, "sub")
    write_files(root, {"sub/i.py": "2\n", ".git/modules/sub/info/attributes": "* filter=inner\n"})
    _config(("filter.inner.clean", "COMMAND; cat"))(root / "sub", command)


def _submodule_log(root: Path, command: str) -> None:
    _filtered_submodule(root, command)
    commit_all(root / "sub", "moved")
    write_files(root, {"sub/i.py": "3\n"})
    _config(("diff.submodule", "diff"), ("diff.ignoreSubmodules", "none"), ("submodule.sub.ignore", "none"))(
        root, command
    )


def _promised_object(root: Path, command: str) -> None:
    blob = plain_git(root, "rev-parse", "HEAD:a.py").strip()
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    _config(
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ext::sh -c COMMAND"),
        ("protocol.ext.allow", "always"),
    )(root, command.replace(" ", "% "))


TRAPS = [
    Trap("fsmonitor", _config(("core.fsmonitor", "COMMAND; false")), ("diff",)),
    Trap("clean", _attribute("filter=evil", ("filter.evil.clean", "COMMAND; cat")), ("diff",)),
    Trap("process", _attribute("filter=evil", ("filter.evil.process", "COMMAND")), ("diff",)),
    Trap("required", _attribute("filter=e", ("filter.e.clean", "COMMAND"), ("filter.e.required", "true")), ("diff",)),
    Trap("odd name", _attribute("filter=e.v", ("filter.e.v.clean", "COMMAND; cat")), ("diff",)),
    Trap("info/attributes", _info_attribute, ("diff",)),
    Trap("included configuration", _included, ("diff",)),
    Trap("textconv", _attribute("diff=evil", ("diff.evil.textconv", "COMMAND; cat")), ("diff",)),
    Trap("diff driver", _attribute("diff=evil", ("diff.evil.command", "COMMAND;")), ("diff",)),
    Trap("external diff", _config(("diff.external", "COMMAND;")), ("diff",)),
    Trap("alias", _config(("alias.diff", "!COMMAND"), ("alias.d", "!COMMAND")), ("d",)),
    Trap("pager", _config(("core.pager", "COMMAND"), ("pager.diff", "COMMAND")), None),
    Trap("hooks", _hooks, ("status",)),
    Trap("submodule's filter", _filtered_submodule, ("diff",)),
    Trap("submodule's diff", _submodule_log, ("diff",)),
    Trap("promised object", _promised_object, ("diff",)),
]
SPRUNG_BY_PLAIN_GIT = [trap for trap in TRAPS if trap.plain]


def _set(tmp_path: Path, trap: Trap) -> tuple[Path, Path]:
    root = new_repository(tmp_path / "repo", {"a.py": "one\n", "b.py": "two\n"})
    marker = tmp_path / "marker"
    write_files(root, {"staged.py": "three\n"})
    plain_git(root, "add", "staged.py")
    trap.set(root, f"touch {marker}")
    write_files(root, {"a.py": "changed\n", "new.py": "new\n"})
    marker.unlink(missing_ok=True)
    return root, marker


@pytest.mark.parametrize("trap", SPRUNG_BY_PLAIN_GIT, ids=lambda trap: trap.name)
def test_control_plain_git_runs_the_program(tmp_path: Path, trap: Trap) -> None:
    root, marker = _set(tmp_path, trap)
    plain_git(root, *(trap.plain or ()), check=False)
    assert marker.exists()


async def _ask_everything(root: Path) -> list[str]:
    answers = await asyncio.gather(
        git.repository_root(root / "a.py"),
        git.diff_worktree(root),
        git.diff_staged(root),
        git.diff_range(root, "HEAD"),
        git.diff_range(root, "HEAD^!"),
        git.diff_range(root, "HEAD..HEAD"),
        git.diff_range(root, "HEAD...HEAD"),
        git.file_at(root, "HEAD", "a.py"),
        git.file_at(root, git.INDEX, "b.py"),
        return_exceptions=True,
    )
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, RepositoryError):
            raise answer
    return [answer.message for answer in answers if isinstance(answer, RepositoryError)]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
async def test_nothing_the_repository_names_is_run(tmp_path: Path, trap: Trap) -> None:
    root, marker = _set(tmp_path, trap)
    refused = await _ask_everything(root)
    assert not marker.exists()
    assert bool(refused) == (trap.name == "promised object")


async def test_the_diff_is_right_although_filters_are_off(tmp_path: Path) -> None:
    root, _ = _set(tmp_path, TRAPS[1])
    diff = await git.diff_worktree(root)
    assert "-one\n+changed\n" in diff.text
    assert "b.py" not in diff.text


async def test_filter_that_cannot_be_blanked_is_refused(tmp_path: Path) -> None:
    root = new_repository(tmp_path / "repo", {"a.py": "one\n"})
    with (root / ".git" / "config").open("a") as config:
        config.write(f'[filter "a=b"]\n\tclean = touch {tmp_path}/marker; cat\n')
    write_files(root, {".gitattributes": "* filter=a=b\n", "a.py": "two\n"})
    with pytest.raises(RepositoryError, match="'='") as caught:
        await git.diff_worktree(root)
    assert caught.value.hint
    assert not (tmp_path / "marker").exists()


async def test_new_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("private text\n")
    root = new_repository(tmp_path / "repo", {"a.py": "one\n"})
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "folder").symlink_to(tmp_path)
    text = (await git.diff_worktree(root)).text
    assert "private text" not in text
    assert "+++ b/link" in text


async def test_bare_repository_inside_a_repository_is_not_entered(tmp_path: Path) -> None:
    root = new_repository(tmp_path / "repo", {"a.py": "one\n"})
    plain_git(root, "init", "--quiet", "--bare", "trap")
    plain_git(root / "trap", "config", "core.bare", "false")
    plain_git(root / "trap", "config", "core.worktree", str(tmp_path))
    with pytest.raises(RepositoryError):
        await git.repository_root(root / "trap")
