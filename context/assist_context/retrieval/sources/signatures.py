"""Definitions without their bodies, as their language writes declarations."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from assist_context.secrets import find_secrets
from assist_context.syntax.symbols import Symbol

TYPES = frozenset({"class", "interface", "enum", "type"})
CALLABLES = frozenset({"function", "method"})
_VALUES = frozenset({"field", "constant", "variable"})
_WITH_DECORATORS = frozenset({"python"})
_LONGEST_VALUE = 100  # characters
_TELLING = frozenset(
    {"property", "cached_property", "staticmethod", "classmethod", "dataclass", "contextmanager", "asynccontextmanager"}
)
"""Decorators of Python that change how something is used; they stand above what the index has."""
_CONSTRUCTORS = frozenset({"__init__", "constructor", "initialize", "init", "__construct", "new"})


class Style(NamedTuple):
    """How a language writes what has a body, without it.

    opens, closes: around members. body: behind a function. indent: of members. beside: what opens the methods that
    stand outside of their type, "" where they name it themselves. keywords: what the index leaves out, by kind.
    """

    opens: str = " {"
    closes: str = "}"
    body: str = ";"
    indent: str = "    "
    beside: str = ""
    keywords: Mapping[str, str] = MappingProxyType({})


_BARE = Style(body="")
_STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "python": Style(":", "", ": ..."),
        "ruby": Style("", "end", "; end", "  "),
        "lua": Style("", "", " end"),
        "go": Style(
            body="",
            indent="\t",
            keywords=MappingProxyType({"type": "type ", "class": "type ", "variable": "var ", "constant": "const "}),
        ),
        "rust": Style(beside="impl"),
        "swift": Style(body="", beside="extension"),
        "kotlin": _BARE,
        "scala": _BARE,
        "shellscript": _BARE,
    }
)
_OTHERS = Style()


def declared(language: str, symbol: Symbol) -> str:
    """Give a definition in one line."""
    return _line(style_of(language), symbol)


def style_of(language: str) -> Style:
    """Give how a language is written."""
    return _STYLES.get(language, _OTHERS)


def skeleton(language: str, owner: Symbol, members: Iterable[Symbol], *, headed: bool = True) -> str:
    """Give a type with members, in the order given; headed: with the line that opens it."""
    style = style_of(language)
    inside: list[Symbol] = []
    outside: list[Symbol] = []
    for member in members:
        (inside if owner.start <= member.start <= owner.end else outside).append(member)
    lines = list(_inside(style, owner, inside))
    opened = _header(style, owner)
    parts: list[str] = []
    if lines:
        parts += [opened + style.opens] if headed else []
        parts += lines
        parts += [style.closes] if headed and style.closes else []
    elif headed:
        parts.append(opened + (": ..." if style.opens == ":" else ""))
    return "\n".join(parts + list(_outside(style, owner, outside)))


def decorated(language: str, symbols: Iterable[Symbol], lines: Sequence[str]) -> tuple[Symbol, ...]:
    """Give definitions with the decorators that tell how they are used, from the lines of their file."""
    if language not in _WITH_DECORATORS:
        return tuple(symbols)
    return tuple(one._replace(signature="\n".join((*_decorators(one, lines), one.signature))) for one in symbols)


def members_of(symbols: Iterable[Symbol], owner: Symbol) -> tuple[Symbol, ...]:
    """Give what is in a type, of the definitions of its file, in their order."""
    path = f"{owner.parent}.{owner.name}" if owner.parent else owner.name
    return tuple(one for one in symbols if one.parent == path or (one.parent == owner.name and one is not owner))


def most_useful(members: Sequence[Symbol], used: Collection[str], limit: int) -> tuple[Symbol, ...]:
    """Give the members that matter most, in their order: used ones, those that make the type, public ones."""

    def rank(number: int) -> tuple[int, int]:
        name = members[number].name
        groups = (name in used, name in _CONSTRUCTORS, not name.startswith(("_", "#")))
        return next((place for place, fits in enumerate(groups) if fits), len(groups)), number

    return tuple(members[number] for number in sorted(sorted(range(len(members)), key=rank)[:limit]))


def _decorators(symbol: Symbol, lines: Sequence[str]) -> Iterator[str]:
    for line in lines[max(symbol.line - 3, 0) : symbol.line]:
        bare = line.strip()
        if bare.startswith("@") and bare[1:].partition("(")[0].rpartition(".")[2] in _TELLING:
            yield bare


def _header(style: Style, symbol: Symbol) -> str:
    keyword = style.keywords.get(symbol.kind, "")
    signature = _without_secrets(symbol.signature)
    if not keyword or signature.startswith((keyword, "func ")):
        return signature
    return keyword + signature


def _line(style: Style, symbol: Symbol) -> str:
    if symbol.kind in CALLABLES:
        signature = _without_secrets(symbol.signature)
        return signature if signature.endswith(style.body) else signature + style.body
    header = _header(style, symbol)
    if symbol.kind in _VALUES and len(header) > _LONGEST_VALUE:
        name, equals, _ = header.partition(" = ")
        header = f"{name} = ..." if equals else header[:_LONGEST_VALUE]
    if symbol.kind in TYPES and style.opens == ":":
        return header + ": ..."
    return header + ("" if symbol.kind not in _VALUES or style.body != ";" or header.endswith("}") else ";")


def _inside(style: Style, owner: Symbol, members: Sequence[Symbol]) -> Iterator[str]:
    """Give the lines of members; values that a method sets stand in it, those that a header shows are not repeated."""
    bare = style._replace(keywords=MappingProxyType({}))
    members_set: dict[int, list[Symbol]] = {}  # by where the method starts
    top: list[Symbol] = []
    for member in members:
        if top and top[-1].start <= member.start and member.end <= top[-1].end:
            if top[-1].kind in CALLABLES and member.kind == "field" and member.signature not in top[-1].signature:
                members_set.setdefault(top[-1].start, []).append(member)
        elif member.kind in CALLABLES or member.signature not in owner.signature:
            top.append(member)
    for member in top:
        values = members_set.get(member.start, ())
        line = _without_secrets(member.signature) + style.opens if values else _line(bare, member)
        yield "\n".join(style.indent + part for part in line.split("\n"))
        yield from dict.fromkeys(2 * style.indent + _line(bare, value) for value in values)
        if values and style.closes:
            yield style.indent + style.closes


def _outside(style: Style, owner: Symbol, members: Sequence[Symbol]) -> Iterator[str]:
    if not members:
        return
    lines = dict.fromkeys(_line(style, member) for member in members if member.kind in CALLABLES)
    if not style.beside:
        yield from lines
        return
    yield f"{style.beside} {owner.name}{style.opens}"
    yield from (style.indent + line for line in lines)
    yield style.closes


def _without_secrets(signature: str) -> str:
    if '"' not in signature and "'" not in signature and "=" not in signature:
        return signature
    for span in reversed(find_secrets(signature)):
        signature = f"{signature[: span.start]}...{signature[span.end :]}"
    return signature
