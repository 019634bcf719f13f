"""Which file of Ollama's store a name means, and what is said where there is none to run."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from assist_server.core.errors import ModelError
from assist_server.core.ollama_name import parse_ollama_name
from assist_server.models.ollama_store import ollama_file, ollama_folders
from support.ollama_files import ADAPTER, MODEL, PARAMETERS, TEMPLATE, TENSOR, put_model

DATA = b"GGUF and so on"


def found(name: str, store: Path) -> Path:
    return ollama_file(parse_ollama_name(name), {"OLLAMA_MODELS": str(store)})


@pytest.mark.parametrize(
    "name", ["qwen2.5-coder:1.5b", "mistral", "someone/model:tag", "127.0.0.1:5000/library/x:t", "hf.co/Org/M:Q4_K_M"]
)
def test_finds_the_file_of_a_name(tmp_path: Path, name: str) -> None:
    put_model(tmp_path, "other:1b", (MODEL, b"another"))
    put_model(tmp_path, name, (MODEL, DATA), (TEMPLATE, b"t"), (PARAMETERS, b"{}"))
    path = found(name, tmp_path)
    assert path == tmp_path / "blobs" / f"sha256-{sha256(DATA).hexdigest()}"


def test_looks_at_one_store_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    own = tmp_path / ".ollama" / "models"
    assert ollama_folders({})[:2] == (own, Path("/usr/share/ollama/.ollama/models"))
    assert ollama_folders({"OLLAMA_MODELS": "/x"}) == (Path("/x"),)
    put_model(own, "x:1", (MODEL, DATA))
    assert ollama_file(parse_ollama_name("x:1"), {}).read_bytes() == DATA


def test_a_model_that_is_not_there_says_the_command(tmp_path: Path) -> None:
    for store in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="does not have the model x:1") as missing:
            found("x:1", store)
        assert missing.value.hint == "run `ollama pull x:1`"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (((TENSOR, b"a"), (TENSOR, b"b")), "is no GGUF file"),
        (((MODEL, b"a"), (ADAPTER, b"b")), "is an adapter"),
        (((MODEL, b"a"), (MODEL, b"b")), "in 2 parts"),
        (((TEMPLATE, b"t"),), "another machine runs it"),
    ],
)
def test_a_model_that_the_engine_cannot_run(
    tmp_path: Path, layers: tuple[tuple[str, bytes], ...], message: str
) -> None:
    put_model(tmp_path, "x:1", *layers)
    with pytest.raises(ModelError, match=message) as refused:
        found("x:1", tmp_path)
    assert refused.value.hint


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"\xff", b"[" * 100_000, b'{"layers": 1}', b'{"layers": [1]}', b'{"layers": [{"mediaType": "x"}]}'],
)
def test_a_manifest_that_says_nothing(tmp_path: Path, manifest: bytes) -> None:
    path = put_model(tmp_path, "x:1", (MODEL, DATA))
    path.write_bytes(manifest)
    with pytest.raises(ModelError) as wrong:
        found("x:1", tmp_path)
    assert wrong.value.hint


def test_a_digest_that_is_a_path(tmp_path: Path) -> None:
    path = put_model(tmp_path, "x:1", (MODEL, DATA))
    path.write_text(json.dumps({"layers": [{"mediaType": MODEL, "digest": "sha256:../../etc/passwd"}]}))
    with pytest.raises(ModelError, match="cannot be read"):
        found("x:1", tmp_path)


def test_a_file_that_has_gone(tmp_path: Path) -> None:
    put_model(tmp_path, "x:1", (MODEL, DATA))
    (tmp_path / "blobs" / f"sha256-{sha256(DATA).hexdigest()}").unlink()
    with pytest.raises(ModelError, match="is not in Ollama's store"):
        found("x:1", tmp_path)


@pytest.mark.parametrize("kind", ["loop", "folder", "pipe"])
@pytest.mark.parametrize("part", ["manifest", "blob"])
def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path, kind: str, part: str) -> None:
    manifest = put_model(tmp_path, "x:1", (MODEL, DATA))
    path = manifest if part == "manifest" else tmp_path / "blobs" / f"sha256-{sha256(DATA).hexdigest()}"
    path.unlink()
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(ModelError, match=r"x:1 (in Ollama's store )?cannot be read") as wrong:
        found("x:1", tmp_path)
    assert (wrong.value.hint or "").startswith("run `ollama ")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that everybody may enter, unlike those above `tmp_path`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def somebody_else() -> Iterator[None]:
    """Be a user who may not read everything; root may, whatever the modes say."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("closed", ["manifests", "blobs"])
def test_a_store_that_one_may_not_read(open_folder: Path, closed: str) -> None:
    put_model(open_folder, "x:1", (MODEL, DATA))
    (open_folder / closed).chmod(0)
    with somebody_else(), pytest.raises(ModelError, match="you may not read Ollama's models") as refused:
        found("x:1", open_folder)
    assert "usermod" in (refused.value.hint or "")
    (open_folder / closed).chmod(0o700)
