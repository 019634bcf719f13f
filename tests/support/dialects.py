"""How each kind of model server says the same things, for the loopback server."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from support.loopback_server import LoopbackServer, Piece, Received, Reply, json_reply

Kind = Literal["fill", "chat"]
HAPPY_FILL = ("a", " + ", "b")
HAPPY_CHAT = ("It adds ", "é漢😀", " and b.")
PROMPT_TOKENS, CONTEXT = 9001, 8192


class Dialect(ABC):
    """One kind of server: its paths, its framing of streams, its refusals."""

    backend: str
    model = "qwen2.5-coder:0.5b"
    content_type = "text/event-stream"
    paths: Mapping[Kind, str]

    def prepare(self, server: LoopbackServer) -> None:
        """Make a server that is up, has the model and answers."""
        server.on("POST", self.paths["fill"], lambda _: self.stream(self.events("fill", HAPPY_FILL)))
        server.on("POST", self.paths["chat"], self._chat)

    def _chat(self, request: Received) -> Reply:
        pieces = ('{"answer": ', '"yes"}') if self.schema(request.json) else HAPPY_CHAT
        return self.stream(self.events("chat", pieces))

    def stream(self, pieces: Sequence[Piece], **more: Any) -> Reply:
        return Reply(tuple(pieces), content_type=self.content_type, framing="chunked", **more)

    @abstractmethod
    def events(self, kind: Kind, texts: Sequence[str], *, reason: str = "stop", end: bool = True) -> list[bytes]:
        """Write texts as the events of a stream; without the end it is a stream that was cut."""

    @abstractmethod
    def error_event(self, text: str) -> bytes:
        """Write an error as an event inside a stream."""

    @abstractmethod
    def refusal(self, status: int, text: str) -> Any:
        """Give the body of a refusal."""

    @abstractmethod
    def options(self, body: Mapping[str, Any]) -> tuple[int, float, int]:
        """Find max tokens, temperature and seed in a request."""

    @abstractmethod
    def schema(self, body: Mapping[str, Any]) -> Any:
        """Find the JSON schema in a request."""

    def too_long(self) -> Reply:
        """Refuse a prompt that does not fit, with both counts."""
        return json_reply(_exceeded(), 400)

    def missing_model(self) -> Reply:
        return json_reply(self.refusal(404, f"model '{self.model}' not found"), 404)

    def loading(self) -> Reply:
        return json_reply(self.refusal(503, "Loading model"), 503)

    def refused(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
        return json_reply(self.refusal(status, text), status, headers)


LOAD, VOCABULARY = "/api/generate (load)", "/api/show (verbose)"


def _ollama_path(request: Received) -> str:
    """Tell a load from a question, and the long answer about a model from the short one."""
    if request.path == "/api/generate" and "prompt" not in request.json:
        return LOAD
    return VOCABULARY if request.path == "/api/show" and request.json.get("verbose") else request.path


class OllamaDialect(Dialect):
    backend = "ollama"
    content_type = "application/x-ndjson"
    paths: Mapping[Kind, str] = {"fill": "/api/generate", "chat": "/api/chat"}
    template = (
        "{{- if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>{{ end }}<|im_end|>"
    )

    def prepare(self, server: LoopbackServer) -> None:
        super().prepare(server)
        server.on("GET", "/api/version", json_reply({"version": "0.32.15"}))
        server.on("GET", "/api/ps", json_reply({"models": []}))
        server.rename = _ollama_path
        server.on("POST", LOAD, json_reply({"model": self.model, "response": "", "done": True, "done_reason": "load"}))
        server.on("POST", "/api/show", json_reply(self.shown()))
        server.on("POST", VOCABULARY, json_reply(self.shown()))
        details = {"parameter_size": "630.17M", "quantization_level": "Q4_K_M", "context_length": 32768}
        about = {"size": 491400581, "digest": "87be", "details": details, "capabilities": ["completion", "insert"]}
        model = {"name": self.model, "model": self.model, **about}
        server.on("GET", "/api/tags", json_reply({"models": [model]}))

    def shown(self, **more: Any) -> dict[str, Any]:
        facts = {"general.architecture": "qwen2", "qwen2.context_length": 32768}
        return {"template": self.template, "model_info": facts, "capabilities": ["completion", "insert"], **more}

    def events(self, kind: Kind, texts: Sequence[str], *, reason: str = "stop", end: bool = True) -> list[bytes]:
        def line(text: str, **more: Any) -> bytes:
            said = {"response": text} if kind == "fill" else {"message": {"role": "assistant", "content": text}}
            return json.dumps({"model": self.model, **said, "done": False, **more}, ensure_ascii=False).encode() + b"\n"

        counts = {
            "prompt_eval_count": 21,
            "prompt_eval_duration": 124383000,
            "eval_count": 3,
            "eval_duration": 5_000_000,
        }
        last = [line("", done=True, done_reason=reason, **counts)] if end else []
        return [*(line(text) for text in texts), *last]

    def error_event(self, text: str) -> bytes:
        return json.dumps({"error": text}).encode() + b"\n"

    def refusal(self, status: int, text: str) -> Any:
        return {"error": text}

    def too_long(self) -> Reply:
        return json_reply({"error": json.dumps(_exceeded())}, 400)

    def options(self, body: Mapping[str, Any]) -> tuple[int, float, int]:
        options = body["options"]
        return options["num_predict"], options["temperature"], options["seed"]

    def schema(self, body: Mapping[str, Any]) -> Any:
        return body.get("format")


class OpenAIDialect(Dialect):
    backend = "openai"
    paths: Mapping[Kind, str] = {"fill": "/v1/completions", "chat": "/v1/chat/completions"}

    def prepare(self, server: LoopbackServer) -> None:
        super().prepare(server)
        models = {"object": "list", "data": [{"id": self.model, "owned_by": "vllm", "max_model_len": CONTEXT}]}
        server.on("GET", "/v1/models", json_reply(models))

    def events(self, kind: Kind, texts: Sequence[str], *, reason: str = "stop", end: bool = True) -> list[bytes]:
        def said(text: str) -> dict[str, Any]:
            return {"text": text} if kind == "fill" else {"delta": {"content": text}}

        chunks: list[Any] = [{"choices": [{"index": 0, **said(text), "finish_reason": None}]} for text in texts]
        if end:
            details = {"prompt_tokens_details": {"cached_tokens": 4}}
            chunks.append({"choices": [{"index": 0, **said(""), "finish_reason": reason}]})
            chunks.append({"choices": [], "usage": {"prompt_tokens": 21, "completion_tokens": 3, **details}})
        return [*(sse(chunk) for chunk in chunks), *([b"data: [DONE]\n\n"] if end else [])]

    def error_event(self, text: str) -> bytes:
        return sse({"error": {"message": text, "type": "server_error"}})

    def refusal(self, status: int, text: str) -> Any:
        return {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": status}}

    def options(self, body: Mapping[str, Any]) -> tuple[int, float, int]:
        return body["max_tokens"], body["temperature"], body["seed"]

    def schema(self, body: Mapping[str, Any]) -> Any:
        return body.get("response_format", {}).get("json_schema", {}).get("schema")


class LlamaServerDialect(OpenAIDialect):
    """Tokens of its vocabulary: one for each character, its code point; one for each control token, from 200000."""

    backend = "llama-server"
    paths: Mapping[Kind, str] = {"fill": "/completion", "chat": "/v1/chat/completions"}
    controls = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|im_start|>", "<|im_end|>")
    begin: tuple[int, ...] = ()

    def prepare(self, server: LoopbackServer) -> None:
        super().prepare(server)
        meta = {
            "n_ctx": CONTEXT,
            "n_ctx_train": 32768,
            "n_params": 630167424,
            "size": 485452288,
            "ftype": "Q4_K - Medium",
        }
        models = {"data": [{"id": self.model, "owned_by": "llamacpp", "meta": meta}]}
        props = {"default_generation_settings": {"n_ctx": CONTEXT}, "total_slots": 2, "chat_template": "{{ x }}"}
        server.on("GET", "/v1/models", json_reply(models))
        server.on("GET", "/health", json_reply({"status": "ok"}))
        server.on("GET", "/props", json_reply({**props, "build_info": "b11549"}))
        server.on("POST", "/tokenize", self._tokenize)
        server.on("POST", "/apply-template", self._render)

    def tokens(self, text: str, *, parse: bool = True) -> list[int]:
        pieces = re.split("(" + "|".join(map(re.escape, self.controls)) + ")", text) if parse else [text]
        ids: list[int] = []
        for piece in pieces:
            ids += [200_000 + self.controls.index(piece)] if piece in self.controls and parse else map(ord, piece)
        return ids

    def _tokenize(self, request: Received) -> Reply:
        asked = request.json
        begin = self.begin if asked["add_special"] else ()
        return json_reply({"tokens": [*begin, *self.tokens(asked["content"], parse=asked["parse_special"])]})

    def _render(self, request: Received) -> Reply:
        turns = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in request.json["messages"]]
        return json_reply({"prompt": "".join(turns) + "<|im_start|>assistant\n"})

    def events(self, kind: Kind, texts: Sequence[str], *, reason: str = "stop", end: bool = True) -> list[bytes]:
        if kind == "chat":
            return super().events(kind, texts, reason=reason, end=end)
        partial = [{"index": 0, "content": text, "tokens": [1], "stop": False} for text in texts]
        timings = {"cache_n": 4, "prompt_n": 17, "prompt_ms": 124.4, "predicted_n": 3, "predicted_ms": 5.0}
        counts = {"tokens_evaluated": 21, "tokens_predicted": 3, "timings": timings, "truncated": False}
        kinds = {"stop": "eos", "length": "limit"}
        last = [{"content": "", "stop": True, "stop_type": kinds[reason], "model": self.model, **counts}] if end else []
        return [sse(event) for event in [*partial, *last]]

    def refusal(self, status: int, text: str) -> Any:
        return {"error": {"code": status, "message": text, "type": "some_error"}}

    def options(self, body: Mapping[str, Any]) -> tuple[int, float, int]:
        return body.get("n_predict", body.get("max_tokens")), body["temperature"], body["seed"]


class EmbeddedDialect(LlamaServerDialect):
    backend = "embedded"


def sse(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _exceeded() -> dict[str, Any]:
    message = (
        f"request ({PROMPT_TOKENS} tokens) exceeds the available context size ({CONTEXT} tokens), try increasing it"
    )
    counts = {"n_prompt_tokens": PROMPT_TOKENS, "n_ctx": CONTEXT}
    return {"error": {"code": 400, "message": message, "type": "exceed_context_size_error", **counts}}
