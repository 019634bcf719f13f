"""From a tree to values: definitions with signature, parent and documentation; references; imports; words.

The queries say where things are; what they do not say (signature, parent, documentation) is computed here, the same way
for all languages. An index of a workspace spends its time here, so the loops do as little as they can for each match.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, cast, get_args, overload

from tree_sitter import Node, QueryCursor, Tree

from assist_context.syntax.documentation import Comments, comments_of, documentation
from assist_context.syntax.grammars import query

Kind = Literal[
    "class", "interface", "enum", "type", "module", "function", "method", "field", "constant", "variable", "macro"
]
ReferenceKind = Literal["call", "class", "type", "implementation"]
KINDS = frozenset(get_args(Kind))
REFERENCE_KINDS: tuple[ReferenceKind, ...] = get_args(ReferenceKind)

_CONTAINERS = frozenset({"class", "interface", "enum", "type", "module", "function", "method", "impl"})
_OF_A_TYPE = frozenset({"class", "interface", "enum", "impl"})
_CALLABLES = frozenset({"function", "method"})
_WITHOUT_BODY = frozenset({"field", "constant", "variable"})
_LONGEST_SIGNATURE = 240
_RECEIVER = re.compile(r"func\s*\(\s*(?:\w+\s+)?\*?\s*(\w+)")
_WORD = re.compile(r"[^\W\d]\w{2,}")
_QUOTES = "\"'`<>:"
_SIGILS = ":@"  # of Ruby: a symbol that names an attribute, a variable of an instance
# Every byte that no name can have becomes a blank: splitting then finds words several times as fast as a pattern does.
_WORD_BYTES = bytes(
    byte if (chr(byte).isalnum() and byte < 128) or byte >= 128 or byte == ord("_") else ord(" ") for byte in range(256)
)


class Symbol(NamedTuple):
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


class Reference(NamedTuple):
    """A name that is used; line from 0."""

    name: str
    kind: ReferenceKind
    line: int


class Import(NamedTuple):
    """What a file takes from elsewhere: the module or path as it is written, the name taken, its name here."""

    source: str
    name: str
    alias: str
    line: int


class References(Sequence[Reference]):
    """The references of a file in columns: a file has thousands, and most are only stored, never looked at one by one.

    names: UTF-8, one a line. kinds: a byte each, an index of REFERENCE_KINDS. lines: from 0.
    """

    __slots__ = ("kinds", "lines", "names")

    def __init__(self, names: bytes, kinds: bytes, lines: "array[int]") -> None:
        self.names, self.kinds, self.lines = names, kinds, lines

    @classmethod
    def of(cls, names: Sequence[bytes], kinds: bytes, lines: Sequence[int]) -> "References":
        """Put columns together; a name that spans lines is made one."""
        joined = b"\n".join(names)
        if names and joined.count(b"\n") != len(names) - 1:
            joined = b"\n".join([b" ".join(name.split()) for name in names])
        return cls(joined, kinds, array("I", lines))

    def __len__(self) -> int:
        return len(self.kinds)

    def __iter__(self) -> Iterator[Reference]:
        names = self.names.decode("utf-8", "replace").split("\n")
        for name, kind, line in zip(names, self.kinds, self.lines, strict=False):
            yield Reference(name, REFERENCE_KINDS[kind], line)

    @overload
    def __getitem__(self, place: int) -> Reference: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Reference, ...]: ...
    def __getitem__(self, place: int | slice) -> Reference | tuple[Reference, ...]:
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, References) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"References({tuple(self)!r})"


class FileSyntax(NamedTuple):
    """All that is known of one file; in the order of the file."""

    symbols: tuple[Symbol, ...]
    references: References
    imports: tuple[Import, ...]


NOTHING = FileSyntax((), References(b"", b"", array("I")), ())
"""What is known of a file that no grammar reads."""


class _Found(NamedTuple):
    """A definition as the query gives it; node is the whole of it, scope what the query says is around it."""

    start: int
    before_end: int
    name: str
    kind: str
    node: Node
    scope: str
    pattern: int


Captures = dict[str, list[Node]]
Match = tuple[int, Captures]


def file_syntax(language: str, source: bytes, tree: Tree) -> FileSyntax:
    """Read a file's tree, parsed from `source` (UTF-8)."""
    return syntax_of(language, source, QueryCursor(query(language)).matches(tree.root_node))


