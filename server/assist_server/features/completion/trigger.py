"""Whether a place gets a suggestion at all, and how far one may go."""

from dataclasses import dataclass
from typing import Literal

from assist_context.document import Document
from assist_server.config.settings import CompletionSettings
from assist_server.features.completion.hole import Hole

Trigger = Literal["automatic", "invoked"]
Extent = Literal["line", "paragraph", "block"]

# Longer lines are generated or minified: the model makes nothing of them, and the prompt would hold nothing else.
_LONGEST_LINE = 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a suggestion may go.

    extent: to the end of the `line`, to the first blank line (`paragraph`), or to the end of the `block`;
        None where nothing is asked.
    why: the reason, in words for the trace.
    """

    extent: Extent | None
    why: str


def decide(document: Document, hole: Hole, trigger: Trigger, settings: CompletionSettings) -> Plan:
    """Decide from the place and from what asked; `invoked` (a person asked) is served where `automatic` is not."""
    if refusal := _refusal(document, hole, trigger, settings):
        return Plan(None, refusal)
    if any(character.isalnum() for character in hole.after):
        return Plan("line", "code follows on the line")
    if hole.after.strip():
        return Plan("line", "only punctuation follows on the line")
    if trigger == "invoked":
        return Plan("block", "asked for at the end of a line")
    return Plan("paragraph", "at the end of a line")


def covers(offered: Extent, wanted: Extent) -> bool:
    """Tell whether a suggestion made for one extent can serve another."""
    order: tuple[Extent, ...] = ("line", "paragraph", "block")
    return order.index(offered) >= order.index(wanted)


def _refusal(document: Document, hole: Hole, trigger: Trigger, settings: CompletionSettings) -> str | None:
    rules = [
        (not document.text.strip(), "the document is empty"),
        (not settings.enable, "completions are off (completion.enable)"),
        (document.language in settings.exclude, f"completions are off for {document.language} (completion.exclude)"),
    ]
    if trigger == "automatic":
        in_word = _is_word(hole.before[-1:]) and _is_word(hole.after[:1])
        too_long = len(hole.before) + len(hole.after) > _LONGEST_LINE
        rules += [
            (too_long, "the line is too long to be written by hand"),
            (in_word, "the cursor is inside a word"),
        ]
    return next((why for applies, why in rules if applies), None)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
