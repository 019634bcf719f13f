import pytest
from lsprotocol import types

from assist_context.document import Document
from assist_server.lsp.convert import (
    beginning,
    code_block,
    completion_item,
    inline_items,
    offset_at,
    range_at,
    with_selected,
    word_start,
)

WIDE = "x = 'é漢😀' + y"
COLUMNS = {"utf-8": 15, "utf-16": 10, "utf-32": 9}


def place(line, character):
    return types.Position(line, character)


def doc(text, language="python"):
    return Document("file:///a.py", "a.py", language, text, 1)


def made(text, completion, *, encoding="utf-16", markdown=True):
    before, _, after = text.partition("<|>")
    document, start = doc(before + after), word_start(before, len(before))
    text = before[start:] + completion
    place = (start, len(before))
    return completion_item(document, place, text, encoding=encoding, model="qwen", markdown=markdown, rank=1)


@pytest.mark.parametrize("encoding", COLUMNS)
def test_places_and_offsets_agree_in_every_encoding(encoding):
    text = f"a\n{WIDE}"
    position = place(1, COLUMNS[encoding])
    offset = offset_at(text, position, encoding)
    assert text[offset - 1 : offset + 2] == "' +"
    assert range_at(text, offset, offset, encoding) == types.Range(position, position)


def test_an_item_replaces_the_word_before_the_cursor():
    item = made("    pri<|>\n", "nt('é')\n    return")
    assert item.label == "print('é')"
    assert item.filter_text == "print('é')"
    assert item.text_edit == types.TextEdit(types.Range(place(0, 4), place(0, 7)), "print('é')\n    return")
    assert item.insert_text_format == types.InsertTextFormat.PlainText
    assert item.insert_text_mode == types.InsertTextMode.AsIs
    assert item.documentation == types.MarkupContent(
        types.MarkupKind.Markdown, "```python\nprint('é')\n    return\n```"
    )


@pytest.mark.parametrize("encoding", COLUMNS)
def test_an_item_after_wide_characters_is_where_the_editor_expects_it(encoding):
    item = made("x = 'é漢😀'<|> + y", " * 2", encoding=encoding)
    column = COLUMNS[encoding]
    assert item.text_edit.range == types.Range(place(0, column), place(0, column))
    assert item.label == "* 2"


def test_a_word_may_be_in_any_script():
    item = made("größe<|>", "_neu")
    assert item.label == "größe_neu"


def test_the_label_is_the_first_line_that_says_something():
    assert made("def f():<|>", "\n    return 1").label == "return 1"


def test_a_client_without_markdown_gets_plain_text():
    assert made("a<|>", "b", markdown=False).documentation == "ab"


def test_a_code_block_is_not_ended_by_what_is_in_it():
    assert code_block("markdown", "```\nx\n```\n") == "````markdown\n```\nx\n```\n````"


def test_ghost_text_beside_the_list_goes_on_from_the_selected_item():
    document, offset = with_selected(doc("pr x"), (0, 2), "print")
    assert (document.text, offset) == ("print x", 5)


def test_ghost_text_replaces_its_place_and_nothing_that_stays():
    command = types.Command("x", "y")
    items = inline_items("é漢😀 pr)", (4, 6), [("print", command), ("prompt", command)], "utf-16")
    assert [item.insert_text for item in items] == ["print", "prompt"]
    assert {(item.range.start.character, item.range.end.character) for item in items} == {(5, 7)}
    assert items[0].command == command
    assert items[0].filter_text is None


def test_an_item_comes_last_and_is_never_selected_by_itself():
    item = made("pri<|>", "nt")
    assert item.sort_text == "~1"
    assert item.sort_text > max("zebra", "_x", "Z", "99")
    assert not item.preselect
    assert item.commit_characters is None


@pytest.mark.parametrize(
    ("text", "completion", "label", "filter_text", "kind"),
    [
        ("pri<|>", "nt(x)", "print(x)", "print(x)", types.CompletionItemKind.Text),
        ("x = <|>", " 1\n", "1", "1", types.CompletionItemKind.Text),
        ("f():<|>", "\n    a\n    b", "a", "a", types.CompletionItemKind.Snippet),
        ("else<|>", "\n    a\n    b", "else a", "else", types.CompletionItemKind.Snippet),
        ("a<|>", "b" * 80, "a" + "b" * 58 + "…", "a" + "b" * 80, types.CompletionItemKind.Text),
    ],
)
def test_what_an_item_is_called_and_found_by(text, completion, label, filter_text, kind):
    item = made(text, completion)
    assert (item.label, item.filter_text, item.kind) == (label, filter_text, kind)
    typed = text.partition("<|>")[0][word_start(text, text.index("<|>")) :]
    assert item.filter_text.startswith(typed)


@pytest.mark.parametrize(("units", "text"), [(0, ""), (1, "é"), (2, "é漢"), (3, "é漢"), (4, "é漢😀"), (9, "é漢😀x")])
def test_the_beginning_of_a_text_has_no_half_of_a_character(units, text):
    assert beginning("é漢😀x", units, "utf-16") == text
