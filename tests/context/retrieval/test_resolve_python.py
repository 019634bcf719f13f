"""Where imports of Python lead: layouts by hand, and the standard library against the interpreter's own finder."""

import ast
import sysconfig
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from assist_context.retrieval.imports import resolve
from assist_context.retrieval.resolve.project import Project
from support.arrows import arrows, led, workspace
from support.memory_index import MemoryIndex

LAYOUTS = {
    "a package and its relatives": """
=== shop/__init__.py
from .cart import Cart  # -> shop/cart.py
from . import prices  # -> shop/prices/__init__.py
=== shop/cart.py
import json  # -> nothing
import requests.adapters  # -> nothing
import shop.prices.tax  # -> shop/prices/tax.py
from . import missing  # -> shop/__init__.py
from .prices import tax, base  # -> shop/prices/__init__.py shop/prices/tax.py
from .prices.tax import *  # -> shop/prices/tax.py
from shop import Cart  # -> shop/__init__.py
=== shop/json.py
=== shop/prices/__init__.py
from .tax import base  # -> shop/prices/tax.py
=== shop/prices/tax.py
from .. import cart as c  # -> shop/cart.py
from ..cart import Cart  # -> shop/cart.py
from ... import outside  # -> nothing
from .... import outside  # -> nothing
base = 1
""",
    "a name of the package hides the module of that name": """
=== p/__init__.py
from .run import run
from . import walk
=== p/run.py
def run(): pass
=== p/walk.py
=== main.py
from p import run  # -> p/__init__.py
from p import walk  # -> p/walk.py
import p.run as r  # -> p/run.py
""",
    "src beside tests": """
=== pyproject.toml
[project]
name = "thing"
=== src/thing/__init__.py
=== src/thing/core.py
=== tests/test_core.py
from thing.core import x  # -> src/thing/core.py
from helpers import y  # -> tests/helpers.py
import thing  # -> src/thing/__init__.py
=== tests/helpers.py
""",
    "several distributions in one workspace": """
=== server/pyproject.toml
[tool.setuptools.packages.find]
where = ["code"]
=== server/code/serve/app.py
from base.log import get  # -> libs/base/base/log.py
from serve import views  # -> server/code/serve/views.py
=== server/code/serve/views.py
=== server/run.py
import serve.app  # -> server/code/serve/app.py
=== libs/base/base/__init__.py
=== libs/base/base/log.py
=== libs/other/other/__init__.py
=== libs/other/tests/test_it.py
from other import thing  # -> libs/other/other/__init__.py
from base import log  # -> libs/base/base/log.py
""",
    "the nearest of two applications": """
=== one/app/__init__.py
=== one/app/models.py
=== two/app/__init__.py
=== two/app/models.py
=== two/app/views.py
from app.models import M  # -> two/app/models.py
=== two/manage.py
import app.models  # -> two/app/models.py
=== three/use.py
import utils  # -> nothing
=== one/utils.py
=== two/utils.py
""",
    "namespace packages": """
=== one/corp/alpha/__init__.py
=== two/corp/beta/tool.py
from corp import alpha  # -> one/corp/alpha/__init__.py
from corp.beta import other  # -> two/corp/beta/other.py
from . import other  # -> two/corp/beta/other.py
import corp  # -> nothing
=== two/corp/beta/other.py
""",
    "stubs": """
=== pkg/__init__.py
=== pkg/fast.pyi
=== pkg/slow.py
=== pkg/slow.pyi
=== use.py
from pkg import fast  # -> pkg/fast.pyi
from pkg.slow import run  # -> pkg/slow.py pkg/slow.pyi
from yaml import load  # -> stubs/yaml-stubs/__init__.pyi
=== stubs/yaml-stubs/__init__.pyi
""",
    "a script beside a module that is called like one of the standard library": """
=== tools/queue.py
=== tools/run.py
import queue  # -> tools/queue.py
=== other/run.py
import queue  # -> nothing
""",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(text: str) -> None:
    index = workspace(text)
    said = arrows(index)
    assert said
    assert led(index, said) == said


def test_a_wrong_arrow_is_seen() -> None:
    index = workspace("=== a.py\nimport b  # -> c.py\n=== b.py\n=== c.py\n")
    assert led(index, arrows(index)) == {"a.py:1": "b.py"} != arrows(index)


def test_agrees_with_the_finder_of_python_over_the_standard_library() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    folders = ("asyncio", "collections", "concurrent", "ctypes", "curses", "dbm", "email", "encodings", "html", "http")
    folders += ("importlib", "json", "logging", "multiprocessing", "re", "sqlite3", "tkinter", "unittest", "urllib")
    folders += ("wsgiref", "xml", "xmlrpc", "idlelib", "pydoc_data", "zoneinfo", "tomllib")
    files = [*root.glob("*.py"), *(file for name in folders for file in root.glob(f"{name}/**/*.py"))]
    texts = {file.relative_to(root).as_posix(): file.read_text("utf-8", "replace") for file in files}
    index = MemoryIndex(texts)
    project = Project(index, index.read)
    right, wrong = 0, []
    for path in texts:
        for one in index.imports_of(path):
            truth = _truth(root, path, one.source, one.name)
            if truth in texts:
                found = resolve(project, path, one)
                right += found == (truth,)
                wrong += [] if found == (truth,) else [(path, one, found, truth)]
    assert right > 2_000
    assert right / (right + len(wrong)) >= 0.99, wrong[:20]


def _truth(root: Path, path: str, source: str, name: str) -> str | None:
    """Find the module of an import as Python does, without running any."""
    dots = len(source) - len(source.lstrip("."))
    package = path.split("/")[:-dots] if dots else []
    module = [*package, *(source[dots:].split(".") if source[dots:] else [])]
    found = _origin(root, tuple(module))
    if name and found and found.endswith("__init__.py"):
        inner = _origin(root, (*module, name))
        if inner and name not in _bound(root / found):
            return inner
    return found


@cache
def _bound(file: Path) -> frozenset[str]:
    """Give the names at the top of a package that are not its own modules."""
    bound = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign):
            bound |= {ast.unparse(target) for target in node.targets}
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            bound.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != file.parent.name:
            bound |= {alias.asname or alias.name for alias in node.names}
    return frozenset(bound)


@cache
def _origin(root: Path, module: tuple[str, ...]) -> str | None:
    where: list[str] = [str(root)]
    spec = None
    for name in module:
        spec = PathFinder.find_spec(name, where)
        if spec is None:
            return None
        where = list(spec.submodule_search_locations or [])
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin).relative_to(root).as_posix()
