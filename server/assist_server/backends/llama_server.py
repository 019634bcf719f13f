"""llama.cpp's own server.

Prompts go out as token arrays, so that text of a user's file is never read as a control token. A conversation whose
text looks like one goes the same way: the server renders its template around placeholders, and we put the tokens
together.
"""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from assist_context.prompt.segments import Control, Prompt
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
from assist_server.backends.beginnings import grammar_of
from assist_server.backends.completion_stream import chat_messages, completion_events, schema_format
from assist_server.backends.connection import Connection
from assist_server.backends.control_text import fill_stops
from assist_server.backends.fields import field, required
from assist_server.backends.registry import USUAL_URLS, BackendConfig
from assist_server.backends.rejection import stream_failure
from assist_server.backends.slices import FillSlot
from assist_server.backends.stops import apply_stops
from assist_server.backends.token_cache import TokenCache
from assist_server.core.errors import AssistError, ModelMissing, Unsupported
from assist_server.net.streams import json_object, server_sent_events

_PLACEHOLDER = re.compile("\ue000([0-9]{1,6})\ue001")  # characters that no template has
_LAST_EVENT = ["content", "stop", "stop_type", "truncated", "tokens_evaluated", "tokens_predicted", "timings", "model"]
_NO_THINKING = {"enable_thinking": False}


@dataclass(frozen=True, slots=True)
class _Slots:
    """How many requests a server answers at a time, and how many tokens each of them may have."""

    count: int
    length: int


