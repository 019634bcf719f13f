"""Ask one server for the text at holes, as an editor would."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from completion_answers import Answer
from completion_arms import Arm
from completion_tasks import Task

from support.lsp_client import LspClient, LspError

LONGEST_ANSWER = 180.0  # seconds; the first one loads the model
LONGEST_INDEXING = 60.0
CAPABILITIES: Mapping[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {"inlineCompletion": {}, "synchronization": {}},
}


class ServerFailed(Exception):
    """The server did not answer, or answered with an error."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workspace is, and the variables that say where a server keeps its own files."""

    workspace: Path
    environment: Mapping[str, str]


def environment_in(folder: Path) -> dict[str, str]:
    """Give the variables that keep assist to a folder, away from what the user has set and indexed."""
    unset = dict.fromkeys((name for name in os.environ if name.startswith("ASSIST_")), "")
    return unset | {f"ASSIST_{name}_DIR": str(folder / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}


@asynccontextmanager
async def session(arm: Arm, place: Place, told: set[str]) -> AsyncIterator[LspClient]:
    """Run a server for one workspace; told: what servers wanted to tell a person so far, shown once."""
    client = await LspClient.start(list(arm.command), env=place.environment)
    try:
        await client.initialize(
            capabilities=CAPABILITIES,
            folders=[place.workspace],
            rootUri=place.workspace.as_uri(),
            initializationOptions=dict(arm.options),
        )
        if arm.own:
            await _until_indexed(client)
        yield client
        await client.leave()
    finally:
        for message in {message["message"] for message in client.taken("window/showMessage")} - told:
            told.add(message)
            print(f"{arm.name}: {message}", file=sys.stderr)
        if client.process.returncode is None:
            client.process.kill()
            await client.process.wait()


def run_assist(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
    """Run a command of assist in a folder; raises ServerFailed where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "assist_server", *arguments],
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise ServerFailed(f"assist {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")


async def ask(client: LspClient, arm: Arm, task: Task, workspace: Path) -> Answer:
    """Open the file of a task, ask at its hole, and close it; raises ServerFailed."""
    uri = (workspace / task.path).as_uri()
    before = task.text[: task.offset]
    line, column = before.count("\n"), len(before[before.rfind("\n") + 1 :].encode("utf-16-le")) // 2
    client.open(uri, task.text, language=task.language_id)
    started = time.perf_counter()
    try:
        answer = await asyncio.wait_for(client.ask_inline(uri, line, column, invoked=False)[1], LONGEST_ANSWER)
        seconds = time.perf_counter() - started
        shown = shown_text(task, answer, line)
        why = "" if shown or not arm.own else await _why(client, uri)
    except (LspError, ConnectionError, asyncio.TimeoutError) as error:
        raise ServerFailed(f"{arm.name}, {task.id}: {error or type(error).__name__}") from error
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    return Answer(task.id, arm.name, arm.digest, shown, why, round(seconds, 3))


def shown_text(task: Task, answer: object, line: int) -> str:
    """Give what the first item would add to the document: a server may replace text before and after the cursor too."""
    found = answer.get("items") if isinstance(answer, dict) else answer
    items = found if isinstance(found, list) else []
    if not items:
        return ""
    insert = items[0]["insertText"]
    insert = (insert["value"] if isinstance(insert, dict) else insert).replace("\r\n", "\n")
    if (range_ := items[0].get("range")) is None:
        return str(insert)
    start, end = (_offset(task.text, range_[side]) for side in ("start", "end"))
    kept_before, kept_after = task.text[start : task.offset], task.text[task.offset : end]
    if range_["start"]["line"] > line or not insert.startswith(kept_before):
        return str(insert)
    return str(insert[len(kept_before) :].removesuffix(kept_after))


def _offset(text: str, position: Mapping[str, int]) -> int:
    lines = text.split("\n")
    units = lines[position["line"]].encode("utf-16-le")[: 2 * position["character"]]
    return sum(len(each) + 1 for each in lines[: position["line"]]) + len(units.decode("utf-16-le", "ignore"))


async def _until_indexed(client: LspClient) -> None:
    """Wait for an index that was built before to be opened, which symbols tell."""
    given_up = time.monotonic() + LONGEST_INDEXING
    while time.monotonic() < given_up:
        if await client.request("workspace/symbol", {"query": "e"}):
            return
        await asyncio.sleep(0.05)
    raise ServerFailed("the workspace's index cannot be asked")


async def _why(client: LspClient, uri: str) -> str:
    trace = await client.request("assist/trace", {"uri": uri})
    return str((trace or {}).get("whyEmpty") or "")
