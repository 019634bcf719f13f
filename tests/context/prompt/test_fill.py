import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.document import Document
from assist_context.errors import PlaceError
from assist_context.prompt.fill import build_fill, largest, window
from assist_context.prompt.fim import FIM_FORMATS, OtherFile, by_name, custom
from assist_context.prompt.segments import Text
from assist_context.prompt.tokens import estimate
from support.golden import check_golden
from support.marked import at_cursor

QWEN = by_name("qwen2.5-coder")


def fill(source: str, *, prefix_tokens=1000, suffix_tokens=1000, form=QWEN, count=len, path="a.py", **others):
    text, offset = at_cursor(source)
    document = Document("file:///w/" + path, path, "python", text)
    return build_fill(
        document, offset, format=form, prefix_tokens=prefix_tokens, suffix_tokens=suffix_tokens, count=count, **others
    )


@pytest.mark.parametrize(
    ("source", "prefix", "suffix"),
    [
        ("a<|>b", "a", "b"),
        ("<|>b", "", "b"),
        ("a<|>", "a", ""),
        ("<|>", "", ""),
        ("a\n<|>\nb", "a\n", "\nb"),
        ("é漢\r\n😀<|>😀\r\nb", "é漢\r\n😀", "😀\r\nb"),
    ],
)
def test_a_short_text_is_there_whole(source, prefix, suffix):
    built = fill(source)
    assert (built.prefix, built.suffix) == (prefix, suffix)
    assert built.prompt == QWEN.render(prefix, suffix)
    assert built.stops == QWEN.stops


@pytest.mark.parametrize(
    ("source", "prefix_tokens", "suffix_tokens", "prefix", "suffix"),
    [
        ("one\ntwo\nthr<|>ee\nfour\nfive\n", 8, 9, "two\nthr", "ee\nfour\n"),
        ("one\ntwo\nthr<|>ee\nfour\nfive\n", 7, 7, "two\nthr", "ee\n"),
        ("one\ntwo\nthr<|>ee\nfour\nfive\n", 6, 3, "thr", "ee\n"),
        ("one\r\ntwo\r\nthr<|>ee\r\nfour", 8, 4, "two\r\nthr", "ee\r\n"),
        ("one\r\ntwo\r\nthr<|>ee\r\nfour", 7, 3, "thr", "ee"),  # never between \r and \n
        ("abcdefgh<|>ijklmnop", 3, 2, "fgh", "ij"),
        ("abc<|>def", 0, 0, "", ""),
        ("a\n<|>\nb", 0, 1, "", "\n"),
        ("a\n<|>b", 1, 0, "", ""),
        ("漢漢😀<|>😀漢\n", 1, 1, "😀", "😀"),
    ],
)
def test_cut_at_lines_and_inside_only_where_a_line_is_too_long(source, prefix_tokens, suffix_tokens, prefix, suffix):
    built = fill(source, prefix_tokens=prefix_tokens, suffix_tokens=suffix_tokens)
    assert (built.prefix, built.suffix) == (prefix, suffix)


def test_an_offset_inside_a_line_ending_is_before_it():
    assert window("a\r\nb", 2, prefix_tokens=9, suffix_tokens=9, count=len) == ("a", "\r\nb")


@pytest.mark.parametrize("offset", [-1, 4])
def test_an_offset_outside_the_text_is_refused(offset):
    with pytest.raises(PlaceError):
        window("abc", offset, prefix_tokens=9, suffix_tokens=9, count=len)


