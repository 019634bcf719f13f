"""What the recording engine was asked, and how long the bare engine takes for the same tokens in the same order."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from assist_server.engine.status import engine_statuses

PREFIX, SUFFIX, MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"
LONGEST = 120.0  # seconds
_NOT_KEPT = {"body", "path"}


async def collect(cache: Path, bare: int) -> list[dict[str, Any]]:
    """Take the calls since the last time, without their text.

    cache: the folder of the engines. bare: how many of the answers are asked for again, from the first on. Adds to a
    call `prompt` (tokens), `suffix` (tokens of it that stand behind the cursor, None where that cannot be told),
    `writes`, and `bare` (seconds until the engine alone has written the same tokens, None where it was not asked).
    """
    urls = [status.url for status in engine_statuses(cache) if status.url]
    if not urls:
        return []
    async with httpx.AsyncClient(timeout=LONGEST, headers={"connection": "close"}) as client:
        told = (await client.get(f"{urls[0]}/calls")).json()
        client.headers["authorization"] = f"Bearer {told['key']}"
        engine = f"http://127.0.0.1:{told['port']}"
        marks = {name: await _token(client, engine, name) for name in (PREFIX, SUFFIX, MIDDLE)}
        calls = []
        seconds = await _replay(client, engine, told["calls"], bare)
        for call, own in zip(told["calls"], seconds, strict=True):
            body = call["body"]
            prompt = body.get("prompt")
            tokens = prompt if isinstance(prompt, list) else None
            calls.append(
                {name: value for name, value in call.items() if name not in _NOT_KEPT}
                | {
                    "prompt": None if tokens is None else len(tokens),
                    "suffix": None if tokens is None else suffix_of(tokens, marks),
                    "writes": body.get("n_predict") != 0,
                    "bare": own,
                }
            )
    return calls


def suffix_of(tokens: Sequence[int], marks: Mapping[str, int | None]) -> int | None:
    """Count the tokens between the mark of the suffix and the next one."""
    if marks[SUFFIX] not in tokens:
        return None
    start = tokens.index(marks[SUFFIX] or 0) + 1
    ends = (place for place, token in enumerate(tokens) if place >= start and token in (marks[PREFIX], marks[MIDDLE]))
    return next(ends, len(tokens)) - start


def asked_again(calls: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Tell which calls the bare engine must see: not a part of a prompt that the next call has as a whole."""
    prompts: list[Any] = [call["body"].get("prompt") for call in calls]
    following = [*prompts, None][1:]
    return [
        not (
            call["body"].get("n_predict") == 0
            and isinstance(prompt, list)
            and isinstance(after, list)
            and after[: len(prompt)] == prompt
        )
        for call, prompt, after in zip(calls, prompts, following, strict=True)
    ]


async def _replay(
    client: httpx.AsyncClient, engine: str, calls: Sequence[Mapping[str, Any]], most: int
) -> list[float | None]:
    seconds: list[float | None] = []
    left = most
    for call, wanted in zip(calls, asked_again(calls), strict=True):
        if not wanted or left <= 0:
            seconds.append(None)
            continue
        body = {**call["body"], "n_predict": call["generated"]}
        started = time.monotonic()
        async with client.stream("POST", f"{engine}{call['path']}", json=body) as response:
            async for _ in response.aiter_raw():
                pass
        seconds.append(time.monotonic() - started if call["generated"] else None)
        left -= bool(call["generated"])
    return seconds


async def _token(client: httpx.AsyncClient, engine: str, text: str) -> int | None:
    answer = await client.post(f"{engine}/tokenize", json={"content": text, "parse_special": True})
    tokens = answer.json().get("tokens") or []
    return tokens[0] if len(tokens) == 1 else None
