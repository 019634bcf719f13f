"""What the language server needs of an App, and how requests hold on to one while another takes its place."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from assist_context.document import Document
from assist_server.config.resolve import Resolved
from assist_server.config.settings import Settings
from assist_server.core.folders import Folders
from assist_server.core.notices import Notify
from assist_server.features.actions.explain import Answer, ExplainQuery
from assist_server.features.completion.context import Surroundings
from assist_server.features.completion.service import Completion, CompletionQuery
from assist_server.features.fim import FimChoice
from assist_server.features.selection import Role, Target


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What an editor says about settings.

    workspace: the first workspace folder, whose `.assist.toml` counts. editor: `initializationOptions`.
    editor_workspace: the section `assist` of `workspace/configuration`, which a repository can have a hand in.
    """

    workspace: Path | None = None
    editor: Mapping[str, Any] = field(default_factory=dict)
    editor_workspace: Mapping[str, Any] = field(default_factory=dict)


class Completes(Protocol):
    """Suggests text for a place."""

    async def complete(self, query: CompletionQuery) -> Completion:
        """Make a suggestion."""
        ...

    def opened(self, document: Document, around: Surroundings | None) -> None:
        """Have the model read the beginning of a document before somebody writes there."""
        ...

    def forget(self, uri: str) -> None:
        """Forget a document, and give up what is done for it in a pause."""
        ...

    def ahead(self, query: CompletionQuery, text: str) -> None:
        """Find what would be offered next if this text were accepted."""
        ...


class Explains(Protocol):
    """Explains code."""

    async def start(self, query: ExplainQuery) -> Answer:
        """Start a streamed answer."""
        ...


class Selects(Protocol):
    """Chooses models."""

    def use(self, role: Role, *, backend: str | None = None, model: str | None = None) -> None:
        """Take another backend or model for a role."""
        ...

    async def target(self, role: Role) -> Target:
        """Give the model for a role."""
        ...

    async def loadable(self, role: Role) -> Target | None:
        """Give the model for a role where a request would have to load it, None for other servers."""
        ...

    async def fim(self, target: Target) -> FimChoice:
        """Tell how a model fills in."""
        ...


class LspApp(Protocol):
    """The part of `assist_server.app.App` that an editor is served with."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        ...

    @property
    def resolved(self) -> Resolved:
        """The settings with their problems."""
        ...

    @property
    def folders(self) -> Folders:
        """Where files go."""
        ...

    @property
    def selector(self) -> Selects:
        """Chooses models."""
        ...

    @property
    def completion(self) -> Completes:
        """Suggests text."""
        ...

    @property
    def explain(self) -> Explains:
        """Explains code."""
        ...

    def place(self, backend: str, /) -> str:
        """Say where a backend's answers come from: `offline`, a host, or nothing where it is not known.

        Raises ConfigError for an address that cannot be read.
        """
        ...

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Close every connection."""
        ...


AppFactory = Callable[[ClientOptions, Notify], LspApp]


class Lease:
    """One App and the requests that work with it; it is closed once: retired and unused, or at the end of all."""

    def __init__(self, app: LspApp, close: Callable[[Callable[[], Coroutine[Any, Any, None]]], None]) -> None:
        self.app = app
        self._close = close
        self._users = 0
        self._retired = False
        self.closed = False

    @asynccontextmanager
    async def use(self) -> AsyncIterator[LspApp]:
        """Keep the App open for one request."""
        self._users += 1
        try:
            yield self.app
        finally:
            self._users -= 1
            self._close_if_unused()

    def retire(self) -> None:
        """Take the App out of service."""
        self._retired = True
        self._close_if_unused()

    def close(self) -> None:
        """Close the App, whoever still works with it."""
        if not self.closed:
            self.closed = True
            self._close(self.app.aclose)

    def _close_if_unused(self) -> None:
        if self._retired and not self._users:
            self.close()
