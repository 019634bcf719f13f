"""Strings and comments are found in half a line, and brackets are counted outside of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.syntax.lexing import Inside, brackets, masked, unmatched


@pytest.mark.parametrize(
    ("language", "text", "code", "inside", "pending"),
    [
        ("python", 'x = "a(" + f(b) # c)', "x =      + f(b)     ", "comment", ""),
        ("python", 'x = "abc', "x =     ", "string", '"'),
        ("python", 'x = "abc"', "x =      ", "code", ""),
        ("python", 'x = "abc\n(', "x =     \n(", "code", ""),
        ("python", '"a\\', "   ", "string", '"'),
        ("python", 'x = """a\n(', "x =     \n ", "string", '"""'),
        ("python", "f(f'(', rb'(', don't)", "f(f   , rb   , don't)", "code", ""),
        ("rust", "fn f<'a>(x: &'a str) { '(' }", "fn f<'a>(x: &'a str) {     }", "code", ""),
        ("rust", "'\\u{1", "     ", "string", "'"),
        ("typescript", "a = /[(]/ + `x${(`", "a =       +       ", "code", ""),
        ("typescript", "a = b / c; // (", "a = b / c;     ", "comment", ""),
        ("go", "x := `a\n(", "x :=   \n ", "string", "`"),
        ("c", "/* ( */ f(", "        f(", "code", ""),
        ("c", "f( /* a", "f(     ", "comment", "*/"),
        ("shellscript", "echo ${#a} # (", "echo ${#a}    ", "comment", ""),
        ("", 'x = "a" (', "x =     (", "code", ""),
    ],
)
def test_what_is_no_code_is_blank(language: str, text: str, code: str, inside: Inside, pending: str) -> None:
    assert masked(text, language) == (code, inside, pending)


@pytest.mark.parametrize(
    ("text", "pending", "code", "left"),
    [
        ('a)")', '"', "   )", ""),
        ("ab", '"', "  ", '"'),
        ("ab\n)", '"', "  \n)", ""),
        ('a\nb""")', '"""', " \n    )", ""),
        ("a\n(", '"""', " \n ", '"""'),
        ("a */ (", "*/", "     (", ""),
    ],
)
def test_a_text_may_begin_inside_a_string(text: str, pending: str, code: str, left: str) -> None:
    read = masked(text, "python", pending)
    assert (read.code, read.pending) == (code, left)


def test_brackets_are_paired() -> None:
    assert brackets("a(b]") == [(1, "("), (3, "]")]
    assert unmatched(")(a[b]){") == (")", "{")
    assert unmatched("x = f(a)") == ("", "")


@given(
    st.sampled_from(["python", "rust", "typescript", "c", "shellscript", "lua", "php", ""]),
    st.text(alphabet="ab\"'`#/*\\(){}\n -[]", max_size=40),
    st.sampled_from(["", '"', "'", '"""', "`", "*/"]),
)
def test_nothing_moves(language: str, text: str, pending: str) -> None:
    code = masked(text, language, pending).code
    assert len(code) == len(text)
    assert all(
        after in {before, " "} and (before != "\n" or after == "\n") for before, after in zip(text, code, strict=True)
    )
