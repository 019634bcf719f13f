"""Servers that speak as OpenAI does: LM Studio, vLLM, KoboldCpp, Open WebUI and others.

They differ in which parameters they take. One that a server refuses by name is left out from then on.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from assist_context.prompt.segments import Prompt
from assist_context.prompt.tokens import estimate
from assist_server.backends.base import ChatRequest, Event, FillRequest, FimEvidence, Health, ModelInfo
from assist_server.backends.completion_stream import chat_messages, completion_events, schema_format
from assist_server.backends.connection import Connection
from assist_server.backends.control_text import defuse_chat, defuse_fill, fill_stops
from assist_server.backends.fields import field, required
from assist_server.backends.registry import USUAL_URLS, BackendConfig
from assist_server.backends.rejection import names_parameter
from assist_server.backends.stops import apply_stops
from assist_server.core.errors import AssistError, BackendRejected, BadResponse, PromptTooLong, Unsupported

_MOST_STOPS = 4  # what OpenAI's own server takes
_OPTIONAL = ("stop", "seed", "response_format", "stream_options", "max_tokens", "temperature", "top_p")


class OpenAICompatibleBackend:
    """Ask a server with `/v1/completions` and `/v1/chat/completions`; the configured URL is with or without `/v1`.

    A URL that ends in `/api` is taken as it is (Open WebUI).
    """

    name = "openai"

    def __init__(self, config: BackendConfig) -> None:
        url = config.url.rstrip("/")
        self._prefix = "" if url.endswith("/api") else "/v1"
        root = url.removesuffix("/v1") or USUAL_URLS["openai"]
        self._connection = Connection("the model server", replace(config, url=root))
        self._refused: set[str] = set()
        self._counts = True

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        """Stream the text for the cursor; raises Unsupported for a suffix, which such servers ignore."""
        if request.suffix is not None:
            raise Unsupported(
                f"{self._connection.server} takes the text after the cursor only inside the prompt", status=400
            )
        defused = defuse_fill(request, None)
        stops, count = fill_stops(request), estimate(defused.prompt)
        body = {**_shared(request, stops), "prompt": defused.prompt}
        answer = self._answer(f"{self._prefix}/completions", body, count)
        async with aclosing(defused.clean(apply_stops(answer, stops, count))) as events:
            async for event in events:
                yield event

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Stream an answer; what looks like a control token in a message is parted by an invisible character."""
        defused = defuse_chat(request.messages, None)
        body = {**_shared(request, request.stop), "messages": chat_messages(defused.messages)}
        if request.schema is not None:
            body["response_format"] = schema_format(request.schema)
        count = estimate("".join(message.content for message in defused.messages))
        answer = self._answer(f"{self._prefix}/chat/completions", body, count)
        stopped = apply_stops(answer, request.stop, count)
        async with aclosing(defused.clean(stopped, in_json=request.schema is not None)) as events:
            async for event in events:
                yield event

    async def preload(self, model: str) -> None:
        """Do nothing: the server has its model in memory."""

    async def models(self) -> tuple[ModelInfo, ...]:
        """List the models; the context length is known from servers that tell it (vLLM, llama.cpp)."""
        listed = await self._connection.json("GET", f"{self._prefix}/models")
        try:
            return tuple(_model_info(model) for model in listed["data"])
        except (KeyError, TypeError, AttributeError):
            raise self._connection.unreadable() from None

    async def health(self) -> Health:
        """Ask for the list of models, which every such server has."""
        try:
            models = await self.models()
        except AssistError as error:
            return Health(ok=False, message=error.message, hint=error.hint)
        if not models:
            return Health(
                ok=False, message=f"{self._connection.server} has no model", hint="load a model in the server"
            )
        return Health(ok=True, message=f"{self._connection.server} answers")

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:
        """Count exactly where the server has vLLM's `/tokenize`."""
        sent = defuse_fill(FillRequest(model, prompt, max_tokens=1), None)
        return await self._count(sent.prompt, model)

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:
        """Find the candidates that are one token, where the server can count."""
        empty = await self._count("", model)
        if empty is None:
            return FimEvidence()
        known = [candidate for candidate in candidates if await self._count(candidate, model) == empty + 1]
        return FimEvidence(control_tokens=frozenset(known))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()

    async def _answer(self, path: str, body: Mapping[str, Any], prompt_tokens: int) -> AsyncGenerator[Event, None]:
        """Stream an answer; a request that the server refuses for one optional parameter is sent again without it."""
        asked = self._connection.asked(str(body["model"]))
        begun = False
        while not begun:
            sent = self._accepted(body)
            try:
                async with (
                    self._connection.stream(path, sent, model=asked.model) as response,
                    aclosing(completion_events(self._connection, response, asked, prompt_tokens)) as events,
                ):
                    async for event in events:
                        begun = True
                        yield event
            except BackendRejected as error:
                if begun or not self._leave_out(error, sent):
                    raise

    def _accepted(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what the server has refused before."""
        sent = {name: value for name, value in body.items() if name not in self._refused}
        if "max_tokens" in self._refused:
            sent["max_completion_tokens"] = body["max_tokens"]
        return sent

    def _leave_out(self, error: BackendRejected, sent: Mapping[str, Any]) -> bool:
        """Learn from a refusal which parameter to leave out; False where it names none that was sent."""
        if error.status not in (400, 422) or isinstance(error, PromptTooLong):
            return False
        named = next((name for name in _OPTIONAL if name in sent and names_parameter(error.message, name)), None)
        if named is None:
            return False
        self._refused.add(named)
        return True

    async def _count(self, text: str, model: str) -> int | None:
        if not self._counts:
            return None
        try:
            answer = await self._connection.json("POST", "/tokenize", {"model": model, "prompt": text}, model=model)
        except (BackendRejected, BadResponse):
            answer = None
        count = answer.get("count") if isinstance(answer, dict) else None
        self._counts = isinstance(count, int)
        return count if isinstance(count, int) else None


def _shared(request: FillRequest | ChatRequest, stops: Sequence[str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": max(1, request.max_tokens),
        "temperature": request.temperature,
        "top_p": 1.0,
        "seed": request.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if stops:
        body["stop"] = list(stops[:_MOST_STOPS])
    return body


def _model_info(model: Mapping[str, Any]) -> ModelInfo:
    meta = field(model, "meta", dict) or {}
    places = ((model, "max_model_len"), (meta, "n_ctx"), (model, "context_length"))
    lengths = (field(place, name, int) for place, name in places)
    return ModelInfo(
        name=required(model, "id", str),
        context_length=next((length for length in lengths if length is not None), None),
        size_bytes=field(meta, "size", int),
    )
