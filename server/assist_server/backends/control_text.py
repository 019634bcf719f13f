"""Text of a user's file that looks like a control token, for servers that read control tokens out of plain text.

Such a server cannot be told that `<|im_end|>` in a file is only text. A prompt for filling in is refused then; in a
conversation an invisible character goes between the first two characters, and is taken out of the answer again.
"""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace

from assist_context.prompt.segments import Control
from assist_server.backends.base import Delta, Done, Event, EventStream, FillRequest, Message
from assist_server.core.errors import Unsupported

CONTROL_TEXT = re.compile(
    r"<\|[^\s<>|]{1,40}\|>"  # Qwen, Llama, GLM, Granite
    r"|<｜[^\s<>｜]{1,40}｜>"  # noqa: RUF001 - DeepSeek's tokens have this full-width bar
    r"|<\[[^\s\[\]]{1,40}\]>"  # Seed-Coder
    r"|</?(?:fim|start|end|file|repo|commit|issue|jupyter)_[a-z_]{2,30}>|<(?:filename|reponame)>"  # StarCoder, Gemma
    r"|<(?:PRE|SUF|MID|EOT)>|\[/?(?:INST|PREFIX|SUFFIX|MIDDLE|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS)\]"
    r"|</?s>|<(?:bos|eos|pad|unk)>"
)
_INVISIBLE = ("\u200b", "\u2060", "\u2063")


@dataclass(frozen=True, slots=True)
class Defused:
    """Messages in which nothing reads as a control token; `invisible` is what was put in, empty where nothing was."""

    messages: tuple[Message, ...]
    invisible: str

    async def clean(self, events: EventStream) -> AsyncGenerator[Event, None]:
        """Take the invisible character out of an answer."""
        async with aclosing(events):
            async for event in events:
                if not self.invisible or isinstance(event, Done):
                    yield event
                elif text := event.text.replace(self.invisible, ""):
                    yield Delta(text)


def control_texts(text: str) -> frozenset[str]:
    """Find what looks like a control token of some model."""
    return frozenset(CONTROL_TEXT.findall(text))


def refuse_control_text(server: str, request: FillRequest, template: str = "") -> None:
    """Raise Unsupported where a user's text holds a control token of the request's format or the server's template."""
    controls = {segment.value for segment in request.prompt.segments if isinstance(segment, Control)}
    known = controls | control_texts(template) | control_texts("".join(request.stop))
    text = "".join("\0" if isinstance(s, Control) else s.value for s in request.prompt.segments)
    text = f"{text}\0{request.suffix or ''}"
    found = next((token for token in sorted(known) if token in text), None)
    if found is not None:
        raise Unsupported(
            f"the text at the cursor holds {found!r}, which {server} would take for a control token of the model",
            status=400,
            hint="the embedded engine and `llama-server` keep such text apart",
        )


def defuse(messages: Iterable[Message]) -> Defused:
    """Part whatever looks like a control token by an invisible character; other messages pass unchanged."""
    given = tuple(messages)
    if not any(CONTROL_TEXT.search(message.content) for message in given):
        return Defused(given, "")
    unused = (mark for mark in _INVISIBLE if not any(mark in message.content for message in given))
    invisible = next(unused, _INVISIBLE[0])

    def parted(match: re.Match[str]) -> str:
        return match[0][0] + invisible + match[0][1:]

    return Defused(
        tuple(replace(message, content=CONTROL_TEXT.sub(parted, message.content)) for message in given), invisible
    )


def fill_stops(request: FillRequest) -> tuple[str, ...]:
    """Give the strings that end a filled-in text: the request's, then the prompt's own control tokens."""
    controls = (segment.value for segment in request.prompt.segments if isinstance(segment, Control))
    return tuple(dict.fromkeys((*request.stop, *controls)))
