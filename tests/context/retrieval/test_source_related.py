"""Pieces of other files that share rare words with a place."""

from assist_context.retrieval.sources.similar import related, units_of
from assist_context.syntax.symbols import Symbol
from support.sources import asked

FILLER = "".join(f"=== plain/{number}.py\ndef common_{number}(shared): return shared\n" for number in range(60))
ENGINE = """=== engine/lease.py
# renew_lease deadline_ticks grace_ticks
import time

def other(shared):
    return shared

class Lease:
    def renew(self, deadline_ticks):
        self.at = grace_ticks + deadline_ticks
        renew_lease(self.at)

    def drop(self):
        return 1
"""
USE = "=== use.py\nrenew_lease(deadline_ticks, grace_ticks)\n<|>\n"


def test_gives_the_unit_that_shares_most_and_no_comment() -> None:
    (one,) = related(*asked(FILLER + ENGINE + USE))
    assert (one.path, one.start, one.end) == ("engine/lease.py", 7, 13)
    assert one.text.startswith("class Lease:")
    assert 0 < one.score <= 1
    assert "renew_lease" in one.reason


def test_a_single_word_that_is_not_rare_is_too_little() -> None:
    assert related(*asked("=== a.py\nlease_of = 1\n=== b.py\nlease_of<|>\n")) == ()


def test_words_in_comments_ask_for_nothing() -> None:
    assert related(*asked(FILLER + ENGINE + "=== use.py\n# renew_lease deadline_ticks grace_ticks\n<|>\n")) == ()


def test_units_cover_each_line_once_and_are_short() -> None:
    def symbol(name: str, kind: str, line: int, last: int) -> Symbol:
        return Symbol(name, kind, line * 10, last * 10, line, last, name, "", "")  # type: ignore[arg-type]

    symbols = [
        symbol("Long", "class", 3, 120),
        symbol("short", "method", 5, 20),
        symbol("inner", "function", 7, 9),
        symbol("long", "method", 25, 100),
        symbol("LIMIT", "constant", 130, 130),
    ]
    units = units_of(symbols, ["x"] * 140)
    assert [line for unit in units for line in range(unit.first, unit.last + 1)] == list(range(140))
    assert all(unit.last - unit.first < 40 for unit in units)
    assert [(unit.first, unit.last) for unit in units if unit.whole] == [(5, 20)]
