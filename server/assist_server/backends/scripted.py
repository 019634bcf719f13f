"""A backend that plays a script: for tests, demonstrations and screenshots.

A script file is a JSON list, or JSON lines, of steps:

    {"on": "fill", "text": "return 1"}
    {"on": "chat", "chunks": ["It ", {"pause": 0.2}, "adds."], "when": "def add", "repeat": true}
    {"on": "fill", "chunks": ["x"], "error": "backend-timeout"}
    {"on": "chat", "chunks": ["x", {"hold": true}]}

on: `fill` or `chat`. text or chunks: what is streamed; a chunk may be a pause in seconds, or a hold that never ends
(only a cancel ends it). when: text that the prompt or the messages must hold. repeat: the step is not used up.
reason: `stop` or `length`.
usage: `{"prompt", "generated", "cached"}`. error: the code of the error raised after the chunks.
message: the error's. A first object without `on` tells of the whole: `model` and `contextLength` name the model,
`record` a file beside the script to which every request, and how its stream ended, is appended as JSON lines.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assist_context.prompt.segments import Control, Prompt
from assist_server.backends.base import (
    ChatRequest,
    Delta,
    Done,
    Event,
    FillRequest,
    FimEvidence,
    FinishReason,
    Health,
    ModelInfo,
    Usage,
)
from assist_server.backends.registry import BackendConfig
from assist_server.backends.stops import apply_stops
from assist_server.core import errors
from assist_server.core.errors import AssistError, BackendRejected, BadResponse, ConfigError

Kind = Literal["fill", "chat"]

_HINT = "`backend.script` names a JSON file; its form is in the docstring of `assist_server.backends.scripted`"
_KINDS: dict[Any, Kind] = {"fill": "fill", "chat": "chat"}
_REASONS: dict[Any, FinishReason] = {"stop": "stop", "length": "length"}
_STATUS = {"auth-failed": 401, "model-missing": 404, "rate-limited": 429, "server-busy": 503, "model-loading": 503}
_HEALTHY = Health(ok=True, message="the script is ready", version="1")
_FIM_TOKENS = frozenset(
    {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"}
    | {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
)


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds of silence between two chunks."""

    seconds: float


Chunk = str | asyncio.Event | Pause


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """One answer. An `asyncio.Event` among the chunks is waited for; see the module for the rest."""

    on: Kind
    chunks: tuple[Chunk, ...] = ()
    when: str = ""
    repeat: bool = False
    reason: FinishReason = "stop"
    usage: Usage | None = None
    error: AssistError | None = None


@dataclass(slots=True)
class PlayedRequest:
    """A request and how its stream ended: `done`, `error`, or `closed` before its end; `finished` is set then."""

    request: FillRequest | ChatRequest
    ended: Literal["done", "error", "closed"] = "closed"
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class ScriptedBackend:
    """Play steps; in a test `ScriptedBackend(fills=["a", ("b", event, "c")], chats=["d"])`.

    fills, chats: answers, whole or in chunks, in the order in which they are asked for; script: steps, when there is
    more to say.
    evidence: what `fim_evidence` gives, Qwen's control tokens otherwise. count: the tokens of a text, one for four
    characters otherwise.
    Afterwards `requests` are what was asked, `played` also how each ended, `closed` counts the streams closed before
    their end.
    """

    name = "scripted"

    def __init__(
        self,
        script: Sequence[ScriptStep] = (),
        *,
        fills: Sequence[str | Sequence[Chunk]] = (),
        chats: Sequence[str | Sequence[Chunk]] = (),
        models: Sequence[ModelInfo] = (ModelInfo("scripted", 8192),),
        evidence: FimEvidence | None = None,
        health: Health = _HEALTHY,
        count: Callable[[str], int] | None = None,
        record: Path | None = None,
    ) -> None:
        self._steps = [*(_answer("fill", f) for f in fills), *(_answer("chat", c) for c in chats), *script]
        self._models = tuple(models)
        self._evidence = evidence
        self._health = health
        self._count = count or _quarter
        self._record = record
        self.played: list[PlayedRequest] = []
        self.is_closed = False

    @property
    def requests(self) -> list[FillRequest | ChatRequest]:
        """All requests, in the order in which they came."""
        return [played.request for played in self.played]

    @property
    def closed(self) -> int:
        """How many streams were closed before their end."""
        return sum(played.ended == "closed" for played in self.played)

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        """Play the next step for a fill."""
        text = request.prompt.as_string() + (request.suffix or "")
        async with aclosing(self._play("fill", request, text)) as events:
            async for event in events:
                yield event

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Play the next step for a chat."""
        text = "\n".join(message.content for message in request.messages)
        async with aclosing(self._play("chat", request, text)) as events:
            async for event in events:
                yield event

    async def preload(self, model: str) -> None:
        """Do nothing: the server has its model in memory."""

    async def models(self) -> tuple[ModelInfo, ...]:
        """Give the script's models."""
        return self._models

    async def health(self) -> Health:
        """Give the script's health."""
        return self._health

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:  # noqa: ARG002 - the protocol's signature
        """Count by the script's own measure; a control token is one."""
        return sum(1 if isinstance(s, Control) else self._count(s.value) for s in prompt.segments)

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:  # noqa: ARG002 - see above
        """Give the script's evidence."""
        return self._evidence or FimEvidence(control_tokens=_FIM_TOKENS.intersection(candidates), inserts=False)

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.is_closed = True

    async def _play(self, kind: Kind, request: FillRequest | ChatRequest, text: str) -> AsyncGenerator[Event, None]:
        played = PlayedRequest(request)
        self.played.append(played)
        self._note({"on": kind, "model": request.model, "text": text})
        try:
            events = self._events(self._next(kind, text), text)
            async with aclosing(apply_stops(events, request.stop, self._count(text))) as stopped:
                async for event in stopped:
                    if isinstance(event, Done):
                        played.ended = "done"
                    yield event
        except AssistError:
            played.ended = "error"
            raise
        finally:
            played.finished.set()
            self._note({"on": kind, "ended": played.ended})

    def _next(self, kind: Kind, text: str) -> ScriptStep:
        for place, step in enumerate(self._steps):
            if step.on == kind and step.when in text:
                if not step.repeat:
                    del self._steps[place]
                return step
        raise BadResponse(f"the script has no step left for this {kind}", hint=_HINT)

    async def _events(self, step: ScriptStep, text: str) -> AsyncGenerator[Event, None]:
        pieces = 0
        for chunk in step.chunks:
            if isinstance(chunk, asyncio.Event):
                await chunk.wait()
            elif isinstance(chunk, Pause):
                await asyncio.sleep(chunk.seconds)
            elif chunk:
                pieces += 1
                yield Delta(chunk)
        if step.error is not None:
            raise step.error
        yield Done(step.reason, step.usage or Usage(prompt=self._count(text), generated=pieces))

    def _note(self, what: Mapping[str, Any]) -> None:
        if self._record is not None:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(what) + "\n")


