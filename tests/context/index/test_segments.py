"""Segments give back what was put in, in whatever pieces, and merging loses nothing but what is gone."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.index.segments import (
    MEMBER,
    NAME,
    PIECE,
    Cutter,
    Run,
    definition_term,
    merged,
    name_of,
    number,
    numbers,
    pieces,
    posting_at,
    posting_of,
    postings_of,
    run_of,
    terms_of,
    to_merge,
)

WORDS = st.text(alphabet="abcXYZ_éß漢", min_size=1, max_size=6)
TERMS = st.one_of(WORDS, WORDS.map(definition_term), WORDS.map(lambda w: MEMBER + w), WORDS.map(lambda w: f"<{w}"))
FILES = st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=100, unique=True)
POSTINGS = st.dictionaries(TERMS, FILES, max_size=200)


def packed(postings: Mapping[str, list[int]]) -> dict[str, bytes]:
    return {term: b"".join(map(number, files)) for term, files in postings.items()}


def in_runs(postings: Mapping[str, bytes], size: int) -> Iterator[Run]:
    terms, files = run_of(postings)
    for at in range(0, len(terms), size):
        yield Run(terms[at : at + size], files[at : at + size])


def read_back(cutter: Cutter, runs: Iterator[Run]) -> dict[str, list[int]]:
    """Read a segment as a store does: the block of a term is the last whose first term does not come after it."""
    blocks = sorted(block for run in runs for block in cutter.add(run))
    blocks = sorted([*blocks, *cutter.finish()])
    long, found = dict(cutter.long), {}
    for term in (term for block in blocks for term in terms_of(block.data)):
        block = [block for block in blocks if block.first <= term][-1]
        posting = posting_of(block.data, term)
        assert posting is not None
        files = long[term] if posting.files is None else posting.files
        assert posting.many == len(numbers(files))
        found[term] = numbers(files)
    return found


@given(POSTINGS, st.integers(1, 80))
def test_a_segment_gives_back_its_terms(postings: dict[str, list[int]], size: int) -> None:
    found = read_back(Cutter(), in_runs(packed(postings), size))
    assert {term: files for term, files in found.items() if term[0] != PIECE} == postings


@given(st.lists(WORDS, min_size=1, max_size=120, unique=True))
def test_pieces_lead_to_the_blocks_of_their_names(names: list[str]) -> None:
    cutter = Cutter()
    blocks = [*cutter.add(run_of({definition_term(name): number(1) for name in names})), *cutter.finish()]
    of_names = [terms_of(block.data) for block in blocks if block.of_names]
    others = {term: posting for block in blocks if not block.of_names for term, posting in postings_of(block.data)}
    long = dict(cutter.long)
    for name in names:
        for piece in pieces(name.casefold()):
            posting = others[PIECE + piece]
            places = numbers(posting.files if posting.files is not None else long[PIECE + piece])
            assert any(definition_term(name) in of_names[place] for place in places)


@given(st.lists(POSTINGS, max_size=4), st.integers(1, 50), st.integers(0, 2**32))
def test_merging_keeps_what_is_there(segments: list[dict[str, list[int]]], size: int, gone_from: int) -> None:
    def keep(files: bytes) -> bytes:
        return b"".join(number(at) for at in numbers(files) if at < gone_from)

    wanted: dict[str, list[int]] = {}
    for segment in segments:
        for term, files in segment.items():
            if left := [at for at in files if at < gone_from]:
                wanted.setdefault(term, []).extend(left)
    runs = list(merged([in_runs(packed(segment), size) for segment in segments], keep))
    terms = [term for run in runs for term in run.terms]
    assert terms == sorted(wanted)
    assert {term: numbers(files) for run in runs for term, files in zip(*run, strict=True)} == wanted


@pytest.mark.parametrize("name", ["run", "Run", "ß", "ẞ", "İx", "__init__", "", "=", "~x"])
def test_a_name_comes_back_from_its_term(name: str) -> None:
    assert name_of(definition_term(name)) == name


def test_spellings_stand_together() -> None:
    names = ["zebra", "Run", "RUN", "run", "runner"]
    assert [name_of(term) for term in sorted(map(definition_term, names))] == ["run", "RUN", "Run", "runner", "zebra"]


def test_a_long_list_is_not_in_the_block_but_its_length_is() -> None:
    cutter = Cutter()
    files = b"".join(map(number, range(1, 1001)))
    (block,) = [*cutter.add(run_of({"a": number(7), "b": files, "c": number(8)})), *cutter.finish()]
    assert [posting_at(block.data, place) for place in range(3)] == [(1, number(7)), (1000, None), (1, number(8))]
    assert cutter.long == [("b", files)]
    assert len(block.data) < 100


def test_blocks_of_names_hold_nothing_else() -> None:
    cutter = Cutter()
    terms = ["<a", ".b", "zz", "漢字", *[definition_term(f"name{at}") for at in range(100)]]
    blocks = [*cutter.add(run_of(dict.fromkeys(terms, number(1)))), *cutter.finish()]
    assert all({term[0] == NAME for term in terms_of(block.data)} == {block.of_names} for block in blocks)


@pytest.mark.parametrize(
    ("sizes", "half_is_gone", "wanted"),
    [
        ({}, True, []),
        ({1: 500, 2: 500, 3: 500}, False, []),
        ({1: 500, 2: 510, 3: 500, 4: 490}, False, [1, 2, 3, 4]),
        ({1: 1_000_000, 2: 500, 3: 510, 4: 500, 5: 490}, False, [2, 3, 4, 5]),
        ({1: 9000, 2: 9000, 3: 9000, 4: 9000, 5: 30}, False, [1, 2, 3, 4, 5]),
        ({1: 1_000_000, 2: 500}, True, [1, 2]),
    ],
)
def test_segments_of_about_one_size_are_merged(sizes: dict[int, int], half_is_gone: bool, wanted: list[int]) -> None:
    assert to_merge(sizes, half_is_gone=half_is_gone) == wanted