def test_the_window_keeps_its_beginning_while_lines_are_typed():
    text = "".join(f"line {n:04}\n" for n in range(400))
    starts = []
    for line in range(200, 232):
        prefix, _ = window(text, line * 10, prefix_tokens=800, suffix_tokens=0, count=len)
        assert prefix[:10] in text
        starts.append(text.index(prefix) // 10)
        assert 400 <= len(prefix) <= 800
    assert all(start % 16 == 0 for start in starts)
    assert len(set(starts)) <= 3


def test_a_small_window_uses_at_least_half_of_its_budget():
    text = "".join(f"line {n:04}\n" for n in range(100))
    for line in range(20, 60):
        prefix, _ = window(text, line * 10, prefix_tokens=60, suffix_tokens=0, count=len)
        assert 30 <= len(prefix) <= 60


def test_the_window_keeps_its_beginning_inside_a_very_long_line():
    text = "x" * 5000
    starts = {
        5000 - 40 + n - len(window(text, 4960 + n, prefix_tokens=100, suffix_tokens=0, count=len)[0]) for n in range(16)
    }
    assert len(starts) <= 2


@pytest.mark.parametrize("size", [10, 1000, 100_000])
def test_count_is_called_seldom_and_on_short_texts(size):
    calls = []

    def count(text):
        calls.append(len(text))
        return len(text) // 4

    text = "".join(f"value_{n} = compute({n})\n" for n in range(size))
    fill(text + "<|>" + text, prefix_tokens=500, suffix_tokens=100, count=count)
    assert len(calls) <= 4 * math.log2(500) + 8
    assert max(calls) <= 4 * 4 * 500


def test_one_very_long_line_is_counted_seldom():
    calls = []

    def count(text):
        calls.append(len(text))
        return len(text) // 4

    built = fill("y" * 500_000 + "<|>" + "z" * 500_000, prefix_tokens=500, suffix_tokens=100, count=count)
    assert len(calls) <= 4 * math.log2(2000) + 8
    assert len(built.prefix) >= 1900
    assert len(built.suffix) >= 400


@pytest.mark.parametrize("form", FIM_FORMATS, ids=lambda form: form.id)
def test_every_format_has_its_stops(form):
    assert fill("ab<|>cd", form=form).stops == form.stops


def test_path_and_language_are_told_where_the_format_has_places_for_them():
    built = fill("a<|>b", form=by_name("codegeex4"), path="src/x.py")
    assert "###PATH:src/x.py\n###LANGUAGE:Python\n" in built.prompt.as_string()


def test_control_tokens_in_the_text_stay_text():
    built = fill("print('<|fim_middle|>')\n<|>")
    assert built.prefix == "print('<|fim_middle|>')\n"
    assert Text(built.prefix) in built.prompt.segments


def test_other_files_go_before_in_the_models_own_way():
    built = fill("a<|>b", others=[OtherFile("x.py", "X")], repository="r")
    assert built.prompt.as_string().startswith("<|repo_name|>r\n<|file_sep|>x.py\nX\n<|file_sep|>")
    assert built.prefix == "a"


def test_other_files_are_comments_for_a_model_that_was_shown_one_file():
    built = fill("a<|>b", form=by_name("codegemma"), others=[OtherFile("x.py", "def x():\n\n    ...\n")])
    assert "<|fim_prefix|># x.py\n# def x():\n#\n#     ...\na<|fim_suffix|>b" in built.prompt.as_string()


class TestAWindowThatBeganBefore:
    LINES = "".join(f"line {number:3}\n" for number in range(100))

    def prefix(self, offset: int, keep: int | None) -> str:
        return window(self.LINES, offset, prefix_tokens=300, suffix_tokens=0, count=len, keep=keep)[0]

    def test_begins_there_again(self):
        assert self.prefix(9 * 60, 40) == self.LINES[9 * 40 : 9 * 60]

    def test_makes_room_to_grow_when_it_is_too_large(self):
        kept = self.prefix(9 * 80, 40)
        assert len(kept) <= 200
        assert self.prefix(9 * 80, None).endswith(kept)

    def test_is_given_up_when_little_of_it_is_left(self):
        assert len(self.prefix(9 * 50, 45)) > 45
        assert len(self.prefix(9 * 50, 60)) > 45

    def test_stays_at_the_start_of_a_file(self):
        assert self.prefix(9, 0) == self.LINES[:9]


def test_golden_prompt():
    source = "".join(f"def f{n}(x):\n    return x + {n}\n\n\n" for n in range(40))
    text = source.replace("return x + 30", "return <|>")
    built = fill(text, prefix_tokens=200, suffix_tokens=40, count=estimate)
    check_golden("fill_qwen.txt", built.prompt.as_string())


texts = st.text(alphabet=st.sampled_from("ab \n\r\té漢😀"), max_size=80)
budgets = st.integers(0, 50)


def bytes_of(text: str) -> int:
    return len(text.encode())


@given(texts, st.integers(0, 80), budgets, budgets, st.sampled_from([len, bytes_of, estimate]))
def test_neither_side_is_ever_over_its_budget(text, offset, prefix_tokens, suffix_tokens, count):
    offset = min(offset, len(text))
    prefix, suffix = window(text, offset, prefix_tokens=prefix_tokens, suffix_tokens=suffix_tokens, count=count)
    assert prefix == "" or count(prefix) <= prefix_tokens
    assert suffix == "" or count(suffix) <= suffix_tokens
    at = offset - (text[:offset].endswith("\r") and text[offset:].startswith("\n"))
    assert text[:at].endswith(prefix)
    assert text[at:].startswith(suffix)
    if count(text[:at]) <= prefix_tokens:
        assert prefix == text[:at]
    if count(text[at:]) <= suffix_tokens:
        assert suffix == text[at:]


@given(st.integers(0, 300), st.integers(-3, 320))
def test_the_largest_that_fits(size, limit):
    asked = []

    def fits(n):
        asked.append(n)
        return n <= limit

    assert largest(size, fits) == (min(limit, size - 1) if size > 0 and limit >= 0 else None)
    assert len(asked) <= 2 * math.log2(size + 2) + 3
    assert max(asked, default=0) <= max(2 * (limit + 1), 1)


def test_a_template_of_ones_own_is_filled():
    built = fill("ab<|>cd", form=custom("<A>{suffix}<B>{prefix}"))
    assert built.prompt.as_string() == "<A>cd<B>ab"
