"""Explanations from a real server process, for clients that know assist and for those that do not."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.lsp_client import LspError
from support.script import HOLD, chat

URI = "file:///work/add.py"
TEXT = "def add(a, b):\n    return a + b\n"
SPAN = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 16}}
OURS = {"experimental": {"assist": {"answer": True, "status": True}}}


def read(uri):
    return Path(unquote(urlsplit(uri).path)).read_text()


async def opened(start, *steps, capabilities=OURS):
    client, script = await start(*steps)
    await client.initialize(capabilities=capabilities)
    client.open(URI, TEXT)
    return client, script


async def test_an_answer_comes_in_pieces_with_progress(start):
    client, script = await opened(start, chat("It ", "adds ", "two numbers."))
    arguments = {"command": "assist.server.explain", "arguments": [{"uri": URI, "range": SPAN}], "workDoneToken": 7}
    result = await client.request("workspace/executeCommand", arguments)
    assert result["text"] == "It adds two numbers."
    assert "return a + b" in (await script.event(on="chat", model="scripted"))["text"]
    pieces = client.taken("assist/answer")
    assert [piece["chunk"] for piece in pieces] == ["It ", "adds ", "two numbers.", ""]
    assert [piece["done"] for piece in pieces] == [False, False, False, True]
    assert {piece["id"] for piece in pieces} == {result["id"]}
    kinds = [progress["value"]["kind"] for progress in client.taken("$/progress")]
    assert (kinds[0], kinds[-1]) == ("begin", "end")
    states = [status["state"] for status in client.taken("assist/status")]
    assert states == ["idle", "busy", "idle"]


async def test_the_code_action_leads_to_an_explanation(start):
    client, _ = await opened(
        start,
        chat("It adds."),
        capabilities={"textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {}}}}},
    )
    params = {"textDocument": {"uri": URI}, "range": SPAN, "context": {"diagnostics": []}}
    (action,) = await client.request("textDocument/codeAction", params)
    result = await client.request("workspace/executeCommand", action["command"])
    assert result["text"] == "It adds."
    (message,) = [await client.notification("window/showMessage")]
    assert "It adds." in message["message"]


async def test_a_client_that_is_not_ours_gets_a_markdown_file(start):
    client, _ = await opened(
        start,
        chat("It adds."),
        capabilities={"window": {"showDocument": {"support": True}, "workDoneProgress": True}},
    )
    client.answers["window/showDocument"] = lambda _: {"success": True}
    client.answers["window/workDoneProgress/create"] = lambda _: None
    await client.command("assist.server.explain", {"uri": URI, "range": SPAN})
    shown = await client.was_asked("window/showDocument")
    assert shown["uri"].endswith(".md")
    assert "It adds." in read(shown["uri"])


async def test_cancelling_an_explanation_reaches_the_model(start):
    client, script = await opened(start, chat("It ", HOLD))
    request_id, answer = client.send(
        "workspace/executeCommand", {"command": "assist.server.explain", "arguments": [{"uri": URI}]}
    )
    piece = await client.notification("assist/answer")
    assert piece["chunk"] == "It "
    client.cancel(request_id)
    with pytest.raises(LspError, match="-32800"):
        await client.within(answer)
    await script.event(on="chat", ended="closed")
    end = await client.notification("assist/answer")
    assert end["done"] is True


async def test_stopping_an_explanation_reaches_the_model(start):
    client, script = await opened(start, chat("It ", HOLD))
    _, answer = client.send(
        "workspace/executeCommand", {"command": "assist.server.explain", "arguments": [{"uri": URI}]}
    )
    piece = await client.notification("assist/answer")
    assert await client.command("assist.server.stop", {"conversation": piece["id"]}) == {"stopped": True}
    result = await client.within(answer)
    assert (result["text"], result["stopped"]) == ("It ", True)
    await script.event(on="chat", ended="closed")


async def test_typing_goes_on_while_an_answer_streams(start):
    client, script = await opened(start, chat("It ", HOLD), {"on": "fill", "text": "a + b"})
    request_id, answer = client.send(
        "workspace/executeCommand", {"command": "assist.server.explain", "arguments": [{"uri": URI}]}
    )
    await client.notification("assist/answer")
    client.change(URI, 2, {"text": "def add(a, b):\n    return "})
    assert len(await client.inline(URI, 1, 11)) == 1
    client.cancel(request_id)
    with pytest.raises(LspError, match="-32800"):
        await client.within(answer)
    await script.event(on="chat", ended="closed")


async def test_a_failure_is_an_answer_with_a_reason(start):
    client, _ = await opened(start, chat("It ", error="model-missing", message="there is no such model"))
    with pytest.raises(LspError, match="there is no such model") as error:
        await client.command("assist.server.explain", {"uri": URI})
    assert error.value.code == -32803
    assert error.value.data["code"] == "model-missing"
    ends = [piece for piece in client.taken("assist/answer") if piece["done"]]
    assert ends[0]["error"] == "there is no such model"
