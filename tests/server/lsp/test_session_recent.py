"""What a completion is told of the workspace: what is open, edited and viewed, of files that the index has."""

from pathlib import Path

import pytest

from assist_server.features.indexing.surroundings import FolderSurroundings
from assist_server.lsp.suggestions import Asking
from assist_server.lsp.surroundings import surroundings
from support.lsp_memory import PYGLS_WARNINGS, FakeApp
from support.lsp_session import ready
from support.memory_index import MemoryIndex

pytestmark = pytest.mark.filterwarnings(PYGLS_WARNINGS)

ROOT = "file:///work"
TEXT = "".join(f"value_{number} = {number}\n" for number in range(200))


class Indexed:
    """Stands for the index of one folder."""

    def __init__(self, reads, documents):
        self.reads = reads
        self.documents = documents

    def around(self, document):
        path = document.uri.removeprefix(f"{ROOT}/")
        if path == document.uri:
            return None

        def unsaved(other):
            return self.documents.text(f"{ROOT}/{other}")

        return FolderSurroundings(Path("/work"), path, self.reads, lambda: None, unsaved, lambda: True)

    def nothing(self, *_):
        """Be told."""

    open = close = save = change_folders = nothing


async def working(*paths):
    """Give a client in whose folder these files are indexed."""
    client, _ = await ready(FakeApp(), workspaceFolders=[{"uri": ROOT, "name": "work"}])
    session = client.server.session
    session.index = Indexed(MemoryIndex(dict.fromkeys(paths, TEXT)), session.documents)
    return client, session


def change(client, path, line, text):
    place = {"line": line, "character": 0}
    document = {"uri": f"{ROOT}/{path}", "version": 2}
    changes = [{"range": {"start": place, "end": place}, "text": text}]
    client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})


async def told(client, session, path, line=0):
    await client.request("assist/trace")
    around = surroundings(session, session.documents.snapshot(f"{ROOT}/{path}"), line)
    return [(snippet.source, snippet.path, snippet.start, snippet.end) for snippet in around.recent()]


async def test_an_edit_in_another_file_is_told_with_its_unsaved_text():
    client, session = await working("a.py", "b.py")
    for path in ("a.py", "b.py"):
        client.open(TEXT, f"{ROOT}/{path}")
    change(client, "a.py", 100, "new_line = 1\nanother = 2\n")
    assert ("edits", "a.py", 97, 107) in await told(client, session, "b.py")
    around = surroundings(session, session.documents.snapshot(f"{ROOT}/b.py"), 0)
    edited = next(snippet for snippet in around.recent() if snippet.source == "edits")
    assert "new_line = 1\nanother = 2\nvalue_100 = 100\n" in edited.text
    assert (around.repository, around.path) == ("work", "b.py")
    assert around.recent() is around.recent()


async def test_what_the_index_leaves_out_is_not_told():
    client, session = await working("b.py")
    for path in ("ignored.py", ".env", "b.py"):
        client.open(TEXT, f"{ROOT}/{path}")
        change(client, path, 100, "password = 1\n")
    assert await told(client, session, "b.py", line=100) == []


async def test_where_a_request_asks_is_where_the_cursor_is():
    client, session = await working("a.py", "b.py")
    client.open(TEXT, f"{ROOT}/a.py")
    client.open(TEXT, f"{ROOT}/b.py")
    await client.items(0, line=150, uri=f"{ROOT}/a.py")
    await client.items(0, line=10, uri=f"{ROOT}/b.py")
    found = await told(client, session, "b.py", line=10)
    assert [one for one in found if one[0] == "views"] == [("views", "a.py", 135, 166)]


async def test_a_request_is_asked_with_its_surroundings():
    client, session = await working("a.py")
    client.open(TEXT, f"{ROOT}/a.py")
    client.open("x", "untitled:1")
    await client.items(0, uri=f"{ROOT}/a.py")
    await client.items(0, uri="untitled:1")
    first, second = session.settled.queries
    assert first.around.path == "a.py"
    assert second.around is None
    assert Asking(first.document, 0, 0).keystroke.invoked is False


async def test_a_closed_file_counts_as_long_as_it_is_on_the_disk_as_it_was(tmp_path):
    client, session = await working("a.py", "b.py")
    client.open(TEXT, f"{ROOT}/b.py")
    client.open(TEXT, f"{ROOT}/a.py")
    change(client, "a.py", 100, "new = 1\n")
    assert ("edits", "a.py", 97, 106) in await told(client, session, "b.py")
    client.notify("textDocument/didClose", {"textDocument": {"uri": f"{ROOT}/a.py"}})
    assert [one for one in await told(client, session, "b.py") if one[1] == "a.py"] == []


async def test_folders_that_go_take_what_is_known_of_them_along():
    client, session = await working("inner/a.py", "b.py")
    client.open(TEXT, f"{ROOT}/inner/a.py")
    inner = {"uri": f"{ROOT}/inner", "name": "inner"}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [inner], "removed": []}})
    await client.request("assist/trace")
    assert session.recent.places(Path("/work/inner")).open_paths() == ("a.py",)
    client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": [inner]}})
    await client.request("assist/trace")
    assert session.recent.places(Path("/work")).open_paths() == ("inner/a.py",)
    assert session.recent.places(Path("/work/inner")).open_paths() == ()
