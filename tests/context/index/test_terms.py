"""The terms that a file has beside its words."""

import pytest

from assist_context.index.terms import file_terms, folder_term, import_term, import_terms, name_term
from assist_context.syntax.symbols import Import, words


@pytest.mark.parametrize(
    ("source", "terms"),
    [
        ("a.b.c", "<c"),
        ("c", "<c"),
        (".c", "<c"),
        (".", "<."),
        ("..", "<.."),
        ("./a/c.js", "<c"),
        ("./c/", "<c"),
        ("./c/index", "<c"),
        ("./index", "<index"),
        ("./", "<."),
        ("../..", "<.."),
        ("./c.service", "<c"),
        ("@a/c", "<c"),
        ("a.com/b/c.v3", "<c"),
        ("c.h", "<c"),
        ("a/c.h", "<c"),
        ("a.b.*", "<b"),
        ("a.b._", "<b"),
        ("a.B.c", "<c <B"),
        ("a.B.C.d", "<d <B <C"),
        ("crate::a::C", "<C <a"),
        ("crate::{a, b::C as D}", "<C <b <a"),
        ("super::*", "<super"),
        ("a.b.{C, D => E}", "<D <C <b <a"),
        (r"A\B\C", "<C"),
        ("", "<"),
    ],
)
def test_what_an_import_is_found_by(source: str, terms: str) -> None:
    assert " ".join(import_terms(source)) == terms
    assert import_term(source) == terms.split(" ", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("path", "term"),
    [
        ("a/c.py", "/c"),
        ("c/__init__.py", "/c"),
        ("a/c/index.test.ts", "/c"),
        ("c/mod.rs", "/c"),
        ("__init__.py", "/__init__"),
        ("a/c.service.ts", "/c"),
        ("a/.eslintrc.js", "/.eslintrc.js"),
        ("Makefile", "/Makefile"),
    ],
)
def test_what_a_file_is_found_by(path: str, term: str) -> None:
    assert name_term(path) == term


def test_a_file_has_the_terms_of_its_imports_its_name_and_its_folder() -> None:
    imports = [Import("a.b", "", "", 0), Import("a.b", "c", "", 1), Import(".", "d", "", 2)]
    assert file_terms("x/y/z.py", imports) == {"<b", "<.", "/z", "/x/y/"}
    assert file_terms("z.py", []) == {"/z", folder_term("")}


def test_no_word_is_a_term_of_another_kind() -> None:
    assert not {one for one in words(b"a/b/ <index> /x/y <..") if "/" in one or "<" in one}
