"""Workspaces to measure with, made from the fetched sources."""

import shutil
import subprocess
from pathlib import Path

from index_corpora import CORPORA, files_of, folder_of
from index_generate import Generated, generate

_SYMBOLS_A_FILE = 23  # in the mean over all languages


def symbols_workspace(corpora: Path, folder: Path, symbols: int) -> None:
    """Copy sources of all languages in turn, until there are about so many symbols."""
    lists = []
    for corpus in CORPORA:
        base = corpora / folder_of(corpus)
        files = files_of(base)
        wanted = min(len(files), symbols // _SYMBOLS_A_FILE // len(CORPORA))
        # Evenly, so that every package is in it.
        lists += [(base, files[number * len(files) // wanted]) for number in range(wanted)]
    for base, name in lists:
        target = folder / base.name / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(base / name, target)


def repository(corpora: Path, folder: Path, count: int) -> Generated:
    """Generate a workspace that git follows."""
    made = generate(corpora, folder, count)
    for arguments in (("init", "--quiet"), ("add", "--all")):
        subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return made
