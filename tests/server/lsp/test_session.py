"""What a session does with documents, settings and errors; in memory, with an App that does as it is told."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from assist_server.core.errors import ConfigError, ServerBusy
from assist_server.lsp import lifecycle
from support.lsp_memory import PYGLS_WARNINGS, WITHOUT_INDEX, FakeApp, problem
from support.lsp_session import DOWN, OWN, URI, command, explain_request, ready, settings

pytestmark = pytest.mark.filterwarnings(PYGLS_WARNINGS)


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 15), ("utf-16", 10), ("utf-32", 9)])
async def test_ghost_text_in_every_encoding(encoding, column):
    app = FakeApp()
    client, _ = await ready(app, capabilities={"general": {"positionEncodings": [encoding]}})
    client.open("x = 'é漢😀' + y")
    (item,) = await client.items(column, invoked=True)
    place = {"line": 0, "character": column}
    assert (item["insertText"], item["range"]) == ("suggested", {"start": place, "end": place})
    (query,) = app.queries
    assert query.document.text[: query.offset] == "x = 'é漢😀'"
    assert query.trigger == "invoked"


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "vscode-notebook-cell:/work/n.ipynb#W0",
        "git:/work/a.py?HEAD",
        "output:log",
        "file:///out/of/it.py",
    ],
)
async def test_documents_of_other_kinds_are_served_too(uri):
    client, _ = await ready(workspaceFolders=[{"uri": "file:///work", "name": "work"}])
    client.open("abc", uri)
    assert len(await client.items(3, uri=uri)) == 1


async def test_a_document_that_was_never_opened_gets_nothing():
    client, _ = await ready()
    assert await client.items(0) == []
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}
    assert (await client.request("textDocument/completion", where))["items"] == []
    span = {"start": where["position"], "end": where["position"]}
    action = {"textDocument": {"uri": URI}, "range": span, "context": {"diagnostics": []}}
    assert await client.request("textDocument/codeAction", action) is None
    assert await command(client, "explain", {"uri": URI, "range": span}) is None


@pytest.mark.parametrize(
    ("wish", "inline", "offered"),
    [("auto", False, 1), ("auto", True, 0), ("always", True, 1), ("never", False, 0)],
)
async def test_completion_items_where_they_are_wanted(wish, inline, offered):
    capabilities = {"textDocument": {"inlineCompletion": {}} if inline else {}}
    client, _ = await ready(FakeApp(settings(items=wish)), capabilities=capabilities)
    client.open("pri")
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 3}}
    answer = await client.request("textDocument/completion", where)
    assert answer["isIncomplete"] is True
    assert [item["textEdit"]["newText"] for item in answer["items"]] == ["prisuggested"] * offered


async def test_ghost_text_and_items_of_one_keystroke_are_one_generation():
    app = FakeApp(settings(items="always"), hold=asyncio.Event())
    client, _ = await ready(app)
    client.open("abc")
    ghost = client.inline(3)
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 3}}
    items = client.send("textDocument/completion", where)
    await client.request("assist/trace")
    app.hold.set()
    assert len((await client.answer(ghost))["result"]["items"]) == 1
    assert len((await client.answer(items))["result"]["items"]) == 1
    assert len(app.queries) == 1


async def test_ghost_text_beside_the_list_goes_on_from_its_selected_item():
    app = FakeApp()
    client, _ = await ready(app)
    client.open("pr x")
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 2}}
    context = {"triggerKind": 2, "selectedCompletionInfo": {"range": span, "text": "print"}}
    where = {"textDocument": {"uri": URI}, "position": span["end"], "context": context}
    answer = await client.request("textDocument/inlineCompletion", where)
    (item,) = answer["items"]
    assert (item["insertText"], item["range"]) == ("printsuggested", span)
    assert app.queries[0].document.text == "print x"


async def test_a_failing_backend_is_told_once_and_completions_are_just_empty():
    app = FakeApp(error=DOWN)
    client, _ = await ready(app, capabilities=OWN)
    client.open("abc")
    for column in range(4):
        assert await client.items(column) == []
    (message,) = await client.told("window/showMessage")
    assert message == {"type": 2, "message": "assist: Ollama at 127.0.0.1:11434 does not answer (start it)"}
    assert (await client.told("assist/status"))[-1]["state"] == "error"
    assert "does not answer" in (await client.request("assist/trace"))["whyEmpty"]
    app.error = None
    assert len(await client.items(1)) == 1
    assert (await client.told("assist/status"))[-1] == {
        "state": "idle",
        "model": "fake: model",
        "remote": None,
        "message": None,
    }


async def test_what_passes_by_itself_is_not_told():
    client, _ = await ready(FakeApp(error=ServerBusy("busy", status=503)), capabilities=OWN)
    client.open("abc")
    assert await client.items(1) == []
    assert await client.told("window/showMessage") == []
    assert (await client.told("assist/status"))[-1]["state"] == "idle"


async def test_problems_of_the_settings_are_told_once_with_their_file_and_line():
    twice = [FakeApp(problems=(problem("there is no setting x", "/work/.assist.toml", 3),)) for _ in range(2)]
    client, _ = await ready(*twice)
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": "file:///work/.assist.toml", "type": 2}]})
    (message,) = await client.told("window/showMessage")
    assert message["message"] == "assist: /work/.assist.toml:3: there is no setting x (a hint)"


async def test_settings_that_cannot_be_used_are_told_and_the_next_ones_work():
    client, _ = await ready(ConfigError("there is no file x"), FakeApp())
    client.open("abc")
    assert await client.items(1) == []
    (message,) = await client.told("window/showMessage")
    assert message == {"type": 1, "message": "assist: there is no file x"}
    client.notify("workspace/didChangeWatchedFiles", {"changes": []})
    assert len(await client.items(1)) == 1


async def test_the_clients_settings_and_folders_reach_the_app():
    client, options = await ready(
        FakeApp(),
        FakeApp(),
        capabilities={"workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}},
        workspaceFolders=[{"uri": "file:///work", "name": "a"}, {"uri": "file:///other", "name": "b"}],
        initializationOptions={"completion": {"maxTokens": 5}, "client": {"answer": True}},
    )
    asked = await client.wait_for(lambda m: m.get("method") == "client/registerCapability")
    assert [r["method"] for r in asked["params"]["registrations"]] == ["workspace/didChangeConfiguration"]
    client.give({"id": asked["id"], "result": None})
    asked = await client.wait_for(lambda m: m.get("method") == "workspace/configuration")
    assert asked["params"]["items"] == [{"section": "assist"}]
    client.give({"id": asked["id"], "result": [{"completion": {"enable": False}}]})
    await client.request("assist/trace")
    first, second = options
    assert first.workspace == second.workspace == Path("/work")
    assert first.editor == second.editor == {"completion": {"maxTokens": 5}}
    assert (first.editor_workspace, second.editor_workspace) == ({}, {"completion": {"enable": False}})


@pytest.mark.parametrize("answer", [{"result": [None]}, {"result": []}, {"error": {"code": -1, "message": "no"}}])
async def test_a_client_without_settings_keeps_the_app(answer):
    app = FakeApp()
    client, options = await ready(app, capabilities={"workspace": {"configuration": True}})
    asked = await client.wait_for(lambda m: m.get("method") == "workspace/configuration")
    client.give({"id": asked["id"], **answer})
    await client.request("assist/trace")
    assert len(options) == 1
    assert app.closed == 0


async def test_settings_that_a_client_pushes():
    client, options = await ready(FakeApp(), FakeApp())
    for _ in range(2):
        client.notify("workspace/didChangeConfiguration", {"settings": {"assist": {"completion": {"enable": False}}}})
    await client.request("assist/trace")
    assert [given.editor_workspace for given in options] == [{}, {"completion": {"enable": False}}]


async def test_the_old_app_is_closed_when_its_last_request_has_ended():
    old, new = FakeApp(hold=asyncio.Event()), FakeApp()
    client, _ = await ready(old, new)
    client.open("abc")
    request = client.inline(1)
    await client.request("assist/trace")
    client.notify("workspace/didChangeWatchedFiles", {"changes": []})
    await client.request("assist/trace")
    assert old.closed == 0
    old.hold.set()
    assert len((await client.answer(request))["result"]["items"]) == 1
    await client.request("shutdown")
    assert old.closed == 1
    await client.server.session.aclose()
    assert (old.closed, new.closed) == (1, 1)


async def test_saving_the_workspaces_settings_reads_them_again():
    client, options = await ready(FakeApp(), FakeApp())
    client.notify("textDocument/didSave", {"textDocument": {"uri": "file:///work/a.py"}})
    client.notify("textDocument/didSave", {"textDocument": {"uri": "file:///work/.assist.toml"}})
    await client.request("assist/trace")
    assert len(options) == 2


async def test_only_another_first_folder_brings_other_settings():
    folder = {"uri": "file:///work", "name": "work"}
    client, options = await ready(FakeApp(), FakeApp(), workspaceFolders=[folder])
    other = {"uri": "file:///other", "name": "other"}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [other], "removed": []}})
    client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": [folder]}})
    await client.request("assist/trace")
    assert [given.workspace for given in options] == [Path("/work"), Path("/other")]


async def test_a_root_without_folders_is_the_workspace():
    _, options = await ready(rootUri="file:///root")
    assert options[0].workspace == Path("/root")


async def test_toggling_by_session_language_and_document():
    client, _ = await ready(capabilities=OWN)
    client.open("abc")
    for where in ({}, {"scope": "language", "language": "python"}, {"scope": "document", "uri": URI}):
        arguments = [where] if where else []
        assert (await command(client, "toggle", *arguments))["enabled"] is False
        assert await client.items(1) == []
        assert "switched off" in (await client.request("assist/trace"))["whyEmpty"]
        assert (await command(client, "toggle", *arguments))["enabled"] is True
        assert len(await client.items(1)) == 1
    assert "off" in [status["state"] for status in await client.told("assist/status")]


async def test_another_model_for_this_session_outlives_a_change_of_settings():
    first, second = FakeApp(), FakeApp()
    client, _ = await ready(first, second)
    assert await command(client, "use", {"role": "chat", "model": "big"}) == {"backend": "fake", "model": "big"}
    assert await command(client, "use", {"backend": "other"}) == {"backend": "other", "model": "model"}
    client.notify("workspace/didChangeWatchedFiles", {"changes": []})
    await client.request("assist/trace")
    assert second.used == [(role, "other", None) for role in ("chat", "completion", "review")]


async def test_a_model_that_cannot_be_had_changes_nothing():
    app = FakeApp()
    client, _ = await ready(app)
    await command(client, "use", {"role": "chat", "model": "good"})
    app.error = DOWN
    params = {"command": "assist.server.use", "arguments": [{"role": "chat", "model": "bad"}]}
    assert (await client.error("workspace/executeCommand", params))["code"] == -32803
    assert app.used[-1] == ("chat", None, "good")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("explain", []),
        ("explain", [{"uri": 3}]),
        ("explain", [{"uri": URI, "range": {"start": {"line": -1, "character": True}}}]),
        ("stop", [{}]),
        ("use", [{"role": "poet"}]),
        ("use", [{"model": ["x"]}]),
        ("toggle", [{"scope": "world"}]),
        ("toggle", [{"scope": "language"}]),
        ("unknown", []),
    ],
)
async def test_arguments_that_make_no_sense_are_refused(name, arguments):
    client, _ = await ready()
    params = {"command": f"assist.server.{name}", "arguments": arguments}
    assert (await client.error("workspace/executeCommand", params))["code"] == -32602


async def test_the_trace_tells_of_the_last_suggestion():
    client, _ = await ready(FakeApp(text=""))
    client.open("abc")
    assert await client.request("assist/trace", {"uri": URI}) is None
    assert await client.items(1) == []
    trace = await client.request("assist/trace", {"uri": URI})
    assert trace == {
        "uri": URI,
        "items": 0,
        "model": "model",
        "backend": "fake",
        "whyEmpty": "the model said nothing",
        "ms": {"context": 1, "firstToken": 2, "total": 3},
        "trace": ["one", "two"],
    }
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await client.request("assist/trace") is None


async def test_closing_a_document_answers_what_is_asked_about_it():
    client, _ = await ready(FakeApp(hold=asyncio.Event()))
    client.open("abc")
    request = client.inline(1)
    await client.request("assist/trace")
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert (await client.answer(request))["result"]["items"] == []


async def test_nothing_is_kept_of_a_document_that_is_closed():
    client, _ = await ready(app := FakeApp())
    client.open("abc")
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    await client.request("assist/trace")
    assert app.forgotten == [URI]


async def test_a_client_that_asks_for_nothing_gets_nothing_extra():
    client, _ = await ready()
    client.open("abc")
    await client.items(1)
    await command(client, "explain", {"uri": URI})
    assert {m.get("method") for m in client.messages if "method" in m} <= {"window/showMessage"}


async def test_off_in_the_settings_is_said():
    client, _ = await ready(FakeApp(settings(enable=False)), capabilities=OWN)
    assert (await client.told("assist/status"))[-1]["state"] == "off"


def backed_by(name):
    base = WITHOUT_INDEX
    return replace(base, backend=replace(base.backend, name=name))


@pytest.mark.parametrize(
    ("name", "places", "remote"),
    [
        ("openai", {"openai": "models.example"}, "models.example"),
        ("openai", {"ollama": "models.example"}, None),
        ("auto", {"ollama": "models.example"}, "models.example"),
        ("ollama", {"ollama": ""}, "unknown"),
        ("openai", {"openai": "nonsense"}, None),
    ],
)
async def test_where_answers_will_come_from_is_said_from_the_start(name, places, remote):
    client, _ = await ready(FakeApp(backed_by(name), places=places), capabilities=OWN)
    assert (await client.told("assist/status"))[-1]["remote"] == remote


async def test_the_status_tells_the_place_of_the_backend_that_answers():
    app = FakeApp(backed_by("auto"), places={"ollama": "models.example", "other": "other.example", "cloud": ""})
    client, _ = await ready(app, FakeApp(backed_by("auto"), places=app.places), capabilities=OWN)
    client.open("abc")
    await client.items(1)  # a backend called fake, on this machine
    assert (await client.told("assist/status"))[-1]["remote"] is None
    for backend, remote in (("cloud", "unknown"), ("other", "other.example")):
        await command(client, "use", {"backend": backend})
        status = (await client.told("assist/status"))[-1]
        assert (status["model"], status["remote"]) == (f"{backend}: model", remote)
    client.notify("workspace/didChangeWatchedFiles", {"changes": []})
    assert (await client.told("assist/status"))[-1]["remote"] == "other.example"
    await command(client, "explain", {"uri": URI})
    assert (await client.told("assist/status"))[-1]["remote"] is None


class SlowToStop(FakeApp):
    """An App whose work takes a while to stop, and that must not be closed while it does."""

    stopped = 0
    closed_early = False

    async def was_asked(self, client, times):
        while len(self.queries) < times:
            await client.request("assist/trace")

    async def complete(self, query):
        try:
            return await super().complete(query)
        finally:
            await self._stop()

    async def _events(self):
        try:
            async for event in super()._events():
                yield event
        finally:
            await self._stop()

    async def _stop(self):
        for _ in range(20):
            await asyncio.sleep(0)
        self.closed_early = self.closed > 0
        self.stopped += 1


@pytest.mark.parametrize("what", ["completion", "explain", "superseded"])
async def test_the_app_is_closed_once_after_the_work_that_was_pending(what):
    app = SlowToStop(hold=asyncio.Event())
    client, _ = await ready(app)
    client.open("abc")
    requests = [explain_request(client)] if what == "explain" else [client.inline(1)]
    await app.was_asked(client, 1)
    if what == "superseded":
        requests.append(client.inline(2))
        await app.was_asked(client, 2)
    await client.server.session.aclose()
    assert (app.stopped, app.closed, app.closed_early) == (len(requests), 1, False)
    for request in requests:
        await client.answer(request)
    await client.server.session.aclose()
    assert app.closed == 1


async def test_an_app_of_earlier_settings_is_closed_too():
    old, new = SlowToStop(hold=asyncio.Event()), FakeApp()
    client, _ = await ready(old, new)
    client.open("abc")
    client.inline(1)
    await client.request("assist/trace")
    client.notify("workspace/didChangeWatchedFiles", {"changes": []})
    await client.request("assist/trace")
    await client.server.session.aclose()
    assert (old.stopped, old.closed, old.closed_early, new.closed) == (1, 1, False, 1)


async def test_work_that_does_not_stop_does_not_keep_the_app_open(monkeypatch):
    stuck = asyncio.Event()

    class Stuck(FakeApp):
        async def complete(self, query):
            try:
                return await super().complete(query)
            finally:
                await stuck.wait()

    app = Stuck(hold=asyncio.Event())
    client, _ = await ready(app)
    client.open("abc")
    client.inline(1)
    await client.request("assist/trace")
    monkeypatch.setattr(lifecycle, "_CLOSE_SECONDS", 0.01)
    await client.server.session.aclose()
    assert app.closed == 1
    stuck.set()
    await client.server.session.aclose()
    assert app.closed == 1
