"""Ollama's native API.

Its own client serves what it can: the types of its other answers leave out `remote_host`, which decides about
privacy, and its `generate` and `chat` have no `truncate` and `shift`, without which a long prompt is cut without a
word.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama
import pydantic

from assist_context.prompt.segments import Prompt
from assist_context.prompt.tokens import estimate
from assist_server.backends.base import (
    ChatRequest,
    Delta,
    Done,
    Event,
    FillRequest,
    FimEvidence,
    Health,
    ModelInfo,
    Usage,
)
from assist_server.backends.connection import Connection
from assist_server.backends.control_text import defuse, fill_stops, refuse_control_text
from assist_server.backends.fields import field, required
from assist_server.backends.ollama_url import USUAL_URL
from assist_server.backends.registry import BackendConfig
from assist_server.backends.rejection import rejection, stream_failure
from assist_server.backends.stops import apply_stops
from assist_server.core.errors import AssistError, EgressRefused
from assist_server.net.client import translated
from assist_server.net.streams import ndjson
from assist_server.privacy.egress import ip_address

_CONTEXT = 8192  # more than Ollama's own 4096, and within the memory of a small machine
_BATCH = (
    128  # a cancelled prompt stops at the end of a batch; with Ollama's 512 that takes up to half a minute on a CPU
)
_CLOUD = "ollama.com"
_NANOSECONDS = 1_000_000  # in a millisecond


@dataclass(frozen=True, slots=True)
class ShownModel:
    """What `/api/show` tells of a model; context_length is the one it was trained for."""

    template: str
    capabilities: frozenset[str]
    context_length: int | None
    remote_host: str | None


class OllamaBackend:
    """Ask an Ollama server."""

    name = "ollama"

    def __init__(self, config: BackendConfig) -> None:
        self._config = config
        self._connection = Connection("Ollama", config, usual_url=USUAL_URL)

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        """Stream the text for the cursor; raises Unsupported for a text that Ollama would read as control tokens."""
        shown, loaded = await self._looked_up(request.model)
        refuse_control_text("Ollama", request, shown.template)
        body = self._body(request, shown, loaded)
        body["prompt"] = request.prompt.as_string()
        if request.suffix is None:
            body["raw"] = True
        else:
            body["suffix"] = request.suffix or "\n"  # an empty one counts as absent and the chat template is taken
        answer = self._answer("/api/generate", body, shown.remote_host)
        tokens = estimate(body["prompt"] + body.get("suffix", ""))
        async with aclosing(apply_stops(answer, fill_stops(request), tokens)) as events:
            async for event in events:
                yield event

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Stream an answer; what looks like a control token in a message is parted by an invisible character."""
        shown, loaded = await self._looked_up(request.model)
        defused = defuse(request.messages)
        body = self._body(request, shown, loaded)
        body["messages"] = [{"role": message.role, "content": message.content} for message in defused.messages]
        if request.schema is not None:
            body["format"] = dict(request.schema)
        tokens = estimate("".join(message.content for message in defused.messages))
        answer = defused.clean(self._answer("/api/chat", body, shown.remote_host))
        async with aclosing(apply_stops(answer, request.stop, tokens)) as events:
            async for event in events:
                yield event

    async def models(self) -> tuple[ModelInfo, ...]:
        """List the models; those that another machine runs carry its name."""
        listed = await self._connection.json("GET", "/api/tags")
        loaded = await self._loaded()
        try:
            return tuple(_model_info(model, loaded) for model in listed["models"])
        except (KeyError, TypeError, AttributeError):
            raise self._connection.unreadable() from None

    async def health(self) -> Health:
        """Ask for the version."""
        try:
            answer = await self._connection.json("GET", "/api/version")
        except AssistError as error:
            return Health(ok=False, message=error.message, hint=error.hint or "start it with `ollama serve`")
        # Open WebUI answers here too, with a deployment_id
        if not isinstance(answer, dict) or "version" not in answer or "deployment_id" in answer:
            return Health(ok=False, message=f"{self._connection.server} is not an Ollama", hint="look at `backend.url`")
        return Health(ok=True, message=f"{self._connection.server} answers", version=str(answer["version"]))

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:  # noqa: ARG002 - the protocol's signature
        """Give None: Ollama counts only while it answers."""
        return None

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:  # noqa: ARG002 - see above
        """Give the template and whether it takes a suffix; the vocabulary would be an answer of 3 MB."""
        shown = await self._shown_model(model)
        return FimEvidence(template=shown.template or None, inserts="insert" in shown.capabilities)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()

    async def _shown_model(self, model: str) -> ShownModel:
        """Ask what a model is; raises EgressRefused for one that another machine runs and may not."""
        answer = await self._connection.json(
            "POST", "/api/show", {"model": model}, model=model, missing_hint=_pull_hint(model)
        )
        shown = _shown(model, answer)
        if shown.remote_host is not None:
            self._check_remote(model, shown.remote_host)
        return shown

    async def _looked_up(self, model: str) -> tuple[ShownModel, dict[str, int]]:
        """Ask anew before each prompt what the model is, for its name can come to mean another; and what is loaded."""
        shown, loaded = await asyncio.gather(self._shown_model(model), self._loaded(), return_exceptions=True)
        if isinstance(shown, BaseException):
            raise shown
        if isinstance(loaded, BaseException):
            raise loaded
        return shown, loaded

    def _check_remote(self, model: str, host: str) -> None:
        if not self._config.allow_remote_models:
            raise EgressRefused(
                f"the model {model!r} does not run on this machine: Ollama passes the prompt on to {host}",
                hint=f"take a local model, or set `privacy.allowRemoteModels` and add {host!r} to `privacy.allowHosts`",
            )
        self._config.policy.check_host(host)

    def _record(self, host: str) -> None:
        if self._config.audit is not None:
            self._config.audit.record(host=host, purpose="prompt passed on by Ollama")

    def _body(self, request: FillRequest | ChatRequest, shown: ShownModel, loaded: Mapping[str, int]) -> dict[str, Any]:
        """Make what both kinds of request share; different options would make Ollama load the model anew."""
        return {
            "model": request.model,
            "stream": True,
            "think": False,
            "truncate": False,
            "shift": False,
            "keep_alive": _keep_alive(self._config.keep_alive),
            "options": {
                "num_ctx": _context(shown.context_length, _loaded_length(request.model, loaded)),
                "num_batch": _BATCH,
                "num_predict": max(1, request.max_tokens),  # 0 would mean no limit
                "temperature": request.temperature,
                "seed": request.seed,
                "repeat_penalty": 1.0,
                "stop": list(request.stop),
            },
        }

    async def _loaded(self) -> dict[str, int]:
        """Ask which models are in memory and how long their context is."""
        client = _OllamaClient(await self._connection.client())
        with translated(self._connection.server), self._connection.quick():
            try:
                running = await client.ps()
            except ollama.ResponseError as error:
                raise rejection(self._connection.asked(), error.status_code, {}, error.error) from None
            except (pydantic.ValidationError, TypeError, AttributeError, RecursionError):
                raise self._connection.unreadable() from None
        return {entry.model or entry.name or "": entry.context_length or 0 for entry in running.models}

    async def _answer(self, path: str, body: Mapping[str, Any], remote: str | None) -> AsyncGenerator[Event, None]:
        """Stream an answer; remote: the host that may give it, None for this machine."""
        model = str(body["model"])
        if remote is not None:
            self._record(remote)
        async with (
            self._connection.stream(path, body, model=model, missing_hint=_pull_hint(model)) as response,
            aclosing(ndjson(response)) as lines,
        ):
            async for line in lines:
                if "error" in line:
                    raise stream_failure(self._connection.asked(model), line)
                if (host := _told_host(line, unnamed=remote or _CLOUD)) not in (None, remote):
                    self._check_remote(model, host)
                    self._record(host)
                    remote = host
                if text := _text(line):
                    yield Delta(text)
                if line.get("done"):
                    yield _done(line)
                    return
        # Ollama says no more than this where a model repeats one token for ever
        raise self._connection.cut_short()


