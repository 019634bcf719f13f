"""The promise that each request is answered exactly once, whatever comes in."""

import asyncio
import json

import pytest

from support.lsp_memory import PYGLS_WARNINGS, FakeApp, MemoryClient

pytestmark = pytest.mark.filterwarnings(PYGLS_WARNINGS)


async def ready(app=None, capabilities=None, **params):
    client, _ = MemoryClient.of(app or FakeApp())
    await client.begin(capabilities, **params)
    return client


async def test_what_is_not_json_is_a_parse_error():
    client = await ready()
    client.raw(b'{"jsonrpc": "2.0", "id": 7, ')
    assert (await client.answer(None))["error"]["code"] == -32700
    assert await client.request("assist/trace") is None


@pytest.mark.parametrize("body", [b"[]", b"3", b'{"id": 9, "method": "shutdown"}', b"[" * 100_000])
async def test_what_is_not_json_rpc_is_refused_and_the_server_goes_on(body):
    client = await ready()
    client.raw(body)
    assert await client.request("assist/trace") is None


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/inlineCompletion", {}),
        ("textDocument/completion", None),
        ("textDocument/codeAction", {"textDocument": 3}),
        ("workspace/executeCommand", []),
    ],
)
async def test_parameters_that_cannot_be_read_are_answered(method, params, caplog):
    client = await ready()
    assert (await client.error(method, params))["code"] == -32602
    assert not [r for r in caplog.records if r.name.startswith("pygls")]


async def test_an_unknown_request_is_answered_and_an_unknown_notification_is_not():
    client = await ready()
    assert (await client.error("$/unknown"))["code"] == -32601
    client.give({"id": "text", "method": "workspace/unknown"})
    assert (await client.answer("text"))["error"]["code"] == -32601
    before = len(client.messages)
    client.notify("$/unknown", {"a": 1})
    client.notify("textDocument/didOpen", {"textDocument": "not one"})
    assert await client.request("assist/trace") is None
    assert len(client.messages) == before + 1


async def test_requests_before_initialize_are_refused_and_notifications_dropped():
    client, _ = MemoryClient.of(FakeApp())
    client.open("x")
    assert (await client.error("textDocument/completion", {}))["code"] == -32002
    await client.begin()
    assert await client.items(1) == []


async def test_a_second_initialize_is_refused():
    client = await ready()
    assert (await client.error("initialize", {"processId": None, "capabilities": {}}))["code"] == -32600


async def test_after_shutdown_every_request_is_refused():
    client = await ready()
    assert await client.request("shutdown") is None
    assert (await client.error("textDocument/completion", {}))["code"] == -32600
    client.open("x")


async def test_shutdown_answers_what_is_pending_first():
    app = FakeApp(hold=asyncio.Event())
    client = await ready(app)
    client.open("abc")
    pending = [client.inline(1), client.inline(2)]
    explaining = client.send(
        "workspace/executeCommand", {"command": "assist.server.explain", "arguments": [{"uri": "file:///work/a.py"}]}
    )
    await client.answer(pending[0])
    shutdown = client.send("shutdown")
    await client.answer(shutdown)
    codes = [(await client.answer(request)).get("error", {}).get("code") for request in (pending[1], explaining)]
    assert codes == [-32800, -32800]
    order = [m["id"] for m in client.messages if "method" not in m]
    assert order.index(shutdown) == len(order) - 1
    assert app.streams_closed == 1
    assert set(client.counts().values()) == {1}


async def test_a_client_newer_than_our_library_can_start():
    client, _ = MemoryClient.of(FakeApp())
    result = await client.begin(
        {
            "textDocument": {"completion": {"completionItem": {"documentationFormat": ["asciidoc"]}}, "new": 1},
            "workspace": {"symbol": {"symbolKind": {"valueSet": [1, 99]}}},
            "general": {"positionEncodings": ["utf-99", 3, "utf-8"]},
        },
        trace="compact",
        clientInfo={"name": "new"},
    )
    assert result["capabilities"]["positionEncoding"] == "utf-8"
    assert result["serverInfo"]["name"] == "assist"


async def test_what_is_advertised():
    client, _ = MemoryClient.of(FakeApp())
    able = (await client.begin())["capabilities"]
    assert able["positionEncoding"] == "utf-16"
    assert able["textDocumentSync"]["change"] == 2
    assert able["textDocumentSync"]["openClose"] is True
    assert able["inlineCompletionProvider"] == {}
    assert able["completionProvider"]["resolveProvider"] is False
    assert able["codeActionProvider"]["codeActionKinds"] == ["refactor.explain"]
    assert sorted(able["executeCommandProvider"]["commands"]) == [
        "assist.server.accepted",
        "assist.server.explain",
        "assist.server.stop",
        "assist.server.toggle",
        "assist.server.use",
    ]
    assert able["workspace"]["workspaceFolders"] == {"supported": True, "changeNotifications": True}


async def test_a_crash_is_one_internal_error_and_the_server_goes_on(caplog):
    app = FakeApp(error=ZeroDivisionError("secret text of a document"))
    client = await ready(app)
    client.open("secret = 1\n")
    request = client.inline(3, invoked=True)
    error = (await client.answer(request))["error"]
    assert error["code"] == -32603
    assert "secret" not in json.dumps(error)
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text
    app.error = None
    assert len(await client.items(3)) == 1
    assert set(client.counts().values()) == {1}


async def test_a_request_that_is_cancelled_before_it_starts():
    client = await ready()
    client.open("abc")
    request = client.inline(1)
    client.notify("$/cancelRequest", {"id": request})
    assert (await client.answer(request))["error"]["code"] == -32800


async def test_cancelling_what_is_not_there_does_nothing():
    client = await ready()
    client.open("abc")
    request = client.inline(1)
    await client.answer(request)
    for request_id in (request, request, 4711, "no"):
        client.notify("$/cancelRequest", {"id": request_id})
    assert len(await client.items(1)) == 1
    assert set(client.counts().values()) == {1}


async def test_cancelling_twice_is_one_answer():
    client = await ready(FakeApp(hold=asyncio.Event()))
    client.open("abc")
    request = client.inline(1)
    client.notify("$/cancelRequest", {"id": request})
    client.notify("$/cancelRequest", {"id": request})
    await client.answer(request)
    assert await client.request("shutdown") is None
    assert client.counts()[request] == 1


async def test_no_future_is_kept_of_what_is_done():
    client = await ready()
    client.open("abc")
    for version in range(2, 50):
        change = {"text": "abc" * version}
        document = {"uri": "file:///work/a.py", "version": version}
        client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
    await client.items(1)
    await client.request("assist/trace")
    assert len(client.server.protocol._request_futures) <= 1


async def test_a_document_is_copied_before_the_change_that_follows():
    app = FakeApp()
    client = await ready(app)
    client.open("one")
    request = client.inline(3)
    document = {"uri": "file:///work/a.py", "version": 2}
    client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": "two"}]})
    await client.answer(request)
    assert [(q.document.text, q.document.version) for q in app.queries] == [("one", 1)]


async def test_an_answer_of_the_client_that_cannot_be_read_holds_nobody_up():
    client = await ready(capabilities={"window": {"showDocument": {"support": True}}})
    client.open("a = 1")
    arguments = {"command": "assist.server.explain", "arguments": [{"uri": "file:///work/a.py"}]}
    await client.request("workspace/executeCommand", arguments)
    client.give({"id": "never asked", "result": 3})
    assert await client.request("shutdown") is None
