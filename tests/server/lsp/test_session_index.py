"""The index of a connection: its progress ends whatever happens, and open documents follow their folders."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from assist_server.features.indexing.messages import Progress, Trouble
from assist_server.features.indexing.service import WorkspaceIndexes
from assist_server.lsp.errors import ToldOnce
from assist_server.lsp.index import SessionIndex
from assist_server.lsp.progress import Cancellations
from support.completion import StillClock


class Wire:
    """A client that takes progress."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def supports(self, *_: str) -> bool:
        return True

    def send_request_async(self, *_: object) -> "asyncio.Future[None]":
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def notify(self, _method: str, params: types.ProgressParams) -> None:
        self.kinds.append(params.value.kind)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def shown() -> list[types.ShowMessageParams]:
    return []


@pytest.fixture
async def index(tmp_path: Path, wire: Any, shown: list[types.ShowMessageParams]) -> AsyncIterator[SessionIndex]:
    """One whose indexing process is never started."""
    index = SessionIndex(wire, Cancellations(), ToldOnce(shown.append), StillClock())
    indexes = WorkspaceIndexes(tmp_path / "cache", tmp_path / "index.log", index._hear, StillClock(), 10)
    index._indexes = indexes
    yield index
    await indexes.__aexit__(None, None, None)


async def test_a_trouble_that_ends_a_build_ends_its_progress(
    index: SessionIndex, wire: Wire, shown: list[types.ShowMessageParams]
) -> None:
    for root in ("/one", "/two", "/three"):
        index._hear(Progress(root, 1, 200))
    await asyncio.sleep(0)
    index._hear(Trouble("/one", "left-out", "a.py stops the parser"))
    assert wire.kinds == ["begin"] * 3
    index._hear(Trouble("/one", "storage", "the disk is full"))
    assert wire.kinds == ["begin"] * 3 + ["end"]
    index._hear(Trouble("", "stopped", "it ends again and again"))
    assert wire.kinds == ["begin"] * 3 + ["end"] * 3
    assert shown[1].message == "assist: the disk is full"


async def test_a_folder_that_goes_takes_its_progress_along(index: SessionIndex, wire: Wire, tmp_path: Path) -> None:
    index._hear(Progress(str(tmp_path), 1, 200))
    await asyncio.sleep(0)
    index.change_folders()
    assert wire.kinds == ["begin", "end"]


async def test_open_documents_go_to_the_deepest_folder_that_is_added(index: SessionIndex, tmp_path: Path) -> None:
    inner = tmp_path / "work" / "inner"
    inner.mkdir(parents=True)
    documents, indexes = index._documents, index._indexes
    documents.open(types.TextDocumentItem((inner / "a.py").as_uri(), "python", 1, "a = 1\n"))
    documents.folders = (inner.parent.as_uri(),)
    index.change_folders()
    assert indexes is not None
    assert indexes.document(inner.parent, "inner/a.py") is not None
    documents.folders = (inner.parent.as_uri(), inner.as_uri())
    index.change_folders()
    assert indexes.document(inner.parent, "inner/a.py") is None
    assert indexes.document(inner, "a.py") is not None
