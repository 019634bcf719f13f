"""What other files of the workspace give to a prompt, in a real server with a real index."""

import subprocess
from typing import Any

import pytest

from support.script import fill

CAN: dict[str, Any] = {
    "workspace": {"symbol": {"dynamicRegistration": True}, "configuration": True},
    "window": {"workDoneProgress": True},
}
PRICES = 'def discounted(amount: int, percent: int) -> int:\n    """Take something off."""\n    return amount\n'
HIDDEN = "def discounted_in_secret(amount: int) -> int: ...\n"
MAIN = "from pkg.prices import discounted\n\n\ndef total(order):\n    return discounted("
END = (4, len("    return discounted("))
SIGNATURE = "def discounted(amount: int, percent: int) -> int"


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "shop"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "prices.py").write_text(PRICES)
    (folder / "pkg" / "hidden.py").write_text(HIDDEN)
    (folder / "main.py").write_text(MAIN)
    (folder / ".gitignore").write_text("hidden.py\n")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


async def indexed(start, folder, *steps, **completion: Any):
    """Start a server and wait until it has the folder's index."""
    options = {"index": {"symbols": True}, "completion": completion}
    client, script = await start(*(steps or [fill("order, 5", repeat=True)]))
    client.answers["window/workDoneProgress/create"] = lambda _: None
    client.answers["client/registerCapability"] = lambda _: None
    client.answers["workspace/configuration"] = lambda _: [options]
    await client.initialize(folders=[folder], capabilities=CAN, initializationOptions=options)

    async def asking() -> None:
        while not await client.request("workspace/symbol", {"query": "total"}):
            pass

    await client.within(asking())
    return client, script


async def prompted(client, script, uri: str, *place: int) -> str:
    """Ask at a place and give what the model was asked."""
    await client.inline(uri, *place)
    return str((await script.event(on="fill", model="scripted"))["text"])


async def test_a_definition_of_another_file_is_in_the_prompt(start, workspace):
    client, script = await indexed(start, workspace)
    uri = (workspace / "main.py").as_uri()
    client.open(uri, MAIN)
    prompt = await prompted(client, script, uri, *END)
    assert prompt.startswith("<|repo_name|>shop\n<|file_sep|>pkg/prices.py\n")
    assert prompt.index(SIGNATURE) < prompt.index("<|file_sep|>main.py\n") < prompt.index("def total(order)")
    assert "in_secret" not in prompt
    trace = await client.request("assist/trace", {"uri": uri})
    (said,) = [entry for entry in trace["trace"] if entry.startswith("context")]
    assert said.startswith("context: 1 pieces (imports 1), about ")
    *others, why = trace["trace"]
    assert why.startswith("piece: pkg/prices.py:1-")
    assert why.endswith(", imports, score 1.00: discounted, imported and used here")
    assert "discounted" not in " ".join(others)


async def test_the_beginning_of_a_prompt_stays_from_key_to_key(start, workspace):
    client, script = await indexed(start, workspace)
    uri = (workspace / "main.py").as_uri()
    client.open(uri, MAIN)
    first = await prompted(client, script, uri, *END)
    place = {"line": END[0], "character": END[1]}
    client.change(uri, 2, {"range": {"start": place, "end": place}, "text": "2 * "})
    then = await prompted(client, script, uri, END[0], END[1] + 4)
    assert then.startswith(first[: first.index("<|fim_suffix|>")])


async def test_what_is_typed_in_another_file_is_known_before_it_is_saved(start, workspace):
    client, script = await indexed(start, workspace)
    uri, other = ((workspace / path).as_uri() for path in ("main.py", "pkg/prices.py"))
    client.open(other, PRICES.replace("percent", "euros"))
    await client.request("textDocument/documentSymbol", {"textDocument": {"uri": other}})  # waits until it is read
    client.open(uri, MAIN)
    prompt = await prompted(client, script, uri, *END)
    assert "def discounted(amount: int, euros: int) -> int" in prompt
    assert SIGNATURE not in prompt


async def test_without_sources_only_the_document_is_read(start, workspace):
    client, script = await indexed(start, workspace, sources=[])
    uri = (workspace / "main.py").as_uri()
    client.open(uri, MAIN)
    prompt = await prompted(client, script, uri, *END)
    assert "def total(order)" in prompt
    assert "prices.py" not in prompt


async def test_no_name_is_suggested_that_is_nowhere_in_the_workspace(start, workspace):
    client, _ = await indexed(start, workspace, fill("reduced_by_nobody(order), 5", repeat=True))
    uri = (workspace / "main.py").as_uri()
    client.open(uri, MAIN)

    async def asking() -> None:
        while await client.inline(uri, *END, invoked=False):  # until all files are in the index, nobody can tell
            pass

    await client.within(asking())
    trace = await client.request("assist/trace", {"uri": uri})
    assert trace["whyEmpty"] == "the model used a name that exists nowhere"
    assert len(await client.inline(uri, *END)) == 1, "who asks by hand is not told what to write"
