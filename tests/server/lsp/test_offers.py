"""What an editor is offered and says of it, why there is nothing, and how the status goes; in memory."""

import asyncio
import json

import pytest

from assist_server.backends.base import Usage
from assist_server.core.notices import Notice
from support.completion import StillClock
from support.lsp_memory import PYGLS_WARNINGS, FakeApp
from support.lsp_session import DOWN, OWN, URI, command, ready, settings

pytestmark = pytest.mark.filterwarnings(PYGLS_WARNINGS)


OTHER = "file:///work/b.py"


class WaitingClock(StillClock):
    """A clock on which waiting ends when a test says so."""

    def __init__(self):
        super().__init__()
        self.goes_on = asyncio.Event()

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await self.goes_on.wait()


def change(client, version, start, end, text):
    span = {"start": {"line": 0, "character": start}, "end": {"line": 0, "character": end}}
    params = {"textDocument": {"uri": URI, "version": version}, "contentChanges": [{"range": span, "text": text}]}
    client.notify("textDocument/didChange", params)


async def listed(client, character):
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": character}}
    return (await client.request("textDocument/completion", where))["items"]


async def why(client, uri=None):
    return (await client.request("assist/trace", {"uri": uri} if uri else {}))["whyEmpty"]


async def states(client):
    return [told["state"] for told in await client.told("assist/status")]


def written(folder):
    lines = (folder / "statistics" / "completions.jsonl").read_text().splitlines()
    total = {}
    for line in lines:
        for name, number in json.loads(line)["counts"].items():
            total[name] = total.get(name, 0) + number
    return total


async def test_a_person_who_asks_gets_several():
    client, _ = await ready(FakeApp(text="one", others=("two", "three")))
    client.open("x = ")
    items = await client.items(4, invoked=True)
    assert [item["insertText"] for item in items] == ["one", "two", "three"]
    assert {item["command"]["command"] for item in items} == {"assist.server.accepted"}
    offers = [item["command"]["arguments"][0] for item in items]
    assert [offer["item"] for offer in offers] == [0, 1, 2]
    assert len({offer["offer"] for offer in offers}) == 1
    assert [item["sortText"] for item in await listed(client, 4)] == ["~0", "~1", "~2"]


@pytest.mark.parametrize("feature", ["inline", "list"])
async def test_an_accepted_item_is_counted_and_looked_at_later(tmp_path, feature):
    clock = WaitingClock()
    app = FakeApp(settings(items="always"), folder=tmp_path, text="nt(1)", usage=Usage(10, 2))
    client, _ = await ready(app, clock=clock)
    client.open("pri")
    (item,) = await client.items(3) if feature == "inline" else await listed(client, 3)
    change(client, 2, 0 if feature == "list" else 3, 3, "print(1)" if feature == "list" else "nt(1)")
    given = item["command"]
    params = {"command": given["command"], "arguments": given["arguments"]}
    assert await client.request("workspace/executeCommand", params) == {"known": True}
    change(client, 3, 0, 0, "y = ")
    await client.request("assist/trace")
    clock.goes_on.set()
    await client.request("assist/trace")
    await client.server.session.aclose()
    counts = written(tmp_path)
    assert sorted(set(clock.slept)) == [30.0, 60.0]
    assert {name: counts[name] for name in ("shown", "offered", "accepted", "checked", "kept")} == dict.fromkeys(
        ("shown", "offered", "accepted", "checked", "kept"), 1
    )
    assert (counts["prompt_tokens"], counts["generated_tokens"]) == (10, 2)


async def test_a_part_is_told_in_the_units_of_positions(tmp_path):
    client, _ = await ready(FakeApp(folder=tmp_path, text="😀😀x"), clock=WaitingClock())
    client.open("")
    (item,) = await client.items(0)
    offer = item["command"]["arguments"][0]
    assert await command(client, "accepted", {**offer, "length": 4}) == {"known": True}
    await client.server.session.aclose()
    assert written(tmp_path)["partly"] == 1
    client, _ = await ready(FakeApp(folder=tmp_path, text="😀😀x"), clock=WaitingClock())
    client.open("")
    (item,) = await client.items(0)
    await command(client, "accepted", {**item["command"]["arguments"][0], "length": 5})
    await client.server.session.aclose()
    assert written(tmp_path)["accepted"] == 1


async def test_what_nobody_offered_is_not_counted():
    client, _ = await ready()
    assert await command(client, "accepted", {"offer": "99"}) == {"known": False}
    for arguments in ({}, {"offer": "1", "item": -1}, {"offer": "1", "length": "all"}):
        params = {"command": "assist.server.accepted", "arguments": [arguments]}
        assert (await client.error("workspace/executeCommand", params))["code"] == -32602


async def test_a_selected_item_is_part_of_what_is_accepted(tmp_path):
    client, _ = await ready(FakeApp(folder=tmp_path, text="(1)"), clock=StillClock())
    client.open("pr x")
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 2}}
    context = {"triggerKind": 2, "selectedCompletionInfo": {"range": span, "text": "print"}}
    where = {"textDocument": {"uri": URI}, "position": span["end"], "context": context}
    (item,) = (await client.request("textDocument/inlineCompletion", where))["items"]
    change(client, 2, 0, 2, "print(1)")
    await command(client, "accepted", item["command"]["arguments"][0])
    await client.request("assist/trace")
    await client.server.session.aclose()
    counts = written(tmp_path)
    assert (counts["accepted"], counts["checked"], counts["kept"]) == (1, 1, 1)


