"""What the index reads out of a file, as facts that can be compared with those of a real parser."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from assist_context.languages import language_of
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import FileSyntax, Symbol, file_syntax
from support.recall.score import Fact, Facts, gathered

_KINDS = {"call": "call", "class": "new", "implementation": "base"}
_NAME_OF_DECORATOR = re.compile(rb"@(?!interface\b)[\w.]+\s*")
_BLANK = re.compile(rb"\s*")


def found_in(root: Path, files: list[str], truth: Facts) -> Facts:
    """Read files as the index does.

    Owners are told of the members alone that have one in the truth: what is in a function has a parent too.
    """
    found = gathered(fact for file in files for fact in _facts(file, (root / file).read_bytes()))
    owned = {fact[:3] for fact in truth["owner"]}
    found["owner"] = Counter({fact: count for fact, count in found["owner"].items() if fact[:3] in owned})
    return found


def python_found(file: str, source: bytes) -> Iterator[tuple[str, Fact]]:
    """Give the facts of a Python file, with all names around them; both kinds of attributes are one."""
    syntax = _read(file, source)
    for symbol in syntax.symbols:
        names = (*filter(None, symbol.parent.split(".")), symbol.name)
        if symbol.kind == "field":
            yield "attribute", (file, *names)
        elif symbol.kind in ("constant", "type"):
            yield "module variable", (file, *names)
        else:
            nested = symbol.kind == "function" and symbol.parent
            yield "nested function" if nested else symbol.kind, (file, symbol.line + 1, *names)
    yield from _references(file, syntax)
    yield from _imports(file, syntax)


def _facts(file: str, source: bytes) -> Iterator[tuple[str, Fact]]:
    syntax = _read(file, source)
    for symbol in syntax.symbols:
        name, line = symbol.name.strip("\"'"), _line_of_name(symbol, source)
        yield symbol.kind, (file, line, name)
        if symbol.parent:
            yield "owner", (file, line, name, symbol.parent.rpartition(".")[2])
    yield from _references(file, syntax)
    yield from _imports(file, syntax)


def _read(file: str, source: bytes) -> FileSyntax:
    language = language_of(file)
    assert language is not None
    return file_syntax(language, source, parse(language, source))


def _references(file: str, syntax: FileSyntax) -> Iterator[tuple[str, Fact]]:
    for one in syntax.references:
        if one.kind in _KINDS:
            yield _KINDS[one.kind], (file, one.line + 1, one.name)


def _imports(file: str, syntax: FileSyntax) -> Iterator[tuple[str, Fact]]:
    for one in syntax.imports:
        source = re.sub(r"\s+", "", one.source).replace(",}", "}")  # a tree of Rust may go over lines
        yield "import", (file, one.line + 1, source, one.name, one.alias)


def _line_of_name(symbol: Symbol, source: bytes) -> int:
    """Give the line of a definition's name, from 1: parsers tell that of its first word each in their own way."""
    name = re.compile(rb"(?<![\w$#])" + re.escape(symbol.name.encode()) + rb"(?![\w$])")
    place = name.search(source, _after_decorators(source, symbol.start))
    return source.count(b"\n", 0, place.start()) + 1 if place else 0


def _after_decorators(source: bytes, start: int) -> int:
    while decorator := _NAME_OF_DECORATOR.match(source, start):
        start = decorator.end()
        depth = source.startswith(b"(", start)
        while depth:
            start += 1
            depth += source.startswith(b"(", start) - source.startswith(b")", start)
        start = _BLANK.match(source, start + source.startswith(b")", start)).end()  # type: ignore[union-attr]
    return start
