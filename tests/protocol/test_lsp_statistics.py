"""From an accepted suggestion of a real server process to `assist stats`."""

import asyncio
import json
from pathlib import Path

from assist_server.cli.run import run
from support.script import fill

URI = "file:///work/add.py"
TEXT = "def zebra(a, b):\n    return "


async def test_what_an_editor_accepts_is_in_assist_stats(start, capsys):
    client, _ = await start(fill("a + b", usage={"prompt": 40, "cached": 30, "generated": 3}))
    await client.initialize()
    client.open(URI, TEXT)
    (item,) = await client.inline(URI, 1, 11)
    place = {"line": 1, "character": 11}
    client.change(URI, 2, {"range": {"start": place, "end": place}, "text": item["insertText"]})
    given = item["command"]
    assert await client.command(given["command"], *given["arguments"]) == {"known": True}
    await client.leave()

    assert run(["stats", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (model,) = told["models"]
    assert (model["language"], model["model"], model["from"]) == ("python", "scripted", told["to"])
    counts = {"answers": 1, "shown": 1, "shown_invoked": 1, "offered": 1, "accepted": 1, "partly": 0, "model_calls": 1}
    assert {name: model[name] for name in counts} == {name: told["total"][name] for name in counts} == counts
    written = await asyncio.to_thread(Path(told["file"]).read_text, encoding="utf-8")
    for content in ("zebra", "a + b", "add.py", "file:", "/work"):
        assert content not in written

    assert run(["stats", "--days", "1"]) == 0
    shown = capsys.readouterr()
    assert "python" in shown.out
    assert told["file"] in shown.err
