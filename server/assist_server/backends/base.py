"""What every model server looks like to a feature.

Values are frozen. A stream is an async generator: it yields `Delta`s, then exactly one `Done`, or raises an
`AssistError`. Closing it (`contextlib.aclosing`) closes the socket, which is what stops the model.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from assist_context.prompt.segments import Prompt

FinishReason = Literal["stop", "length"]
Role = Literal["system", "user", "assistant"]


Start = Literal["any", "word", "code"]
"""`word`: the rest of the word that stands before the cursor. `code`: blanks or none, then no bracket that closes."""


@dataclass(frozen=True, slots=True)
class FillRequest:
    """Ask for the text that belongs at the cursor.

    prompt: all segments in the model's own FIM order; only the text before the cursor where `suffix` is set.
    suffix: the text after the cursor for a server that fills in its own template; None otherwise.
    stop: strings that end the output; they never appear in it. start, avoid: what the text must begin
    with, and what it must not begin with, behind blanks; a server that cannot hold a model to that does without.
    """

    model: str
    prompt: Prompt
    max_tokens: int
    stop: tuple[str, ...] = ()
    suffix: str | None = None
    start: Start = "any"
    avoid: str = ""
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Ask a question.

    schema: a JSON schema that the whole answer must satisfy, for servers that can hold the model to one.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer.

    prompt: all prompt tokens, cached ones included.
    cached: those of them that were not evaluated again, None where unknown.
    exact: False where the counts are our estimate.
    prompt_ms, generated_ms: the server's own clock, None where it does not say.
    """

    prompt: int
    generated: int
    cached: int | None = None
    exact: bool = True
    prompt_ms: float | None = None
    generated_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer: `length` where it was cut by max_tokens or by the context length."""

    reason: FinishReason
    usage: Usage


Event = Delta | Done
EventStream = AsyncGenerator[Event, None]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a server has.

    context_length: tokens, as the server runs it now where it says so, else what the model was trained for.
    remote_host: where the model really runs, None where that is this machine.
    inserts: whether the server lists it as one that takes a prompt with a suffix.
    """

    name: str
    context_length: int | None = None
    size_bytes: int | None = None
    parameters: str | None = None
    quantization: str | None = None
    digest: str | None = None
    remote_host: str | None = None
    inserts: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a server can take a request now, and what to do where it cannot."""

    ok: bool
    message: str
    version: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class FimEvidence:
    """What a server knows about filling in the middle with one model.

    control_tokens: those of the asked-for strings that are one token of the model's vocabulary,
        None where the server cannot tell.
    template: the server's own prompt template, None where it has none or does not show it.
    inserts: whether the server takes a prompt with a suffix for this model, None where unknown.
    """

    control_tokens: frozenset[str] | None = None
    template: str | None = None
    inserts: bool | None = None


class Backend(Protocol):
    """One model server. All methods raise only `AssistError`s (and let `CancelledError` through)."""

    name: str

    def fill(self, request: FillRequest) -> EventStream:
        """Stream the text for the cursor."""
        ...

    def chat(self, request: ChatRequest) -> EventStream:
        """Stream an answer."""
        ...

    async def preload(self, model: str) -> None:
        """Have a model in memory before it is needed, where a request is what loads it."""
        ...

    async def models(self) -> tuple[ModelInfo, ...]:
        """List the models that can be asked."""
        ...

    async def health(self) -> Health:
        """Tell whether the server can take a request; never raises for a server that is down."""
        ...

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:
        """Count exactly, or give None where the server cannot."""
        ...

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:
        """Collect what tells how this model fills in the middle; candidates are control tokens to look for."""
        ...

    async def aclose(self) -> None:
        """Give up the connections."""
        ...
