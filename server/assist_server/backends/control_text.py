"""Text of a user's file that looks like a control token, for servers that read control tokens out of plain text.

Such a server cannot be told that `<|im_end|>` in a file is only text. An invisible character that the text has nowhere
goes between the first two characters of each such place, and is taken out of the answer again.
"""

import json
import re
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, chain
from typing import Protocol

from assist_context.prompt.fim import ALL_CONTROL_TOKENS
from assist_context.prompt.segments import Control, Segment, Text
from assist_server.backends.base import Delta, Done, Event, EventStream, FillRequest, Message
from assist_server.core.errors import Unsupported

_SPECIAL = (
    r"<\|[^\s<>|]{1,40}\|>"  # Qwen, Llama, GLM, Granite
    r"|<\|[a-z_]{3,40}>|<[a-z_]{3,40}\|>"  # Gemma 4
    r"|<｜[^\s<>｜]{1,40}｜>"  # noqa: RUF001 - DeepSeek's tokens have this full-width bar
    r"|<\[[^\s\[\]]{1,40}\]>"  # Seed-Coder
    r"|</?(?:fim|start|end|begin|file|repo|commit|issue|jupyter|tool)_[a-z_]{2,30}>"  # StarCoder, Gemma
    r"|<fim-[a-z]{3,6}>|<(?:filename|reponame)>|</?think>|<unused\d{1,5}>"
    r"|<(?:PRE|SUF|MID|EOT|PAD|REPO)>|<(?:bos|eos|pad|unk)>|\[(?:PAD|EOT|EOS)\]"
    r"|\[/?(?:INST|PREFIX|SUFFIX|MIDDLE|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|THINK)\]"
)
CONTROL_TEXT = re.compile(
    rf"{_SPECIAL}|</?s>"
    r"|\{\{\[[A-Z_]{1,40}\]\}\}"  # KoboldCpp puts its own tokens in these places
)
_LOOKS_SPECIAL = re.compile(_SPECIAL)
_CONTROL, _UNKNOWN = 3, 2
# What llama.cpp makes a control token by its name, whatever the file says of it, is among these or looks special.
_NAMED = ALL_CONTROL_TOKENS | {"_<EOT>", "[e~["}
_FIRSTS = frozenset("<[_")  # with which all of those begin
_BLANK = "\u2581"  # how SentencePiece writes a space
_BLANKS = f"{_BLANK} "
_SHORTEST_OWN = 3  # of what a user's own template says as control; `//` stays as it is in code
_MARKS = "\u200b\u2060\u2063\u2062\u2061\u2064\u200c"
_MORE_MARKS = (range(0xE0020, 0xE0080), range(0xE000, 0xF900), range(0xF0000, 0xFFFFE))  # tags, private use


@dataclass(frozen=True, slots=True)
class _Defused:
    """What was put into a text so that nothing in it reads as a control token: mark, "" for nothing."""

    mark: str

    def clean(self, events: EventStream, *, in_json: bool = False) -> AsyncGenerator[Event, None]:
        """Take the mark out of an answer; stop strings are looked for before that, or the user's text would be one.

        in_json: the answer is JSON, where the mark may be written as an escape too.
        """
        return _without(self.mark, events, _Escapes(self.mark) if in_json and self.mark else None)


@dataclass(frozen=True, slots=True)
class DefusedFill(_Defused):
    """A prompt in which no text of the user's reads as a control token."""

    prompt: str
    suffix: str | None


@dataclass(frozen=True, slots=True)
class DefusedChat(_Defused):
    """Messages in which nothing reads as a control token."""

    messages: tuple[Message, ...]


def control_tokens(tokens: Sequence[str], types: Sequence[int]) -> frozenset[str]:
    """Pick a model's control tokens from its GGUF vocabulary.

    tokens, types: `tokenizer.ggml.tokens` and `tokenizer.ggml.token_type`. One that looks like a control token counts
    whatever its type, since llama.cpp overrides the type of many; the other user-defined ones do not: Gemma has HTML
    tags and runs of blanks among them.
    """
    found: set[str] = set()
    for token, kind in zip(tokens, types, strict=False):
        sure = kind in (_CONTROL, _UNKNOWN)
        # The first character rules nearly all of them out, and there are many.
        if not isinstance(token, str) or not (sure or token.lstrip(_BLANKS)[:1] in _FIRSTS):
            continue
        forms = {token.strip(), token.strip(_BLANKS), token.replace(_BLANK, " ").strip()}
        if sure or any(form in _NAMED or _LOOKS_SPECIAL.fullmatch(form) for form in forms):
            found |= forms
    return frozenset(form for form in found if len(form) > 1)


