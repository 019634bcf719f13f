"""From a tree to values: definitions with signature, parent and documentation; references; imports; identifiers.

The queries say where things are; what they do not say (signature, parent, documentation) is computed here, the same way
for all languages.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, cast, get_args

from tree_sitter import Node, QueryCursor, Tree

from assist_context.syntax.grammars import query

Kind = Literal[
    "class", "interface", "enum", "type", "module", "function", "method", "field", "constant", "variable", "macro"
]
ReferenceKind = Literal["call", "class", "type", "implementation"]
KINDS = frozenset(get_args(Kind))

_CONTAINERS = frozenset({"class", "interface", "enum", "module", "function", "method", "impl"})
_OF_A_TYPE = frozenset({"class", "interface", "enum", "impl"})
_WRAPPERS = frozenset({"export_statement", "decorated_definition", "type_declaration", "template_declaration"})
_LONGEST_SIGNATURE = 240
_IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")
_BLANKS = re.compile(r"\s+")
_MARKUP = re.compile(
    r"^(?:/\*+!?|//[/!]?|#+!?|--+|\*+/?|[rubfRUBF]*(?:\"\"\"|'''|\"|'))\s*|\s*(?:\*/|\"\"\"|'''|\"|')$"
)
_RECEIVER = re.compile(r"^func\s*\(\s*(?:\w+\s+)?\*?\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition.

    start, end: bytes of the file. line, last_line: from 0. parent: the names around it, with dots, "" at the top.
    doc: the first line of its documentation.
    """

    name: str
    kind: Kind
    start: int
    end: int
    line: int
    last_line: int
    signature: str
    parent: str
    doc: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that is used; line from 0."""

    name: str
    kind: ReferenceKind
    line: int


@dataclass(frozen=True, slots=True)
class Import:
    """What a file takes from elsewhere: the module or path as it is written, the name taken, its name here."""

    source: str
    name: str
    alias: str
    line: int


@dataclass(frozen=True, slots=True)
class FileSyntax:
    """All that is known of one file; in the order of the file."""

    symbols: tuple[Symbol, ...]
    references: tuple[Reference, ...]
    imports: tuple[Import, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A definition as the query gives it; node is the whole of it, scope what the query says is around it."""

    name: str
    kind: str
    node: Node
    scope: str


def file_syntax(language: str, source: bytes, tree: Tree) -> FileSyntax:
    """Read a file's tree, parsed from `source` (UTF-8)."""
    found: dict[int, _Found] = {}  # by the place of the name: of two patterns for one name the first is meant
    references: dict[tuple[int, str], Reference] = {}
    imports: list[Import] = []
    matches = QueryCursor(query(language)).matches(tree.root_node)
    for _, captures in sorted(matches, key=lambda match: match[0]):
        what, node = _subject(captures)
        names = captures.get("name", [])
        if what == "import":
            imports.append(_import(node, captures))
        elif what.startswith("definition.") and names:
            scope = "".join(_text(n) for n in captures.get("scope", [])[:1])
            found.setdefault(names[0].start_byte, _Found(_text(names[0]), what[11:], _whole(node), scope))
        elif what.startswith("reference."):
            kind = cast("ReferenceKind", what[10:])
            for name in names:
                references.setdefault((name.start_byte, kind), Reference(_text(name), kind, name.start_point.row))
    symbols = tuple(_symbols(found.values(), source))
    return FileSyntax(
        symbols,
        tuple(reference for _, reference in sorted(references.items())),
        tuple(sorted(imports, key=lambda one: (one.line, one.source, one.name))),
    )


def identifiers(text: str) -> frozenset[str]:
    """Collect the words of three and more characters that may be names, in any language."""
    return frozenset(_IDENTIFIER.findall(text))


def _subject(captures: dict[str, list[Node]]) -> tuple[str, Node]:
    """Give what a match is about and its node."""
    for name, nodes in captures.items():
        if name == "import" or name.startswith(("definition.", "reference.")):
            return name, nodes[0]
    return "", next(iter(captures.values()))[0]


