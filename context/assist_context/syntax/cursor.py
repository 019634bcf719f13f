"""What a place of a document is in, as far as a suggestion depends on it: text or code, brackets or statements."""

import re
from typing import NamedTuple

from tree_sitter import Node, Tree

from assist_context.syntax.incremental import Parsed, edit_between
from assist_context.syntax.lexing import CLOSERS, OPENERS, Inside, masked

_STRING = re.compile(r"string|char(?:acter)?_literal|rune_literal|heredoc|regex|line_str|raw_str|quoted")
_HOLE_IN_STRING = re.compile(r"interpolat|substitution|expansion")
_HOLDS_ELEMENTS = re.compile(
    r"object|dict|set|map|initializer|literal_value|record|import|export|use_list|table|collection|pattern|array"
)
_MOST_CHILDREN = 500  # of a node whose brackets are looked at; more has a file, or a list that was generated
_TRIPLE_QUOTES = (b'"""', b"'''")


class CursorPlace(NamedTuple):
    """What is around a place.

    in_list: whether the innermost brackets around it hold arguments, parameters, elements or a condition, and
    not statements.
    """

    inside: Inside
    in_list: bool


def cursor_place(language: str, parsed: Parsed, source: bytes, offset: int) -> CursorPlace:
    """Look around a byte offset of a text in UTF-8; `parsed` may be of the text as it was a few keys ago."""
    root = tree_for(parsed, source).root_node
    node = root.descendant_for_byte_range(max(offset - 1, 0), offset) or root
    inside = _inside(node, source, offset)
    if inside is None:
        inside = _typed_last(language, source, offset, broken=root.has_error)
    return CursorPlace(inside, inside == "code" and _in_list(root, language, source, offset))


def tree_for(parsed: Parsed, source: bytes) -> Tree:
    """Give a tree whose places are those of a text: of another text than that of the tree, moved but not read again."""
    edit = edit_between(parsed.source, source)
    if edit is None:
        return parsed.tree
    tree = parsed.tree.copy()
    tree.edit(*edit)
    return tree


def _inside(leaf: Node, source: bytes, offset: int) -> Inside | None:
    """Give what the nodes around a place say; None where they are code, as far as they know."""
    node: Node | None = leaf
    while node is not None and node.parent is not None:
        kind, start, end = node.type, node.start_byte, node.end_byte
        if start < offset:
            if "comment" in kind:
                if offset < end or _is_open(source[start:end]):
                    return "comment"
            elif offset < end:
                if _HOLE_IN_STRING.search(kind):
                    return "code"
                if _STRING.search(kind):
                    return "string"
        node = node.parent
    return None


def _is_open(comment: bytes) -> bool:
    """Tell whether what is written at the end of a comment belongs to it."""
    return not comment.endswith((b"*/", b"\n", b"]]"))


def _typed_last(language: str, source: bytes, offset: int, *, broken: bool) -> Inside:
    """Read the line as far as it is typed: a string that nobody has closed yet is an error to a parser."""
    line = source[source.rfind(b"\n", 0, offset) + 1 : offset].decode("utf-8", "replace")
    inside = masked(line, language).inside
    if broken and inside != "comment" and any(source.count(quote, 0, offset) % 2 for quote in _TRIPLE_QUOTES):
        return masked(source[:offset].decode("utf-8", "replace"), language).inside
    return inside


def _in_list(root: Node, language: str, source: bytes, offset: int) -> bool:
    node = root.descendant_for_byte_range(offset, offset)
    while node is not None:
        if node.start_byte < offset and node.child_count <= _MOST_CHILDREN and (bracket := _open_at(node, offset)):
            return bracket != "{" or language == "python" or _HOLDS_ELEMENTS.search(node.type) is not None
        node = node.parent
    # What a parser gives up ends before the blanks that follow it.
    typed = len(source[:offset].rstrip())
    node = root.descendant_for_byte_range(max(typed - 1, 0), typed)
    while node is not None and node.type != "ERROR":
        node = node.parent
    return node is not None and _open_at(node, offset) in {"(", "["}


def _open_at(node: Node, offset: int) -> str:
    """Give the last bracket among a node's own tokens that is open at an offset, "" where none is."""
    opened = ""
    for child in node.children:
        if child.end_byte > offset:
            break
        # A closing one that the parser made up stands nowhere.
        if not child.is_named and not child.is_missing and child.type:
            last = child.type[-1]
            if last in OPENERS:
                opened += last
            elif child.type in CLOSERS:
                opened = opened[:-1]
    return opened[-1:]
