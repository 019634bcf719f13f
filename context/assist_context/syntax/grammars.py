"""Which grammar and which queries belong to a language: one table. All are loaded when first needed, then kept.

A language is added by one row here, one file `queries/NAME.scm` and its grammar's package; see
`docs/adding-a-language.md`. What two languages share stands in a file of its own, or in that of the simpler one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from types import MappingProxyType

from tree_sitter import Language, Parser, Query

_SCOPES = "; scopes"  # the line of a query file that ends what an index needs


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
        "csharp": Grammar("tree_sitter_c_sharp", ("csharp",)),
        "go": Grammar("tree_sitter_go", ("go",)),
        "java": Grammar("tree_sitter_java", ("java",)),
        "javascript": Grammar("tree_sitter_javascript", _JAVASCRIPT),
        "javascriptreact": Grammar("tree_sitter_javascript", _JAVASCRIPT),
        "kotlin": Grammar("tree_sitter_kotlin", ("kotlin",)),
        "lua": Grammar("tree_sitter_lua", ("lua",)),
        "php": Grammar("tree_sitter_php", ("php",), "language_php"),
        "python": Grammar("tree_sitter_python", ("python",)),
        "ruby": Grammar("tree_sitter_ruby", ("ruby",)),
        "rust": Grammar("tree_sitter_rust", ("rust",)),
        "scala": Grammar("tree_sitter_scala", ("scala",)),
        "shellscript": Grammar("tree_sitter_bash", ("shellscript",)),
        "swift": Grammar("tree_sitter_swift", ("swift",)),
        "typescript": Grammar("tree_sitter_typescript", _TYPESCRIPT, "language_typescript"),
        "typescriptreact": Grammar("tree_sitter_typescript", _TYPESCRIPT, "language_tsx"),
    }
)
"""By LSP language identifier."""


def load(grammar: Grammar) -> Language:
    """Load a grammar, of the table or not."""
    return Language(getattr(import_module(grammar.package), grammar.function)())


def query_parts(texts: Iterable[str]) -> tuple[str, str]:
    """Divide the texts of a grammar's query files into what an index needs of all of them, and what scopes need."""
    parts = [f"\n{text}\n".partition(f"\n{_SCOPES}\n") for text in texts]
    return "".join([part[0] for part in parts]), "".join([part[2] for part in parts])


@cache
def language(name: str) -> Language:
    """Load the grammar of a language of the table."""
    return load(GRAMMARS[name])


@cache
def query(name: str) -> Query:
    """Compile the query for the index of a language of the table, which takes up to 40 ms."""
    compiled: Query = Query(language(name), _texts(name)[0])
    return compiled


@cache
def scope_query(name: str) -> Query | None:
    """Compile the query for the scopes of a language of the table; None where it has none."""
    text = _texts(name)[1]
    return Query(language(name), text) if text.strip() else None


def index_queries() -> str:
    """Give all that the queries for the index say, language by language: what is found depends on it."""
    return "\n".join(f"{name}\n{_texts(name)[0]}" for name in GRAMMARS)


def parser(name: str) -> Parser:
    """Make a parser for a language of the table; it is no heavier than a string."""
    return Parser(language(name))


def _texts(name: str) -> tuple[str, str]:
    folder = files("assist_context.queries")
    return query_parts((folder / f"{file}.scm").read_text(encoding="utf-8") for file in GRAMMARS[name].queries)
