"""How a model is asked to fill in the middle, decided by evidence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from assist_context.errors import TemplateError
from assist_context.prompt.fim import FimFormat, by_control_tokens, by_name, by_template, custom
from assist_server.backends.base import FimEvidence
from assist_server.core.errors import ConfigError

Mode = Literal["tokens", "suffix", "chat"]


@dataclass(frozen=True, slots=True)
class FimChoice:
    """How to ask one model for the text at the cursor.

    mode: `tokens`, we write the control tokens of `format`; `suffix`, the server writes its own around prefix and
        suffix; `chat`, the model is asked in words.
    why: the evidence, in one sentence.
    """

    mode: Mode
    format: FimFormat | None
    why: str


def users_choice(template: str) -> FimChoice:
    """Take the user's own template, which goes before all evidence; raise ConfigError for one without its fields."""
    try:
        return FimChoice("tokens", custom(template), "the template is your own (completion.fimTemplate)")
    except TemplateError as error:
        raise ConfigError(f"completion.fimTemplate: {error.message}", hint=error.hint) from error


def choose_fim(evidence: FimEvidence, model: str) -> FimChoice:
    """Choose by what the server knows: vocabulary, template, inserting, and the model's name only at last.

    A vocabulary with all tokens of a family tells of the model itself, so it goes before a server's template, which
    anybody may have written; but families share tokens, and of those the template tells which order was meant.
    """
    vocabulary = evidence.control_tokens
    template = by_template(evidence.template, model) if evidence.template else None
    if vocabulary and (found := by_control_tokens(vocabulary, model)):
        return _by_vocabulary(vocabulary, found, template, model)
    if template:
        return FimChoice("tokens", template, f"the server's template for it is that of {template.id}")
    if evidence.inserts:
        return FimChoice("suffix", None, "the server inserts with a template of its own")
    if vocabulary is not None:
        return FimChoice("chat", None, "its vocabulary has no control tokens for filling in")
    if found := by_name(model):
        return FimChoice("tokens", found, f"its name is like {found.id}; the server tells nothing better")
    return FimChoice("chat", None, "nothing tells that it can fill in")


def _by_vocabulary(vocabulary: frozenset[str], found: FimFormat, template: FimFormat | None, model: str) -> FimChoice:
    has = f"its vocabulary has {_some(vocabulary & found.control_tokens())}"
    if template and template.control_tokens() <= vocabulary and by_name(model) is not found:
        return FimChoice("tokens", template, f"{has}, and the server's template for it is that of {template.id}")
    return FimChoice("tokens", found, has)


def _some(tokens: Iterable[str]) -> str:
    return " ".join(sorted(tokens, key=lambda token: ("fim" not in token.lower(), token))[:3])
