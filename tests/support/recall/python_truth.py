"""What a Python file defines and uses, by the parser of Python itself."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from support.recall.score import Fact

_COMPREHENSIONS = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class _Scope(NamedTuple):
    """What is around a node.

    class_names: its names up to the class it is in. this: what a method calls its object, "" outside of methods.
    """

    kind: str
    names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    this: str = ""


def python_truth(file: str, source: bytes) -> Iterator[tuple[str, Fact]]:
    """Give all facts of a file, each with its kind. Raises SyntaxError."""
    return _inside(file, ast.parse(source), _Scope("module"))


def _inside(file: str, outer: ast.AST, scope: _Scope) -> Iterator[tuple[str, Fact]]:
    """Give the facts of a scope and of those within it."""
    todo = list(ast.iter_child_nodes(outer))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _definition(file, node, scope)
        elif isinstance(node, _COMPREHENSIONS):  # their variables are nobody else's
            yield from _inside(file, node, scope._replace(kind="function"))
        else:
            yield from _uses(file, node)
            yield from _variables(file, node, scope)
            todo += ast.iter_child_nodes(node)


def _definition(
    file: str, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope
) -> Iterator[tuple[str, Fact]]:
    names = (*scope.names, node.name)
    if isinstance(node, ast.ClassDef):
        kind = "class"
        inner = _Scope("class", names, names)
        for base in node.bases:
            yield from _named("base", file, base.value if isinstance(base, ast.Subscript) else base)
    else:
        kind = {"class": "method", "function": "nested function"}.get(scope.kind, "function")
        this = scope.this
        if kind == "method":
            this = next((a.arg for a in (*node.args.posonlyargs, *node.args.args)), "")
        inner = scope._replace(kind="function", names=names, this=this)
    yield kind, (file, node.lineno, *names)
    yield from _inside(file, node, inner)


def _uses(file: str, node: ast.AST) -> Iterator[tuple[str, Fact]]:
    if isinstance(node, ast.Call):
        yield from _named("call", file, node.func)
    elif isinstance(node, ast.Import):
        for one in node.names:
            yield "import", (file, node.lineno, one.name, "", one.asname or "")
    elif isinstance(node, ast.ImportFrom):
        source = "." * node.level + (node.module or "")
        for one in node.names:
            yield "import", (file, node.lineno, source, one.name, one.asname or "")


def _variables(file: str, node: ast.AST, scope: _Scope) -> Iterator[tuple[str, Fact]]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        if scope.kind == "class":
            yield "class attribute", (file, *scope.class_names, node.id)
        elif scope.kind == "module":
            yield "module variable", (file, node.id)
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_named(node.value, scope.this):
        yield "instance attribute", (file, *scope.class_names, node.attr)


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _named(kind: str, file: str, node: ast.AST) -> Iterator[tuple[str, Fact]]:
    """Give a use of a name, where it has one."""
    if isinstance(node, ast.Name):
        yield kind, (file, node.lineno, node.id)
    elif isinstance(node, ast.Attribute):
        yield kind, (file, node.end_lineno or 0, node.attr)
