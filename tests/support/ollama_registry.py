"""A registry of one model on this machine, from which a real Ollama pulls: the part of the Docker protocol that it
uses. A blob is asked for without a range first, to learn where it lies, and is then fetched from there by ranges.
"""

import json
import re
from collections.abc import Sequence

from support.gguf_files import F32, VALUES, gguf
from support.loopback_server import Hold, LoopbackServer, Piece, Received, Reply
from support.ollama_files import MODEL, digest, manifest

_CONFIG = {
    "model_format": "gguf",
    "model_family": "qwen2",
    "model_families": ["qwen2"],
    "model_type": "1.0M",
    "file_type": "F32",
    "os": "linux",
    "architecture": "amd64",
    "rootfs": {"type": "layers", "diff_ids": []},
}


class Registry:
    """Serve the model `library/tiny:1` of some megabytes.

    hold: where the first transfer of the file waits, after `first` bytes; None lets it through.
    """

    def __init__(self, server: LoopbackServer, hold: Hold | None = None) -> None:
        # Ollama reads no arrays of arrays; the name makes each registry's file another one
        values = {**VALUES, "some.lists": [1], "general.name": f"Tiny of {server.place}", "general.file_type": 0}
        self.file = gguf(values, [("token_embd.weight", (256, 4096), F32)])
        self.first = len(self.file) // 2
        self.name = f"{server.place}/library/tiny:1"
        self.digest = digest(self.file)
        self._hold = hold
        self._server = server
        config = json.dumps(_CONFIG).encode()
        told = json.dumps(manifest((MODEL, self.file), config=config)).encode()
        server.on("GET", "/v2/library/tiny/manifests/1", Reply((told,)))
        for data in (self.file, config):
            self._serve(data)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The ranges of the file that were asked for, ends included."""
        return [_range(request) for request in self._server.received(self._place(self.file))]

    def _serve(self, data: bytes) -> None:
        path = f"/v2/library/tiny/blobs/{digest(data)}"
        length = {"Content-Length": str(len(data))}
        elsewhere = {"Location": f"http://localhost:{self._server.place.rpartition(':')[2]}{self._place(data)}"}
        self._server.on("HEAD", path, Reply(headers=length, framing="close"))
        self._server.on("GET", path, Reply(status=307, headers=elsewhere))
        self._server.on("GET", self._place(data), lambda request: self._part(data, request))

    def _place(self, data: bytes) -> str:
        return f"/data/{digest(data)}"

    def _part(self, data: bytes, request: Received) -> Reply:
        start, end = _range(request)
        pieces: Sequence[Piece] = (data[start : end + 1],)
        if data is self.file and self._hold is not None:
            pieces = (data[start : self.first], self._hold, data[self.first : end + 1])
            self._hold = None
        return Reply(pieces, status=206, headers={"Content-Range": f"bytes {start}-{end}/{len(data)}"})


def _range(request: Received) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
    assert found is not None, "a file is fetched by ranges"
    return int(found[1]), int(found[2])