def _symbols(found: Iterable[_Found], source: bytes) -> Iterator[Symbol]:
    around: list[_Found] = []
    for one in sorted(found, key=lambda f: (f.node.start_byte, -f.node.end_byte)):
        while around and around[-1].node.end_byte <= one.node.start_byte:
            around.pop()
        outer = [other for other in around if other.node.end_byte >= one.node.end_byte and other.node != one.node]
        if one.kind in KINDS:
            yield _symbol(one, outer, source)
        if one.kind in _CONTAINERS:
            around.append(one)


def _symbol(one: _Found, outer: Sequence[_Found], source: bytes) -> Symbol:
    signature = _signature(one.node, source)
    receiver = _RECEIVER.match(signature) if one.kind == "method" else None
    if one.kind == "field":  # an attribute that a method sets belongs to its class
        outer = [other for other in outer if other.kind not in ("function", "method")]
    parent = one.scope or (receiver[1] if receiver else ".".join(other.name for other in outer))
    kind = "method" if one.kind == "function" and outer and outer[-1].kind in _OF_A_TYPE else one.kind
    return Symbol(
        name=one.name,
        kind=cast("Kind", kind),
        start=one.node.start_byte,
        end=one.node.end_byte,
        line=one.node.start_point.row,
        last_line=one.node.end_point.row,
        signature=signature,
        parent=parent.replace("::", "."),
        doc=_doc(one.node),
    )


def _whole(node: Node) -> Node:
    """Give the definition around a declarator, in which C and its kin name their functions."""
    while node.parent is not None and node.type.endswith("_declarator"):
        node = node.parent
    return node


def _signature(node: Node, source: bytes) -> str:
    """Give what stands before the body, in one line; the first line of what has none."""
    body = _body(node)
    if body is not None and body.start_byte > node.start_byte:
        text = source[node.start_byte : body.start_byte].decode("utf-8", "replace")
    else:
        text = source[node.start_byte : node.end_byte].decode("utf-8", "replace").partition("\n")[0]
    text = _BLANKS.sub(" ", text).strip().rstrip("{=;,:").removesuffix("=>").strip()
    return text[:_LONGEST_SIGNATURE]


def _body(node: Node) -> Node | None:
    """Find the body of a definition, also of a function that is a variable's value."""
    for _ in range(4):
        body = node.child_by_field_name("body")
        if body is not None:
            return body
        inner = next(
            (n for name in ("value", "right", "declarator", "type") if (n := node.child_by_field_name(name))), None
        )
        inner = inner or next((n for n in node.named_children if n.type == "variable_declarator"), None)
        if inner is None:
            return next((n for n in node.named_children if n.type.endswith("_body")), None)
        node = inner
    return None


def _doc(node: Node) -> str:
    """Give the first line of the string that opens a body, else of the comments that end just above."""
    body = node.child_by_field_name("body")
    first = body.named_children[0] if body is not None and body.named_children else None
    if first is not None and first.type == "expression_statement" and first.named_children[:1]:
        first = first.named_children[0]
    if first is not None and first.type == "string":
        return _first_line(_text(first))
    while node.parent is not None and node.parent.type in _WRAPPERS:
        node = node.parent
    comments = list(takewhile(lambda n: "comment" in n.type, _above(node)))
    return _first_line(_text(comments[-1])) if comments else ""


def _above(node: Node) -> Iterator[Node]:
    """Give the siblings before a node, upward, as long as no line is empty between them."""
    line, sibling = node.start_point.row, node.prev_sibling
    while sibling is not None:
        last = sibling.end_point.row - (sibling.end_point.column == 0)  # some comments hold their line's end
        if line - last > 1:
            return
        yield sibling
        line, sibling = sibling.start_point.row, sibling.prev_sibling


def _first_line(text: str) -> str:
    lines = (_MARKUP.sub("", _MARKUP.sub("", line.strip())).strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:_LONGEST_SIGNATURE]


def _import(node: Node, captures: dict[str, list[Node]]) -> Import:
    source, name, alias = (
        "".join(_text(n) for n in captures.get(capture, [])[:1]).strip("\"'`<>")
        for capture in ("source", "name", "alias")
    )
    return Import(source or name, name if source else "", alias, node.start_point.row)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
