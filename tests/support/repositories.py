"""Real git repositories for tests."""

import os
import subprocess
from pathlib import Path

_CALLER = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.invalid", "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.invalid", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
}  # fmt: skip


def plain_git(folder: Path, *arguments: str, check: bool = True, index: Path | None = None) -> str:
    """Run git as a person would, without any of our protection."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | _CALLER
    if index:
        environment["GIT_INDEX_FILE"] = str(index)
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(f"git {arguments}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def new_repository(folder: Path, files: dict[str, str] | None = None) -> Path:
    """Make a repository with one commit of these files, or without a commit where there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    plain_git(folder, "init", "--quiet", "--initial-branch=main")
    if files:
        write_files(folder, files)
        commit_all(folder, "first")
    return folder


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write files byte for byte, making their folders."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def commit_all(folder: Path, subject: str) -> str:
    """Commit everything and give the commit's name."""
    plain_git(folder, "add", "--all")
    plain_git(folder, "commit", "--quiet", "--message", subject)
    return plain_git(folder, "rev-parse", "HEAD").strip()
