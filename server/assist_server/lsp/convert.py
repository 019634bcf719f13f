"""From the protocol's places to offsets, and from completions to the protocol's items; nothing else."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lsprotocol import types

from assist_context.document import Document
from assist_context.positions import Encoding, lines_of, width
from assist_context.syntax.symbols import Symbol

_FENCES = re.compile(r"`{3,}")
# After the letters, digits and signs with which servers of a language sort their own items.
_SORT_LAST = "~"
_LONGEST_LABEL = 60


def offset_at(text: str, position: types.Position, encoding: Encoding) -> int:
    """Give the offset of a position; one outside the text means the nearest place in it."""
    return lines_of(text).offset(position.line, position.character, encoding)


def span_of(text: str, span: types.Range, encoding: Encoding) -> tuple[int, int]:
    """Give the offsets of a range, the smaller one first."""
    index = lines_of(text)
    start, end = (index.offset(place.line, place.character, encoding) for place in (span.start, span.end))
    return min(start, end), max(start, end)


def range_at(text: str, start: int, end: int, encoding: Encoding) -> types.Range:
    """Give the range between two offsets."""
    index = lines_of(text)
    return types.Range(types.Position(*index.place(start, encoding)), types.Position(*index.place(end, encoding)))


def symbol_ranges(text: str, symbols: Sequence[Symbol], encoding: Encoding) -> list[types.Range]:
    """Give the ranges of definitions, whose offsets are bytes of UTF-8."""
    places = sorted({place for symbol in symbols for place in (symbol.start, symbol.end)})
    source, index = text.encode("utf-8", "replace"), lines_of(text)
    positions: dict[int, types.Position] = {}
    last = characters = 0
    for place in places:
        characters += len(source[last:place].decode("utf-8", "replace"))
        last = place
        positions[place] = types.Position(*index.place(characters, encoding))
    return [types.Range(positions[symbol.start], positions[symbol.end]) for symbol in symbols]


def beginning(text: str, units: int, encoding: Encoding) -> str:
    """Give the first so many code units of a text, without a half of a character."""
    length = bisect_right(range(len(text) + 1), units, key=lambda count: width(text[:count], encoding)) - 1
    return text[:length]


def with_selected(document: Document, place: tuple[int, int], text: str) -> tuple[Document, int]:
    """Give the document as it would be with the item that the editor's list has selected, and the offset after it.

    An inline completion is only shown beside that list where it goes on from the selected item. place: the offsets
    that the item, a text, replaces.
    """
    start, end = place
    return replace(document, text=document.text[:start] + text + document.text[end:]), start + len(text)


def inline_items(
    text: str, place: tuple[int, int], items: Iterable[tuple[str, types.Command]], encoding: Encoding
) -> list[types.InlineCompletionItem]:
    """Make ghost text that replaces a place of a text, two offsets, by each of some texts.

    What stays as it is must not be in the place: a client that accepts word by word counts from its start.
    """
    span = range_at(text, *place, encoding)
    return [types.InlineCompletionItem(insert_text=new, range=span, command=command) for new, command in items]


def completion_item(
    document: Document,
    place: tuple[int, int],
    text: str,
    *,
    encoding: Encoding,
    model: str,
    markdown: bool,
    rank: int = 0,
) -> types.CompletionItem:
    """Make an item of the editor's completion list that replaces a place, two offsets, by a text.

    The place is the word before the cursor, with which the text begins: clients compare it with the item's filter text.
    rank: of several, from 0. It comes after all that a server of the language offers, and is never selected by itself.
    """
    typed = document.text[place[0] : place[1]]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # A label that is only the word already typed would say nothing.
    label = " ".join(lines[:2]) if lines and lines[0] == typed else next(iter(lines), text.strip())
    several = "\n" in text.strip()
    return types.CompletionItem(
        label=label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…",
        kind=types.CompletionItemKind.Snippet if several else types.CompletionItemKind.Text,
        detail=f"assist: {model}",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, code_block(document.language, text))
        if markdown
        else text,
        sort_text=f"{_SORT_LAST}{rank}",
        filter_text=next(iter(lines), label),
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(range_at(document.text, *place, encoding), text),
    )


def code_block(language: str, text: str) -> str:
    """Put text into a Markdown code block whose fence it cannot end."""
    longest = max((len(fence) for fence in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def word_start(text: str, offset: int) -> int:
    """Give the offset at which the word before an offset begins."""
    while offset and (text[offset - 1].isalnum() or text[offset - 1] == "_"):
        offset -= 1
    return offset
