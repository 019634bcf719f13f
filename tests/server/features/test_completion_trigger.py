"""Where a suggestion is made, and how far it may go."""

import pytest

from assist_context.document import Document
from assist_server.config.settings import CompletionSettings
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.trigger import Trigger, covers, decide
from support.completion import at_cursor

ANY = CompletionSettings()


def plan(marked: str, trigger: Trigger = "automatic", settings: CompletionSettings = ANY) -> tuple[str | None, str]:
    text, offset = at_cursor(marked)
    made = decide(Document("file:///a.py", "a.py", "python", text), hole_at(text, offset), trigger, settings)
    return made.extent, made.why


@pytest.mark.parametrize(
    ("marked", "automatic", "invoked"),
    [
        ("x = <|>", "paragraph", "block"),
        ("x = <|>\r\ny = 1\r\n", "paragraph", "block"),
        ("x = <|>  \ny = 1", "paragraph", "block"),
        ("def f():\n    <|>", "paragraph", "block"),
        ("foo(<|>)", "line", "line"),
        ("foo(<|>", "paragraph", "block"),
        ("return a <|> b", "line", "line"),
        ("pri<|>nt()", None, "line"),
        ("_<|>_x", None, "line"),
        ("a.<|>b", "line", "line"),
        ("<|>", None, None),
        (" \n<|>\n", None, None),
        ("é漢<|>😀", "line", "line"),
        ("x" * 3000 + " = <|>", None, "block"),
    ],
)
def test_extent(marked: str, automatic: str | None, invoked: str | None) -> None:
    assert plan(marked)[0] == automatic
    assert plan(marked, "invoked")[0] == invoked


@pytest.mark.parametrize("trigger", ["automatic", "invoked"])
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (CompletionSettings(enable=False), "completions are off (completion.enable)"),
        (CompletionSettings(exclude=("go", "python")), "completions are off for python (completion.exclude)"),
    ],
)
def test_what_is_switched_off_says_which_setting_did_it(
    trigger: Trigger, settings: CompletionSettings, why: str
) -> None:
    assert plan("x = <|>", trigger, settings) == (None, why)


def test_a_longer_suggestion_serves_a_shorter_place() -> None:
    assert covers("block", "line")
    assert covers("line", "line")
    assert not covers("line", "paragraph")


def test_the_hole_sees_the_lines_around() -> None:
    text, offset = at_cursor("a\nb\n\n\tx = <|>1\r\n\nc\nd\n")
    hole = hole_at(text, offset)
    assert (hole.before, hole.after, hole.above, hole.indent) == ("\tx = ", "1", "b", 4)
    assert hole.below == "c"
    assert (hole_at("", 0).above, hole_at("", 0).below) == ("", "")
