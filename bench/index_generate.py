"""Workspaces of any size, made from real files.

Each generated file is a real one of about two kilobytes in which a quarter of the longer names is made its own, always
the same in one file: names grow with the files, and the common ones stay common. Written one at a time.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from index_corpora import CORPORA, files_of, folder_of

SMALLEST, LARGEST = 500, 5_500  # bytes of the files that are copied
FOLDER = 50  # files in a folder

# Only names that no language reserves: with an underscore or a capital inside.
_NAME = re.compile(rb"\b[A-Za-z][a-z0-9]*(?:_[a-z0-9]+|[A-Z][A-Za-z0-9]*)[A-Za-z0-9_]*\b")
_OWN_SHARE = 64  # of 256: how many of the names are made a file's own


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated workspace: paths below its folder, with slashes, and its bytes."""

    folder: Path
    files: int
    size: int


def generate(corpora: Path, folder: Path, count: int, *, seed: int = 1) -> Generated:
    """Write `count` files into a folder; the first ones are the same whatever the count."""
    size = 0
    for path, content in contents(corpora, count, seed=seed):
        target = folder / path
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
        target.write_bytes(content)
        size += len(content)
    return Generated(folder, count, size)


def contents(corpora: Path, count: int, *, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Give the paths and texts, one at a time."""
    models = _models(corpora)
    random.Random(seed).shuffle(models)  # noqa: S311 - no secret
    for number in range(count):
        model = models[number % len(models)]
        part = number // FOLDER
        path = f"part{part // 20:03}/unit{part:04}/{model.stem}_{number:06}{model.suffix}"
        yield path, varied(model.read_bytes(), number)


def varied(content: bytes, number: int) -> bytes:
    """Make a quarter of the names of a text its own."""
    suffix = b"%s%d" % (b"V", number)

    def replace(match: "re.Match[bytes]") -> bytes:
        name = match[0]
        own = blake2b(name + suffix, digest_size=1).digest()[0] < _OWN_SHARE
        return name + suffix if own else name

    return _NAME.sub(replace, content)


def _models(corpora: Path) -> list[Path]:
    found = []
    for corpus in CORPORA:
        base = corpora / folder_of(corpus)
        paths = [base / name for name in files_of(base)]
        found += [path for path in paths if SMALLEST <= path.stat().st_size <= LARGEST]
    return found
