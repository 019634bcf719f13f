"""Whether a place gets a suggestion at all, and how far one may go."""

import re
from dataclasses import dataclass
from typing import Literal

from assist_context.document import Document
from assist_context.syntax.cursor import CursorPlace, cursor_place
from assist_context.syntax.incremental import Parsed
from assist_server.config.settings import CompletionSettings
from assist_server.features.completion.hole import Hole, indent_of
from assist_server.features.path_patterns import is_excluded

Trigger = Literal["automatic", "invoked"]
Extent = Literal["line", "paragraph", "block"]

# Longer lines are generated or minified: the model makes nothing of them, and the prompt would hold nothing else.
_LONGEST_LINE = 2000

_BLOCK_HEAD = re.compile(
    r"\s*(?:(?:async\s+)?(?:class|def|for|with)|if|elif|else|while|try|except|finally|match|case|default|public|private"
    r"|protected)\b"
)
_OPENING_WORD = re.compile(r"(?:^|\s)(?:do|then|begin)$")


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a suggestion may go.

    extent: to the end of the `line`, to the first blank line (`paragraph`), or to the end of the `block`;
        None where nothing is asked.
    why: the reason, in words for the trace.
    """

    extent: Extent | None
    why: str


def decide(
    document: Document,
    hole: Hole,
    trigger: Trigger,
    settings: CompletionSettings,
    parsed: Parsed | None = None,
    *,
    in_text: bool = False,
) -> Plan:
    """Decide from the place and from what asked; `invoked` (a person asked) is served where `automatic` is not.

    parsed: the document's tree, or that of a few keys ago; without one only the text tells. in_text: whether strings
    and comments get automatic suggestions, too.
    """
    if refusal := _refusal(document, hole, trigger, settings):
        return Plan(None, refusal)
    place = _place(document, hole, parsed)
    if place is not None and place.inside != "code" and trigger == "automatic" and not in_text:
        return Plan(None, f"the cursor is in a {place.inside}")
    if any(character.isalnum() for character in hole.after):
        return Plan("line", "code follows on the line")
    if hole.after.strip():
        return Plan("line", "only punctuation follows on the line")
    if trigger == "invoked":
        return Plan("block", "asked for at the end of a line")
    return Plan("paragraph", "at the end of a line") if place is None else _by_syntax(hole, place)


def covers(offered: Extent, wanted: Extent) -> bool:
    """Tell whether a suggestion made for one extent can serve another."""
    order: tuple[Extent, ...] = ("line", "paragraph", "block")
    return order.index(offered) >= order.index(wanted)


def _place(document: Document, hole: Hole, parsed: Parsed | None) -> CursorPlace | None:
    if parsed is None:
        return None
    before = document.text[: hole.offset].encode("utf-8", "replace")
    source = before + document.text[hole.offset :].encode("utf-8", "replace")
    return cursor_place(document.language, parsed, source, len(before))


def _by_syntax(hole: Hole, place: CursorPlace) -> Plan:
    """Say how far an automatic suggestion goes at the end of a line: as far as it is clear what is missing there."""
    if opens_block(hole.before, place) and indent_of(hole.below) <= hole.indent:
        return Plan("block", "a block was just opened")
    if place.inside == "code" and not hole.before.strip():
        if opens_block(hole.above, place) and indent_of(hole.below) <= indent_of(hole.above):
            return Plan("block", "the block above is empty")
        if not place.in_list and not (hole.adjacent and indent_of(hole.below) >= hole.indent):
            return Plan("paragraph", "an empty line where nothing follows directly")
    if place.in_list:
        return Plan("line", "inside brackets")
    return Plan("line", "the line is not finished" if hole.before.strip() else "a line between others")


def opens_block(line: str, place: CursorPlace) -> bool:
    """Tell whether a line ends with what opens a block, or brackets whose contents go on further lines."""
    line = line.rstrip()
    if line.endswith(":"):
        # That of a dictionary or a slice stands in brackets, that of an annotation behind a name.
        return not place.in_list and _BLOCK_HEAD.match(line) is not None
    return line.endswith(("{", "(", "[", "=>")) or _OPENING_WORD.search(line) is not None


def _refusal(document: Document, hole: Hole, trigger: Trigger, settings: CompletionSettings) -> str | None:
    rules = [
        (not document.text.strip(), "the document is empty"),
        (not settings.enable, "completions are off (completion.enable)"),
        (document.language in settings.exclude, f"completions are off for {document.language} (completion.exclude)"),
        (is_excluded(document.path, settings.exclude_paths), "completions are off here (completion.excludePaths)"),
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
