"""The table of grammars: every row loads, both its queries compile, and they say nothing that is not understood."""

import pytest
from tree_sitter import Query

from assist_context.languages import LANGUAGES
from assist_context.syntax.grammars import GRAMMARS, query, query_parts, scope_query
from assist_context.syntax.symbols import KINDS, REFERENCE_KINDS

FOR_THE_INDEX = {
    *(f"definition.{kind}" for kind in (*KINDS, "impl")),
    *(f"reference.{kind}" for kind in REFERENCE_KINDS),
    *("import", "name", "source", "alias", "scope"),
}
FOR_SCOPES = {
    *("scope", "scope.block", "scope.class", "scope.parameters", "scope.sealed"),
    *("local", "local.definition", "local.function", "local.import"),
}


def captures(of: Query) -> set[str]:
    """Give the names of a query's captures, without those that only its predicates look at."""
    names = (of.capture_name(place) for place in range(of.capture_count))
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("language", sorted(GRAMMARS))
def test_the_query_for_the_index_compiles_and_is_understood(language: str) -> None:
    found = captures(query(language))
    assert found <= FOR_THE_INDEX
    assert "name" in found
    assert "import" in found


@pytest.mark.parametrize("language", sorted(GRAMMARS))
def test_the_query_for_scopes_compiles_and_is_understood(language: str) -> None:
    of = scope_query(language)
    assert of is not None
    assert {"scope", "local"} <= captures(of) <= FOR_SCOPES


def test_every_language_of_the_table_is_one_that_editors_name() -> None:
    assert set(GRAMMARS) <= set(LANGUAGES)


def test_the_parts_of_several_query_files_are_put_together() -> None:
    index, scopes = query_parts(["(a)\n; scopes\n(b)", "(c) ; scopes\n", "; scopes\n(d)\n"])
    assert index.split("\n") == ["", "(a)", "(c) ; scopes", "", ""]
    assert scopes.split() == ["(b)", "(d)"]
    assert query_parts([]) == ("", "")