class _OllamaClient(ollama.AsyncClient):
    """Ollama's client over our HTTP client; its own sends `OLLAMA_API_KEY` to any host, and takes proxies."""

    def __init__(
        self, client: httpx.AsyncClient
    ) -> None:  # deliberately without the base class's, which makes a client
        self._client = client


def _context(trained: int | None, loaded: int | None) -> int:
    """Choose the context length: what is loaded where that is enough, for another value means to load again."""
    wanted = min(_CONTEXT, trained or _CONTEXT)
    return loaded if loaded and loaded >= wanted else wanted


def _loaded_length(model: str, loaded: Mapping[str, int]) -> int | None:
    return loaded.get(model) or loaded.get(f"{model}:latest")


def _keep_alive(value: str) -> str | int:
    """Give a bare number as a number of seconds; Ollama takes text only with a unit."""
    try:
        return int(value)
    except ValueError:
        return value


def _pull_hint(model: str) -> str:
    return f"ollama pull {model}"


def _text(line: Mapping[str, Any]) -> str:
    message = field(line, "message", dict)
    return (field(line, "response", str) if message is None else field(message, "content", str)) or ""


def _done(line: Mapping[str, Any]) -> Done:
    def milliseconds(key: str) -> float | None:
        value = field(line, key, float)
        return None if value is None else value / _NANOSECONDS

    prompt, generated = field(line, "prompt_eval_count", int), field(line, "eval_count", int)
    usage = Usage(
        prompt=prompt or 0,
        generated=generated or 0,
        exact=prompt is not None and generated is not None,
        prompt_ms=milliseconds("prompt_eval_duration"),
        generated_ms=milliseconds("eval_duration"),
    )
    return Done("length" if line.get("done_reason") == "length" else "stop", usage)


