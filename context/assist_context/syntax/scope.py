"""What is around a place of a file: the definitions that hold it, and the names that can be used there.

Which nodes open a scope and which names they hold is said by the second part of a language's query file:

- `@scope` opens a scope. Its own name is seen outside of it. Variants: `@scope.block` holds only what a language binds
  to its blocks; the names of `@scope.class` are not seen by the scopes in it; no local of a function around it is seen
  in `@scope.sealed`; `@scope.parameters` opens one unless its function's body follows.
- `@local` is the name of something in the innermost scope. Variants: `@local.function` goes past blocks,
  `@local.import` is taken from elsewhere, `@local.definition` is a definition wherever it stands.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from tree_sitter import Node, Query, QueryCursor, Tree

from assist_context.syntax.grammars import scope_query
from assist_context.syntax.symbols import Symbol

NameKind = Literal["parameter", "local", "definition", "import"]

_SMALL = 200  # nodes; less than that is searched whole sooner than it is taken apart
_IN_ANY_ORDER = frozenset({"python"})
_IN_ORDER_EVERYWHERE = frozenset({"c", "cpp", "lua", "shellscript"})  # what is defined further down is not seen yet
_LOCAL_AT_THE_TOP = frozenset({"php", "ruby"})  # a variable of the file is none of its functions'
_BY_INDENTATION = frozenset({"python"})
_CLASSES = frozenset({"class", "struct", "union", "interface", "enum", "trait", "object", "record", "protocol"})
_HOLD_DEFINITIONS = _CLASSES | {"namespace", "module", "mod", "impl", "template", "extension"}
# The field `name` of these is a variable in them, or seen in them only.
_NAMED_OTHERWISE = frozenset({"for", "foreach", "catch", "expression"})
_BODIES = frozenset({"block", "body", "compound"})
_CLOSERS = frozenset({"}", ")", "]", "end"})
_NOT_BARE = ("qualified", "scoped", "nested", "property", "private", "field", "destructor")


class Visible(NamedTuple):
    """A name that can be used, and the byte at which it is declared."""

    name: str
    kind: NameKind
    start: int


class _Scope(NamedTuple):
    """A node that opens a scope; variant is what its capture has after the dot."""

    start: int
    before_end: int
    variant: str
    node: Node

    @property
    def holds_definitions(self) -> bool:
        """Whether what is in it is known by name, in any order: in a type, a module; not in a function."""
        return not _HOLD_DEFINITIONS.isdisjoint(self.node.type.split("_"))

    @property
    def is_file(self) -> bool:
        return self.node.parent is None


class _Name(NamedTuple):
    """A name as the query gives it; pattern is its number there, -1 for the name of a scope."""

    start: int
    variant: str
    pattern: int
    node: Node


class _Gathered:
    """The scopes and names that were found in a node; the insides of scopes may be left out."""

    def __init__(self, query: Query) -> None:
        self.scopes: dict[int, _Scope] = {}
        self.names: dict[int, _Name] = {}
        self._query = query

    def gather(self, node: Node) -> None:
        """Search a node, but look into a large scope inside it only where names come out of it."""
        todo = [node]
        while todo:
            node = todo.pop()
            if node.descendant_count <= _SMALL:
                self._add(QueryCursor(self._query).matches(node))
                continue
            cursor = QueryCursor(self._query)
            cursor.set_max_start_depth(1)
            self._add(cursor.matches(node))
            for start, end in self._runs(node, todo):
                cursor = QueryCursor(self._query)
                cursor.set_byte_range(start, end)
                self._add(cursor.matches(node))

    def _runs(self, node: Node, large: list[Node]) -> list[tuple[int, int]]:
        """Give the bytes of the small children of a node, neighbours in one; put the large ones into a list."""
        runs: list[tuple[int, int]] = []
        joined = False
        for child in node.children:
            scope = self.scopes.get(child.id)
            if scope is not None and scope.variant != "block":
                joined = False
            elif child.descendant_count > _SMALL:
                large.append(child)
                joined = False
            elif child.child_count:
                runs.append((runs.pop()[0] if joined else child.start_byte, child.end_byte))
                joined = True
        return runs

    def _add(self, matches: Iterable[tuple[int, dict[str, list[Node]]]]) -> None:
        for pattern, captures in matches:
            for capture, nodes in captures.items():
                if capture[:5] == "local":
                    for node in nodes:
                        start = node.start_byte
                        self.names[start] = _Name(start, capture[6:], pattern, node)
                elif capture[:5] == "scope":
                    for node in nodes:
                        self.scopes[node.id] = _Scope(node.start_byte, -node.end_byte, capture[6:], node)


def enclosing(symbols: Sequence[Symbol], offset: int) -> tuple[Symbol, ...]:
    """Give the definitions of a file that hold a byte offset or end at it, outermost first."""
    return tuple(symbol for symbol in symbols if symbol.start <= offset <= symbol.end)


def visible_names(language: str, source: bytes, tree: Tree, offset: int) -> tuple[Visible, ...]:
    """Give the names that can be used at a byte offset, those of the nearest scope first, each name once.

    Members that need a `self` or `this` before them are left out, as is a name that ends at the offset: it is being
    written. Empty for a language without patterns for scopes.
    """
    query = scope_query(language)
    if query is None:
        return ()
    found: dict[str, Visible] = {}
    sealed = within = False
    for scope in _around(query, language, source, tree.root_node, offset):
        for name, kind in _names(query, language, scope):
            bound = kind in {"parameter", "local"}
            if bound and sealed and not scope.holds_definitions:
                continue
            if within and scope.variant == "class" and kind != "parameter":
                continue
            if name.start >= offset and _in_order(language, scope, kind):
                continue
            if name.start < offset <= name.node.end_byte:
                continue
            text = _text(name, kind, source)
            if text != "_":
                found.setdefault(text, Visible(text, kind, name.start))
        within = True
        sealed = sealed or scope.variant == "sealed"
    return tuple(found.values())


def _in_order(language: str, scope: _Scope, kind: NameKind) -> bool:
    """Tell whether something can be used only behind the place where it is declared."""
    if language in _IN_ANY_ORDER or not _CLASSES.isdisjoint(scope.node.type.split("_")):
        return False
    return kind in {"local", "parameter"} or language in _IN_ORDER_EVERYWHERE


def _around(query: Query, language: str, source: bytes, root: Node, offset: int) -> list[_Scope]:
    """Give the scopes around an offset, innermost first; the last one is the file."""
    column = None
    if language in _BY_INDENTATION:
        offset, column = _by_indentation(source, offset)
    cursor = QueryCursor(query)
    cursor.set_byte_range(max(offset - 1, 0), offset + 1)
    scopes: dict[int, _Scope] = {}
    for _, captures in cursor.matches(root):
        for capture, nodes in captures.items():
            if not capture.startswith("scope") or capture == "scope.parameters":
                continue
            for node in nodes:
                if node.start_byte < offset <= node.end_byte and node.parent is not None:
                    indented = column is None or _indentation(source, node.start_byte) < column
                    if indented and (offset < node.end_byte or not _is_closed(node)):
                        scopes[node.id] = _Scope(node.start_byte, -node.end_byte, capture[6:], node)
    return [*sorted(scopes.values(), reverse=True), _Scope(root.start_byte, -root.end_byte, "", root)]


def _by_indentation(source: bytes, offset: int) -> tuple[int, int | None]:
    """Move an offset that has nothing before it on its line to what tells its scope.

    That is the statement after it or, on an empty line, the last one before it that is no comment; then the column,
    too, which the scopes around must start before.
    """
    line = source.rfind(b"\n", 0, offset) + 1
    if source[line:offset].strip():
        return offset, None
    end = source.find(b"\n", offset)
    rest = source[offset : len(source) if end < 0 else end]
    if rest.strip():
        return offset + len(rest) - len(rest.lstrip()), None
    column = offset - line
    while line > 0:
        start = source.rfind(b"\n", 0, line - 1) + 1
        text = source[start : line - 1].rstrip()
        if text and not text.lstrip().startswith(b"#"):
            return start + len(text), column
        line = start
    return offset, column


def _indentation(source: bytes, offset: int) -> int:
    line = source.rfind(b"\n", 0, offset) + 1
    text = source[line:offset]
    return len(text) - len(text.lstrip())


def _is_closed(node: Node) -> bool:
    """Tell whether a scope ends with a token of its own: behind it one is outside."""
    while node.child_count:
        node = node.child(node.child_count - 1)
        if not node.is_named:
            return node.type in _CLOSERS
        if _BODIES.isdisjoint(node.type.split("_")):
            return False
    return False


def _names(query: Query, language: str, scope: _Scope) -> Iterator[tuple[_Name, NameKind]]:
    """Give the names of a scope itself with their kinds, in the order of the file."""
    kinds: dict[int, NameKind] = {}  # of the patterns; in a function one gives parameters as well as locals
    is_file, holds_definitions = scope.is_file, scope.holds_definitions
    for name in _own(query, scope):
        kind: NameKind
        if name.variant == "import":
            kind = "import"
        elif name.pattern < 0 or name.variant == "definition":
            kind = "definition"
        elif is_file:
            kind = "local" if language in _LOCAL_AT_THE_TOP else "definition"
        elif holds_definitions:
            if name.pattern not in kinds:
                kinds[name.pattern] = "parameter" if _is_parameter(scope.node, name.node) else "definition"
            kind = kinds[name.pattern]
        else:
            kind = "parameter" if _is_parameter(scope.node, name.node) else "local"
        yield name, kind


def _own(query: Query, scope: _Scope) -> list[_Name]:
    """Give what is in a scope and not in one inside it, in the order of the file."""
    gathered = _Gathered(query)
    gathered.gather(scope.node)
    gathered.scopes.pop(scope.node.id, None)
    own_name = _name_of(scope.node)
    named = {own_name.start_byte if own_name is not None else -1}  # where names are that are in another scope
    own: list[_Name] = []
    in_scopes, in_blocks = _Intervals(), _Intervals()
    for inner in _inside(scope, gathered.scopes.values()):
        (in_blocks if inner.variant == "block" else in_scopes).add(inner.start, -inner.before_end)
        if (name := _name_of(inner.node)) is not None:
            named.add(name.start_byte)
            if scope.variant != "block":
                own.append(_Name(name.start_byte, "", -1, name))
    for found in sorted(gathered.names.values(), key=_start):
        if in_scopes.hold(found.start) or found.start in named:
            continue
        if scope.variant != "block" if found.variant == "function" else not in_blocks.hold(found.start):
            own.append(found)
    return sorted(own, key=_start)


def _inside(scope: _Scope, found: Iterable[_Scope]) -> Iterator[_Scope]:
    """Give the scopes that are directly in a scope or in blocks of it, in the order of the file."""
    body = scope.node.child_by_field_name("body")
    scope_end = parameters_end = -1
    for inner in sorted(found, key=_place):
        if inner.start < scope_end:
            continue
        if inner.variant == "parameters" and body is not None and parameters_end < inner.start < body.start_byte:
            parameters_end = -inner.before_end  # those of the function itself
            continue
        if inner.variant != "block":
            scope_end = -inner.before_end
        yield inner


class _Intervals:
    """Intervals of bytes; they are added, then asked for places, both in ascending order."""

    def __init__(self) -> None:
        self._left: deque[tuple[int, int]] = deque()

    def add(self, start: int, end: int) -> None:
        if not self._left or start >= self._left[-1][1]:  # else it is in the one before
            self._left.append((start, end))

    def hold(self, offset: int) -> bool:
        while self._left and self._left[0][1] <= offset:
            self._left.popleft()
        return bool(self._left) and self._left[0][0] <= offset


def _place(one: _Scope) -> tuple[int, int]:
    return one[:2]


def _start(one: _Name) -> int:
    return one.start


def _name_of(node: Node) -> Node | None:
    """Give the name of what opens a scope, None where it has none that can stand alone."""
    if not _NAMED_OTHERWISE.isdisjoint(node.type.split("_")):
        return None
    name = node.child_by_field_name("name")
    declarator = None if name is not None else node.child_by_field_name("declarator")
    while declarator is not None:
        name = declarator
        declarator = name.child_by_field_name("declarator")
        if declarator is None and name.type == "reference_declarator":
            declarator = name.named_children[-1]
    if name is None:
        return None
    if name.type == "field_identifier" and node.type == "function_definition":  # a method of C++, in its class
        return name
    is_bare = name.type.endswith(("identifier", "name", "constant", "word")) and not name.type.startswith(_NOT_BARE)
    return name if is_bare else None


def _is_parameter(scope: Node, name: Node) -> bool:
    """Tell whether a name is in what a scope has for parameters."""
    if "catch" in scope.type:
        return False
    if "parameter" in name.type:
        return True
    cursor = scope.walk()
    while cursor.goto_first_child_for_byte(name.start_byte) is not None:
        node = cursor.node
        if node is None or node == name:
            return "parameter" in (cursor.field_name or "")
        if "catch" in node.type:
            return False
        if "parameter" in node.type or "parameter" in (cursor.field_name or ""):
            return True
    return False


def _text(name: _Name, kind: NameKind, source: bytes) -> str:
    """Give a name; the path of a package stands for its last part, without a version."""
    text = source[name.start : name.node.end_byte].decode("utf-8", "replace")
    if kind == "import" and name.node.type.endswith("_content"):
        parts = [part for part in text.split("/") if not (part[:1] == "v" and part[1:].isdigit())]
        return parts[-1].partition(".v")[0] if parts else text
    return text
