"""Answers in words and how they reach every kind of client; in memory, with an App that does as it is told."""

import asyncio

import pytest

from support.lsp_memory import PYGLS_WARNINGS, FakeApp
from support.lsp_session import DOWN, OWN, URI, command, explain_request, ready

pytestmark = pytest.mark.filterwarnings(PYGLS_WARNINGS)


async def test_an_answer_streams_to_a_client_that_knows_how():
    client, _ = await ready(capabilities=OWN)
    client.open("a = 1")
    result = await command(client, "explain", {"uri": URI})
    assert result == {"id": result["id"], "text": "It adds.", "model": "model", "stopped": False, "cut": False}
    pieces = await client.told("assist/answer")
    assert pieces == [
        {"id": result["id"], "chunk": "It ", "done": False},
        {"id": result["id"], "chunk": "adds.", "done": False},
        {"id": result["id"], "chunk": "", "done": True},
    ]
    assert [s["state"] for s in await client.told("assist/status")] == ["idle", "busy", "idle"]


async def test_an_answer_that_fails_is_an_error_with_a_hint_each_time():
    client, _ = await ready(FakeApp(error=DOWN), capabilities=OWN)
    client.open("a = 1")
    for _ in range(2):
        error = (await client.answer(explain_request(client)))["error"]
        assert error["code"] == -32803
        assert error["message"] == "Ollama at 127.0.0.1:11434 does not answer (start it)"
        assert error["data"] == {"code": "backend-unavailable", "hint": "start it"}
    ends = [piece for piece in await client.told("assist/answer") if piece["done"]]
    assert [end["error"] for end in ends] == ["Ollama at 127.0.0.1:11434 does not answer (start it)"] * 2
    assert await client.told("window/showMessage") == []


async def test_stopping_an_answer_keeps_what_came():
    app = FakeApp(hold=asyncio.Event())
    client, _ = await ready(app, capabilities=OWN)
    client.open("a = 1")
    request = explain_request(client)
    piece = await client.wait_for(lambda m: (m.get("params") or {}).get("chunk") == "adds.")
    conversation = piece["params"]["id"]
    assert await command(client, "stop", {"conversation": conversation}) == {"stopped": True}
    result = (await client.answer(request))["result"]
    assert (result["text"], result["stopped"]) == ("It adds.", True)
    assert await command(client, "stop", {"conversation": conversation}) == {"stopped": False}
    assert app.streams_closed == 1


async def test_cancelling_an_answer_ends_it_once():
    app = FakeApp(hold=asyncio.Event())
    client, _ = await ready(app, capabilities=OWN)
    client.open("a = 1")
    request = explain_request(client)
    await client.wait_for(lambda m: (m.get("params") or {}).get("chunk") == "adds.")
    client.notify("$/cancelRequest", {"id": request})
    assert (await client.answer(request))["error"]["code"] == -32800
    await client.request("assist/trace")
    assert [p["done"] for p in await client.told("assist/answer")] == [False, False, True]
    assert app.streams_closed == 1
    assert client.counts()[request] == 1


async def test_progress_with_the_clients_token_can_be_cancelled():
    app = FakeApp(hold=asyncio.Event())
    client, _ = await ready(app, capabilities=OWN)
    client.open("a = 1")
    request = explain_request(client, workDoneToken="mine")
    await client.wait_for(lambda m: (m.get("params") or {}).get("chunk") == "adds.")
    client.notify("window/workDoneProgress/cancel", {"token": "another"})
    client.notify("window/workDoneProgress/cancel", {"token": "mine"})
    assert (await client.answer(request))["result"]["stopped"] is True
    progress = await client.told("$/progress")
    assert [p["value"]["kind"] for p in progress] == ["begin", "report", "report", "end"]
    assert {p["token"] for p in progress} == {"mine"}
    assert progress[0]["value"]["cancellable"] is True


