"""The filters that ask a parser, each by table."""

from dataclasses import replace

import pytest

from support.filters import full_frame, run_one


@pytest.mark.parametrize(
    ("place", "made", "kept"),
    [
        ("def f():\n    x = 1\n    <|>\n", "if x:", ""),
        ("def f():\n    x = 1\n    <|>\n", "y = x\n    if y:", "y = x"),
        ("x = <|>\n", "f(", "f"),
        ("x = <|>\n", "f()", "f()"),
        ("# <|>\n", "it's (", "it's ("),
    ],
)
def test_syntax(place: str, made: str, kept: str) -> None:
    at = full_frame(place)
    assert run_one("syntax", made, at) == kept
    assert run_one("syntax", made, replace(at, place=None)) == made


@pytest.mark.parametrize(
    ("language", "place", "made", "kept"),
    [
        ("rust", "fn f() {\n    <|>\n    let a = 1;\n}\n", "g(1)", "g(1);"),
        ("rust", "fn f() {\n    <|>\n    let a = 1;\n}\n", 'println!("a")', 'println!("a");'),
        ("rust", "fn f() {\n    let b = <|>\n    let a = 1;\n}\n", "g(1)?", "g(1)?;"),
        # The value of a block, a block, and what is whole already.
        ("rust", "fn f() -> u8 {\n    <|>\n}\n", "g(1)", "g(1)"),
        ("rust", "fn f() {\n    <|>\n    let a = 1;\n}\n", "loop {}", "loop {}"),
        ("rust", "fn f() {\n    <|>\n    let a = 1;\n}\n", "g(1);", "g(1);"),
        ("rust", "fn f() {\n    <|>\n    let a = 1;\n}\n", "g(1", "g(1"),
        ("rust", "fn f() {\n    let b = <|>;\n}\n", "g(1)", "g(1)"),
        ("cpp", "int f() {\n  <|>\n  return 1;\n}\n", "g(1)", "g(1);"),
        ("typescript", "function f() {\n  <|>\n  return 1;\n}\n", "g(1)", "g(1)"),
        ("python", "def f():\n    <|>\n    return 1\n", "g(1)", "g(1)"),
    ],
)
def test_statement_end(language: str, place: str, made: str, kept: str) -> None:
    at = full_frame(place, language=language)
    assert run_one("statement end", made, at) == kept
    assert run_one("statement end", made, replace(at, place=None)) == made
