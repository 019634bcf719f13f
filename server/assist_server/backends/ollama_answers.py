"""What Ollama's answers say: of a model, of what is in memory, in a line of a stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assist_context.prompt.fim import ALL_CONTROL_TOKENS
from assist_server.backends.base import Done, ModelInfo, Usage
from assist_server.backends.control_text import control_tokens
from assist_server.backends.fields import field, required
from assist_server.backends.ollama_remote import remote_host

_NANOSECONDS = 1_000_000  # in a millisecond


@dataclass(frozen=True, slots=True)
class ShownModel:
    """What `/api/show` tells of a model.

    version: changes when the name comes to mean another model. runner: the file that the model is run from, which two
    names can share; the name where it is not told.
    context_length: the one it was trained for. kv_bytes_per_token: of the key-value cache in f16.
    """

    name: str
    template: str
    capabilities: frozenset[str]
    context_length: int | None
    kv_bytes_per_token: int | None
    remote_host: str | None
    version: str
    runner: str


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in Ollama's memory; sizes in bytes, context_length 0 where an older Ollama does not say it."""

    name: str
    context_length: int
    size: int
    size_vram: int


def shown_model(name: str, answer: Mapping[str, Any]) -> ShownModel:
    """Read an answer of `/api/show`."""
    facts = field(answer, "model_info", dict) or {}
    architecture = field(facts, "general.architecture", str) or ""
    return ShownModel(
        name=name,
        template=field(answer, "template", str) or "",
        capabilities=frozenset(map(str, field(answer, "capabilities", list) or ())),
        context_length=field(facts, f"{architecture}.context_length", int),
        kv_bytes_per_token=_kv_bytes_per_token(facts, architecture),
        remote_host=remote_host(name, answer),
        version=field(answer, "modified_at", str) or "",
        runner=_file(field(answer, "modelfile", str) or "") or name,
    )


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a model's vocabulary tells; both None where it is not told.

    controls: its own control tokens. known: the control tokens of all families that it has.
    """

    controls: frozenset[str] | None
    known: frozenset[str] | None


def vocabulary_of(answer: Mapping[str, Any]) -> Vocabulary:
    """Read an answer of `/api/show` with `verbose`."""
    facts = field(answer, "model_info", dict) or {}
    tokens, types = (facts.get(f"tokenizer.ggml.{name}") for name in ("tokens", "token_type"))
    if not isinstance(tokens, list) or not isinstance(types, list) or not tokens:
        return Vocabulary(None, None)
    # SentencePiece writes a blank as a block
    plain = {token.replace("\u2581", " ").strip() if "\u2581" in token else token for token in map(str, tokens)}
    return Vocabulary(control_tokens(tokens, types), ALL_CONTROL_TOKENS & plain)


def loaded_models(answer: Mapping[str, Any]) -> dict[str, LoadedModel]:
    """Read an answer of `/api/ps`: the models in memory by name."""
    found = {}
    for entry in field(answer, "models", list) or ():
        name = field(entry, "model", str) or required(entry, "name", str)
        found[name] = LoadedModel(
            name,
            field(entry, "context_length", int) or 0,
            field(entry, "size", int) or 0,
            field(entry, "size_vram", int) or 0,
        )
    return found


def loaded_as(name: str, loaded: Mapping[str, LoadedModel]) -> LoadedModel | None:
    """Find a model among those in memory; a name without a tag means `latest`."""
    return loaded.get(name) or loaded.get(f"{name}:latest")


def listed_model(entry: Mapping[str, Any]) -> ModelInfo:
    """Read an entry of `/api/tags`; the context length is the one that the model was trained for."""
    name = field(entry, "model", str) or required(entry, "name", str)
    details = field(entry, "details", dict) or {}
    return ModelInfo(
        name=name,
        context_length=field(details, "context_length", int),
        size_bytes=field(entry, "size", int),
        parameters=field(details, "parameter_size", str) or None,
        quantization=field(details, "quantization_level", str) or None,
        digest=field(entry, "digest", str),
        remote_host=remote_host(name, entry),
        inserts="insert" in (field(entry, "capabilities", list) or ()),
    )


def text_of(line: Mapping[str, Any]) -> str:
    """Give the text in a line of a stream."""
    message = field(line, "message", dict)
    return (field(line, "response", str) if message is None else field(message, "content", str)) or ""


def done_of(line: Mapping[str, Any]) -> Done:
    """Read the last line of a stream."""
    prompt, generated = field(line, "prompt_eval_count", int), field(line, "eval_count", int)
    usage = Usage(
        prompt=prompt or 0,
        generated=generated or 0,
        exact=prompt is not None and generated is not None,
        prompt_ms=milliseconds(line, "prompt_eval_duration"),
        generated_ms=milliseconds(line, "eval_duration"),
    )
    return Done("length" if line.get("done_reason") == "length" else "stop", usage)


def milliseconds(line: Mapping[str, Any], key: str) -> float | None:
    """Give a duration of the last line."""
    value = field(line, key, float)
    return None if value is None else value / _NANOSECONDS


def _kv_bytes_per_token(facts: Mapping[str, Any], architecture: str) -> int | None:
    """Count the cache of all layers; models with a sliding window need less."""

    def told(name: str) -> int:
        value = facts.get(f"{architecture}.{name}")
        values = value if isinstance(value, list) else [value]
        return max((v for v in values if isinstance(v, int) and not isinstance(v, bool)), default=0)

    heads, layers = told("attention.head_count"), told("block_count")
    if not (heads and layers):
        return None
    usual = told("embedding_length") // heads
    one = (told("attention.key_length") or usual) + (told("attention.value_length") or usual)
    return 2 * layers * (told("attention.head_count_kv") or heads) * one or None


def _file(modelfile: str) -> str:
    """Find the file behind a model: the line `FROM` of its Modelfile, which stands in a comment with the name too."""
    lines = (line.split(maxsplit=1) for line in modelfile.splitlines() if line.startswith("FROM "))
    return next((parts[1] for parts in lines if len(parts) > 1), "")
