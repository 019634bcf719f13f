"""Which grammar and which query belong to a language: one table. Both are loaded when first needed, then kept.

A language is added by one row here, one file `queries/NAME.scm` and its grammar's package. What two languages share
stands in a file of its own, or in that of the simpler one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from types import MappingProxyType

from tree_sitter import Language, Parser, Query


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a grammar comes from: a package and the function in it that gives the grammar.

    queries: the names of its query files; of two patterns for one name the first counts.
    """

    package: str
    queries: tuple[str, ...]
    function: str = "language"


_JAVASCRIPT, _TYPESCRIPT = ("ecmascript", "javascript"), ("ecmascript", "typescript")

GRAMMARS: Mapping[str, Grammar] = MappingProxyType(
    {
        "c": Grammar("tree_sitter_c", ("c",)),
        "cpp": Grammar("tree_sitter_cpp", ("c", "cpp")),
        "go": Grammar("tree_sitter_go", ("go",)),
        "java": Grammar("tree_sitter_java", ("java",)),
        "javascript": Grammar("tree_sitter_javascript", _JAVASCRIPT),
        "javascriptreact": Grammar("tree_sitter_javascript", _JAVASCRIPT),
        "kotlin": Grammar("tree_sitter_kotlin", ("kotlin",)),
        "python": Grammar("tree_sitter_python", ("python",)),
        "rust": Grammar("tree_sitter_rust", ("rust",)),
        "typescript": Grammar("tree_sitter_typescript", _TYPESCRIPT, "language_typescript"),
        "typescriptreact": Grammar("tree_sitter_typescript", _TYPESCRIPT, "language_tsx"),
    }
)
"""By LSP language identifier."""


@cache
def language(name: str) -> Language:
    """Load the grammar of a language of the table."""
    grammar = GRAMMARS[name]
    return Language(getattr(import_module(grammar.package), grammar.function)())


@cache
def query(name: str) -> Query:
    """Compile the query of a language of the table, which takes up to 40 ms."""
    folder = files("assist_context.queries")
    texts = [(folder / f"{file}.scm").read_text(encoding="utf-8") for file in GRAMMARS[name].queries]
    compiled: Query = Query(language(name), "".join(texts))
    return compiled


def parser(name: str) -> Parser:
    """Make a parser for a language of the table; it is no heavier than a string."""
    return Parser(language(name))
