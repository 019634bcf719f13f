"""The index as the product builds and opens it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from assist_context.index.build import build
from assist_context.index.store import IndexReader, Store


def build_index(database: Path, root: Path, files: Sequence[str]) -> None:
    """Index files of a folder, to the end: written, merged and sealed."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with Store(database) as store:
        build(store, root, files)


def opened(database: Path) -> AbstractContextManager[IndexReader]:
    """Open an index to ask it."""
    return IndexReader(database)
