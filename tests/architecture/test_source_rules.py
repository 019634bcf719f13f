"""Rules of the style that no linter has."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.checkout import ROOT, files, product_trees, relative

PRINTS = frozenset({"server/assist_server/cli/output.py"})
# The edges where anything may arrive: the language server's handlers, the command line, the children's main loops.
CATCHES_ALL = frozenset(
    {
        "server/assist_server/cli/output.py",
        "server/assist_server/engine/host.py",
        "server/assist_server/features/indexing/child.py",
        "server/assist_server/lsp/errors.py",
    }
)
_MUTABLE_CALLS = frozenset({"dict", "list", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"})
_CHANGES = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft"}
    | {"remove", "reverse", "setdefault", "sort", "update"}
)


def prints(tree: ast.AST) -> Iterator[int]:
    """Give the lines that print or write to standard output."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.stdout.write"}:
            yield node.lineno


def blind_excepts(tree: ast.AST) -> Iterator[int]:
    """Give the lines that catch everything, even if they raise it again later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {"" if kind is None else ast.unparse(kind) for kind in caught}
            if names & {"", "Exception", "BaseException"}:
                yield node.lineno


def swallowed_cancellations(tree: ast.AST) -> Iterator[int]:
    """Give the lines that catch a cancellation and do not raise."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler) or node.type is None:
            continue
        raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
        if "CancelledError" in ast.unparse(node.type) and not raises:
            yield node.lineno


def module_state(tree: ast.Module) -> Iterator[int]:
    """Give the lines of module-level names that can change: mutable ones that are no constants, or are changed."""
    mutable: dict[str, int] = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        if _is_mutable(value):
            mutable |= {ast.unparse(target): node.lineno for target in targets if ast.unparse(target) != "__all__"}
    yield from (line for name, line in mutable.items() if name != name.upper())
    for node in ast.walk(tree):
        if isinstance(node, ast.Global) or any(_changed(node, name) for name in mutable):
            yield node.lineno


def _is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).rpartition(".")[2] in _MUTABLE_CALLS
    return isinstance(value, (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp))


def _changed(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _CHANGES and ast.unparse(node.value) == name
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, (ast.Store, ast.Del)) and ast.unparse(node.value) == name
    return isinstance(node, ast.AugAssign) and ast.unparse(node.target) == name


def sleeps(tree: ast.AST) -> Iterator[int]:
    """Give the lines that wait for a time to pass; to give way (`sleep(0)`) is no wait."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in {"time.sleep", "asyncio.sleep", "sleep"}:
            continue
        gives_way = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if not gives_way:
            yield node.lineno


TREES = tuple(product_trees())
EACH = pytest.mark.parametrize(("name", "tree"), TREES, ids=[name for name, _ in TREES])


@EACH
def test_only_the_output_prints(name: str, tree: ast.Module) -> None:
    assert name in PRINTS or not list(prints(tree))


@EACH
def test_only_the_edges_catch_everything(name: str, tree: ast.Module) -> None:
    assert name in CATCHES_ALL or not list(blind_excepts(tree))


@EACH
def test_a_cancellation_is_raised_again(name: str, tree: ast.Module) -> None:
    assert not list(swallowed_cancellations(tree))


@EACH
def test_no_module_has_state(name: str, tree: ast.Module) -> None:
    assert not list(module_state(tree))


@pytest.mark.parametrize("path", files(".py", under=("tests",)), ids=relative)
def test_no_test_sleeps(path: Path) -> None:
    assert not list(sleeps(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", files(".py", ".ts", ".lua", ".scm", ".md", ".sh", ".mk"), ids=relative)
def test_nothing_is_left_to_do(path: Path) -> None:
    assert not re.search(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b", path.read_text(encoding="utf-8"))


def test_folders_on_the_path_hold_nothing_but_their_package() -> None:
    for folder, package in (("server", "assist_server"), ("context", "assist_context")):
        assert [path.name for path in (ROOT / folder).iterdir() if path.name != "__pycache__"] == [package]


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (prints, "print(1)", "output.print(1)"),
        (prints, "import sys\nsys.stdout.write('')", "import sys\nsys.stderr.write('')"),
        (blind_excepts, "try:\n    f()\nexcept Exception:\n    pass", "try:\n    f()\nexcept OSError:\n    pass"),
        (blind_excepts, "try:\n    f()\nexcept:\n    raise", "try:\n    f()\nfinally:\n    pass"),
        (blind_excepts, "try:\n    f()\nexcept (OSError, BaseException):\n    pass", "x = Exception"),
        (
            swallowed_cancellations,
            "try:\n    f()\nexcept asyncio.CancelledError:\n    pass",
            "try:\n    f()\nexcept asyncio.CancelledError:\n    g()\n    raise",
        ),
        (module_state, "cache = {}", "cache = ()"),
        (module_state, "cache: dict[str, int] = {}", "class A:\n    cache = None"),
        (module_state, "_TABLE = {}\ndef f(x):\n    _TABLE[x] = 1", "_TABLE = {1: 2}\ndef f(x):\n    return _TABLE[x]"),
        (
            module_state,
            "_TABLE = {}\ndef f(x):\n    _TABLE.setdefault(x, 1)",
            "_TABLE = {}\ndef f(x):\n    _TABLE.get(x)",
        ),
        (module_state, "_TABLE = []\ndef f(x):\n    global _TABLE", "def f():\n    table = {}\n    table[1] = 2"),
        (module_state, "_SEEN = collections.deque()\n_SEEN += [1]", "_SEEN = frozenset({1})"),
        (sleeps, "time.sleep(1)", "time.monotonic()"),
        (sleeps, "asyncio.sleep(0.01)", "asyncio.sleep(0)"),
    ],
)
def test_each_rule_sees_what_it_forbids(rule: Callable[[ast.Module], Iterator[int]], bad: str, good: str) -> None:
    assert list(rule(ast.parse(bad)))
    assert not list(rule(ast.parse(good)))
