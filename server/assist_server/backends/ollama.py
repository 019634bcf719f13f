"""Ollama's native API.

Its own client serves what it can: the types of its other answers leave out `remote_host`, which decides about
privacy, and its `generate` and `chat` have no `truncate` and `shift`, without which a long prompt is cut without a
word.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

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
from assist_server.backends.ollama_url import USUAL_URL
from assist_server.backends.registry import BackendConfig
from assist_server.backends.rejection import rejection, stream_failure
from assist_server.backends.stops import apply_stops
from assist_server.core.errors import AssistError, EgressRefused
from assist_server.net.client import translated
from assist_server.net.streams import ndjson

_CONTEXT = 8192  # more than Ollama's own 4096, and within the memory of a small machine
_BATCH = (
    128  # a cancelled prompt stops at the end of a batch; with Ollama's 512 that takes up to half a minute on a CPU
)
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
        self._shown: dict[str, ShownModel] = {}

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        """Stream the text for the cursor; raises Unsupported for a text that Ollama would read as control tokens."""
        shown = await self._shown_model(request.model)
        refuse_control_text("Ollama", request, shown.template)
        body = await self._body(request, shown)
        body["prompt"] = request.prompt.as_string()
        if request.suffix is None:
            body["raw"] = True
        else:
            body["suffix"] = request.suffix or "\n"  # an empty one counts as absent and the chat template is taken
        answer = self._answer("/api/generate", body)
        tokens = estimate(body["prompt"] + body.get("suffix", ""))
        async with aclosing(apply_stops(answer, fill_stops(request), tokens)) as events:
            async for event in events:
                yield event

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Stream an answer; what looks like a control token in a message is parted by an invisible character."""
        shown = await self._shown_model(request.model)
        defused = defuse(request.messages)
        body = await self._body(request, shown)
        body["messages"] = [{"role": message.role, "content": message.content} for message in defused.messages]
        if request.schema is not None:
            body["format"] = dict(request.schema)
        tokens = estimate("".join(message.content for message in defused.messages))
        answer = defused.clean(self._answer("/api/chat", body))
        async with aclosing(apply_stops(answer, request.stop, tokens)) as events:
            async for event in events:
                yield event

    async def models(self) -> tuple[ModelInfo, ...]:
        """List the models; those that another machine runs carry its name."""
        listed = await self._connection.json("GET", "/api/tags")
        loaded = await self._loaded()
        self._shown.clear()
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
        """Ask what a model is, once; raises EgressRefused for one that another machine runs."""
        if model not in self._shown:
            answer = await self._connection.json(
                "POST", "/api/show", {"model": model}, model=model, missing_hint=_pull_hint(model)
            )
            try:
                self._shown[model] = _shown(model, answer)
            except (TypeError, AttributeError):
                raise self._connection.unreadable() from None
        remote = self._shown[model].remote_host
        if remote is not None:
            self._check_remote(model, remote)
        return self._shown[model]

    def _check_remote(self, model: str, host: str) -> None:
        if not self._config.allow_remote_models:
            raise EgressRefused(
                f"the model {model!r} does not run on this machine: Ollama passes the prompt on to {host}",
                hint=f"take a local model, or set `privacy.allowRemoteModels` and add {host!r} to `privacy.allowHosts`",
            )
        self._config.policy.check_host(host)

    async def _body(self, request: FillRequest | ChatRequest, shown: ShownModel) -> dict[str, Any]:
        """Make what both kinds of request share; different options would make Ollama load the model anew."""
        return {
            "model": request.model,
            "stream": True,
            "think": False,
            "truncate": False,
            "shift": False,
            "keep_alive": _keep_alive(self._config.keep_alive),
            "options": {
                "num_ctx": _context(shown.context_length, _loaded_length(request.model, await self._loaded())),
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
        with translated(self._connection.server):
            try:
                running = await client.ps()
            except ollama.ResponseError as error:
                raise rejection(self._connection.asked(), error.status_code, {}, error.error) from None
            except (pydantic.ValidationError, TypeError):
                raise self._connection.unreadable() from None
        return {entry.model or entry.name or "": entry.context_length or 0 for entry in running.models}

    async def _answer(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Event, None]:
        model = str(body["model"])
        async with (
            self._connection.stream(path, body, model=model, missing_hint=_pull_hint(model)) as response,
            aclosing(ndjson(response)) as lines,
        ):
            async for line in lines:
                if "error" in line:
                    raise stream_failure(self._connection.asked(model), line)
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
    message = line.get("message")
    text = message.get("content") if isinstance(message, dict) else line.get("response")
    return text if isinstance(text, str) else ""


def _done(line: Mapping[str, Any]) -> Done:
    def milliseconds(key: str) -> float | None:
        return line[key] / _NANOSECONDS if isinstance(line.get(key), int) else None

    prompt, generated = line.get("prompt_eval_count"), line.get("eval_count")
    usage = Usage(
        prompt=prompt or 0,
        generated=generated or 0,
        exact=prompt is not None and generated is not None,
        prompt_ms=milliseconds("prompt_eval_duration"),
        generated_ms=milliseconds("eval_duration"),
    )
    return Done("length" if line.get("done_reason") == "length" else "stop", usage)


def _shown(model: str, answer: Mapping[str, Any]) -> ShownModel:
    facts = answer.get("model_info") or {}
    length = facts.get(f"{facts.get('general.architecture', '')}.context_length")
    return ShownModel(
        template=answer.get("template") or "",
        capabilities=frozenset(answer.get("capabilities") or ()),
        context_length=length if isinstance(length, int) else None,
        remote_host=_remote_host(model, answer),
    )


def _remote_host(model: str, answer: Mapping[str, Any]) -> str | None:
    """Give the host that runs a model, None for this machine; the answer's own words first, then the model's name."""
    host = answer.get("remote_host")
    if isinstance(host, str) and host:
        return httpx.URL(host).host or host if "://" in host else host.partition(":")[0]
    cloud = model.endswith(("-cloud", ":cloud"))
    return "ollama.com" if cloud or answer.get("remote_model") else None


def _model_info(model: Mapping[str, Any], loaded: Mapping[str, int]) -> ModelInfo:
    name = model.get("model") or model["name"]
    details = model.get("details") or {}
    return ModelInfo(
        name=name,
        context_length=_context(details.get("context_length"), _loaded_length(name, loaded)),
        size_bytes=model.get("size"),
        parameters=details.get("parameter_size") or None,
        quantization=details.get("quantization_level") or None,
        digest=model.get("digest"),
        remote_host=_remote_host(name, model),
    )
