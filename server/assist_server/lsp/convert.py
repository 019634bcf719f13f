"""From the protocol's places to offsets, and from completions to the protocol's items; nothing else."""

import re
from collections.abc import Sequence
from dataclasses import replace

from lsprotocol import types

from assist_context.document import Document
from assist_context.positions import Encoding, LineIndex
from assist_context.syntax.symbols import Symbol

_FENCES = re.compile(r"`{3,}")
# Completions come first: a client that gets them here has no other way to show them.
_SORT_TEXT = "0"


def offset_at(text: str, position: types.Position, encoding: Encoding) -> int:
    """Give the offset of a position; one outside the text means the nearest place in it."""
    return LineIndex(text).offset(position.line, position.character, encoding)


def span_of(text: str, span: types.Range, encoding: Encoding) -> tuple[int, int]:
    """Give the offsets of a range, the smaller one first."""
    index = LineIndex(text)
    start, end = (index.offset(place.line, place.character, encoding) for place in (span.start, span.end))
    return min(start, end), max(start, end)


def range_at(text: str, start: int, end: int, encoding: Encoding) -> types.Range:
    """Give the range between two offsets."""
    index = LineIndex(text)
    return types.Range(types.Position(*index.place(start, encoding)), types.Position(*index.place(end, encoding)))


def symbol_ranges(text: str, symbols: Sequence[Symbol], encoding: Encoding) -> list[types.Range]:
    """Give the ranges of definitions, whose offsets are bytes of UTF-8."""
    places = sorted({place for symbol in symbols for place in (symbol.start, symbol.end)})
    source, index = text.encode("utf-8", "replace"), LineIndex(text)
    positions: dict[int, types.Position] = {}
    last = characters = 0
    for place in places:
        characters += len(source[last:place].decode("utf-8", "replace"))
        last = place
        positions[place] = types.Position(*index.place(characters, encoding))
    return [types.Range(positions[symbol.start], positions[symbol.end]) for symbol in symbols]


def with_selected(
    document: Document, selected: types.SelectedCompletionInfo, encoding: Encoding
) -> tuple[Document, int]:
    """Give the document as it would be with the item that the editor's list has selected, and the place after it.

    An inline completion is only shown beside that list where it goes on from the selected item.
    """
    start, end = span_of(document.text, selected.range, encoding)
    text = document.text[:start] + selected.text + document.text[end:]
    return replace(document, text=text), start + len(selected.text)


def inline_item(
    text: str, place: types.Range, selected: types.SelectedCompletionInfo | None
) -> types.InlineCompletionItem:
    """Make ghost text; place is the empty range at the cursor."""
    if selected is None:
        return types.InlineCompletionItem(insert_text=text, range=place)
    return types.InlineCompletionItem(insert_text=selected.text + text, range=selected.range)


def completion_item(
    document: Document, offset: int, text: str, *, encoding: Encoding, model: str, markdown: bool
) -> types.CompletionItem:
    """Make an item of the editor's completion list.

    It replaces the word before the cursor by itself and what follows: clients compare that word with the item's
    filter text.
    """
    start = _word_start(document.text, offset)
    whole = document.text[start:offset] + text
    first = next((line.strip() for line in whole.splitlines() if line.strip()), whole.strip())
    return types.CompletionItem(
        label=first,
        kind=types.CompletionItemKind.Text,
        detail=f"assist: {model}",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, code_block(document.language, whole))
        if markdown
        else whole,
        sort_text=_SORT_TEXT,
        filter_text=first,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(range_at(document.text, start, offset, encoding), whole),
    )


def code_block(language: str, text: str) -> str:
    """Put text into a Markdown code block whose fence it cannot end."""
    longest = max((len(fence) for fence in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _word_start(text: str, offset: int) -> int:
    while offset and (text[offset - 1].isalnum() or text[offset - 1] == "_"):
        offset -= 1
    return offset
