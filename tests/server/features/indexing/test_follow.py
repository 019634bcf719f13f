"""What others do to the files of a workspace ends up in its index, which is then that of a fresh build."""

import shutil
from pathlib import Path
from random import Random

import pytest

from assist_server.features.indexing.messages import Ready, Trouble
from support.indexing_process import RawChild, built, eventually, indexed
from support.repositories import new_repository, write_files

ROUNDS = 25
FOLDERS = ("a", "b", "a/in", "b/in/deep")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    write_files(
        tmp_path / "outside", {f"{folder}/o{n}.py": f"def o{n}(): pass\n" for folder in FOLDERS for n in range(3)}
    )
    return tmp_path / "outside"


def do_something(root: Path, outside: Path, random: Random) -> None:
    """Change a workspace as people and their tools do."""
    here, there = (root / folder for folder in random.sample(FOLDERS, 2))
    match random.randrange(8):
        case 0 | 1 | 2:
            write_files(root, {f"{random.choice(FOLDERS)}/m{random.randrange(9)}.py": f"x{random.randrange(99)} = 1\n"})
        case 3:
            shutil.rmtree(here, ignore_errors=True)
        case 4 if here.exists() and not there.is_relative_to(here):
            shutil.rmtree(there, ignore_errors=True)
            there.parent.mkdir(parents=True, exist_ok=True)
            here.rename(there)
        case 5:
            shutil.rmtree(here, ignore_errors=True)
            shutil.copytree(outside / "a", outside / "copy", dirs_exist_ok=True)
            here.parent.mkdir(parents=True, exist_ok=True)
            (outside / "copy").rename(here)
        case 6 if here.exists():
            shutil.rmtree(outside / "taken", ignore_errors=True)
            here.rename(outside / "taken")
        case _:
            (root / ".gitignore").write_text(random.choice(["m1.py\n", "in/\n", "", "/b\n!/b/in\n"]))


@pytest.mark.parametrize("seed", range(3))
def test_changes_from_outside_are_followed(tmp_path: Path, outside: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same changes each time
    root = new_repository(
        tmp_path / "work", {f"{folder}/m{n}.py": f"m{n} = 1\n" for folder in FOLDERS for n in range(5)}
    )
    cache = tmp_path / "cache"
    with RawChild(cache) as process:
        process.add(root, watch=True)
        process.until(Ready)
        for _ in range(ROUNDS):
            for _ in range(random.randint(1, 4)):
                do_something(root, outside, random)
            fresh = tmp_path / "fresh"
            built(fresh, root)
            eventually(lambda: indexed(cache, root), indexed(fresh, root).__eq__)
        assert not [event for event in process.heard if isinstance(event, Trouble)]
