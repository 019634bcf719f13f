"""Whether a place gets a suggestion at all, and how far one may go."""

import re
from dataclasses import dataclass
from typing import Literal

from assist_context.document import Document
from assist_context.syntax.cursor import CursorPlace, cursor_place
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.incremental import Parsed
from assist_context.syntax.lexing import Inside, masked
from assist_server.config.settings import CompletionSettings
from assist_server.features.completion.hole import Hole, indent_of
from assist_server.features.path_patterns import is_excluded

Trigger = Literal["automatic", "invoked"]
Extent = Literal["line", "statement", "paragraph", "block"]

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

    extent: to the end of the `line`, to that of the block which the line opens, if it does (`statement`), to the first
        blank line (`paragraph`), or to the end of the `block`; None where nothing is asked.
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
) -> Plan:
    """Decide from the place and from what asked; `invoked` (a person asked) is served where `automatic` is not.

    parsed: the document's tree, or that of a few keys ago; without one only the text tells.
    """
    if refusal := _refusal(document, hole, trigger, settings):
        return Plan(None, refusal)
    place = _place(document, hole, parsed)
    inside = _inside(document.language, hole) if place is None else place.inside
    if inside != "code" and trigger == "automatic":
        return Plan(None, f"the cursor is in a {inside}")
    if any(character.isalnum() for character in hole.after):
        return Plan("line", "code follows on the line")
    if hole.after.strip():
        return Plan("line", "only punctuation follows on the line")
    if trigger == "invoked":
        return Plan("block", "asked for at the end of a line")
    return Plan("paragraph", "at the end of a line") if place is None else _by_syntax(hole, place)


def is_one_line(extent: Extent | None, hole: Hole) -> bool:
    """Tell whether a suggestion is sure to end with its first line: elsewhere it may close brackets on further ones."""
    return extent == "line" and bool(hole.after.strip())


def covers(offered: Extent, wanted: Extent) -> bool:
    """Tell whether a suggestion made for one extent can serve another."""
    order: tuple[Extent, ...] = ("line", "statement", "paragraph", "block")
    return order.index(offered) >= order.index(wanted)


def _place(document: Document, hole: Hole, parsed: Parsed | None) -> CursorPlace | None:
    if parsed is None:
        return None
    before = document.text[: hole.offset].encode("utf-8", "replace")
    source = before + document.text[hole.offset :].encode("utf-8", "replace")
    return cursor_place(document.language, parsed, source, len(before))


def _inside(language: str, hole: Hole) -> Inside:
    """Say what the cursor's own line tells; in some languages a lone single quote is no string's."""
    return "code" if hole.quote == "'" and language not in GRAMMARS else hole.inside


def _by_syntax(hole: Hole, place: CursorPlace) -> Plan:
    """Say how far an automatic suggestion goes at the end of a line of code: as far as is clear what is missing."""
    if not hole.before.strip():
        return _on_blank_line(hole, place)
    has_body = indent_of(hole.below) > hole.indent
    if _opens(hole.before, hole, place) and not has_body:
        return Plan("block", "a block was just opened")
    # Brackets of this line, such as those of a condition, a suggestion may close; those around are its limits.
    if place.in_list and (has_body or not hole.owed):
        return Plan("line", "inside brackets")
    return Plan("line" if has_body else "statement", "the line is not finished")


def _on_blank_line(hole: Hole, place: CursorPlace) -> Plan:
    if _opens(hole.above, hole, place) and indent_of(hole.below) <= indent_of(hole.above):
        return Plan("block", "the block above is empty")
    if place.in_list:
        return Plan("line", "inside brackets")
    if hole.adjacent and indent_of(hole.below) > hole.indent:
        return Plan("line", "the head of the lines below")
    if hole.adjacent and indent_of(hole.below) == hole.indent:
        return Plan("statement", "a line between others")
    return Plan("paragraph", "an empty line where nothing follows directly")


def _opens(line: str, hole: Hole, place: CursorPlace) -> bool:
    return opens_block(masked(line, hole.language).code, in_list=place.in_list)


def opens_block(code: str, *, in_list: bool) -> bool:
    """Tell whether a masked line ends with what opens a block, or brackets whose contents go on further lines.

    in_list: whether its end stands in brackets that hold no statements.
    """
    code = code.rstrip()
    if code.endswith(":"):
        # That of a dictionary or a slice stands in brackets, that of an annotation behind a name.
        return not in_list and _BLOCK_HEAD.match(code) is not None
    return code.endswith(("{", "(", "[", "=>")) or _OPENING_WORD.search(code) is not None


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