def control_texts(text: str) -> frozenset[str]:
    """Find what looks like a control token of some model."""
    return frozenset(CONTROL_TEXT.findall(text))


def defuse_fill(request: FillRequest, known: frozenset[str] | None, template: str = "") -> DefusedFill:
    """Part what the server would read as a control token in a user's text; our own control tokens stay.

    known: the model's control tokens, None where they cannot be had. template: the server's own, for its tokens.
    Raises Unsupported for a text that holds every invisible character.
    """
    segments = request.prompt.segments
    finders = _finders(known, _own_tokens(segments) | _template_tokens(template))
    if request.suffix is None:
        parted, mark = _parted(segments, _cuts(segments, finders), finders)
        return DefusedFill(mark, "".join(parted), None)
    suffix = Text(request.suffix)
    first, *cuts, last = _cuts((suffix, *segments, suffix), finders)  # a template may have them in either order
    parted, mark = _parted((*segments, suffix), [*cuts, first | last], finders)
    return DefusedFill(mark, "".join(parted[:-1]), parted[-1])


def defuse_chat(messages: Iterable[Message], known: frozenset[str] | None) -> DefusedChat:
    """Part what the server would read as a control token in a message; see `defuse_fill`."""
    given = tuple(messages)
    texts = tuple(Text(message.content) for message in given)
    finders = _finders(known, frozenset())
    parted, mark = _parted(texts, _cuts(texts, finders), finders)
    return DefusedChat(mark, tuple(replace(m, content=text) for m, text in zip(given, parted, strict=True)))


def fill_stops(request: FillRequest) -> tuple[str, ...]:
    """Give the strings that end a filled-in text: the request's, then the prompt's own control tokens."""
    controls = (segment.value for segment in request.prompt.segments if isinstance(segment, Control))
    return tuple(dict.fromkeys((*request.stop, *controls)))


class _Finder(Protocol):
    """Finds control tokens; characters are those that they are made of."""

    @property
    def characters(self) -> frozenset[str]: ...

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Give each place where a token begins, with the end of the longest one there."""
        ...


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """Tokens, and what finds them quickly: how they begin, and their lengths by the first two characters."""

    tokens: frozenset[str]
    begins: re.Pattern[str]
    lengths: Mapping[str, tuple[int, ...]]
    characters: frozenset[str]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        for found in self.begins.finditer(text):
            start = found.start()
            for length in self.lengths.get(text[start : start + 2], ()):
                end = start + length
                if end <= len(text) and text[start:end] in self.tokens:
                    yield start, end
                    break


@dataclass(frozen=True, slots=True)
class _Lookalikes:
    """What looks like a control token of some model."""

    characters: frozenset[str] = frozenset()

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        start = 0
        while found := CONTROL_TEXT.search(text, start):
            yield found.span()
            start = found.start() + 1  # another may begin within this one


@lru_cache(maxsize=32)
def _vocabulary(tokens: frozenset[str]) -> _Vocabulary:
    """Prepare a search, once for each model; a single character cannot be parted."""
    seconds: dict[str, set[str]] = {}
    lengths: dict[str, set[int]] = {}
    for token in tokens:
        if len(token) > 1:
            seconds.setdefault(token[0], set()).add(token[1])
            lengths.setdefault(token[:2], set()).add(len(token))
    begins = (f"{re.escape(c)}(?=[{re.escape(''.join(sorted(after)))}])" for c, after in sorted(seconds.items()))
    return _Vocabulary(
        tokens,
        re.compile("|".join(begins) or "(?!)"),
        {head: tuple(sorted(found, reverse=True)) for head, found in lengths.items()},
        frozenset(chain.from_iterable(tokens)),
    )


def _finders(known: frozenset[str] | None, more: frozenset[str]) -> tuple[_Finder, ...]:
    if known is None:
        return _vocabulary(ALL_CONTROL_TOKENS), _vocabulary(more), _Lookalikes()
    return _vocabulary(known), _vocabulary(more)


def _own_tokens(segments: Iterable[Segment]) -> frozenset[str]:
    """Give the control tokens that a prompt writes itself; a user's own template may hold line ends and words too."""
    values = [segment.value.strip() for segment in segments if isinstance(segment, Control)]
    words = {word for value in values for word in value.split() if word == value or word[0] in "<[{"}
    return frozenset(word for word in words if len(word) >= _SHORTEST_OWN).union(*map(control_texts, values))


