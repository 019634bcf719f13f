"""The store of an Ollama, written by hand."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

_KIND = "application/vnd.ollama.image."
MODEL, ADAPTER, TENSOR = f"{_KIND}model", f"{_KIND}adapter", f"{_KIND}tensor"
TEMPLATE, PARAMETERS = f"{_KIND}template", f"{_KIND}params"
CONFIG = "application/vnd.docker.container.image.v1+json"

Layer = tuple[str, bytes]


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def manifest(*layers: Layer, config: bytes = b"{}") -> dict[str, Any]:
    """Write a manifest over the bytes of its layers."""

    def entry(kind: str, data: bytes) -> dict[str, Any]:
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": entry(CONFIG, config),
        "layers": [entry(kind, data) for kind, data in layers],
    }


def put_model(store: Path, name: str, *layers: Layer) -> Path:
    """Put a model into a store and give the path of its manifest."""
    place, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    parts = ["registry.ollama.ai", "library"][: 3 - len(place.split("/"))] + place.split("/")
    path = store / "manifests" / Path(*parts) / tag
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest(*layers)))
    (store / "blobs").mkdir(exist_ok=True)
    for _, data in layers:
        (store / "blobs" / digest(data).replace(":", "-")).write_bytes(data)
    return path
