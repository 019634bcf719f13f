"""A model file that is here already: in the store of a local Ollama, or where the user says."""

import os
from pathlib import Path

import pytest

from assist_server.core.errors import ModelError
from assist_server.models.download import pull
from support.models import DATA, left_in, store_of, tiny_model
from support.raw_server import http, raw_server

DONE = {"tiny.gguf", "tiny.gguf.sha256.json"}


def ollama_store(folder: Path, data: bytes = DATA) -> Path:
    """A store of Ollama that holds `data` under the name of the right file."""
    blob = folder / "blobs" / f"sha256-{tiny_model().file.sha256}"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(data)
    return blob


@pytest.mark.parametrize("source", ["auto", "ollama"])
async def test_a_file_of_ollama_is_shared_not_copied(tmp_path, source):
    blob = ollama_store(tmp_path / "ollama")
    store = store_of(tmp_path / "models")
    store.folder.mkdir()
    (store.folder / "tiny.gguf.part").write_bytes(b"from an earlier download")
    seen: list[int] = []
    pulled = await pull(
        "tiny",
        store,
        source=source,
        environ={"OLLAMA_MODELS": str(tmp_path / "ollama")},
        progress=lambda done, _: seen.append(done),
    )
    assert pulled.source == "ollama"
    assert pulled.path.samefile(blob)
    assert store.path_of("tiny") == pulled.path
    assert left_in(store.folder) == DONE
    assert seen[-1] == len(DATA)
    store.remove("tiny")
    assert blob.read_bytes() == DATA


async def test_the_usual_place_of_ollama(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    ollama_store(tmp_path / ".ollama" / "models")
    assert (await pull("tiny", store_of(tmp_path / "models"), environ={})).source == "ollama"


async def test_a_copy_where_the_file_system_has_no_links(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    blob = ollama_store(tmp_path / "ollama")
    store = store_of(tmp_path / "models")
    pulled = await pull("tiny", store, environ={"OLLAMA_MODELS": str(tmp_path / "ollama")})
    assert not pulled.path.samefile(blob)
    assert pulled.path.read_bytes() == DATA
    assert left_in(store.folder) == DONE


@pytest.mark.parametrize("wrong", [b"!" + DATA[1:], DATA[:-1]])
async def test_a_damaged_file_of_ollama_is_left_alone_and_the_publisher_is_asked(tmp_path, wrong):
    blob = ollama_store(tmp_path / "ollama", wrong)
    async with raw_server(http(body=DATA)) as server:
        store = store_of(tmp_path / "models", tiny_model(url=f"{server.url}/f"))
        pulled = await pull("tiny", store, environ={"OLLAMA_MODELS": str(tmp_path / "ollama")})
    assert (pulled.source, blob.read_bytes()) == ("huggingface", wrong)


async def test_an_ollama_that_has_not_the_file(tmp_path):
    with pytest.raises(ModelError, match="the local Ollama does not have"):
        await pull("tiny", store_of(tmp_path), source="ollama", environ={"OLLAMA_MODELS": str(tmp_path)})
    ollama_store(tmp_path / "ollama", b"!" + DATA[1:])
    with pytest.raises(ModelError, match="is not the file of tiny"):
        await pull("tiny", store_of(tmp_path), source="ollama", environ={"OLLAMA_MODELS": str(tmp_path / "ollama")})
    assert left_in(tmp_path) == {"ollama"}


async def test_a_file_that_the_user_names(tmp_path):
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(DATA)
    (tmp_path / "link.gguf").symlink_to(mine)
    store = store_of(tmp_path / "models")
    pulled = await pull("tiny", store, source=tmp_path / "link.gguf", environ={})
    assert pulled.source == "file"
    assert not pulled.path.is_symlink()
    mine.unlink()
    assert pulled.path.read_bytes() == DATA
    assert store.path_of("tiny") == pulled.path


async def test_a_file_that_is_another_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "other.gguf").write_bytes(DATA[::-1])
    store = store_of(tmp_path / "models")
    for name in ("none.gguf", "pipe", "other.gguf", "models"):
        with pytest.raises(ModelError, match="is not the file of tiny") as wrong:
            await pull("tiny", store, source=tmp_path / name, environ={})
        assert "engine.model" in (wrong.value.hint or "")
    assert left_in(store.folder) == set()
