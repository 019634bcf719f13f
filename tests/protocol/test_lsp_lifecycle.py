"""How a server begins and, whatever happens to its client, ends."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from assist_server import __version__
from support.lsp_client import ASSIST, DEADLINE
from support.script import HOLD, Script, chat, fill

URI = "file:///work/add.py"
TEXT = "def add(a, b):\n    return "


async def test_hello_and_goodbye(start):
    client, _ = await start()
    result = await client.initialize()
    assert result["serverInfo"] == {"name": "assist", "version": __version__}
    assert result["capabilities"]["inlineCompletionProvider"] == {}
    assert await client.leave() == 0


async def test_an_address_with_a_typo_keeps_nobody_from_starting(start):
    environ = {"ASSIST_BACKEND": "openai", "ASSIST_BACKEND_URL": "http://[::1"}
    client, _ = await start(env=environ)
    status = {"experimental": {"assist": {"status": True}}}
    assert (await client.initialize(capabilities=status))["serverInfo"]["name"] == "assist"
    assert (await client.notification("assist/status"))["remote"] is None
    client.open(URI, TEXT)
    assert await client.inline(URI, 1, 11) == []
    told = await client.notification("window/showMessage")
    assert "not a URL" in told["message"]


async def test_a_server_elsewhere_is_told_from_the_start(start):
    client, _ = await start(env={"ASSIST_BACKEND": "ollama", "OLLAMA_HOST": "models.example"})
    await client.initialize(capabilities={"experimental": {"assist": {"status": True}}})
    assert (await client.notification("assist/status"))["remote"] == "models.example"


async def test_leaving_without_a_word_of_goodbye_is_code_1(start):
    client, _ = await start()
    await client.initialize()
    client.notify("exit")
    client.expected_code = 1
    assert await client.ended() == 1


async def test_leaving_before_hello_is_code_1(start):
    client, _ = await start()
    client.notify("exit")
    client.expected_code = 1
    assert await client.ended() == 1


async def asked(start, *steps):
    """Start a server and let it ask a model that does not come to an end."""
    client, script = await start(*(steps or (fill("a", HOLD), fill("b", HOLD))))
    await client.initialize()
    client.open(URI, TEXT)
    _, answer = client.ask_inline(URI, 1, 11)
    await script.event(on="fill", model="scripted")
    return client, script, answer


async def test_shutdown_answers_what_is_pending_and_stops_the_model(start):
    client, script, answer = await asked(start)
    await client.request("shutdown")
    assert answer.done()
    assert answer.exception().code == -32800
    await script.event(on="fill", ended="closed")
    client.notify("exit")
    assert await client.ended() == 0


async def test_the_end_of_the_input_is_the_end_of_the_server(start):
    client, script, answer = await asked(start)
    client.process.stdin.close()
    client.expected_code = 1
    assert await client.ended() == 1
    await script.event(on="fill", ended="closed")
    assert answer.exception().code == -32800


async def test_the_end_of_the_input_after_shutdown_is_no_error(start):
    client, _ = await start()
    await client.initialize()
    await client.request("shutdown")
    client.process.stdin.close()
    assert await client.ended() == 0


async def test_an_input_that_ends_in_the_middle_of_a_message(start):
    client, _ = await start()
    await client.initialize()
    client.process.stdin.write(b"Content-Length: 1000\r\n\r\n{")
    client.process.stdin.close()
    client.expected_code = 1
    assert await client.ended() == 1


@pytest.mark.parametrize("header", [b"Content-Length: many\r\n\r\n", b"Content-Length: 99999999999999\r\n\r\n"])
async def test_input_that_is_not_the_protocol(start, header):
    client, _ = await start()
    client.process.stdin.write(header)
    client.expected_code = 1
    client.expected_stderr = "is not the Language Server Protocol"
    assert await client.ended() == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server_and_stops_the_model(start, number):
    client, script, answer = await asked(start)
    client.process.send_signal(number)
    client.expected_code = 128 + number
    assert await client.ended() == 128 + number
    await script.event(on="fill", ended="closed")
    assert answer.exception().code == -32800


def framed(method, params, **more):
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@contextlib.contextmanager
def full_pipe():
    """Give the writing end of a pipe that takes not one byte more and that nobody reads."""
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(sink, b"-" * 4096)
    os.set_blocking(sink, True)
    try:
        yield sink
    finally:
        os.close(source)
        os.close(sink)


@pytest.mark.parametrize("number", [signal.SIGTERM, None])
async def test_a_client_that_does_not_read_cannot_keep_the_server(tmp_path, number):
    script = Script(tmp_path, fill("a", HOLD))
    item = {"uri": URI, "languageId": "python", "version": 1, "text": TEXT}
    where = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 11}, "context": {"triggerKind": 1}}
    with contextlib.closing(script), full_pipe() as sink:
        process = await asyncio.create_subprocess_exec(
            *ASSIST, stdin=asyncio.subprocess.PIPE, stdout=sink, env={**os.environ, **script.environment}
        )
        try:
            process.stdin.write(framed("initialize", {"processId": os.getpid(), "capabilities": {}}, id=1))
            process.stdin.write(framed("textDocument/didOpen", {"textDocument": item}))
            process.stdin.write(framed("textDocument/inlineCompletion", where, id=2))
            await script.event(on="fill", model="scripted")
            if number is None:
                process.stdin.close()
            else:
                process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), DEADLINE) == (128 + number if number else 1)
            await script.event(on="fill", ended="closed")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_the_app_is_closed_once_before_the_server_ends():
    code = (
        "import asyncio, sys\nfrom assist_server.lsp.server import serve\nfrom support.lsp_memory import FakeApp\n"
        "class App(FakeApp):\n"
        "    async def complete(self, query):\n"
        "        print('asked', file=sys.stderr, flush=True)\n"
        "        try:\n            return await super().complete(query)\n"
        "        finally:\n"
        "            for _ in range(20):\n                await asyncio.sleep(0)\n"
        "            print('stopped', file=sys.stderr)\n"
        "    async def aclose(self):\n        print('closed', file=sys.stderr)\n"
        "app = App(hold=asyncio.Event())\nserve(lambda *_: app)\nprint('over', file=sys.stderr)\n"
    )
    places = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places)), "PYTHONWARNINGS": "ignore"}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=pipe, stdout=asyncio.subprocess.DEVNULL, stderr=pipe, env=environ
    )
    item = {"uri": URI, "languageId": "python", "version": 1, "text": TEXT}
    where = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 11}, "context": {"triggerKind": 1}}
    process.stdin.write(framed("initialize", {"processId": None, "capabilities": {}}, id=1))
    process.stdin.write(framed("textDocument/didOpen", {"textDocument": item}))
    process.stdin.write(framed("textDocument/inlineCompletion", where, id=2))
    try:
        assert await asyncio.wait_for(process.stderr.readline(), DEADLINE) == b"asked\n"
        process.send_signal(signal.SIGTERM)
        rest = await asyncio.wait_for(process.stderr.read(), DEADLINE)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    assert rest.split() == [b"stopped", b"closed", b"over"]


async def test_the_death_of_the_clients_process_ends_the_server(start):
    editor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; sys.stdin.read()", stdin=asyncio.subprocess.PIPE
    )
    client, _ = await start()
    await client.initialize(processId=editor.pid)
    editor.kill()
    await editor.wait()
    client.expected_code = 1
    assert await client.ended() == 1


async def test_a_process_that_cannot_be_seen_is_not_watched(start):
    client, _ = await start(fill("a + b"))
    await client.initialize(processId=2**30)
    client.open(URI, TEXT)
    assert len(await client.inline(URI, 1, 11)) == 1


async def test_headers_in_any_case_and_messages_in_pieces(start):
    client, _ = await start()
    await client.initialize()
    body = json.dumps({"jsonrpc": "2.0", "method": "$/unknown", "params": None}).encode()
    stdin = client.process.stdin
    for piece in (b"content-length: %d\r\n" % len(body), b"Content-Type: x; charset=utf-8\r\n", b"\r", b"\n", body):
        stdin.write(piece)
        await stdin.drain()
    assert await client.request("assist/trace") is None


async def test_nothing_of_a_document_is_in_the_log(start, tmp_path):
    client, _ = await start(
        fill("a + b"), chat("It ", "adds."), env={"ASSIST_LOG_LEVEL": "debug", "ASSIST_CACHE_DIR": str(tmp_path)}
    )
    await client.initialize(capabilities={"experimental": {"assist": {"answer": True}}})
    client.open(URI, f"wombat = 1\n{TEXT}")
    assert len(await client.inline(URI, 2, 11)) == 1
    await client.command("assist.server.explain", {"uri": URI})
    client.notify("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": "wombat"})
    _, answer = client.send("textDocument/completion", {"textDocument": "wombat"})
    with pytest.raises(Exception, match="-32602"):
        await answer
    client.taken("assist/answer")
    log = (tmp_path / "log" / "assist.log").read_text()
    assert "wombat" not in log
    assert "adds" not in log


async def test_nothing_but_the_protocol_is_on_standard_output(start, tmp_path):
    # Whatever writes to descriptor 1 by itself lands on standard error.
    code = (
        "import os\nfrom assist_server.lsp import stdio\nsource, sink = stdio.take_over()\n"
        "print('stray', flush=True)\nos.system('echo child; cat')\nos.write(sink, b'protocol')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    stdout, stderr = await asyncio.wait_for(process.communicate(b"typed"), 30)
    assert stdout == b"protocol"
    assert stderr.split() == [b"stray", b"child"]
    assert os.WEXITSTATUS(process.returncode) == 0
