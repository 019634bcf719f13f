"""A stream is left at the same place, whatever the pieces it comes in; nothing that was read is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.stopping import End, EndFinder, find_end
from assist_server.features.completion.trigger import Extent
from support.completion import at_cursor


def streamed(marked: str, made: str, extent: Extent, language: str = "") -> tuple[str, str, str]:
    """Feed a text character by character; give what is kept, why it ended, and what was read to know."""
    finder = EndFinder(hole_at(*at_cursor(marked), language), extent)
    for length, character in enumerate(made, 1):
        if end := finder.add(character):
            return made[: end.length], end.why, made[:length]
    return made, "", made


WHY_CLOSED = "what is open is closed"


@pytest.mark.parametrize(
    ("marked", "made", "extent", "kept", "why", "read"),
    [
        ("f(<|>)", "a, b\nc", "line", "a, b", "the line ends", "a, b\n"),
        ("<|>", "a\n\nb", "paragraph", "a", "a blank line", "a\n\n"),
        ("<|>", "\n\na\n   \nb", "paragraph", "\n\na", "a blank line", "\n\na\n   \n"),
        ("    <|>", "a\nb", "paragraph", "a", "the block ends", "a\nb"),
        ("\t<|>", "a\n\tb\nc", "paragraph", "a\n\tb", "the block ends", "a\n\tb\nc"),
        ("if a:<|>", "\n    b\nx", "paragraph", "\n    b", "the block ends", "\n    b\nx"),
        ("if a:<|>", "\n    b\nelse:", "block", "\n    b", "the block ends", "\n    b\nel"),
        ("try:<|>", "\n    b\nex", "block", "\n    b\nex", "", "\n    b\nex"),
        ("try:<|>", "\n    b\nexec = 1", "block", "\n    b", "the block ends", "\n    b\nexe"),
        ("f(<|>", "\n    a,\n)\nb", "block", "\n    a,\n)", "what is open is closed", "\n    a,\n)\n"),
        ("f(<|>", "a)\nb", "block", "a)", "what is open is closed", "a)\n"),
        ("f(g(<|>", "a)\n  , b)\nc", "block", "a)\n  , b)", "what is open is closed", "a)\n  , b)\n"),
        ("f(<|>\n)", "\n    a,\n)", "block", "\n    a,", "the block ends", "\n    a,\n)"),
        ("if (a) {<|>", "\n  b;\n} else {\n", "block", "\n  b;\n}", "what is open is closed", "\n  b;\n} else {\n"),
        ("try {<|>", "\n  b;\n} catch {\n}\n", "block", "\n  b;\n} catch {\n}", WHY_CLOSED, "\n  b;\n} catch {\n}\n"),
        ("if (<|>", "a) {\n  b;\n}\nc", "block", "a) {\n  b;\n}", WHY_CLOSED, "a) {\n  b;\n}\n"),
        (
            "if a then<|>",
            "\n  b\nelse\n  c\nend\nd",
            "block",
            "\n  b\nelse\n  c\nend",
            "the block ends",
            "\n  b\nelse\n  c\nend\n",
        ),
        ("a {\n  b\n<|>", "}\nc", "block", "}", WHY_CLOSED, "}\n"),
        ("a {\n  b\n<|>\n}", "c\n}\nd", "block", "c", WHY_CLOSED, "c\n}"),
        ("f(<|>)", "a, b).c", "line", "a, b)", "what is open is closed", "a, b)"),
        ("f(<|>)", "g(a), b", "line", "g(a), b", "", "g(a), b"),
        ("f(g(<|>)", "a))", "line", "a))", "what is open is closed", "a))"),
        ("f('<|>')", "a(b)') + 1", "line", "a(b)'", "the string ends", "a(b)'"),
        ("f(<|>)", "')', a)", "line", "')', a)", "what is open is closed", "')', a)"),
        ("  <|>\n  });", "a\n  })", "block", "a", "what is open is closed", "a\n  }"),
        ("  a<|>\n  total()", "b\n  total()\n", "block", "b", "the text that follows begins", "b\n  total()\n"),
        (
            "if a:\n    <|>\nelse:",
            "if b:\n        c\n    else:\n        d",
            "block",
            "if b:\n        c\n    else:\n        d",
            "",
            "if b:\n        c\n    else:\n        d",
        ),
        ("  <|>\n  total()", "a\n  total()\n", "block", "a", "the text that follows begins", "a\n  total()\n"),
        ("  <|>\n  total()", "a\n  totals", "block", "a\n  totals", "", "a\n  totals"),
        ("<|>", "a\n\nb\n\n\nc", "block", "a\n\nb", "a blank line", "a\n\nb\n\n\n"),
    ],
)
def test_the_end(*, marked: str, made: str, extent: Extent, kept: str, why: str, read: str) -> None:
    assert streamed(marked, made, extent) == (kept, why, read)


@pytest.mark.parametrize(
    ("language", "marked", "made", "kept"),
    [
        ("python", "def f():\n    <|>", '"""A\n\n  b\n\nc\n"""\nd', '"""A\n\n  b\n\nc\n"""'),
        ("python", "f(<|>", "'(', # (\n  b)\nc", "'(', # (\n  b)"),
        ("typescript", "f(<|>", "`(\n${a}`)\nc", "`(\n${a}`)"),
        ("rust", "fn f<'a>(<|>", "a: &'a str) {\n}\nb", "a: &'a str) {\n}"),
        ("c", "f(<|>", "/* ) */ a);\nb", "/* ) */ a);"),
    ],
)
def test_strings_and_comments_close_nothing(language: str, marked: str, made: str, kept: str) -> None:
    assert streamed(marked, made, "paragraph", language)[0] == kept


@given(
    before=st.sampled_from(["", "    ", "if a:", "  f(", "\tx = "]),
    below=st.sampled_from(["", "\n}", "\n    total()", "\nx"]),
    made=st.text(alphabet="ab \t\n)}:({\"'", max_size=40),
    extent=st.sampled_from(["line", "paragraph", "block"]),
)
def test_an_end_once_found_stays(before: str, below: str, made: str, extent: Extent) -> None:
    hole = hole_at(before + below, len(before))
    found: End | None = None
    for length in range(len(made) + 1):
        end = find_end(made[:length], hole, extent)
        if found is not None:
            assert end == found
        found = end
    if found is not None:
        assert find_end(made, hole, extent, final=True) == found
    finder = EndFinder(hole, extent)
    for character in made:
        finder.add(character)
    assert finder.finish() == find_end(made, hole, extent, final=True)
