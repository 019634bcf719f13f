"""The streams of `/v1/completions` and `/v1/chat/completions`, as different servers send them.

They end with `[DONE]`, or without it, or with it and no blank line; `finish_reason` is null, or the string `"null"`;
usage comes in a chunk of its own, in the last one, or never; an error may come inside a stream that began well, or as
a whole JSON body with status 200.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any

import httpx

from assist_server.backends.base import Delta, Done, Event, FinishReason, Message, Usage
from assist_server.backends.connection import Connection
from assist_server.backends.fields import field
from assist_server.backends.rejection import Asked, read_refusal, rejection, stream_failure
from assist_server.net.streams import json_object, server_sent_events

_INVENTED = (100, 100)  # KoboldCpp 1.76 reports these counts for every answer


async def completion_events(
    connection: Connection, response: httpx.Response, asked: Asked, prompt_tokens: int
) -> AsyncGenerator[Event, None]:
    """Read an answer; raises BadResponse for a cut stream. prompt_tokens: the estimate for a server without usage."""
    if "json" in response.headers.get("content-type", ""):
        async for event in _whole(response, asked, prompt_tokens):
            yield event
        return
    reason: FinishReason | None = None
    last: dict[str, Any] = {}
    pieces = 0
    async with aclosing(server_sent_events(response)) as events:
        async for sent in events:
            if sent.data.strip() == "[DONE]":
                break
            chunk = json_object(sent.data)
            if chunk.get("error"):
                raise stream_failure(asked, chunk)
            if chunk.get("usage") or chunk.get("timings"):
                last = {**last, **{key: chunk[key] for key in ("usage", "timings") if chunk.get(key)}}
            choice = _choice(chunk)
            if text := _text(choice):
                pieces += 1
                yield Delta(text)
            reason = _reason(choice) or reason
    if reason is None:
        raise connection.cut_short()
    yield Done(reason, _usage(last, prompt_tokens, pieces))


async def _whole(response: httpx.Response, asked: Asked, prompt_tokens: int) -> AsyncGenerator[Event, None]:
    """Read an answer that was not streamed, or an error with status 200 as LM Studio sends it for unknown paths."""
    await response.aread()
    answer = json_object(response.text)
    if answer.get("error") or not answer.get("choices"):
        refusal = read_refusal(answer)
        status = 404 if "unexpected endpoint" in refusal.text.lower() else 400
        raise rejection(asked, status, response.headers, answer)
    choice = _choice(answer)
    text = _text(choice)
    if text:
        yield Delta(text)
    yield Done(_reason(choice) or "stop", _usage(answer, prompt_tokens, len(text) // 3))


def _choice(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = field(chunk, "choices", list)
    return field({"choices": choices[0]}, "choices", dict) or {} if choices else {}


def _text(choice: Mapping[str, Any]) -> str:
    """Give the text of a completion or a message, or a piece of one, without what a model thought before."""
    holder = field(choice, "delta", dict) or field(choice, "message", dict)
    return (field(holder, "content", str) if holder else field(choice, "text", str)) or ""


def _reason(choice: Mapping[str, Any]) -> FinishReason | None:
    reason = choice.get("finish_reason")
    if not reason or reason == "null":
        return None
    return "length" if reason == "length" else "stop"


def _usage(last: Mapping[str, Any], prompt_tokens: int, pieces: int) -> Usage:
    usage, timings = field(last, "usage", dict) or {}, field(last, "timings", dict) or {}
    prompt, generated = field(usage, "prompt_tokens", int), field(usage, "completion_tokens", int)
    if prompt is None or generated is None or (prompt, generated) == _INVENTED:
        return Usage(prompt=prompt_tokens, generated=pieces, exact=False)
    return Usage(
        prompt=prompt,
        generated=generated,
        cached=field(field(usage, "prompt_tokens_details", dict) or {}, "cached_tokens", int),
        prompt_ms=field(timings, "prompt_ms", float),
        generated_ms=field(timings, "predicted_ms", float),
    )


def schema_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap a JSON schema as `response_format` wants it."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)}}


def chat_messages(messages: Iterable[Message]) -> list[dict[str, str]]:
    """Write messages as JSON has them."""
    return [{"role": message.role, "content": message.content} for message in messages]
