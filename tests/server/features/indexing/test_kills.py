"""However often the indexing process is killed, the index is correct afterwards."""

from pathlib import Path
from random import Random

import pytest

from assist_server.features.indexing.messages import Job, Ready
from assist_server.features.indexing.workspace import index_folder, reads
from support.indexing_process import ForkedChild, Kennel, built
from support.repositories import write_files

KILLS = 200
FILES = 40


@pytest.fixture(scope="module")
def kennel() -> Kennel:
    return Kennel()


def change(root: Path, random: Random) -> None:
    """Rewrite, add and delete some files."""
    for _ in range(random.randint(5, 20)):
        path = root / f"d{random.randrange(4)}" / f"m{random.randrange(FILES)}.py"
        if random.random() < 0.2:
            path.unlink(missing_ok=True)
        else:
            names = [f"name_{random.randrange(500)}" for _ in range(random.randint(1, 30))]
            write_files(
                root, {str(path.relative_to(root)): "".join(f"def {n}(x):\n    return {n}(x)\n" for n in names)}
            )


def work_and_kill(process: ForkedChild, root: Path, random: Random) -> bool:
    """Give work, and kill after a random number of answers; each job is looked at between two files, and answered.

    Tell whether the build was not done yet.
    """
    name = str(root.resolve())
    jobs = [Job("add", name, watch=False, number=1)]
    for number in range(2, random.randint(3, 40)):
        path = f"d{random.randrange(4)}/m{random.randrange(FILES)}.py"
        jobs.append(Job(random.choice(["near", "changed"]), name, (path,), number=number))
    process.send(*jobs)
    events = [process.event() for _ in range(random.randint(0, len(jobs)))]
    process.kill()
    return not any(isinstance(event, Ready) for event in events)


def test_the_index_after_kills_is_that_of_a_fresh_build(tmp_path: Path, kennel: Kennel) -> None:
    random = Random(6)  # noqa: S311 - the same kills each time
    root, cache = tmp_path / "work", tmp_path / "cache"
    root.mkdir()
    within = 0
    for number in range(KILLS):
        change(root, random)
        within += work_and_kill(kennel.start(cache), root, random)
        if number % 40 == 39:
            fresh = tmp_path / f"fresh{number}"
            built(cache, root)
            built(fresh, root)
            assert content(cache, root) == content(fresh, root)
    assert within > KILLS / 2


def content(cache: Path, root: Path) -> dict[str, object]:
    with reads(index_folder(cache, root)) as index:
        return {
            path: (record.digest, index.symbols_of(path), index.references_of(path), index.imports_of(path))
            for path, record in index.files().items()
        }