def _shown(model: str, answer: Mapping[str, Any]) -> ShownModel:
    facts = field(answer, "model_info", dict) or {}
    architecture = field(facts, "general.architecture", str) or ""
    return ShownModel(
        template=field(answer, "template", str) or "",
        capabilities=frozenset(map(str, field(answer, "capabilities", list) or ())),
        context_length=field(facts, f"{architecture}.context_length", int),
        remote_host=_remote_host(model, answer),
    )


def _remote_host(model: str, answer: Mapping[str, Any]) -> str | None:
    """Give the host that runs a model, None for this machine; the answer's own words first, then the model's name."""
    cloud = model.strip().lower().endswith(("-cloud", ":cloud"))
    return _told_host(answer) or (_CLOUD if cloud else None)


def _told_host(answer: Mapping[str, Any], *, unnamed: str = _CLOUD) -> str | None:
    """Give the host that an answer names as the one that runs the model: `https://host:443`, `host:443` or `host`.

    unnamed: the host of a remote model whose answer names none.
    """
    told = field(answer, "remote_host", str)
    if not told:
        return unnamed if field(answer, "remote_model", str) else None
    if ip_address(told) is not None:
        return told
    try:
        return urlsplit(told if "://" in told else f"//{told}").hostname or told
    except ValueError:
        return told


def _model_info(model: Mapping[str, Any], loaded: Mapping[str, int]) -> ModelInfo:
    name = field(model, "model", str) or required(model, "name", str)
    details = field(model, "details", dict) or {}
    return ModelInfo(
        name=name,
        context_length=_context(field(details, "context_length", int), _loaded_length(name, loaded)),
        size_bytes=field(model, "size", int),
        parameters=field(details, "parameter_size", str) or None,
        quantization=field(details, "quantization_level", str) or None,
        digest=field(model, "digest", str),
        remote_host=_remote_host(name, model),
    )
