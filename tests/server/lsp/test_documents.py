from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from assist_context.positions import LineIndex
from assist_server.lsp.documents import Documents, changed, file_path, path_in_workspace

ENCODINGS = ("utf-8", "utf-16", "utf-32")
WIDE = "x = 'é漢😀' + y"
# The column after the closing quote, as each encoding counts it.
COLUMNS = {"utf-8": 15, "utf-16": 10, "utf-32": 9}


def item(uri="file:///work/a.py", text="", language="python", version=1):
    return types.TextDocumentItem(uri, language, version, text)


def edit(start, end, text):
    return types.TextDocumentContentChangePartial(types.Range(types.Position(*start), types.Position(*end)), text)


def change(documents, *changes, uri="file:///work/a.py", version=2):
    documents.change(
        types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(version, uri), list(changes))
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_change_after_wide_characters_lands_where_the_editor_means(encoding):
    documents = Documents(encoding)
    documents.open(item(text=f"a\n{WIDE}\n"))
    place = (1, COLUMNS[encoding])
    change(documents, edit(place, place, "!"))
    document = documents.snapshot("file:///work/a.py")
    assert document.text == "a\nx = 'é漢😀'! + y\n"
    assert document.version == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(before=st.text(), after=st.text(), data=st.data())
def test_any_edit_makes_the_two_texts_equal(encoding, before, after, data):
    index = LineIndex(before)
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, len(before)))
    places = [index.place(offset, encoding) for offset in (start, end)]
    offsets = [index.offset(*place, encoding) for place in places]
    now, told = changed(before, edit(*places, after), encoding)
    assert now == before[: offsets[0]] + after + before[offsets[1] :]
    assert (told.start, told.end, told.length) == (*offsets, len(after))
    assert told.lines.growth == LineIndex(now).line_count - index.line_count or "\r" in before + after


@given(before=st.text("ab\n"), after=st.text("ab\n"))
def test_a_whole_text_is_a_change_of_what_differs(before, after):
    now, told = changed(before, types.TextDocumentContentChangeWholeDocument(after), "utf-16")
    assert now == after
    assert before[: told.start] == after[: told.start]
    assert before[told.end :] == after[told.start + told.length :]
    differ = before != after
    assert (told.end > told.start or told.length > 0) == differ
    assert told.lines.growth == after.count("\n") - before.count("\n")


@pytest.mark.parametrize("separator", ["\x0c", "\x0b", "\x1c", "\x85", "\u2028"])
def test_only_the_protocols_line_endings_end_a_line(separator):
    documents = Documents()
    documents.open(item(text=f"a{separator}b\nc\n"))
    change(documents, edit((1, 0), (1, 1), "C"))
    assert documents.snapshot("file:///work/a.py").text == f"a{separator}b\nC\n"


def test_changes_apply_in_their_order_and_a_whole_text_replaces_all():
    documents = Documents()
    documents.open(item(text="ab"))
    change(documents, edit((0, 0), (0, 1), "xyz"), edit((0, 3), (0, 4), "!"))
    assert documents.snapshot("file:///work/a.py").text == "xyz!"
    change(documents, types.TextDocumentContentChangeWholeDocument("new"), version=3)
    assert documents.snapshot("file:///work/a.py").text == "new"


def test_places_outside_the_text_mean_its_nearest_place():
    documents = Documents()
    documents.open(item(text="a\r\nb"))
    change(documents, edit((0, 99), (0, 99), "1"), edit((9, 0), (9, 9), "2"))
    assert documents.snapshot("file:///work/a.py").text == "a1\r\nb2"


def test_a_character_that_arrives_in_halves_is_whole_in_the_end():
    documents = Documents()
    documents.open(item(text="a"))
    change(documents, edit((0, 1), (0, 1), "\ud83d"))
    assert documents.snapshot("file:///work/a.py").text == "a\ufffd"
    change(documents, edit((0, 2), (0, 2), "\ude00"), version=3)
    assert documents.snapshot("file:///work/a.py").text == "a😀"