class LlamaServerBackend:
    """Ask a `llama-server`."""

    name = "llama-server"
    product = "llama-server"
    one_slot_each = False

    def __init__(self, config: BackendConfig) -> None:
        self._connection = Connection(self.product, config, usual_url=USUAL_URLS["llama-server"], one_stream_each=True)
        self._tokens = TokenCache()
        self._slots: _Slots | None = None
        self._fill_slot = FillSlot()
        self._generation = 0
        self._answering = ""

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        """Stream the text for the cursor; raises Unsupported for a control token that the model has not."""
        if request.suffix is not None:
            raise Unsupported(
                f"{self._connection.server} takes the text after the cursor only inside the prompt", status=400
            )
        body = await self._body(request, slot=0)
        tokens = await self._prompt_tokens(request.prompt, request.model)
        body |= {"prompt": tokens, "n_predict": max(0, request.max_tokens)}
        if grammar := grammar_of(request.start, request.avoid):
            body["grammar"] = grammar
        controls = {s.value for s in request.prompt.segments if isinstance(s, Control)}
        ends = {(await self._tokenize(control, request.model, parse=True))[0] for control in controls}
        async with aclosing(
            apply_stops(self._filled(body, frozenset(ends)), fill_stops(request), len(tokens))
        ) as events:
            async for event in events:
                yield event

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Stream an answer; text that looks like a control token stays text."""
        body = await self._body(request, slot=1)
        if await self._holds_control_text(request):
            tokens = await self._rendered_tokens(request)
            body |= {"prompt": tokens, "n_predict": max(1, request.max_tokens)}
            if request.schema is not None:
                body["json_schema"] = dict(request.schema)
            answer, count = self._completion(body, frozenset()), len(tokens)
        else:
            count = sum([len(await self._tokenize(m.content, request.model)) for m in request.messages])
            answer = self._conversation(request, body, count)
        async with aclosing(apply_stops(answer, request.stop, count)) as events:
            async for event in events:
                yield event

    async def preload(self, model: str) -> None:
        """Do nothing: the server has its model in memory."""

    async def models(self) -> tuple[ModelInfo, ...]:
        """List the model, or the models of a server that has several; the context length is that of one slot."""
        listed = await self._connection.json("GET", "/v1/models")
        slot = field(await self._props(), "default_generation_settings", dict) or {}
        try:
            return tuple(_model_info(model, field(slot, "n_ctx", int)) for model in listed["data"])
        except (KeyError, TypeError, AttributeError):
            raise self._connection.unreadable() from None

    async def health(self) -> Health:
        """Ask whether the model is loaded and the key is right."""
        try:
            answer = await self._connection.json("GET", "/health")
            if not isinstance(answer, dict) or answer.get("status") != "ok":
                raise self._connection.unreadable()
            version = field(await self._props(), "build_info", str)
        except AssistError as error:
            return Health(ok=False, message=error.message, hint=error.hint)
        return Health(ok=True, message=f"{self._connection.server} answers", version=version)

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:
        """Count exactly."""
        return len(await self._prompt_tokens(prompt, model))

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:
        """Look the candidates up in the model's vocabulary."""
        known = [c for c in candidates if len(await self._tokenize(c, model, parse=True)) == 1]
        props = await self._props()
        return FimEvidence(frozenset(known), template=field(props, "chat_template", str) or None, inserts=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._fill_slot.aclose()
        await self._connection.aclose()

    async def _body(self, request: FillRequest | ChatRequest, *, slot: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "stream": True,
            "cache_prompt": True,
            "temperature": request.temperature,
            "seed": request.seed,
            "repeat_penalty": 1.0,
            "stop": list(request.stop),
        }
        await self._connection.client()  # the engine may be another one than at the last request
        if self._connection.generation != self._generation:
            self._forget()
        if self.one_slot_each:
            if self._slots is None:
                self._slots = _slots(await self._props())
            if self._slots.count >= 2:
                body["id_slot"] = slot
        return body

    def _filled(self, body: Mapping[str, Any], ends: frozenset[int]) -> AsyncGenerator[Event, None]:
        """Stream `/completion`, in slices where the slot is ours."""
        if self._slots is None or "id_slot" not in body:
            return self._completion(body, ends)
        tokens = body["prompt"]
        reading = {name: value for name, value in body.items() if name != "grammar"}

        def read(end: int) -> AsyncGenerator[Event, None]:
            return self._completion({**reading, "prompt": tokens[:end], "n_predict": 0}, frozenset())

        def write() -> AsyncGenerator[Event, None]:
            return self._completion(body, ends)

        return self._fill_slot.fill(tokens, read, write, sliced=len(tokens) < self._slots.length)

    async def _completion(self, body: Mapping[str, Any], ends: frozenset[int]) -> AsyncGenerator[Event, None]:
        """Stream `/completion`; ends are tokens that no text follows."""
        model = str(body["model"])
        request = {**body, "response_fields": _LAST_EVENT}
        tokens = 0
        async with (
            self._connection.stream("/completion", request, model=model) as response,
            aclosing(server_sent_events(response)) as events,
        ):
            async for sent in events:
                event = json_object(sent.data)
                if event.get("error"):
                    raise stream_failure(self._connection.asked(model), event)
                text = field(event, "content", str)
                if text and body["n_predict"]:  # the server writes one token where it is asked for none
                    yield Delta(text)
                if event.get("stop"):
                    self._learn_model(event)
                    yield _done(event, len(body["prompt"]))
                    return
                tokens += 1
                if any(token in ends for token in _ids(field(event, "tokens", list) or [])):
                    break
            else:
                raise self._connection.cut_short()
        yield Done("stop", Usage(prompt=len(body["prompt"]), generated=tokens, exact=False))

    async def _conversation(
        self, request: ChatRequest, body: Mapping[str, Any], count: int
    ) -> AsyncGenerator[Event, None]:
        """Stream `/v1/chat/completions`, where the server renders its template by itself."""
        full = {
            **body,
            "messages": chat_messages(request.messages),
            "max_tokens": max(1, request.max_tokens),
            "stream_options": {"include_usage": True},
            "chat_template_kwargs": _NO_THINKING,
        }
        if request.schema is not None:
            full["response_format"] = schema_format(request.schema)
        asked = self._connection.asked(request.model)
        async with (
            self._connection.stream("/v1/chat/completions", full, model=request.model) as response,
            aclosing(completion_events(self._connection, response, asked, count)) as events,
        ):
            async for event in events:
                yield event

    async def _holds_control_text(self, request: ChatRequest) -> bool:
        """Tell whether the server would read some of the messages' text as control tokens: it then has other tokens."""
        for message in request.messages:
            plain = await self._tokenize(message.content, request.model)
            if plain != await self._tokenize(message.content, request.model, parse=True):
                return True
        return False

    async def _rendered_tokens(self, request: ChatRequest) -> list[int]:
        """Render the template around placeholders and put the messages' own tokens in their places."""
        marked = [{"role": m.role, "content": f"\ue000{i}\ue001"} for i, m in enumerate(request.messages)]
        body = {"model": request.model, "messages": marked, "chat_template_kwargs": _NO_THINKING}
        answer = await self._connection.json("POST", "/apply-template", body, model=request.model)
        rendered = answer.get("prompt") if isinstance(answer, dict) else None
        if not isinstance(rendered, str):
            raise self._connection.unreadable()
        pieces = _PLACEHOLDER.split(rendered)
        if {int(place) for place in pieces[1::2]} != set(range(len(marked))):
            raise Unsupported(
                f"{self._connection.server} has a template that leaves messages out, and one holds a control token",
                status=400,
                hint="ask without the text that looks like a control token",
            )
        tokens = list(await self._tokenize(pieces[0], request.model, parse=True, add=True))
        for place, after in zip(pieces[1::2], pieces[2::2], strict=True):
            tokens += await self._tokenize(request.messages[int(place)].content, request.model)
            tokens += await self._tokenize(after, request.model, parse=True)
        return tokens

    async def _prompt_tokens(self, prompt: Prompt, model: str) -> list[int]:
        """Give a prompt's tokens, the model's own first token before them where it wants one."""
        tokens = list(await self._tokenize("", model, add=True))
        for segment in prompt.segments:
            if isinstance(segment, Control):
                control = await self._tokenize(segment.value, model, parse=True)
                if len(control) != 1:
                    raise Unsupported(
                        f"the model has no control token {segment.value!r}",
                        status=400,
                        hint="look at `completion.fimTemplate` and what `assist doctor` says of this model",
                    )
                tokens += control if tokens != list(control) else ()
            else:
                tokens += await self._tokenize(segment.value, model)
        return tokens

    async def _tokenize(self, text: str, model: str, *, parse: bool = False, add: bool = False) -> tuple[int, ...]:
        """Ask for a text's tokens; parse reads control tokens out of it, add puts the model's first token before it."""
        if not text and not add:
            return ()
        if self._connection.generation != self._generation:
            self._forget()
        key = (text, model, parse, add)
        kept = self._tokens.get(key)
        if kept is None:
            body = {"model": model, "content": text, "add_special": add, "parse_special": parse}
            answer = await self._connection.json("POST", "/tokenize", body, model=model)
            kept = _ids(required(answer, "tokens", list))
            self._tokens.put(key, kept)
        return kept

    async def _props(self) -> Mapping[str, Any]:
        """Ask for the server's properties; nothing where it does not give them."""
        try:
            answer = await self._connection.json("GET", "/props")
        except (Unsupported, ModelMissing):
            return {}
        return answer if isinstance(answer, dict) else {}

    def _learn_model(self, event: Mapping[str, Any]) -> None:
        """Forget all tokens where another model answers than before: someone has restarted the server."""
        answering = str(event.get("model") or "")
        if self._answering and answering != self._answering:
            self._forget()
        self._answering = answering

    def _forget(self) -> None:
        self._tokens.clear()
        self._fill_slot.forget()
        self._slots = None
        self._generation = self._connection.generation


def _ids(tokens: list[Any]) -> tuple[int, ...]:
    return tuple(required({"tokens": token}, "tokens", int) for token in tokens)


def _slots(props: Mapping[str, Any]) -> _Slots:
    length = field(field(props, "default_generation_settings", dict) or {}, "n_ctx", int)
    return _Slots(field(props, "total_slots", int) or 1, length or 0)


def _done(event: Mapping[str, Any], prompt_tokens: int) -> Done:
    timings = field(event, "timings", dict) or {}
    evaluated = field(event, "tokens_evaluated", int)
    usage = Usage(
        prompt=prompt_tokens if evaluated is None else evaluated,
        generated=field(event, "tokens_predicted", int) or 0,
        cached=field(timings, "cache_n", int),
        prompt_ms=field(timings, "prompt_ms", float),
        generated_ms=field(timings, "predicted_ms", float),
    )
    return Done("length" if event.get("stop_type") == "limit" or event.get("truncated") else "stop", usage)


def _model_info(model: Mapping[str, Any], slot_length: int | None) -> ModelInfo:
    meta = field(model, "meta", dict) or {}
    count = field(meta, "n_params", int)
    return ModelInfo(
        name=required(model, "id", str),
        context_length=slot_length or field(meta, "n_ctx", int) or field(meta, "n_ctx_train", int),
        size_bytes=field(meta, "size", int),
        parameters=None if count is None else f"{count / 1e9:.1f}B",
        quantization=field(meta, "ftype", str),
    )