def syntax_of(language: str, source: bytes, matches: Iterable[Match]) -> FileSyntax:
    """Make values of all matches of a language's query in a file."""
    reading = Reading(language, source)
    reading.add(matches)
    return reading.syntax(reading.symbols())


class Reading:
    """What the matches of a language's query tell of a file: taken all at once, or part by part to read in steps."""

    def __init__(self, language: str, source: bytes) -> None:
        self._source = source
        self._comments = comments_of(language)
        self._found: dict[int, _Found] = {}  # by the place of the name: of two patterns for one the first is meant
        self._names: list[bytes] = []
        self._kinds = bytearray()
        self._lines: list[int] = []
        self._imports: list[Import] = []
        self._subjects: dict[int, tuple[str, int]] = {}  # what each pattern of the query is about

    def add(self, matches: Iterable[Match]) -> None:
        """Take matches, each of them once."""
        source, found, subjects = self._source, self._found, self._subjects
        names, kinds, lines = self._names, self._kinds, self._lines
        for pattern, captures in matches:
            if pattern not in subjects:
                subjects[pattern] = _subject(captures)
            what, kind = subjects[pattern]
            if kind >= 0:
                for name in captures["name"]:
                    names.append(source[name.start_byte : name.end_byte])
                    kinds.append(kind)
                    lines.append(name.start_point[0])
            elif what == "import":
                self._imports.append(_import(captures, source))
            elif "name" in captures:
                name = captures["name"][0]
                other = found.get(name.start_byte)
                if other is None or pattern < other.pattern:
                    node = captures[what][0]
                    if node.type[-11:] == "_declarator":
                        node = _whole(node)
                    scope = _text(captures["scope"][0], source) if "scope" in captures else ""
                    place = (node.start_byte, -node.end_byte)
                    found[name.start_byte] = _Found(
                        *place, _text(name, source).lstrip(_SIGILS), what[11:], node, scope, pattern
                    )

    def symbols(self) -> Iterator[Symbol]:
        """Give the definitions of all matches, in the order of the file."""
        return _symbols(self._found.values(), self._source, self._comments)

    def syntax(self, symbols: Iterable[Symbol]) -> FileSyntax:
        """Put together what was read; symbols: what `symbols` gave."""
        # An import of which one pattern tells the names is not also one without, which another pattern has seen.
        named = {(one.source, one.line) for one in self._imports if one.name or one.alias}
        imports = [one for one in self._imports if one.name or one.alias or (one.source, one.line) not in named]
        return FileSyntax(
            tuple(symbols),
            References.of(self._names, bytes(self._kinds), self._lines),
            tuple(sorted(imports, key=lambda one: (one.line, one.source, one.name))),
        )


def words(source: bytes) -> set[str]:
    """Collect the words of three and more characters that may be names, in any language; from UTF-8."""
    found = [word for word in set(source.translate(_WORD_BYTES).split()) if len(word) > 2 and not 48 <= word[0] <= 57]
    if source.isascii():
        return set(b" ".join(found).decode("ascii").split())
    return set(_WORD.findall(b" ".join(found).decode("utf-8", "replace")))


def _subject(captures: Captures) -> tuple[str, int]:
    """Give the capture that says what a match is about, and the kind of a reference, -1 for everything else."""
    for name in captures:
        if name == "import" or name.startswith("definition."):
            return name, -1
        if name.startswith("reference."):
            return name, REFERENCE_KINDS.index(cast("ReferenceKind", name[10:]))
    return "nothing", -1


class _Around(NamedTuple):
    """What definitions may stand in; path: the parent of what stands directly in it."""

    start: int
    before_end: int
    kind: str
    path: str
    scope: str


