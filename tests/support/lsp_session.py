"""What the tests of the editor's session and of its answers share."""

from dataclasses import replace

from assist_server.core.errors import BackendUnavailable
from support.lsp_memory import WITHOUT_INDEX, FakeApp, MemoryClient

URI = "file:///work/a.py"
OWN = {"experimental": {"assist": {"status": True, "answer": True}}}
DOWN = BackendUnavailable("Ollama at 127.0.0.1:11434 does not answer", hint="start it")


def settings(**completion):
    base = WITHOUT_INDEX
    return replace(base, completion=replace(base.completion, **completion))


async def ready(*apps, capabilities=None, clock=None, **params):
    client, options = MemoryClient.of(*(apps or (FakeApp(),)), clock=clock)
    await client.begin(capabilities, **params)
    return client, options


async def command(client, name, *arguments):
    return await client.request(
        "workspace/executeCommand", {"command": f"assist.server.{name}", "arguments": list(arguments)}
    )


def explain_request(client, **more):
    params = {"command": "assist.server.explain", "arguments": [{"uri": URI}], **more}
    return client.send("workspace/executeCommand", params)
