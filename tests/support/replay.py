"""Exchanges that were recorded from a real server, played once more by the loopback server.

A line of `tests/fixtures/ollama/*.jsonl` is one exchange: `name`, `request` (method, path, body) and `response`
(status, content_type, framing, and the body in the pieces in which it came). Long texts and the middle of long streams
are cut.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.dialects import OllamaDialect
from support.loopback_server import LoopbackServer, Received, Reply

RECORDED = Path(__file__).parents[1] / "fixtures" / "ollama"
MODEL = "qwen-coder:0.5b"
_HEALTHY = ("version", "tags", "ps-loaded", "show-fim-template", "preload", "fim-suffix-stream", "chat-stream")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what the server answered."""

    name: str
    request: Received
    reply: Reply


class RecordedOllama:
    """An Ollama that answers with what one has said: as a healthy one does, until a test plays something else."""

    def __init__(self, server: LoopbackServer) -> None:
        self.server = server
        self._exchanges = {exchange.name: exchange for path in RECORDED.glob("*.jsonl") for exchange in _read(path)}
        OllamaDialect().prepare(server)
        for name in _HEALTHY:
            self.play(name)

    def play(self, *names: str, at: str = "") -> None:
        """Play exchanges in turn and repeat the last. at: another path than that of the recorded requests."""
        exchanges = [self._exchanges[name] for name in names]
        method = "POST" if at else exchanges[0].request.method
        path = at or self.server.rename(exchanges[0].request)
        self.server.on(method, path, *(exchange.reply for exchange in exchanges))

    def said(self, name: str) -> Reply:
        """Give what the server answered."""
        return self._exchanges[name].reply


def _read(path: Path) -> list[Exchange]:
    return [_exchange(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _exchange(line: Mapping[str, Any]) -> Exchange:
    asked, said = line["request"], line["response"]
    request = Received(asked["method"], asked["path"], {}, json.dumps(asked.get("body", {})).encode())
    reply = Reply(
        tuple(piece.encode() for piece in said["body"]),
        status=said["status"],
        content_type=said.get("content_type", ""),
        framing=said["framing"],
    )
    return Exchange(line["name"], request, reply)
