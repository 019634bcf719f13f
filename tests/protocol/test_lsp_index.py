"""The workspace's index in a real server: built beside the typing, fresh after each change, asked by the editor."""

import subprocess
from typing import Any

import pytest

from support.script import fill

DYNAMIC: dict[str, Any] = {
    "workspace": {"symbol": {"dynamicRegistration": True}, "configuration": True},
    "textDocument": {"documentSymbol": {"hierarchicalDocumentSymbolSupport": True}},
    "window": {"workDoneProgress": True},
}
ON = {"index": {"symbols": True}}


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "shop"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "store.py").write_text("class Store:\n    def put(self): ...\n")
    (folder / "pkg" / "ignored.py").write_text("def put_nowhere(): ...\n")
    (folder / ".gitignore").write_text("ignored.py\n")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


async def begun(start, *folders, options: Any = ON, capabilities: Any = DYNAMIC):
    client, _ = await start(fill("x", repeat=True))
    client.answers["window/workDoneProgress/create"] = lambda _: None
    client.answers["client/registerCapability"] = lambda _: None
    client.answers["workspace/configuration"] = lambda _: [options]
    hello = await client.initialize(folders=list(folders), capabilities=capabilities, initializationOptions=options)
    return client, hello["capabilities"]


async def found(client, query: str, *names: str) -> list[Any]:
    """Ask until exactly these names are found: the index is built, and changes, beside the requests."""

    async def asking() -> list[Any]:
        while True:
            answer = await client.request("workspace/symbol", {"query": query})
            if [one["name"] for one in answer] == list(names):
                return list(answer)

    return list(await client.within(asking()))


async def test_finds_symbols_of_the_workspace_once_they_are_wanted(start, workspace):
    client, can = await begun(start, workspace)
    assert can["workspaceSymbolProvider"]
    assert can["documentSymbolProvider"]
    (put,) = await found(client, "put", "put")
    assert put["containerName"] == "Store"
    assert put["location"]["uri"] == (workspace / "pkg" / "store.py").as_uri()
    assert put["location"]["range"]["start"] == {"line": 1, "character": 0}
    assert await client.request("workspace/symbol", {"query": ""}) == []


async def test_leaves_symbols_to_others_unless_wanted(start, workspace):
    client, can = await begun(start, workspace, options={})
    assert not {"workspaceSymbolProvider", "documentSymbolProvider"} & can.keys()
    client.answers["workspace/configuration"] = lambda _: [ON]
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    asked = await client.was_asked("client/registerCapability")
    assert [one["method"] for one in asked["registrations"]] == ["workspace/symbol"]
    await found(client, "put", "put")


async def test_follows_what_is_typed_saved_written_and_deleted(start, workspace):
    client, _ = await begun(start, workspace)
    await found(client, "put", "put")
    file = workspace / "pkg" / "fresh.py"
    uri = file.as_uri()
    client.open(uri, "def unsaved(): ...\n")
    await found(client, "unsaved", "unsaved")
    client.change(
        uri, 2, {"range": {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 4}}, "text": "really_"}
    )
    await found(client, "unsaved", "really_unsaved")
    file.write_text("def really_unsaved(): ...\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    await found(client, "really_unsaved", "really_unsaved")
    (workspace / "pkg" / "outside.py").write_text("def from_outside(): ...\n")
    await found(client, "from_outside", "from_outside")
    file.unlink()
    await found(client, "really_unsaved")


async def test_nests_the_definitions_of_an_open_document(start, workspace):
    client, _ = await begun(start, workspace)
    uri = (workspace / "pkg" / "open.py").as_uri()
    client.open(uri, "# 😀\nclass Café:\n    def é漢(self, 漢): return '😀'\ndef after(): ...\n")
    top = await client.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
    assert [one["name"] for one in top] == ["Café", "after"]
    assert [one["name"] for one in top[0]["children"]] == ["é漢"]
    assert top[0]["children"][0]["range"] == {
        "start": {"line": 2, "character": 4},
        "end": {"line": 2, "character": 32},
    }
    assert await client.request("textDocument/documentSymbol", {"textDocument": {"uri": "file:///no/such.py"}}) is None


async def test_reads_a_document_of_no_folder_for_its_symbols_alone(start, workspace, tmp_path):
    client, _ = await begun(start, workspace)
    await found(client, "put", "put")
    uri = (tmp_path / "alone.py").as_uri()
    client.open(uri, "def putting(): ...\n")
    top = await client.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
    assert [one["name"] for one in top] == ["putting"]
    await found(client, "put", "put")


async def test_lists_definitions_for_a_client_that_cannot_nest(start, workspace):
    client, _ = await begun(start, workspace, capabilities={})
    uri = (workspace / "pkg" / "open.py").as_uri()
    client.open(uri, "class A:\n    def b(self): ...\n")
    flat = await client.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
    assert [(one["name"], one.get("containerName")) for one in flat] == [("A", None), ("b", "A")]


async def test_follows_folders(start, workspace, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "more.go").write_text("package more\nfunc Putting() {}\n")
    client, _ = await begun(start, workspace)
    await found(client, "put", "put")
    event = {"added": [{"uri": other.as_uri(), "name": "other"}], "removed": []}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    await found(client, "put", "put", "Putting")
    event = {"added": [], "removed": [{"uri": workspace.as_uri(), "name": "shop"}]}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    await found(client, "put", "Putting")


async def test_tells_how_far_a_large_build_is(start, workspace):
    for number in range(300):
        (workspace / f"module_{number}.py").write_text(f"def made_{number}(): ...\n" * 20)
    client, _ = await begun(start, workspace)
    begin = await client.notification("$/progress", lambda p: p["value"]["kind"] == "begin")
    assert begin["value"]["title"] == "Indexing shop"
    assert begin["value"]["percentage"] == 0
    end = await client.notification("$/progress", lambda p: p["value"]["kind"] == "end")
    assert end["value"]["message"].endswith(" files")
    assert end["token"] == begin["token"]


async def test_indexes_nothing_where_that_is_switched_off(start, workspace):
    client, _ = await begun(start, workspace, options={"index": {"enable": False, "symbols": True}})
    uri = (workspace / "pkg" / "open.py").as_uri()
    client.open(uri, "class A: ...\n")
    assert await client.command("assist.server.toggle") is not None
    assert "workspaceSymbolProvider" not in client.result["capabilities"]


async def test_a_killed_server_leaves_a_good_index(start, workspace):
    client, _ = await begun(start, workspace)
    await found(client, "put", "put")
    client.process.kill()
    client.expected_code = -9
    await client.ended()
    again, _ = await begun(start, workspace)
    await found(again, "put", "put")