def test_what_is_not_open_is_nothing():
    documents = Documents()
    change(documents, edit((0, 0), (0, 0), "x"))
    documents.close("file:///work/a.py")
    assert documents.snapshot("file:///work/a.py") is None
    assert documents.snapshot("::: no uri at all") is None


def test_closing_gives_the_document_back_to_the_disk():
    documents = Documents()
    documents.open(item(text="a"))
    documents.close("file:///work/a.py")
    assert documents.snapshot("file:///work/a.py") is None


@pytest.mark.parametrize(
    ("opened", "asked"),
    [
        ("file:///c%3A/Work/a.py", "file:///C:/Work/a.py"),
        ("file:///work/a%20b.py", "file:///work/a b.py"),
        ("FILE:///work/%C3%A9.py", "file:///work/é.py"),
    ],
)
def test_the_spelling_of_a_uri_does_not_matter(opened, asked):
    documents = Documents()
    documents.open(item(uri=opened, text="a"))
    assert documents.snapshot(asked).text == "a"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///work/src/a.py", "src/a.py"),
        ("file:///work/sub/b.py", "b.py"),
        ("file:///work/a%20b%23c.py", "a b#c.py"),
        ("file:///work/a;b.py", "a;b.py"),
        ("file:///elsewhere/secret/a.py", "a.py"),
        ("file:///workshop/a.py", "a.py"),
        ("file:///C:/Proj/src/a.py", "src/a.py"),
        ("file:///c%3A/Proj/src%5Ca.py", "src/a.py"),
        ("file://host/share/a/b.py", "a/b.py"),
        ("untitled:Untitled-1", "Untitled-1"),
        ("untitled:/work/new.py", "new.py"),
        ("vscode-notebook-cell:/work/src/n.ipynb#W0sZmlsZQ%3D%3D", "src/n.ipynb"),
        ("git:/work/src/a.py?%7B%22ref%22%3A%22HEAD%22%7D", "src/a.py"),
        ("output:extension-output-1", "extension-output-1"),
        ("file:///work/", "work"),
        ("file:///", "untitled"),
        ("http://[bad/a.py", "a.py"),
        ("", "untitled"),
    ],
)
def test_the_path_is_below_the_deepest_folder_or_a_bare_name(uri, path):
    folders = ["file:///work", "file:///work/sub/", "file:///c%3A/Proj", "file://host/share"]
    assert path_in_workspace(uri, folders) == path


def test_a_root_folder_holds_everything():
    assert path_in_workspace("file:///etc/a.py", ["file:///"]) == "etc/a.py"


@pytest.mark.parametrize(
    ("uri", "told", "text", "language"),
    [
        ("file:///a.py", "python", "", "python"),
        ("file:///a.ts", "typescript.tsx", "", "typescript"),
        ("untitled:Untitled-1", "plaintext", "#!/usr/bin/env python3\n", "python"),
        ("output:log", "Log", "", ""),
    ],
)
def test_the_language_is_the_editors_where_it_is_known(uri, told, text, language):
    documents = Documents()
    documents.open(item(uri=uri, language=told, text=text))
    assert documents.snapshot(uri).language == language


def test_folders_come_and_go():
    documents = Documents("utf-16", ["vscode-remote://x/y", "file:///one"])
    assert documents.workspace() == Path("/one")
    folder = types.WorkspaceFolder
    documents.change_folders(
        types.WorkspaceFoldersChangeEvent(
            added=[folder("file:///two", "two"), folder("file:///one", "again")], removed=[folder("file:///one", "one")]
        )
    )
    assert documents.folders == ("vscode-remote://x/y", "file:///two", "file:///one")
    assert documents.workspace() == Path("/two")
    assert Documents().workspace() is None


def test_only_a_file_uri_has_a_path():
    assert file_path("file:///a%20b") == Path("/a b")
    assert file_path("untitled:a") is None
