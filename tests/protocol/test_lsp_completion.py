"""Completions of a real server process: their places, and that cancelling reaches the model."""

import asyncio

import pytest

from support.lsp_client import LspError
from support.script import HOLD, fill

URI = "file:///work/add.py"
TEXT = "def add(a, b):\n    return "
WIDE = "def é漢😀(a, b):  # é漢😀\n    é漢😀 = "
# The column at the end of the second line, as each encoding counts it.
COLUMNS = {"utf-8": 4 + 9 + 3, "utf-16": 4 + 4 + 3, "utf-32": 4 + 3 + 3}


async def opened(start, *steps, text=TEXT, env=None, **hello):
    client, script = await start(*steps, env=env)
    await client.initialize(**hello)
    client.open(URI, text)
    return client, script


@pytest.mark.parametrize("encoding", COLUMNS)
async def test_ghost_text_after_wide_characters(start, encoding):
    client, script = await opened(
        start, fill("a + b"), text=WIDE, capabilities={"general": {"positionEncodings": [encoding]}}
    )
    assert client.result["capabilities"]["positionEncoding"] == encoding
    place = {"line": 1, "character": COLUMNS[encoding]}
    (item,) = await client.inline(URI, *place.values())
    assert (item["insertText"], item["range"]) == ("a + b", {"start": place, "end": place})
    asked = await script.event(on="fill", model="scripted")
    assert "é漢😀 = " in asked["text"]
    client.change(URI, 2, {"range": {"start": place, "end": place}, "text": "b"})
    assert (await client.request("assist/trace", {"uri": URI}))["items"] == 1


async def test_an_item_of_the_completion_list(start):
    client, _ = await opened(start, fill(" + b"), text=f"{TEXT}a")
    where = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 12}}
    answer = await client.request("textDocument/completion", where)
    (item,) = answer["items"]
    assert answer["isIncomplete"] is True
    assert item["label"] == item["filterText"] == "a + b"
    assert item["textEdit"]["newText"] == "a + b"
    assert item["textEdit"]["range"]["start"] == {"line": 1, "character": 11}


async def test_cancelling_reaches_the_model(start):
    client, script = await opened(start, fill("a", HOLD))
    request_id, answer = client.ask_inline(URI, 1, 11)
    await script.event(on="fill", model="scripted")
    client.cancel(request_id)
    with pytest.raises(LspError) as error:
        await client.within(answer)
    assert error.value.code == -32800
    await script.event(on="fill", ended="closed")
    client.cancel(request_id)
    client.cancel("never heard of")


async def test_cancelling_while_it_waits_for_the_next_key_asks_no_model(start):
    client, script = await opened(start, fill("a + b"), env={"ASSIST_COMPLETION_DEBOUNCE_MS": "5000"})
    request_id, answer = client.ask_inline(URI, 1, 11, invoked=False)
    await client.request("assist/trace")
    client.cancel(request_id)
    with pytest.raises(LspError, match="-32800"):
        await client.within(answer)
    await client.leave()
    assert script.events == []


async def test_cancelling_in_the_same_breath(start):
    client, _ = await opened(start, fill("a + b"))
    request_id, answer = client.ask_inline(URI, 1, 11)
    client.cancel(request_id)
    with pytest.raises(LspError, match="-32800"):
        await client.within(answer)


async def test_a_newer_request_answers_the_older_at_once_and_stops_its_model(start):
    client, script = await opened(start, fill("a", HOLD), fill("a + b"))
    _, older = client.ask_inline(URI, 1, 11, invoked=False)
    await script.event(on="fill", model="scripted")
    client.change(URI, 2, {"text": TEXT + "("})
    _, newer = client.ask_inline(URI, 1, 12)
    assert (await client.within(older))["items"] == []
    await script.event(on="fill", ended="closed")
    assert (await client.within(newer))["items"][0]["insertText"].startswith("a + b")


async def test_ghost_text_and_items_on_one_keystroke_ask_the_model_once(start):
    client, script = await opened(start, fill("a + b"), env={"ASSIST_COMPLETION_ITEMS": "always"})
    where = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 11}}
    _, ghost = client.ask_inline(URI, 1, 11, invoked=False)
    _, items = client.send("textDocument/completion", where)
    assert len((await client.within(ghost))["items"]) == 1
    assert len((await client.within(items))["items"]) == 1
    await client.leave()
    assert len([event for event in script.events if "text" in event]) == 1


async def test_two_hundred_quick_requests_get_two_hundred_answers(start):
    client, _ = await opened(start, fill("a + b", repeat=True))
    answers = []
    for version in range(2, 202):
        client.change(URI, version, {"text": f"{TEXT}{'(' * (version % 7)}"})
        request_id, answer = client.ask_inline(URI, 1, 11 + version % 7, invoked=False)
        answers.append(answer)
        if version % 5 == 0:
            client.cancel(request_id)
    outcomes = await client.within(asyncio.gather(*answers, return_exceptions=True))
    assert len(outcomes) == 200
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {error.code for error in errors} <= {-32800}
    assert any(outcome["items"] for outcome in outcomes if isinstance(outcome, dict))


async def test_a_backend_that_fails_costs_a_suggestion_and_one_message(start):
    broken = fill("a", error="backend-timeout", message="the model is too slow")
    client, _ = await opened(start, broken, broken, fill("a + b", repeat=True))
    for version in (2, 3):
        assert await client.inline(URI, 1, 11) == []
        client.change(URI, version, {"text": TEXT})
    assert len(await client.inline(URI, 1, 11)) == 1
    (message,) = client.taken("window/showMessage")
    assert message == {"type": 2, "message": "assist: the model is too slow"}


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "vscode-notebook-cell:/work/n.ipynb#W0sZmlsZQ%3D%3D",
        "git:/work/a.py?%7B%22ref%22%3A%22HEAD%22%7D",
        "file:///c%3A/Users/me/a%20b.py",
        "output:extension-output-x",
    ],
)
async def test_documents_of_every_kind(start, uri):
    client, _ = await start(fill("a + b"))
    await client.initialize()
    client.open(uri, TEXT)
    assert len(await client.inline(uri, 1, 11)) == 1
    assert await client.inline("file:///never/opened.py", 0, 0) == []
