"""The first line of what documents a definition: a string that opens its body, or comments just above it.

The comments are found in the text and not in the tree, which takes a third of the time and, of attributes and
annotations between a comment and its definition, no more than a look at how a line begins.
"""

import re
from typing import NamedTuple

from tree_sitter import Node

from assist_context.languages import LANGUAGES

_MARKUP = re.compile(
    r"^(?:/\*+!?|//[/!]?|#+!?|--+(?:\[=*\[)?|\*+/?|<summary>|[rubfRUBF]*(?:\"\"\"|'''|\"|'))\s*"
    r"|\s*(?:\*/|\"\"\"|'''|\"|'|\]=*\]|</summary>)$"
)
_EMPTY = frozenset({b"", b"<summary>", b"</summary>"})  # what C# writes around the text, in lines of their own
_BETWEEN = (b"@", b"#[", b"[", b"template")  # how lines begin that may stand between a comment and its definition
_MODIFIERS = re.compile(rb"[\s\w]*|\s*template\b.*")
_OPEN_A_STRING = frozenset({b'"', b"'", b"r", b"R", b"u", b"U"})
_LONGEST = 240


class Comments(NamedTuple):
    """How a language writes comments, in UTF-8; a mark that it does not have is a byte that no text has."""

    line: bytes
    start: bytes
    end: bytes


def comments_of(language: str) -> Comments:
    """Give the marks of a language by its identifier."""
    known = LANGUAGES.get(language)
    line, block = (known.comment, known.block_comment) if known else ("", None)
    start, end = block or ("", "")
    return Comments(*(mark.encode() or b"\0" for mark in (line, start, end)))


def documentation(node: Node, source: bytes, comments: Comments) -> str:
    """Give the first line of a definition's documentation, "" where there is none."""
    body = node.child_by_field_name("body")
    # A body without anything in it is a name: `def f = result` in Scala.
    if body is not None and body.named_child_count and source[body.start_byte : body.start_byte + 1] in _OPEN_A_STRING:
        first = body.named_children[0]
        if first.type == "expression_statement" and first.named_child_count:
            first = first.named_children[0]
        if first.type == "string":
            return _first_line(source[first.start_byte : first.end_byte])
    end = source.rfind(b"\n", 0, node.start_byte)
    before = source[end + 1 : node.start_byte]
    if not before.isspace() and before and not _MODIFIERS.fullmatch(before):
        return ""  # the comment above is that of something else in this line
    line, above = _line_before(source, end)
    while line.startswith(_BETWEEN) and not line.endswith((b"{", b"}", b";")):
        end = above
        line, above = _line_before(source, end)
    if line.startswith(comments.line):
        first_line = line
        while line.startswith(comments.line):
            first_line, end = (line if line.strip(b"/#-! ") not in _EMPTY else first_line), above
            line, above = _line_before(source, end)
        return _first_line(first_line)
    if line.endswith(comments.end):
        start = source.rfind(comments.start, 0, end)
        if start >= 0 and not source[source.rfind(b"\n", 0, start) + 1 : start].strip():
            return _first_line(source[start:end])
    return ""


def _line_before(source: bytes, end: int) -> tuple[bytes, int]:
    """Give the line that ends at a place, and the place where the one before it ends; -1 before the first."""
    if end < 0:
        return b"", -1
    above = source.rfind(b"\n", 0, end)
    return source[above + 1 : end].strip(), above


def _first_line(text: bytes) -> str:
    for line in text.decode("utf-8", "replace").splitlines():
        if bare := _MARKUP.sub("", _MARKUP.sub("", line.strip())).strip():
            return bare[:_LONGEST]
    return ""