def _place(one: _Found) -> tuple[int, int]:
    return one.start, one.before_end


def _symbols(found: Iterable[_Found], source: bytes, comments: Comments) -> Iterator[Symbol]:
    around: list[_Around] = []
    for one in sorted(found, key=_place):
        start, before_end, name, kind, _, scope, _ = one
        while around and -around[-1].before_end <= start:
            around.pop()
        outer = around
        if around and (around[-1].before_end, start) >= (before_end, around[-1].start):
            # A declaration of several names is not around itself.
            outer = [o for o in around if o.before_end < before_end or (o.before_end == before_end and o.start < start)]
        if kind in KINDS:
            yield _symbol(one, outer, source, comments)
        if kind in _CONTAINERS:
            path = f"{scope}.{name}" if scope else name
            around.append(_Around(start, before_end, kind, f"{outer[-1].path}.{path}" if outer else path, scope))


def _symbol(one: _Found, outer: Sequence[_Around], source: bytes, comments: Comments) -> Symbol:
    start, before_end, name, kind, node, parent, _ = one
    signature = _signature(node, kind, source, comments)
    if kind == "field":
        parent = parent or _owner(outer)
    elif not parent:
        if kind == "method" and (receiver := _RECEIVER.match(signature)):
            parent = receiver[1]
        elif outer:
            parent = outer[-1].path
            if kind == "function" and outer[-1].kind in _OF_A_TYPE:
                kind = "method"
    return Symbol(
        name,
        cast("Kind", kind),
        start,
        -before_end,
        node.start_point[0],
        node.end_point[0],
        signature,
        parent.replace("::", ".") if "::" in parent else parent,
        documentation(node, source, comments),
    )


def _owner(outer: Sequence[_Around]) -> str:
    """Give the parent of a field: an attribute that a method sets belongs to the class of that."""
    scope = next((one.scope for one in reversed(outer) if one.scope), "")
    return scope or next((one.path for one in reversed(outer) if one.kind not in _CALLABLES), "")


def _whole(node: Node) -> Node:
    """Give the definition around a declarator, in which C names functions and JavaScript constants."""
    while node.type.endswith("_declarator") and node.parent is not None:
        node = node.parent
    return node


def _signature(node: Node, kind: str, source: bytes, comments: Comments) -> str:
    """Give what stands before the body, in one line; the first line of what has none."""
    start = node.start_byte
    end = min(node.end_byte, start + 8 * _LONGEST_SIGNATURE)
    body = None if kind in _WITHOUT_BODY else _body(node)
    if body is not None and body.start_byte > start:
        head = source[start : min(body.start_byte, end)]
    else:
        head = source[start:end].partition(b"\n")[0]
    if b"\n" in head and comments.line in head:
        head = b"\n".join([line for line in head.split(b"\n") if not line.lstrip().startswith(comments.line)])
    text = head.decode("utf-8", "replace")
    if not text.isprintable() or "  " in text:
        text = " ".join(text.split())
    return text[:_LONGEST_SIGNATURE].rstrip("{=;,: ").removesuffix("=>").rstrip()


def _body(node: Node) -> Node | None:
    """Find the body of a definition, also of a function that is a variable's value."""
    for _ in range(4):
        body = node.child_by_field_name("body")
        if body is not None:
            return body
        inner = (
            node.child_by_field_name("value")
            or node.child_by_field_name("right")
            or node.child_by_field_name("declarator")
            or node.child_by_field_name("type")
        )
        inner = inner or next((n for n in node.named_children if n.type == "variable_declarator"), None)
        if inner is None:
            return next((n for n in node.named_children if n.type.endswith("_body")), None)
        node = inner
    return None


def _import(captures: Captures, text: bytes) -> Import:
    source, name, alias = (
        text[captures[capture][0].start_byte : captures[capture][-1].end_byte].decode("utf-8", "replace").strip(_QUOTES)
        if capture in captures
        else ""
        for capture in ("source", "name", "alias")
    )
    return Import(source or name, name if source else "", alias, captures["import"][0].start_point[0])


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")
