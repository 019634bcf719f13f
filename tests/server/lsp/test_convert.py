import pytest
from lsprotocol import types

from assist_context.document import Document
from assist_server.lsp.convert import code_block, completion_item, inline_item, offset_at, range_at, with_selected

WIDE = "x = 'é漢😀' + y"
COLUMNS = {"utf-8": 15, "utf-16": 10, "utf-32": 9}


def place(line, character):
    return types.Position(line, character)


def doc(text, language="python"):
    return Document("file:///a.py", "a.py", language, text, 1)


def made(text, completion, *, encoding="utf-16", markdown=True):
    before, _, after = text.partition("<|>")
    document = doc(before + after)
    return completion_item(document, len(before), completion, encoding=encoding, model="qwen", markdown=markdown)


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
    selected = types.SelectedCompletionInfo(types.Range(place(0, 0), place(0, 2)), "print")
    document, offset = with_selected(doc("pr x"), selected, "utf-16")
    assert (document.text, offset) == ("print x", 5)
    item = inline_item("(1)", types.Range(place(0, 2), place(0, 2)), selected)
    assert (item.insert_text, item.range) == ("print(1)", selected.range)
