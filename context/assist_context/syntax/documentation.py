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
_WITH_DOCSTRINGS = frozenset({"python"})
_OPEN_A_STRING = frozenset({b'"', b"'", b"r", b"R", b"u", b"U"})
_LONGEST = 240


class Comments(NamedTuple):
    """How a language writes comments, in UTF-8; a mark that it does not have is a byte that no text has.

    begins: the first bytes of lines above a definition that matter. strings: whether a string documents a body.
    """

    line: bytes
    start: bytes
    end: bytes
    begins: frozenset[int]
    strings: bool


def comments_of(language: str) -> Comments:
    """Give the marks of a language by its identifier."""
    known = LANGUAGES.get(language)
    line, block = (known.comment, known.block_comment) if known else ("", None)
    start, end = block or ("", "")
    marks = [mark.encode() or b"\0" for mark in (line, start, end)]
    begins = frozenset(mark[0] for mark in (*marks, *_BETWEEN))
    return Comments(marks[0], marks[1], marks[2], begins, language in _WITH_DOCSTRINGS)


def documentation(node: Node, source: bytes, comments: Comments) -> str:
    """Give the first line of a definition's documentation, "" where there is none."""
    if comments.strings and (text := _docstring(node, source)):
        return text
    end = source.rfind(b"\n", 0, node.start_byte)
    line, above = _line_before(source, end)
    if not line or (line[0] not in comments.begins and not line.endswith(comments.end)):
        return ""  # most definitions end here
    before = source[end + 1 : node.start_byte]
    if not before.isspace() and before and not _MODIFIERS.fullmatch(before):
        return ""  # the comment above is that of something else in this line
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


def _docstring(node: Node, source: bytes) -> str:
    """Give the first line of the string that opens a body."""
    body = node.child_by_field_name("body")
    if body is None or not body.named_child_count:  # a body without anything in it is a name
        return ""
    if source[body.start_byte : body.start_byte + 1] not in _OPEN_A_STRING:
        return ""
    first = body.named_children[0]
    if first.type == "expression_statement" and first.named_child_count:
        first = first.named_children[0]
    return _first_line(source[first.start_byte : first.end_byte]) if first.type == "string" else ""


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
