"""From a place in a document to a request that fits into the model's context."""

from dataclasses import dataclass, replace

from assist_context.document import Document
from assist_context.errors import BudgetError
from assist_context.prompt.chat import fill_messages
from assist_context.prompt.fill import build_fill, commented, window
from assist_context.prompt.fim import OtherFile, custom
from assist_context.prompt.segments import Prompt, Text
from assist_context.prompt.tokens import UNCALIBRATED, Calibration, estimate
from assist_context.retrieval.snippet import Snippet
from assist_server.backends.base import ChatRequest, FillRequest, Message
from assist_server.config.settings import CompletionSettings
from assist_server.core.errors import PromptTooLong
from assist_server.features.completion.rates import Rates
from assist_server.features.completion.speed import Lengths, lengths
from assist_server.features.fim import FimChoice
from assist_server.features.room import RESERVE, output_for, room_after, room_for, size_of
from assist_server.features.selection import Target

_TRIES, _GENTLE_TRIES = 24, 6
_SUFFIX = 96  # tokens
_READS_SUFFIX = 1e9  # parameters: with less, what follows the cursor does harm, see docs/decisions/0009


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens each part may take.

    room: the whole prompt. prefix, suffix: the document before and after the cursor. context: pieces of other places;
    what they leave of it goes to the prefix. output: the answer.
    """

    room: int
    prefix: int
    suffix: int
    context: int
    output: int

    def scaled(self, factor: float) -> "Budget":
        """Make the parts smaller; the room stays what it is."""
        prefix, suffix, context = (int(part * factor) for part in (self.prefix, self.suffix, self.context))
        return replace(self, prefix=prefix, suffix=suffix, context=context)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a prompt holds beside the text around the cursor.

    snippets: pieces of other places, in their order. repository: the name of the workspace.
    keep: the line, from 0, at which the prefix began before.
    """

    snippets: tuple[Snippet, ...] = ()
    repository: str = ""
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that fits.

    tokens: the size of its prompt; exact: the server counted it.
    prompt: as it is counted; extra: tokens that the server's own template adds to that.
    prefix, suffix: the parts of the document in it, as they stand there. snippets: the pieces of other places in it.
    """

    request: FillRequest | ChatRequest
    budget: Budget
    tokens: int
    exact: bool
    prompt: Prompt
    extra: int
    prefix: str
    suffix: str
    snippets: tuple[Snippet, ...]


def budget_for(settings: CompletionSettings, target: Target, rates: Rates | None = None) -> Budget:
    """Divide a model's context length between the answer, the two sides of the cursor and pieces of other places.

    rates: of the model, for what is to come in time; None where it does not matter.
    """
    context_length = target.context_length
    context = settings.context_tokens if settings.sources else 0
    # What has no context may have as much of the document instead.
    prefix = settings.prefix_tokens + (0 if settings.sources else settings.context_tokens)
    wanted = Lengths(prefix, _suffix_for(settings, target.parameters), context, settings.max_tokens)
    if rates is not None:
        wanted = lengths(rates, settings.latency_target_ms, wanted)
    output = output_for(wanted.output, context_length)
    room = room_for(context_length, output)
    suffix = min(wanted.suffix, room // 4)
    prefix = min(wanted.prefix, room - suffix)
    return Budget(room, prefix, suffix, min(wanted.context, (room - suffix - prefix) // 2), output)


def patient_budget(settings: CompletionSettings, target: Target, rates: Rates) -> Budget:
    """Divide it for a person who waits: a longer answer to the same prompt, as another would cost the cached one too.

    rates: of the model.
    """
    budget = budget_for(settings, target, rates)
    free = budget.room - budget.prefix - budget.suffix - budget.context
    more = max(0, min(free, budget_for(settings, target).output - budget.output))
    return replace(budget, room=budget.room - more, output=budget.output + more)


def _suffix_for(settings: CompletionSettings, parameters: float) -> int:
    if settings.suffix_tokens >= 0:
        return settings.suffix_tokens
    return 0 if 0 < parameters < _READS_SUFFIX else _SUFFIX


async def make_ask(
    document: Document,
    offset: int,
    *,
    target: Target,
    choice: FimChoice,
    budget: Budget,
    one_line: bool,
    beside: Beside = Beside(),
    calibration: Calibration = UNCALIBRATED,
) -> Ask:
    """Build the request with as much of the document as the budget holds; raise PromptTooLong where nothing fits.

    one_line: the answer ends with its first line. calibration: as of `size_of`.
    """
    for turn in range(_TRIES):
        try:
            draft = _draft(
                document, offset, model=target.model, choice=choice, budget=budget, one_line=one_line, beside=beside
            )
        except BudgetError:
            break
        tokens, exact = await size_of(draft.prompt, target, budget.room, extra=draft.extra, calibration=calibration)
        if tokens <= budget.room:
            return Ask(
                draft.request,
                budget,
                tokens,
                exact,
                draft.prompt,
                draft.extra,
                prefix=draft.prefix,
                suffix=draft.suffix,
                snippets=beside.snippets,
            )
        if beside.snippets:
            # The text around the cursor is worth more, and of the pieces the last ones.
            beside = replace(beside, snippets=beside.snippets[1:] if turn < _GENTLE_TRIES else ())
            continue
        if not budget.prefix and not budget.suffix:
            break
        # Where our count and the server's have little to do with each other, shrinking by their ratio never ends.
        budget = budget.scaled(min(0.9 if turn < _GENTLE_TRIES else 0.5, 0.95 * budget.room / tokens))
    raise PromptTooLong(
        f"no prompt fits into the {target.context_length} tokens of context that {target.model} has",
        status=400,
        context_length=target.context_length,
        hint="give the model a longer context, or make completion.maxTokens smaller",
    )


def smaller(budget: Budget, error: PromptTooLong, ask: Ask) -> Budget:
    """Shrink a budget by what the server said of a prompt that was too long."""
    output = output_for(budget.output, error.context_length) if error.context_length else budget.output
    room = min(budget.room, room_after(error, tokens=ask.tokens, output=output))
    scaled = budget.scaled(min(0.8, 0.95 * room / max(1, ask.tokens)))
    return replace(scaled, room=room, output=output)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A request and what it was made of; the fields are those of `Ask`."""

    request: FillRequest | ChatRequest
    prompt: Prompt
    extra: int
    prefix: str
    suffix: str


