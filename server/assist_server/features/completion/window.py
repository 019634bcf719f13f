"""What a model would read for a completion, piece by piece, without asking it for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from assist_context.document import Document
from assist_context.positions import lines_of
from assist_context.prompt.fim import by_name
from assist_context.prompt.segments import Prompt, Text
from assist_context.prompt.tokens import estimate
from assist_server.backends.base import ChatRequest, EventStream, FillRequest, FimEvidence, Health, ModelInfo
from assist_server.config.settings import Settings
from assist_server.core.clock import SystemClock
from assist_server.core.errors import AssistError, BackendError, BackendUnavailable, EngineError, ModelError
from assist_server.features.completion.asking import Ask, Budget, patient_budget
from assist_server.features.completion.context import PATIENCE, ContextBlocks, Surroundings, ask_in_context
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.rates import RateBook
from assist_server.features.completion.speed import SteadyRates
from assist_server.features.completion.trigger import decide, is_one_line
from assist_server.features.fim import FimChoice, users_choice
from assist_server.features.room import size_of
from assist_server.features.selection import UNKNOWN_CONTEXT_LENGTH, Selector, Target

_BEFORE, _AFTER = "the text before the cursor", "the text after the cursor"
_ASKED_AT_ANY_SIZE = 0  # room: even a prompt that surely fits is counted by the server


@dataclass(frozen=True, slots=True)
class WindowPiece:
    """A part of a file that the model reads.

    start, end: its first and last line, from 1. source: the part of the product that chose it. reason: why, in words.
    """

    path: str
    start: int
    end: int
    source: str
    reason: str
    tokens: int
    text: str


@dataclass(frozen=True, slots=True)
class Window:
    """The pieces in the order of the prompt, and the budget in tokens.

    total: what a prompt may have. used: what this one has, control tokens and the server's own template included.
    exact: the server counted. model, backend: empty where none answers; no_model is the reason then.
    why_empty: why nothing would be asked at this place, None where something would.
    """

    pieces: tuple[WindowPiece, ...]
    total: int
    used: int
    exact: bool
    model: str
    backend: str
    no_model: AssistError | None = None
    why_empty: str | None = None


async def completion_window(
    document: Document,
    offset: int,
    *,
    around: Surroundings | None,
    selector: Selector,
    settings: Settings,
    rates: RateBook | None = None,
) -> Window:
    """Give what the first request of a completion that a person asks for would hold; rates: those that are known.

    Without a model, that of one with the default context length whose server counts nothing. Raises ConfigError for
    settings that cannot be used, PromptTooLong where nothing fits.
    """
    hole = hole_at(document.text, offset, document.language)
    plan = decide(document, hole, "invoked", settings.completion, around.parsed() if around else None)
    if plan.extent is None:
        return Window((), 0, 0, exact=False, model="", backend="", why_empty=plan.why)
    no_model: AssistError | None = None
    try:
        target = await selector.target("completion")
        choice = await selector.fim(target)
    except (BackendError, EngineError, ModelError) as error:
        no_model = error
        target, choice = _without_model(settings)
    budget = _budget(settings, target, rates or RateBook())
    blocks = ContextBlocks(settings.completion.sources, SystemClock())
    ask, _ = await ask_in_context(
        document,
        offset,
        around,
        target=target,
        choice=choice,
        budget=budget,
        one_line=is_one_line(plan.extent, hole),
        blocks=blocks,
        keep=None,
        seconds=PATIENCE,
    )
    used, exact = await size_of(ask.prompt, target, _ASKED_AT_ANY_SIZE, extra=ask.extra)
    return Window(
        await _pieces(document, offset, ask, target),
        ask.budget.room,
        used,
        exact,
        model="" if no_model else target.model,
        backend="" if no_model else target.backend.name,
        no_model=no_model,
    )


def _budget(settings: Settings, target: Target, rates: RateBook) -> Budget:
    source = target.backend.name, target.model
    return patient_budget(settings.completion, target, SteadyRates().of(source, rates.of(source)))


async def _pieces(document: Document, offset: int, ask: Ask, target: Target) -> tuple[WindowPiece, ...]:
    lines = lines_of(document.text)
    here = lines.line_of(offset)
    # An end of line counts to the line that it ends; the lines of a part are those that it has characters of.
    first = here - ask.prefix.count("\n")
    last = here + ask.suffix.removesuffix("\n").count("\n")
    found = [
        WindowPiece(
            snippet.path,
            snippet.start,
            snippet.end,
            snippet.source,
            snippet.reason,
            await _tokens(snippet.text, target),
            snippet.text,
        )
        for snippet in ask.snippets
    ]
    for text, start, end, reason in ((ask.prefix, first, here, _BEFORE), (ask.suffix, here, last, _AFTER)):
        if text:
            tokens = await _tokens(text, target)
            found.append(WindowPiece(document.path, start + 1, end + 1, "file", reason, tokens, text))
    return tuple(found)


async def _tokens(text: str, target: Target) -> int:
    counted = await target.backend.count_tokens(Prompt((Text(text),)), target.model)
    return estimate(text) if counted is None else counted


def _without_model(settings: Settings) -> tuple[Target, FimChoice]:
    """Stand in for a model that is not there: the name that the settings give still tells how it would be asked."""
    model = settings.completion.model or settings.backend.model or settings.engine.model
    if settings.completion.fim_template:
        choice = users_choice(settings.completion.fim_template)
    elif found := by_name(model):
        choice = FimChoice("tokens", found, "the model's name")
    else:
        choice = FimChoice("suffix", None, "no model tells")
    return Target(_Nobody(), model, UNKNOWN_CONTEXT_LENGTH), choice


class _Nobody:
    """The server that is not there: it counts nothing and answers nothing."""

    name = "none"

    def fill(self, request: FillRequest) -> EventStream:
        self._refuse(request.model)

    def chat(self, request: ChatRequest) -> EventStream:
        self._refuse(request.model)

    async def preload(self, model: str) -> None:
        self._refuse(model)

    async def models(self) -> tuple[ModelInfo, ...]:
        return ()

    async def health(self) -> Health:
        return Health(ok=False, message="there is no model")

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:  # noqa: ARG002 - the protocol's signature
        return None

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:  # noqa: ARG002 - see above
        return FimEvidence()

    async def aclose(self) -> None:
        return

    def _refuse(self, model: str) -> NoReturn:
        raise BackendUnavailable(f"nothing answers for {model}")
