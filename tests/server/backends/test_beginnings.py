"""Grammars for how a text begins; what they do is tested with the real server."""

import pytest

from assist_server.backends.base import Start
from assist_server.backends.beginnings import grammar_of


@pytest.mark.parametrize("avoid", ["", "ab"])
def test_a_begun_word_goes_on_with_a_letter(avoid: str) -> None:
    assert grammar_of("word", avoid) == r"root ::= [^\t-/:-@[-^{-~`] .*"


@pytest.mark.parametrize(
    ("start", "avoid", "rules"),
    [
        ("any", "", None),
        ("code", "", [r"root ::= [ \t]* [^ \t\]\r\n)}] .*"]),
        (
            "any",
            "ab",
            [r"root ::= [ \t]* n0", r'n0 ::= [^\U00000061 \t] .* | "\U00000061" n1', r"n1 ::= [^\U00000062] .*"],
        ),
        ("code", "\u00e9", [r"root ::= [ \t]* n0", r"n0 ::= [^\U000000E9 \t\]\r\n)}] .*"]),
    ],
)
def test_rules(start: Start, avoid: str, rules: list[str] | None) -> None:
    grammar = grammar_of(start, avoid)
    assert (None if grammar is None else grammar.split("\n")) == rules
