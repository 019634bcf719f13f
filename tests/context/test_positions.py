import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.errors import PlaceError
from assist_context.positions import LineIndex, width

TRAP = "x = 'é漢😀' + y"
ENCODINGS = ("utf-8", "utf-16", "utf-32")

texts = st.text(
    alphabet=st.one_of(st.sampled_from("ab\n\r\t é漢😀\ud83d\ude00\u2028\x0b"), st.characters(exclude_categories=())),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\n", ["a", ""]),
        ("a\r\nb\rc\nd", ["a", "b", "c", "d"]),
        ("\r\r\n\n", ["", "", "", ""]),
        ("a\u2028b\x0bc\x85d", ["a\u2028b\x0bc\x85d"]),  # ends of lines for Python, not for the protocol
    ],
)
def test_lines_end_as_the_protocol_says(text, lines):
    index = LineIndex(text)
    assert index.line_count == len(lines)
    assert [index.line_text(n) for n in range(index.line_count)] == lines


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 18), ("utf-16", 13), ("utf-32", 12)])
def test_the_same_place_in_each_encoding(encoding, column):
    index = LineIndex("first\n" + TRAP)
    offset = len("first\n") + TRAP.index("y")
    assert index.place(offset, encoding) == (1, column)
    assert index.offset(1, column, encoding) == offset


@pytest.mark.parametrize(
    ("encoding", "inside"), [("utf-16", [1]), ("utf-8", [1, 2, 3])], ids=["surrogate pair", "UTF-8 sequence"]
)
def test_a_column_inside_a_character_is_its_start(encoding, inside):
    index = LineIndex("😀b")
    assert [index.offset(0, column, encoding) for column in inside] == [0] * len(inside)
    assert index.offset(0, inside[-1] + 1, encoding) == 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_places_outside_are_moved_in(encoding):
    index = LineIndex("é\r\nb")
    assert index.offset(0, 99, encoding) == 1
    assert index.offset(0, -1, encoding) == 0
    assert index.offset(-1, 5, encoding) == 0
    assert index.offset(7, 0, encoding) == 4
    assert index.place(2, encoding) == index.place(1, encoding)  # between \r and \n
    assert index.place(-3, encoding) == (0, 0)
    assert index.place(99, encoding) == (1, 1)


def test_lone_surrogates_count_as_editors_count_them():
    text = "a\ud83db\ude00c"
    assert [width(text, encoding) for encoding in ENCODINGS] == [9, 5, 5]
    assert LineIndex(text).offset(0, 4, "utf-16") == 4
    assert width("\ud83d\ude00", "utf-16") == 2


def test_strict_places_count_as_people_do():
    index = LineIndex("ab\r\n😀é\n")
    assert index.strict_offset(1, 1) == 0
    assert index.strict_offset(1, 3) == 2
    assert index.strict_offset(2, 3) == 6
    assert index.strict_offset(3, 1) == 7
    assert index.strict_place(6) == (2, 3)


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [(0, 1, "no line 0"), (4, 1, "no line 4"), (1, 0, "no column 0"), (1, 4, "no column 4"), (3, 2, "no column 2")],
)
def test_strict_places_outside_the_text_are_refused(line, column, message):
    with pytest.raises(PlaceError, match=message) as caught:
        LineIndex("ab\r\n😀é\n").strict_offset(line, column)
    assert "1 to" in caught.value.hint


@pytest.mark.parametrize("offset", [-1, 3])
def test_strict_offsets_outside_the_text_are_refused(offset):
    with pytest.raises(PlaceError):
        LineIndex("ab").strict_place(offset)


@pytest.mark.parametrize("line", [-1, 1])
def test_asking_for_a_line_that_is_not_there_is_refused(line):
    with pytest.raises(PlaceError):
        LineIndex("ab").line_start(line)
    with pytest.raises(PlaceError):
        LineIndex("ab").line_end(line)


@given(texts, st.sampled_from(ENCODINGS))
def test_every_offset_outside_a_line_ending_comes_back(text, encoding):
    index = LineIndex(text)
    for offset in range(len(text) + 1):
        inside = text[max(offset - 1, 0) : offset + 1] == "\r\n" and offset > 0
        assert index.offset(*index.place(offset, encoding), encoding) == offset - inside


@given(texts, st.integers(-2, 12), st.integers(-2, 30), st.sampled_from(ENCODINGS))
def test_any_place_becomes_an_offset_at_or_before_it(text, line, column, encoding):
    index = LineIndex(text)
    offset = index.offset(line, column, encoding)
    assert 0 <= offset <= len(text)
    if 0 <= line < index.line_count:
        found_line, found_column = index.place(offset, encoding)
        assert found_line == line
        assert found_column <= max(column, 0)


@given(texts)
def test_lines_and_endings_make_up_the_text(text):
    index = LineIndex(text)
    assert text.replace("\r\n", "\n").replace("\r", "\n").split("\n") == [
        index.line_text(n) for n in range(index.line_count)
    ]
    assert [index.line_of(index.line_start(n)) for n in range(index.line_count)] == list(range(index.line_count))


@given(texts)
def test_strict_places_come_back(text):
    index = LineIndex(text)
    for line in range(1, index.line_count + 1):
        for column in range(1, len(index.line_text(line - 1)) + 2):
            assert index.strict_place(index.strict_offset(line, column)) == (line, column)
