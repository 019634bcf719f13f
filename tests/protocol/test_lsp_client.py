"""The tests' own client: it must not let a wrong server pass."""

import sys

import pytest

from support.lsp_client import LspClient

SERVER = r"""
import json, sys

def send(message):
    body = json.dumps(message)
    sys.stdout.write(f"Content-Length: {len(body)}\r\n\r\n{body}")
    sys.stdout.flush()

def read():
    length = int(sys.stdin.buffer.readline().split(b":")[1])
    sys.stdin.buffer.readline()
    return json.loads(sys.stdin.buffer.read(length))

while True:
    message = read()
    if message["method"] == "exit":
        break
    send({"jsonrpc": "2.0", "id": message["id"], "result": None})
    FAULT
END
"""


async def served(fault: str = "pass", end: str = "") -> LspClient:
    return await LspClient.start([sys.executable, "-c", SERVER.replace("FAULT", fault).replace("END", end)])


async def test_a_server_without_fault_passes():
    client = await served()
    assert await client.request("anything") is None
    await client.close()


@pytest.mark.parametrize(
    ("fault", "end", "complaint"),
    [
        ("send({'jsonrpc': '2.0', 'id': message['id'], 'result': 1})", "", "an answer to nothing"),
        ("send({'jsonrpc': '2.0', 'id': 99, 'result': 1})", "", "an answer to nothing"),
        (
            "send({'jsonrpc': '2.0', 'method': 'window/showMessage', 'params': {'message': 'oh'}})",
            "",
            "messages nobody looked at",
        ),
        ("pass", "print('stray')", "not the protocol on standard output"),
        ("pass", "sys.stderr.write('traceback')", "traceback"),
        ("pass", "sys.exit(3)", "exit code 3"),
    ],
)
async def test_a_server_with_a_fault_does_not(fault, end, complaint):
    client = await served(fault, end)
    await client.request("anything")
    with pytest.raises(AssertionError, match=complaint):
        await client.close()


async def test_a_request_that_is_never_answered_does_not_pass():
    client = await served("message['method'] == 'anything' and read()")
    await client.request("anything")
    client.send("swallowed")
    with pytest.raises(AssertionError, match="never answered"):
        await client.close()
