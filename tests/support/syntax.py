"""What is read out of a file, as a text that a person can check."""

from collections import defaultdict

from tree_sitter import Node, Query, QueryCursor, Tree

from assist_context.syntax.symbols import FileSyntax, Import


def syntax_text(found: FileSyntax) -> str:
    """Write symbols, references and imports; lines from 1."""
    references = defaultdict(list)
    for one in found.references:
        references[one.line + 1].append(f"{one.kind} {one.name}")
    symbols = (
        f"{s.line + 1} {s.kind} {'.'.join(filter(None, (s.parent, s.name)))} | {s.signature} | {s.doc}".rstrip()
        for s in found.symbols
    )
    return "\n".join(
        [
            "symbols",
            *symbols,
            "\nreferences",
            *(f"{line} {', '.join(sorted(of_line))}" for line, of_line in sorted(references.items())),
            "\nimports",
            *map(_import_text, found.imports),
            "",
        ]
    )


def _import_text(one: Import) -> str:
    name, alias = (f": {one.name}" if one.name else ""), (f" as {one.alias}" if one.alias else "")
    return f"{one.line + 1} {one.source}{name}{alias}"


def scopes_text(query: Query, tree: Tree) -> str:
    """Write the scopes of a tree with the names that are visible in each and not in those around it; lines from 1."""
    captures = QueryCursor(query).captures(tree.root_node)
    scopes = _sorted([tree.root_node, *_captured(captures, "scope")])
    names: dict[int, list[str]] = {scope.id: [] for scope in scopes}
    for local in _sorted(_captured(captures, "local")):
        names[_innermost(scopes, local).id].append((local.text or b"").decode())
    lines = [
        f"{s.start_point.row + 1}-{s.end_point.row + 1} {s.type}: {' '.join(names[s.id])}".rstrip() for s in scopes
    ]
    return "\n".join(["scopes", *lines, ""])


def _captured(captures: dict[str, list[Node]], name: str) -> list[Node]:
    return [node for capture, nodes in captures.items() if capture.split(".")[0] == name for node in nodes]


def _sorted(nodes: list[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte))


def _innermost(scopes: list[Node], node: Node) -> Node:
    """Give the last of those that hold a node; they are sorted by their start, the outer ones first."""
    return [scope for scope in scopes if scope.start_byte <= node.start_byte and node.end_byte <= scope.end_byte][-1]
