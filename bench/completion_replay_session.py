"""Type a function into an editor's session with a server, and write down what each key brought."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from completion_arms import Arm
from completion_replay_tasks import Replay, Typed, View
from completion_replay_typing import WRONG, Right, gaps, next_key, pause_before, position, right_part
from completion_session import LONGEST_ANSWER, ServerFailed, shown_text
from completion_tasks import Task

from support.lsp_client import LspClient, LspError

Mode = Literal["accept", "type-through"]
MODES: tuple[Mode, ...] = ("accept", "type-through")
WORTH_ACCEPTING = 2  # characters: that is one more than the key that accepts them


@dataclass(frozen=True, slots=True)
class Pass:
    """A way to type.

    pace: milliseconds between two keys, in the middle; 0: as soon as there is an answer. keys: most of a function.
    """

    mode: Mode
    pace: float
    keys: int

    @property
    def name(self) -> str:
        """What it is called in tables and on the command line."""
        return f"{self.mode}@{self.pace:g}"


@dataclass(slots=True)
class Asked:
    """One key and the request that followed it; times of `time.monotonic`.

    answered: also where it was cancelled before. in_time: the answer came before the next key. shown, right:
    characters; whole: all of what is shown. error: of an answer that was not cancelled. why, trace: of `assist/trace`.
    """

    sent: float
    answered: float | None = None
    cancelled: float | None = None
    in_time: bool = False
    shown: int = 0
    right: int = 0
    whole: bool = False
    error: str = ""
    why: str = ""
    trace: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Typing:
    """What came of typing one function: keys (the one that accepts too), characters they brought, all requests."""

    keys: int = 0
    characters: int = 0
    asked: list[Asked] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)


class Editor:
    """An editor with one server; workspace: its folder."""

    def __init__(self, client: LspClient, arm: Arm, workspace: Path) -> None:
        self._client = client
        self._arm = arm
        self._workspace = workspace
        self._versions: dict[str, int] = {}

    async def replay(self, replay: Replay, way: Pass) -> Typing:
        """Do what was done before, then type the function; raises ServerFailed."""
        try:
            if replay.before is not None:
                self._write(replay.before)
            if replay.view is not None:
                await self._look(replay.view)
            return await self._type(replay, way)
        except (LspError, ConnectionError, asyncio.TimeoutError) as error:
            raise ServerFailed(f"{self._arm.name}, {replay.id}: {error or type(error).__name__}") from error

    def _write(self, typed: Typed) -> None:
        """Write a text line by line, without asking for anything."""
        self._open(typed.path, typed.language_id, typed.text)
        place = 0
        for line in typed.cut.splitlines(keepends=True):
            self._insert(typed, place, line)
            place += len(line)

    async def _look(self, view: View) -> None:
        """Put the cursor at the end of a line, where an editor asks too."""
        text = (self._workspace / view.path).read_text(encoding="utf-8")
        uri = self._open(view.path, view.language_id, text)
        column = len(text.split("\n")[view.line].encode("utf-16-le")) // 2
        await asyncio.wait_for(self._client.ask_inline(uri, view.line, column, invoked=False)[1], LONGEST_ANSWER)

    async def _type(self, replay: Replay, way: Pass) -> Typing:
        typed = replay.function
        uri = self._open(typed.path, typed.language_id, typed.text)
        pace = gaps(replay.id, way.pace)
        typing, place, request = Typing(), 0, None
        answers: set[asyncio.Future[Any]] = set()
        while place < len(typed.cut) and typing.keys < way.keys:
            right = WRONG
            if request is not None:
                seconds = next(pace) * pause_before(typed.cut, place) if way.pace else None
                right = await request.before_next_key(seconds)
            accepts = way.mode == "accept" and right.characters >= WORTH_ACCEPTING
            piece = typed.cut[place : place + right.characters] if accepts else next_key(typed.cut, place)
            self._insert(typed, place, piece)
            if request is not None:
                request.give_up()
                if accepts:
                    await request.accepted(right)
            place += len(piece)
            typing.keys += 1
            request = _Request(self._client, self._arm, uri, typed, place)
            typing.asked.append(request.asked)
            answers.add(request.answer)
        if request is not None:
            await request.before_next_key(None)
        await asyncio.wait(answers, timeout=LONGEST_ANSWER)
        typing.characters = place
        return typing

    def _open(self, path: str, language_id: str, text: str) -> str:
        uri = (self._workspace / path).as_uri()
        self._client.open(uri, text, language=language_id)
        self._versions[uri] = 1
        return uri

    def _insert(self, typed: Typed, place: int, piece: str) -> None:
        """Insert the next piece of a text of which so many characters are there."""
        uri = (self._workspace / typed.path).as_uri()
        self._versions[uri] += 1
        line, column = position(typed.text[: typed.offset] + typed.cut[:place], typed.offset + place)
        at = {"line": line, "character": column}
        self._client.change(uri, self._versions[uri], {"range": {"start": at, "end": at}, "text": piece})


class _Request:
    """The request that follows a key."""

    def __init__(self, client: LspClient, arm: Arm, uri: str, typed: Typed, place: int) -> None:
        self._client = client
        self._arm = arm
        self._uri = uri
        self._typed = typed
        self._place = place
        self._item: Mapping[str, Any] = {}
        text = typed.text[: typed.offset] + typed.cut[:place]
        self._line, column = position(text, len(text))
        self.asked = Asked(time.monotonic())
        self._id, self.answer = client.ask_inline(uri, self._line, column, invoked=False)
        self.answer.add_done_callback(self._answered)

    async def before_next_key(self, seconds: float | None) -> Right:
        """Wait so long, None for the answer, and give what is right of what is shown then."""
        until = None if seconds is None else self.asked.sent + seconds
        await asyncio.wait({self.answer}, timeout=LONGEST_ANSWER if seconds is None else seconds)
        if not self.answer.done():
            if seconds is None:
                raise ServerFailed(f"{self._arm.name}: no answer for {LONGEST_ANSWER:.0f} s")
            return WRONG
        right = self._judge(self.answer.result())
        if self._arm.own:
            told = await self._client.request("assist/trace", {"uri": self._uri}) or {}
            self.asked.why, self.asked.trace = str(told.get("whyEmpty") or ""), list(told.get("trace") or ())
        if until is not None:
            await asyncio.sleep(max(0.0, until - time.monotonic()))
        return right

    def give_up(self) -> None:
        """Cancel it where there is no answer yet, as editors do when the next key comes."""
        if not self.answer.done():
            self.asked.cancelled = time.monotonic()
            self._client.cancel(self._id)

    async def accepted(self, right: Right) -> None:
        """Tell the server that a suggestion, or a part of it, was accepted."""
        command = self._item.get("command")
        if command and (right.whole or self._arm.own):
            argument, *others = command.get("arguments") or [{}]
            if not right.whole:
                text = self._typed.cut[self._place : self._place + right.characters]
                argument = {**argument, "length": len(text.encode("utf-16-le")) // 2}
            await self._client.command(command["command"], argument, *others)

    def _judge(self, answer: Any) -> Right:
        # Only the text and the place of a task are looked at.
        text = self._typed.text[: self._typed.offset] + self._typed.cut[: self._place]
        after = self._typed.text[self._typed.offset :]
        task = Task("", "", "", "tune", "tail", "", "", text + after, len(text), "", repeated=False)
        shown = shown_text(task, answer, self._line)
        items: Sequence[Any] = answer.get("items", ()) if isinstance(answer, dict) else answer or ()
        self._item = items[0] if items else {}
        right = right_part(shown, self._typed.cut[self._place :])
        self.asked.in_time = True
        self.asked.shown, self.asked.right, self.asked.whole = len(shown), right.characters, right.whole
        return right

    def _answered(self, future: "asyncio.Future[Any]") -> None:
        self.asked.answered = time.monotonic()
        error = None if future.cancelled() else future.exception()
        if error is not None and self.asked.cancelled is None:
            self.asked.error = str(error)
