"""What is compared: a server with settings, under a name; and what makes an earlier answer of it still count."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import assist_context
import assist_server

STATIC = ("below", "alike", "outline", "imports", "definitions", "related")
SOURCES = (*STATIC, "edits", "views", "open")
"""The others tell of what a person did before, and nobody did anything: the replay of keys measures them."""
FILE, ALL = "file", "all"
SAMPLE = 100  # tasks of an arm that gets a part of them

# Two cores read about 140 tokens a second with the 0.5B: with prompts of this size all arms take less than two hours.
PREFIX_TOKENS, CONTEXT_TOKENS = 272, 240
MOST_TOKENS = 96


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to complete.

    command: starts the server. options: `initializationOptions`. sampled: it gets about `SAMPLE` of the tasks. own: the
    server is assist, so it can be asked more than the protocol has. digest: of all that decides what it answers.
    """

    name: str
    command: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    sampled: bool = False
    own: bool = False
    digest: str = ""


def own_arms(names: Sequence[str], command: Sequence[str], model: Path, more: Mapping[str, Any]) -> list[Arm]:
    """Give arms of assist: `file`, `all`, or the name of a single source.

    All of them may have prompts of the same size: where no other places are read, more of the file is.
    more: settings of completion on top, for instance other budgets.
    """
    weights, program = _digest_of_file(model), digest_of_program()
    arms = []
    for name in names:
        completion: dict[str, Any] = {
            "debounceMs": 0,
            "lookAhead": False,
            "latencyTargetMs": 60_000,  # the longest: nothing is left out because a machine is busy
            "prefixTokens": PREFIX_TOKENS,
            "contextTokens": CONTEXT_TOKENS,
            "maxTokens": MOST_TOKENS,
            **more,
        }
        if name != ALL:
            completion["sources"] = [] if name == FILE else [name]
        if name == FILE:
            completion["prefixTokens"] += completion["contextTokens"]
            completion["contextTokens"] = 0
        options = {
            "backend": {"name": "embedded"},
            "engine": {"model": str(model), "idleMinutes": 5},
            "completion": completion,
            "index": {"enable": True, "symbols": True},
        }
        digest = _digest([list(command), completion, weights, program])
        arms.append(Arm(name, tuple(command), options, name not in {FILE, ALL}, own=True, digest=digest))
    return arms


def other_arm(name: str, command: Sequence[str], options: Mapping[str, Any]) -> Arm:
    """Give an arm of any other server."""
    return Arm(name, tuple(command), options, digest=_digest([list(command), dict(options)]))


def digest_of_program() -> str:
    """Digest whatever of assist could change an answer: its code, queries and prompts."""
    digest = hashlib.sha256()
    for package in (assist_server, assist_context):
        root = Path(package.__file__ or "").parent
        for file in sorted(path for path in root.rglob("*") if path.suffix in {".py", ".scm", ".md", ".toml", ".json"}):
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _digest_of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
