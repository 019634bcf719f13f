"""Which snippets go into a prompt."""

import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.retrieval.rank import choose
from assist_context.retrieval.similarity import Window, similarity
from assist_context.retrieval.snippet import SOURCES, Snippet, SourceName

NEAR = "app/use.py"
WINDOW = "def run(engine):\n    engine.start_now(ticks)\n    return engine.state\n"
BODY = "def drop(lease):\n    lease.close()\n    lease.forget(owner)\n    return lease.owner"


def words(text: str) -> int:
    return len(text.split())


def snippet(
    text: str, path: str = "a.py", source: SourceName = "related", score: float = 1.0, start: int = 1
) -> Snippet:
    return Snippet(path, start, start + text.count("\n"), text, source, score, "")


def chosen(*snippets: Snippet, window: str = WINDOW, budget: int = 1000) -> list[str]:
    return [one.text for one in choose(snippets, window, budget, words, NEAR)]


def test_similarity_counts_words_as_often_as_both_have_them() -> None:
    assert similarity("a b c", "c b a") == 1
    assert similarity("a a b", "a c d") == pytest.approx(1 / 3)
    assert similarity("a", "b") == similarity("", "") == 0


def test_a_copy_of_a_part_of_a_window_repeats_it_and_a_signature_that_it_uses_does_not() -> None:
    long = "\n".join(f"    value_{n} = compute_{n}(value_{n - 1}, other_{n})" for n in range(40))
    part = "\n".join(long.split("\n")[10:16])
    assert Window(long).has(snippet(part).text)
    assert Window(long).has(snippet(part.replace("    ", "")).text)
    assert Window(long).has(snippet(part.replace("other", "thing")).text)
    assert not Window(long).has(snippet(re.sub(r"value_\d+|other_\d+", "thing", part)).text)
    assert not Window(WINDOW).has(snippet("def start_now(self, ticks): ...").text)
    assert not Window("").has("a = 1")


def test_the_most_relevant_is_the_last_and_the_closer_one_wins_a_tie() -> None:
    weak, strong = snippet("weak = 1", score=0.2), snippet("strong = 2", "b.py", score=0.9)
    assert chosen(strong, weak) == ["weak = 1", "strong = 2"]
    far, close = snippet("one = 1", "x/y/z.py"), snippet("two = 2", "app/b.py")
    assert chosen(close, far) == chosen(far, close) == ["one = 1", "two = 2"]
    assert chosen(snippet("a = 1", source="open"), snippet("b = 2", source="imports", score=0.9)) == ["a = 1", "b = 2"]


def test_drops_what_the_window_has_and_what_another_says() -> None:
    assert chosen(snippet(WINDOW)) == []
    assert chosen(snippet(BODY), snippet(BODY.replace("owner", "user"), "b.py", score=0.5)) == [BODY]
    cart = "class Cart:\n    size: int\n    def add(self): ..."
    told = snippet(cart, source="imports")
    assert chosen(told, snippet("    def add(self): ...", source="definitions")) == [cart]


def test_lines_of_the_current_file_that_the_window_has_are_cut_off() -> None:
    view = snippet(f"{BODY}\n{WINDOW}", NEAR, "views")
    assert chosen(view) == [BODY]
    assert [(one.start, one.end) for one in choose([view], WINDOW, 1000, words, NEAR)] == [(1, 4)]
    assert chosen(snippet("    return engine.state", NEAR, "edits")) == []


def test_overlapping_lines_of_one_file_are_merged_and_others_dropped() -> None:
    lines = [f"value_{n} = compute_{n}()" for n in range(9)]
    first = snippet("\n".join(lines[:6]), start=10)
    second = snippet("\n".join(lines[4:]), start=14, score=0.5)
    (merged,) = choose([second, first], WINDOW, 1000, words, NEAR)
    assert (merged.text, merged.start, merged.end) == ("\n".join(lines), 10, 18)
    older = replace(second, text=second.text.replace("value_4", "older"))
    assert chosen(first, older) == [first.text]


def test_what_does_not_fit_is_cut_at_the_end_of_a_line_or_left_out() -> None:
    cut = chosen(snippet("a = 1\nb = 2\nc = 3\nd = 4"), budget=11)
    assert cut == ["a = 1\nb = 2\nc = 3"]
    assert chosen(snippet("a = 1\nb = 2\nc = 3\nd = 4"), budget=9) == []
    assert chosen(snippet("a = 1"), budget=0) == []


LINES = st.lists(st.sampled_from([*WINDOW.split("\n"), *BODY.split("\n"), "x = 1", "", "    def a(self): ..."]))
SNIPPETS = st.builds(
    snippet,
    LINES.map("\n".join),
    st.sampled_from([NEAR, "a.py", "app/b.py"]),
    st.sampled_from(SOURCES),
    st.floats(-1, 2),
    st.integers(1, 20),
)


@given(st.lists(SNIPPETS, max_size=12), LINES.map("\n".join), st.integers(0, 60), st.randoms())
def test_never_more_than_the_budget_never_the_window_and_always_the_same(
    snippets: list[Snippet], window: str, budget: int, random: Random
) -> None:
    found = choose(snippets, window, budget, words, NEAR)
    assert sum(words(one.path) + words(one.text) for one in found) <= budget
    held = {line.strip() for line in window.split("\n")} - {""}
    for one in found:
        assert not Window(window).has(one.text)
        assert similarity(one.text, window) <= 0.5
        if one.path == NEAR and one.source in ("related", "edits", "views", "open"):
            assert held.isdisjoint(line.strip() for line in one.text.split("\n"))
    random.shuffle(snippets)
    assert choose(snippets, window, budget, words, NEAR) == found
