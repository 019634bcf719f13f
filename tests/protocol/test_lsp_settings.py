"""Settings of a real server process: where they come from, and what a repository may not set."""

import pytest

from support.lsp_client import LspError
from support.script import fill

URI = "file:///work/add.py"
TEXT = "def add(a, b):\n    return "


async def opened(start, folder, *, env=None, **hello):
    client, script = await start(fill("a + b", repeat=True), env=env)
    await client.initialize(folders=[folder], **hello)
    client.open(URI, TEXT)
    return client, script


async def test_problems_are_told_once_with_file_and_line(start, tmp_path):
    settings = tmp_path / ".assist.toml"
    settings.write_text('[completion]\nmaxTokens = "many"\n[backend]\nurl = "http://evil.example"\n')
    client, _ = await opened(start, tmp_path)
    assert len(await client.inline(URI, 1, 11)) == 1
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": settings.as_uri(), "type": 2}]})
    await client.request("assist/trace")
    messages = sorted(message["message"] for message in client.taken("window/showMessage"))
    assert len(messages) == 2
    assert messages[0].startswith(f"assist: {settings}:2: completion.maxTokens takes")
    assert messages[1].startswith(f"assist: {settings}:4: backend.url may not be set by a workspace")


async def test_a_changed_file_is_in_force_at_once(start, tmp_path):
    client, _ = await opened(start, tmp_path, capabilities={"experimental": {"assist": {"status": True}}})
    assert len(await client.inline(URI, 1, 11)) == 1
    settings = tmp_path / ".assist.toml"
    settings.write_text("[completion]\nenable = false\n")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": settings.as_uri(), "type": 1}]})
    assert await client.inline(URI, 1, 11) == []
    assert "completion.enable" in (await client.request("assist/trace"))["whyEmpty"]
    await client.notification("assist/status", lambda status: status["state"] == "off")


async def test_settings_of_the_editor(start, tmp_path):
    given = {"completion": {"enable": False}, "backend": {"url": "http://evil.example"}}
    client, _ = await start(fill("a + b", repeat=True))
    client.answers["workspace/configuration"] = lambda _: [given]
    await client.initialize(folders=[tmp_path], capabilities={"workspace": {"configuration": True}})
    await client.was_asked("workspace/configuration")
    client.open(URI, TEXT)
    assert await client.inline(URI, 1, 11) == []
    message = await client.notification("window/showMessage")
    assert "backend.url may not be set by a workspace" in message["message"]
    given.clear()
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    await client.was_asked("workspace/configuration")
    await client.request("assist/trace")
    assert len(await client.inline(URI, 1, 11)) == 1


async def test_initialization_options_may_set_everything(start, tmp_path):
    options = {"completion.debounceMs": 0, "backend": {"keepAlive": "1m"}, "client": {"status": True}}
    client, _ = await opened(start, tmp_path, initializationOptions=options)
    assert len(await client.inline(URI, 1, 11)) == 1
    await client.notification("assist/status", lambda status: status["model"] == "scripted: scripted")


async def test_another_backend_for_this_session(start, tmp_path):
    client, _ = await opened(start, tmp_path)
    used = await client.command("assist.server.use", {"role": "completion", "model": "scripted"})
    assert used == {"backend": "scripted", "model": "scripted"}
    with pytest.raises(LspError, match="no such model"):
        await client.command("assist.server.use", {"role": "completion", "model": "no such model"})
    assert len(await client.inline(URI, 1, 11)) == 1