def scripted_backend(config: BackendConfig) -> ScriptedBackend:
    """Make one that plays the configuration's script; raises ConfigError for a script that cannot be played."""
    if config.script is None:
        raise ConfigError("the scripted backend has no script", hint=_HINT)
    entries = _entries(config.script)
    head = entries.pop(0) if entries and "on" not in entries[0] else {}
    length = head.get("contextLength", 8192)
    model = ModelInfo(str(head.get("model", "scripted")), length if isinstance(length, int) else None)
    record = config.script.parent / str(head["record"]) if "record" in head else None
    return ScriptedBackend([_step(entry) for entry in entries], models=(model,), record=record)


def scripted_error(code: str, message: str = "the script says so") -> AssistError:
    """Make the error with a code, `backend-timeout` for one; raises ConfigError for a code that no error has."""
    known = {
        kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AssistError)
    }
    kind = known.get(code)
    if kind is None:
        raise ConfigError(f"the script names an unknown error {code!r}", hint=f"known are {', '.join(sorted(known))}")
    if issubclass(kind, BackendRejected):
        return kind(message, status=_STATUS.get(code, 400))
    return kind(message)


def _answer(kind: Kind, answer: str | Sequence[Chunk]) -> ScriptStep:
    return ScriptStep(kind, (answer,) if isinstance(answer, str) else tuple(answer))


def _quarter(text: str) -> int:
    return -(-len(text) // 4)


def _entries(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8").strip()
        whole = text.startswith("[")
        entries = json.loads(text) if whole else [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"the script {path} cannot be read: {error}", hint=_HINT) from error
    if not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"the script {path} holds something that is not a step", hint=_HINT)
    return list(entries)


def _step(entry: Mapping[str, Any]) -> ScriptStep:
    try:
        return ScriptStep(
            _KINDS[entry.get("on")],
            tuple(_chunk(chunk) for chunk in entry.get("chunks", [entry.get("text", "")])),
            when=str(entry.get("when", "")),
            repeat=bool(entry.get("repeat", False)),
            reason=_REASONS[entry.get("reason", "stop")],
            usage=Usage(**entry["usage"]) if "usage" in entry else None,
            error=scripted_error(entry["error"], str(entry.get("message", ""))) if "error" in entry else None,
        )
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise ConfigError(f"the script has a step that cannot be played: {error!r}", hint=_HINT) from error


def _chunk(chunk: Any) -> Chunk:
    if isinstance(chunk, str):
        return chunk
    if chunk.get("hold"):
        return asyncio.Event()
    return Pause(float(chunk["pause"]))