def _draft(
    document: Document,
    offset: int,
    *,
    model: str,
    choice: FimChoice,
    budget: Budget,
    one_line: bool,
    beside: Beside,
) -> _Draft:
    others = tuple(OtherFile(snippet.path, snippet.text) for snippet in beside.snippets)
    if choice.mode == "chat":
        return _chat_draft(document, offset, model=model, budget=budget, others=others)
    fill = build_fill(
        document,
        offset,
        format=choice.format or custom("{prefix}{suffix}"),
        prefix_tokens=budget.prefix,
        suffix_tokens=budget.suffix,
        count=estimate,
        others=others,
        repository=beside.repository,
        keep=beside.keep,
    )
    stop = ("\n",) if one_line else ()
    if choice.mode == "tokens":
        request = FillRequest(model, fill.prompt, budget.output, (*fill.stops, *stop))
        return _Draft(request, fill.prompt, 0, fill.prefix, fill.suffix)
    before = Text(commented(others, document.language) + fill.prefix)
    request = FillRequest(model, Prompt((before,)), budget.output, stop, suffix=fill.suffix)
    return _Draft(request, Prompt((before, Text(fill.suffix))), 0, fill.prefix, fill.suffix)


def _chat_draft(
    document: Document, offset: int, *, model: str, budget: Budget, others: tuple[OtherFile, ...]
) -> _Draft:
    parts = {"prefix_tokens": budget.prefix, "suffix_tokens": budget.suffix}
    turns = fill_messages(document, offset, **parts, count=estimate, others=others)
    prefix, suffix = (part.replace("\r\n", "\n") for part in window(document.text, offset, **parts, count=estimate))
    messages = tuple(Message(turn.role, turn.content) for turn in turns)
    prompt = Prompt(tuple(Text(message.content) for message in messages))
    return _Draft(ChatRequest(model, messages, budget.output), prompt, RESERVE * len(messages), prefix, suffix)