@lru_cache(maxsize=32)
def _template_tokens(template: str) -> frozenset[str]:
    return control_texts(template)


def _cuts(segments: Sequence[Segment], finders: Iterable[_Finder]) -> list[set[int]]:
    """Find where a mark belongs in each segment, so that no token holds any character of a text.

    It goes behind the first character of every place where a token begins, in the text that follows where that place
    is ours: what begins at no other place cannot be made whole again by a mark.
    """
    whole = "".join(segment.value for segment in segments)
    starts = list(accumulate((len(segment.value) for segment in segments), initial=0))[:-1]
    cuts: list[set[int]] = [set() for _ in segments]
    for start, end in chain.from_iterable(finder.spans(whole) for finder in finders):
        place = bisect_right(starts, start) - 1
        if isinstance(segments[place], Text):
            cuts[place].add(start + 1 - starts[place])
            continue
        texts = (n for n in range(place + 1, len(segments)) if isinstance(segments[n], Text) and segments[n].value)
        after = next(texts, None)
        if after is not None and starts[after] < end:
            cuts[after].add(0)
    return cuts


def _parted(segments: Sequence[Segment], cuts: Sequence[set[int]], finders: Iterable[_Finder]) -> tuple[list[str], str]:
    """Put the mark in; gives each segment's text, and the mark, "" where nothing had to be put in."""
    values = [segment.value for segment in segments]
    if not any(cuts):
        return values, ""
    mark = _unused(set().union(*values, *(finder.characters for finder in finders)))
    for number, places in enumerate(cuts):
        value, ends = values[number], sorted(places)
        pieces = (value[a:b] for a, b in zip([0, *ends], [*ends, len(value)], strict=True))
        values[number] = mark.join(pieces)
    return values, mark


def _unused(characters: set[str]) -> str:
    """Give the first mark that is none of the characters."""
    mark = next((m for m in chain(_MARKS, map(chr, chain(*_MORE_MARKS))) if m not in characters), None)
    if mark is None:
        raise Unsupported(
            "the text holds a control token and every invisible character that could part it",
            status=400,
            hint="the embedded engine and `llama-server` keep such text apart",
        )
    return mark


class _Escapes:
    """Takes a mark that is written as a JSON escape out of pieces of JSON, wherever they are cut."""

    def __init__(self, mark: str) -> None:
        spelled = json.dumps(mark)[1:-1]  # two escapes, a surrogate pair, for one above U+FFFF
        begun = "".join(f"(?:{re.escape(character)}" for character in spelled[1:]) + ")?" * (len(spelled) - 1)
        # Another escape is passed over whole: `\\u200b` is a backslash and five characters.
        self._pattern = re.compile(rf"(?i:{re.escape(spelled)}|(?P<begun>\\{begun}\Z)|\\.)", re.DOTALL)
        self._spelled = spelled
        self._held = ""

    def take(self, piece: str) -> str:
        """Give what is sure of the text up to here."""
        text, self._held = self._held + piece, ""
        return self._pattern.sub(self._replaced, text)

    def rest(self) -> str:
        """Give what was held back and has turned out to be the end."""
        return self._held

    def _replaced(self, found: re.Match[str]) -> str:
        if found["begun"]:
            self._held = found[0]
            return ""
        return "" if found[0].lower() == self._spelled else found[0]


async def _without(mark: str, events: EventStream, escapes: _Escapes | None) -> AsyncGenerator[Event, None]:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                if escapes and (rest := escapes.rest()):
                    yield Delta(rest)
                yield event
                continue
            text = event.text.replace(mark, "") if mark else event.text
            if text := escapes.take(text) if escapes else text:
                yield Delta(text)