async def test_a_superseded_request_leaves_no_busy_behind_however_long_it_takes_to_stop():
    class Slow(FakeApp):
        async def complete(self, query):
            if query.offset == 1:
                try:
                    return await super().complete(query)
                finally:
                    await stops.wait()
            self.hold = None
            return await super().complete(query)

    stops = asyncio.Event()
    client, _ = await ready(Slow(hold=asyncio.Event()), capabilities=OWN)
    client.open("abc")
    older = client.inline(1)
    assert await why(client) == "there is no answer yet"
    assert await states(client) == ["idle", "busy"]
    assert len(await client.items(2)) == 1
    assert (await client.answer(older))["result"]["items"] == []
    assert await states(client) == ["idle", "busy", "idle"]
    assert await why(client) is None
    stops.set()


async def test_a_cancelled_request_leaves_no_busy_behind_and_is_told():
    client, _ = await ready(FakeApp(hold=asyncio.Event()), capabilities=OWN)
    client.open("abc")
    request = client.inline(1)
    await client.request("assist/trace")
    client.notify("$/cancelRequest", {"id": request})
    assert (await client.answer(request))["error"]["code"] == -32800
    assert await states(client) == ["idle", "busy", "idle"]
    assert await why(client) == "the editor cancelled the request"


async def test_what_needs_no_model_is_not_busy():
    app = FakeApp(asks=False, hold=asyncio.Event())
    client, _ = await ready(app, capabilities=OWN)
    client.open("abc")
    request = client.inline(1)
    await client.request("assist/trace")
    app.hold.set()
    await client.answer(request)
    for column in range(3):
        await client.items(column)
    assert [told["state"] for told in await client.told("assist/status") if told["state"] != "idle"] == []


async def test_what_fails_before_a_model_is_asked_is_an_error_and_not_busy():
    client, _ = await ready(FakeApp(asks=False, error=DOWN), capabilities=OWN)
    client.open("abc")
    for column in range(3):
        await client.items(column)
    assert await states(client) == ["idle", "error"]
    assert len(await client.told("window/showMessage")) == 1


async def test_one_of_two_who_wait_for_an_answer_leaves_the_other_busy():
    app = FakeApp(settings(items="always"), hold=asyncio.Event())
    client, _ = await ready(app, capabilities=OWN)
    client.open("abc")
    ghost = client.inline(3)
    where = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 3}}
    items = client.send("textDocument/completion", where)
    await client.request("assist/trace")
    client.notify("$/cancelRequest", {"id": ghost})
    await client.answer(ghost)
    assert await states(client) == ["idle", "busy"]
    app.hold.set()
    await client.answer(items)
    assert [told["state"] for told in await client.told("assist/status")][-1] == "idle"
    assert len(app.queries) == 1


async def test_what_is_waited_for_before_a_model_can_be_asked_is_told():
    app = FakeApp(asks=False, hold=asyncio.Event())
    client, _ = await ready(app, capabilities=OWN)
    client.open("abc")
    request = client.inline(1)
    await client.request("assist/trace")
    app.notify(Notice("loading", "the model is being loaded"))
    assert [(told["state"], told["message"]) for told in await client.told("assist/status")] == [
        ("idle", None),
        ("busy", "the model is being loaded"),
    ]
    app.hold.set()
    await client.answer(request)
    assert (await states(client))[-1] == "idle"


async def test_a_request_in_another_document_ends_what_nobody_asked_for():
    app = FakeApp(hold=asyncio.Event())
    client, _ = await ready(app)
    client.open("abc")
    client.open("abc", OTHER)
    automatic = client.inline(1)
    await client.request("assist/trace")
    by_hand = client.inline(2, invoked=True, uri=OTHER)
    assert (await client.answer(automatic))["result"]["items"] == []
    assert await why(client, URI) == "a newer request took its place, or the document was closed"
    automatic = client.inline(1)
    await client.request("assist/trace")
    app.hold.set()
    assert len((await client.answer(by_hand))["result"]["items"]) == 1
    assert len((await client.answer(automatic))["result"]["items"]) == 1
    assert set(client.counts().values()) == {1}


async def test_where_completions_are_off_nothing_is_busy():
    app = FakeApp(settings(enable=False))
    client, _ = await ready(app, capabilities=OWN)
    client.open("abc")
    assert await client.items(1, invoked=True) == []
    assert await listed(client, 1) == []
    assert await states(client) == ["off"]
    assert await why(client) == "completions are off (completion.enable)"
    assert app.queries == []


async def test_a_document_that_is_not_open_is_told_of():
    client, _ = await ready()
    for number in range(100):
        await client.items(0, uri=f"file:///never/{number}.py")
    assert await why(client, "file:///never/99.py") == "the editor has not opened this document"
    assert await client.request("assist/trace", {"uri": "file:///never/1.py"}) is None
