"""A language server inside the test's own process: messages go in and come out as Python values."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assist_context.document import Document
from assist_server.backends.base import Delta, Done, Event, Usage
from assist_server.config.resolve import Origin, Problem, Resolved
from assist_server.config.settings import IndexSettings, Settings
from assist_server.core.clock import Clock
from assist_server.core.errors import AssistError, ConfigError
from assist_server.core.folders import Folders
from assist_server.core.notices import Notice, Notify, unheard
from assist_server.features.actions.explain import Answer, ExplainQuery
from assist_server.features.completion.context import Surroundings
from assist_server.features.completion.service import Completion, CompletionItem, CompletionQuery, Milliseconds
from assist_server.features.fim import FimChoice
from assist_server.features.selection import Target
from assist_server.lsp.server import AppFactory, ClientOptions, create_server

# pygls asks for what Python 3.14 calls by another name.
PYGLS_WARNINGS = "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning"


@dataclass
class Loads:
    """A server that has to load its model: says these notices, then waits; error keeps it from being chosen."""

    model: str = "qwen"
    notices: tuple[Notice, ...] = ()
    error: AssistError | None = None
    failure: AssistError | None = None
    hold: asyncio.Event | None = None
    loaded: list[str] = field(default_factory=list)
    app: "FakeApp | None" = None
    name: str = "ollama"

    async def preload(self, model: str) -> None:
        assert self.app is not None
        for notice in self.notices:
            self.app.notify(notice)
        if self.hold:
            await self.hold.wait()
        if self.failure:
            raise self.failure
        self.loaded.append(model)


WITHOUT_INDEX = Settings(index=IndexSettings(enable=False))
"""What a session in memory has: nothing starts a process."""


@dataclass
class FakeApp:
    """An App whose services do as the test says; it is its own selector and services.

    asks: whether its completions need a model.
    """

    settings: Settings = WITHOUT_INDEX
    problems: tuple[Problem, ...] = ()
    folder: Path = Path("/dev/null/nowhere")
    text: str = "suggested"
    others: tuple[str, ...] = ()
    usage: Usage | None = None
    error: Exception | None = None
    asks: bool = True
    hold: asyncio.Event | None = None
    places: dict[str, str] = field(default_factory=dict)
    queries: list[Any] = field(default_factory=list)
    warmed: list[Document] = field(default_factory=list)
    looked_ahead: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    used: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    notify: Notify = unheard
    loads: "Loads | None" = None
    closed: int = 0
    streams_closed: int = 0

    @property
    def resolved(self) -> Resolved:
        return Resolved(self.settings, (), self.problems)

    @property
    def folders(self) -> Folders:
        return Folders(cache=self.folder, data=self.folder, config=self.folder, log=self.folder)

    @property
    def completion(self) -> "FakeApp":
        return self

    @property
    def explain(self) -> "FakeApp":
        return self

    @property
    def selector(self) -> "FakeApp":
        return self

    def place(self, backend: str) -> str:
        if (place := self.places.get(backend, "offline")) == "nonsense":
            raise ConfigError("the address is not a URL")
        return place

    def use(self, role: str, *, backend: str | None = None, model: str | None = None) -> None:
        self.used.append((role, backend, model))

    async def target(self, role: str) -> Target:
        if self.error:
            raise self.error
        backend, model = next(((b, m) for r, b, m in reversed(self.used) if r == role), (None, None))
        named = type("Named", (), {"name": backend or "fake"})()
        return Target(named, model or "model", 1000)

    async def loadable(self, role: str) -> Target | None:
        assert role == "completion"
        if self.loads is None:
            return None
        self.loads.app = self
        if self.loads.error:
            raise self.loads.error
        return Target(self.loads, self.loads.model, 1000)  # type: ignore[arg-type]  # of a backend a preload needs no more

    async def fim(self, target: Target) -> FimChoice:
        return FimChoice("chat", None, "it cannot")

    async def complete(self, query: CompletionQuery) -> Completion:
        self.queries.append(query)
        if self.asks:
            query.asked()
        if self.hold:
            await self.hold.wait()
        if self.error:
            raise self.error
        items = tuple(CompletionItem(text) for text in (self.text, *self.others) if text)
        why = None if items else "the model said nothing"
        return Completion(items, "model", "fake", self.usage, Milliseconds(1, 2, 3), ("one", "two"), why)

    def opened(self, document: Document, around: Surroundings | None) -> None:
        self.warmed.append(document)

    def forget(self, uri: str) -> None:
        self.forgotten.append(uri)

    def ahead(self, query: CompletionQuery, text: str) -> None:
        self.looked_ahead.append(text)

    async def start(self, query: ExplainQuery) -> Answer:
        self.queries.append(query)
        return Answer("model", "fake", self._events())

    async def _events(self) -> AsyncGenerator[Event, None]:
        try:
            for piece in ("It ", "adds."):
                yield Delta(piece)
            if self.hold:
                await self.hold.wait()
            if self.error:
                raise self.error
            yield Done("stop", Usage(1, 2))
        finally:
            self.streams_closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def problem(message: str, file: str, line: int) -> Problem:
    """Make a problem of a settings file."""
    return Problem(message, Origin("workspace file", file, line), "a hint")


class MemoryClient:
    """Sends messages to a server of its own and keeps what comes back."""

    def __init__(self, make_app: AppFactory, clock: Clock | None = None) -> None:
        self.server = create_server(make_app, clock=clock)
        self.server.protocol.set_writer(self, include_headers=False)
        self.messages: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._last_id = 0

    @classmethod
    def of(cls, *apps: FakeApp | AssistError, clock: Clock | None = None) -> "tuple[MemoryClient, list[ClientOptions]]":
        """Serve apps, one after the other as the settings change; give the options of each as well."""
        given: list[ClientOptions] = []
        left = list(apps)

        def make_app(options: ClientOptions, notify: Notify) -> Any:
            given.append(options)
            app = left.pop(0)
            if isinstance(app, AssistError):
                raise app
            app.notify = notify
            return app

        return cls(make_app, clock), given

    def write(self, data: bytes) -> None:
        """Take a message of the server."""
        self.messages.append(json.loads(data))
        self._news.set()

    def close(self) -> None:
        """Nothing is open."""

    def raw(self, body: bytes) -> None:
        """Give the server whatever is in body."""
        self.server.protocol.receive(body)

    def give(self, message: dict[str, Any]) -> None:
        """Give the server a message."""
        self.raw(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def notify(self, method: str, params: Any = None) -> None:
        """Give the server a notification."""
        self.give({"method": method, "params": params})

    def send(self, method: str, params: Any = None) -> int:
        """Give the server a request; give its id."""
        self._last_id += 1
        self.give({"id": self._last_id, "method": method, "params": params})
        return self._last_id

    async def wait_for(self, fits: Any) -> dict[str, Any]:
        """Wait for a message of the server."""

        async def look() -> dict[str, Any]:
            while True:
                for message in self.messages:
                    if fits(message):
                        return message
                self._news.clear()
                await self._news.wait()

        return await asyncio.wait_for(look(), 10)

    async def answer(self, request_id: Any) -> dict[str, Any]:
        """Wait for the answer of a request."""
        return await self.wait_for(lambda m: "method" not in m and m.get("id") == request_id)

    async def request(self, method: str, params: Any = None) -> Any:
        """Give a request and the result of its answer, which must not be an error."""
        answer = await self.answer(self.send(method, params))
        assert answer.get("error") is None, answer
        return answer.get("result")

    async def error(self, method: str, params: Any = None) -> dict[str, Any]:
        """Give a request and the error of its answer, which must be one."""
        answer = await self.answer(self.send(method, params))
        assert answer.get("error") is not None, answer
        return answer["error"]

    async def begin(self, capabilities: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
        """Say hello."""
        given = {"processId": None, "rootUri": None, "capabilities": capabilities or {}, **params}
        result = await self.request("initialize", given)
        self.notify("initialized", {})
        return result

    async def told(self, method: str) -> list[Any]:
        """Give the parameters of all notifications of a method, after what is due has been done."""
        await self.request("assist/trace")
        return [m.get("params") for m in self.messages if m.get("method") == method]

    def open(self, text: str, uri: str = "file:///work/a.py", version: int = 1) -> None:
        """Open a document."""
        item = {"uri": uri, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def inline(self, character: int, *, line: int = 0, invoked: bool = False, uri: str = "file:///work/a.py") -> int:
        """Ask for ghost text; give the request's id."""
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 1 if invoked else 2},
        }
        return self.send("textDocument/inlineCompletion", params)

    async def items(self, character: int, **more: Any) -> list[Any]:
        """Ask for ghost text and give the items."""
        answer = await self.answer(self.inline(character, **more))
        return answer["result"]["items"]

    def counts(self) -> dict[Any, int]:
        """Count the answers of each request."""
        ids = [m["id"] for m in self.messages if "method" not in m]
        return {request_id: ids.count(request_id) for request_id in ids}
