"""What a grammar takes although its language does not, looked for around a place.

tree-sitter's grammars are made to read on over errors: in TypeScript a lone `finally` is a name to them, and in Rust a
macro may stand before another statement without a semicolon.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tree_sitter import Node, Tree

TOLERATED = "tolerated"

_RESERVED = frozenset(
    (
        b"break case catch class const continue debugger default delete do else enum export extends finally for "
        b"function if import in instanceof new return super switch this throw try typeof var void while with null "
        b"true false"
    ).split()
)


def tolerated(language: str, tree: Tree, start: int, end: int) -> list[tuple[str, int, int]]:
    """List what is no code of a language among the nodes that a range (bytes) touches: kind, start and end in bytes."""
    if (is_wrong := _RULES.get(language)) is None:
        return []
    nodes = _touching(tree, start, end)
    return [(TOLERATED, node.start_byte, node.end_byte) for node in nodes if is_wrong(node)]


def _touching(tree: Tree, start: int, end: int) -> Iterator[Node]:
    """Give the nodes that a range touches, each before those in it."""
    todo = [tree.root_node]
    while todo:
        node = todo.pop()
        yield node
        cursor = node.walk()
        if cursor.goto_first_child_for_byte(max(0, start - 1)) is None:
            continue
        while (child := cursor.node) is not None and child.start_byte <= end:
            todo.append(child)
            if not cursor.goto_next_sibling():
                break


def _is_reserved_name(node: Node) -> bool:
    return node.type == "identifier" and node.text in _RESERVED


def _lacks_semicolon(node: Node) -> bool:
    """Tell whether a macro with round or square brackets stands before another statement of its block."""
    if node.type != "macro_invocation" or node.parent is None or node.parent.type != "block":
        return False
    following = node.next_named_sibling
    while following is not None and following.is_extra:
        following = following.next_named_sibling
    return following is not None and not (node.text or b"").endswith(b"}")


_RULES: Mapping[str, Callable[[Node], bool]] = MappingProxyType(
    {
        "javascript": _is_reserved_name,
        "javascriptreact": _is_reserved_name,
        "typescript": _is_reserved_name,
        "typescriptreact": _is_reserved_name,
        "rust": _lacks_semicolon,
    }
)