@pytest.mark.parametrize("accepts", [True, False])
async def test_progress_with_a_token_of_ours_where_the_client_makes_it(accepts):
    app = FakeApp(hold=asyncio.Event())
    client, _ = await ready(app, capabilities={**OWN, "window": {"workDoneProgress": True}})
    client.open("a = 1")
    request = explain_request(client)
    created = await client.wait_for(lambda m: m.get("method") == "window/workDoneProgress/create")
    answer = {"result": None} if accepts else {"error": {"code": -32601, "message": "no"}}
    client.give({"id": created["id"], **answer})
    await client.request("assist/trace")
    app.hold.set()
    await client.answer(request)
    progress = await client.told("$/progress")
    assert [p["value"]["kind"] for p in progress] == (["begin", "end"] if accepts else [])


async def test_a_client_without_code_of_ours_gets_a_markdown_file(tmp_path):
    app = FakeApp(folder=tmp_path)
    client, _ = await ready(app, capabilities={"window": {"showDocument": {"support": True}}})
    client.open("a = 1\nb = 2\n")
    result = await command(client, "explain", {"uri": URI})
    shown = await client.wait_for(lambda m: m.get("method") == "window/showDocument")
    path = tmp_path / "answers" / f"{result['id']}.md"
    assert shown["params"] == {"uri": path.as_uri(), "external": False, "takeFocus": True}
    assert path.read_text() == "# Explanation of a.py:1-2\n\nIt adds.\n"
    assert path.stat().st_mode & 0o077 == 0
    client.give({"id": shown["id"], "result": {"success": False}})
    message = await client.wait_for(lambda m: m.get("method") == "window/showMessage")
    assert message["params"] == {"type": 3, "message": "Explanation of a.py:1-2\n\nIt adds."}


async def test_a_client_that_shows_no_document_gets_a_message():
    client, _ = await ready()
    client.open("a = 1")
    await command(client, "explain", {"uri": URI})
    message = await client.wait_for(lambda m: m.get("method") == "window/showMessage")
    assert "It adds." in message["params"]["message"]


async def test_only_the_newest_answers_are_kept(tmp_path):
    app = FakeApp(folder=tmp_path)
    client, _ = await ready(app, capabilities={"window": {"showDocument": {"support": True}}})
    client.open("a = 1")
    ids = [(await command(client, "explain", {"uri": URI}))["id"] for _ in range(25)]
    await client.wait_for(lambda m: ids[-1] in str((m.get("params") or {}).get("uri")))
    kept = {path.stem for path in (tmp_path / "answers").iterdir()}
    assert len(kept) == 20
    assert ids[-1] in kept


@pytest.mark.parametrize(
    ("only", "offered"),
    [
        (None, True),
        ([], False),
        (["refactor"], True),
        (["refactor.explain"], True),
        ([""], True),
        (["quickfix"], False),
    ],
)
async def test_the_code_action_and_the_kinds_that_were_asked_for(only, offered):
    client, _ = await ready(capabilities={"textDocument": {"codeAction": {"codeActionLiteralSupport": {"x": 1}}}})
    client.open("a = 1\n")
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 5}}
    context = {"diagnostics": [], **({"only": only} if only is not None else {})}
    params = {"textDocument": {"uri": URI}, "range": span, "context": context}
    actions = await client.request("textDocument/codeAction", params) or []
    assert [action["title"] for action in actions] == ["Explain with assist"] * offered
    for action in actions:
        assert action["kind"] == "refactor.explain"
        assert await client.request("codeAction/resolve", action) == action
        assert (await client.request("workspace/executeCommand", action["command"]))["text"] == "It adds."


@pytest.mark.parametrize(("trigger", "line", "offered"), [(1, 0, True), (2, 0, False), (None, 0, True), (1, 1, False)])
async def test_the_code_action_without_a_selection(trigger, line, offered):
    client, _ = await ready()
    client.open("a = 1\n   \n")
    place = {"line": line, "character": 1}
    context = {"diagnostics": [], **({"triggerKind": trigger} if trigger else {})}
    params = {"textDocument": {"uri": URI}, "range": {"start": place, "end": place}, "context": context}
    actions = await client.request("textDocument/codeAction", params) or []
    # A client that does not know code action literals gets the command itself.
    assert [action["command"] for action in actions] == ["assist.server.explain"] * offered
