"""docs/adding-a-language.md, followed to the letter with a grammar that is not in the table."""

import re
from pathlib import Path

from tree_sitter import Parser, Query, QueryCursor

from assist_context.syntax.grammars import GRAMMARS, Grammar, load, query_parts
from assist_context.syntax.symbols import syntax_of
from support.syntax import scopes_text, syntax_text

PAGE = (Path(__file__).parents[3] / "docs" / "adding-a-language.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Give the one block of the page that is in a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_a_row_and_a_query_add_a_language() -> None:
    row = Grammar("tree_sitter_zig", ("zig",))
    assert block("python") == f'"zig": Grammar("{row.package}", ("{row.queries[0]}",)),\n'
    assert "zig" not in GRAMMARS
    language = load(row)
    index, scopes = (Query(language, part) for part in query_parts([block("scheme")]))
    source = block("zig").encode()
    tree = Parser(language).parse(source)
    found = syntax_of("zig", source, QueryCursor(index).matches(tree.root_node))
    assert f"{syntax_text(found)}\n{scopes_text(scopes, tree)}" == block("text")
