"""One session: what lasts from `initialize` to `exit`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from typing import Any, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.uris import from_fs_path

from assist_context.positions import Encoding
from assist_server.config.settings import OllamaSettings, Settings
from assist_server.config.sources import WORKSPACE_FILE
from assist_server.core.clock import Clock
from assist_server.core.errors import AssistError, BackendUnavailable, ConfigError, ModelMissing
from assist_server.core.notices import Notice
from assist_server.features.completion.service import Completion
from assist_server.features.selection import Role
from assist_server.lsp.application import AppFactory, ClientOptions, Lease, LspApp
from assist_server.lsp.documents import Documents
from assist_server.lsp.errors import ToldOnce, contained, said, treatment
from assist_server.lsp.index import SessionIndex
from assist_server.lsp.latest import Latest
from assist_server.lsp.methods import ANSWER, STATUS
from assist_server.lsp.offers import Offers
from assist_server.lsp.progress import Cancellations
from assist_server.lsp.protocol import AssistProtocol, at
from assist_server.lsp.recent import SessionRecent
from assist_server.lsp.status import Status, StatusParams
from assist_server.lsp.switches import Switches
from assist_server.lsp.traces import Traces

logger = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0
_SYMBOLS = (
    ("workspace", "symbol", types.WORKSPACE_SYMBOL),
    ("textDocument", "documentSymbol", types.TEXT_DOCUMENT_DOCUMENT_SYMBOL),
)
_EVERYWHERE = types.TextDocumentRegistrationOptions(document_selector=None)
_OWN_OPTIONS = "client"
# Of the servers that `auto` stands for, the one that is asked first and the only one that can be elsewhere.
_FIRST_OF_AUTO = "ollama"
# What a person has to do something about before anything can work, which is better known before the first key.
_FIRST_STEPS = (BackendUnavailable, ModelMissing)


class Session:
    """The state of one connection; handlers get it as their first argument."""

    def __init__(self, protocol: AssistProtocol, make_app: AppFactory, clock: Clock) -> None:
        self.protocol = protocol
        self.clock = clock
        self.documents = Documents()
        self.recent = SessionRecent(self.documents)
        self.offers = Offers(self.documents, clock, self.spawn)
        self.latest: Latest[Completion | str] = Latest()
        self.switches = Switches()
        self.traces = Traces()
        self.cancellations = Cancellations()
        self.told = ToldOnce(lambda params: protocol.notify(types.WINDOW_SHOW_MESSAGE, params))
        self.status = Status(self._send_status)
        self.index = SessionIndex(protocol, self.cancellations, self.told, clock)
        self.answers: dict[str, asyncio.Task[None]] = {}
        self.over: asyncio.Future[int] | None = None
        self.add_symbols: Callable[[], None] = _nothing  # makes the server answer symbol searches
        self._own_options: Mapping[str, Any] = {}
        self._make_app = make_app
        self._options = ClientOptions()
        self._lease: Lease | None = None
        self._leases: list[Lease] = []
        self._failure: AssistError | None = None
        self._uses: dict[Role, tuple[str | None, str | None]] = {}
        self.symbols_announced = False
        self._ready = False
        self._warms = False
        self._loaded: tuple[str, Settings] | None = None  # what was loaded ahead last, and by which settings
        self._apps = 0  # how many have been built; each is known by its number
        self._changed: tuple[int, str] | None = None  # an App, and what may make it load a model anew that is there
        self._background: set[asyncio.Task[None]] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def begin(self, params: types.InitializeParams, encoding: Encoding) -> None:
        """Take over what `initialize` tells and build the App."""
        folders = [folder.uri for folder in params.workspace_folders or []]
        root = params.root_uri or (from_fs_path(params.root_path) if params.root_path else None)
        if not folders and root:
            folders = [root]
        self.documents = Documents(encoding, folders)
        self.recent = SessionRecent(self.documents)
        self.offers = Offers(self.documents, self.clock, self.spawn)
        given = params.initialization_options
        options = dict(given) if isinstance(given, Mapping) else {}
        own = options.pop(_OWN_OPTIONS, None)
        self._own_options = own if isinstance(own, Mapping) else {}
        self._options = ClientOptions(self.documents.workspace(), options)
        self._build()

    @asynccontextmanager
    async def app(self) -> AsyncIterator[LspApp]:
        """Give the App for one request; raises the error that kept it from being built."""
        if self._lease is None:
            raise self._failure or AssistError("assist has not started")
        async with self._lease.use() as app:
            yield app

    @property
    def settled(self) -> LspApp | None:
        """The App in force for a look at its settings, None where it could not be built."""
        return self._lease.app if self._lease else None

    def wants(self, what: str) -> bool:
        """Tell whether the client knows one of our notifications, by its capabilities or its initializationOptions."""
        return bool(at(self.protocol.client, "experimental", "assist", what) or self._own_options.get(what))

    def answer(self, conversation: str, chunk: str, *, done: bool = False, error: str | None = None) -> None:
        """Send a piece of an answer to a client that knows what to do with it."""
        if self.wants("answer"):
            piece: dict[str, Any] = {"id": conversation, "chunk": chunk, "done": done}
            self.protocol.notify(ANSWER, piece | ({"error": error} if error else {}))

    def use(self, role: Role, *, backend: str | None, model: str | None) -> tuple[str | None, str | None]:
        """Take another backend or model until the session ends, and over changed settings; give what was before."""
        before = self._uses.get(role, (None, None))
        self._uses[role] = (backend, model)
        if self._lease is not None:
            self._lease.app.selector.use(role, backend=backend, model=model)
        return before

    def rebuild(self, **changes: Any) -> None:
        """Build another App from changed options, or from changed files where there is no change."""
        options = replace(self._options, workspace=self.documents.workspace(), **changes)
        if changes and options == self._options:
            return
        self._options = options
        self._build()
        self.tell_problems()
        if self._warms:
            self.warm_up()

    def warm_up(self) -> None:
        """Have the model for completions loaded before it is needed; from now on after every change of settings too."""
        self._warms = True
        if self._lease is not None and self.off() is None:
            self.spawn(self._preload)

    def hear(self, notice: Notice, app: int) -> None:
        """Let a person know what an App's backend does, by the status what passes, by a message what needs a choice."""
        logger.info("%s: %s", notice.kind, notice.message)
        if notice.kind in ("loading", "waiting"):
            self.status.waits(notice.message)
        elif notice.kind == "reload" and self._changed is not None and self._changed[0] == app:
            (_, names), self._changed = self._changed, None
            params = types.ShowMessageParams(types.MessageType.Info, f"assist: {names} changed: {notice.message}")
            self.protocol.notify(types.WINDOW_SHOW_MESSAGE, params)
        else:
            level = types.MessageType.Info if notice.kind == "advice" else types.MessageType.Warning
            self.told.tell(level, said(notice.message, notice.hint))

    def tell_problems(self) -> None:
        """Show what is wrong with the settings, each problem once, with its file and line."""
        if self._failure is not None:
            self.told.tell(types.MessageType.Error, said(self._failure.message, self._failure.hint))
        if self._lease is not None:
            for problem in self._lease.app.resolved.problems:
                self.told.tell(types.MessageType.Warning, f"{problem.where}: {said(problem.message, problem.hint)}")

    async def pull_configuration(self) -> None:
        """Ask the client for the section `assist`."""
        if not self.protocol.supports("workspace", "configuration"):
            return
        params = types.ConfigurationParams([types.ConfigurationItem(section="assist")])
        try:
            answer = await self.protocol.send_request_async(types.WORKSPACE_CONFIGURATION, params)
        except JsonRpcException as error:
            logger.warning("the client did not give its configuration: %s", error.code)
            return
        section = answer[0] if answer else None
        self.rebuild(editor_workspace=section if isinstance(section, Mapping) else {})

    async def register_watchers(self) -> None:
        """Ask the client to tell of changed settings, where it can be asked."""
        wanted = []
        if self.protocol.supports("workspace", "didChangeConfiguration", "dynamicRegistration"):
            section = types.DidChangeConfigurationRegistrationOptions(section="assist")
            wanted.append(types.Registration("assist.configuration", types.WORKSPACE_DID_CHANGE_CONFIGURATION, section))
        if self.protocol.supports("workspace", "didChangeWatchedFiles", "dynamicRegistration"):
            watchers = [types.FileSystemWatcher(glob_pattern=f"**/{WORKSPACE_FILE}")]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            wanted.append(types.Registration("assist.files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options))
        if wanted:
            await self._register(wanted)

    async def _register(self, wanted: list[types.Registration]) -> None:
        try:
            await self.protocol.send_request_async(types.CLIENT_REGISTER_CAPABILITY, types.RegistrationParams(wanted))
        except JsonRpcException as error:
            logger.warning("the client did not register what it was asked to: %s", error.code)

    @property
    def serves_symbols(self) -> bool:
        """Tell whether symbol searches are answered."""
        app = self.settled
        return app is not None and app.settings.index.enable and app.settings.index.symbols

    async def announce_symbols(self) -> None:
        """Tell a client of symbol searches that were switched on after the beginning, where it can be told."""
        wanted = [
            types.Registration(f"assist.{capability}", method, _EVERYWHERE if group == "textDocument" else None)
            for group, capability, method in _SYMBOLS
            if self.protocol.supports(group, capability, "dynamicRegistration")
        ]
        if self.serves_symbols and not self.symbols_announced and wanted:
            self.symbols_announced = True
            self.add_symbols()
            await self._register(wanted)

    def ready(self) -> None:
        """Say how things are, now that the client may be told."""
        self._ready = True
        self.index.begin()
        self._send_status(self.status.now)

    def off(self) -> str | None:
        """Say why no completion is offered anywhere, or None."""
        app = self.settled
        if app is not None and not app.settings.completion.enable:
            return "completions are off (completion.enable)"
        return self.switches.off("", "")

    def works(self, app: LspApp, backend: str, model: str) -> None:
        """Say by the status that a backend of an App has answered."""
        self.status.works(f"{backend}: {model}", remote=_remote(app, backend))

    def work(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Start a part of a request, which cancels it at its end; the session waits until it has stopped."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something beside the requests; it is cancelled when the session ends."""
        _keep(self._background, work)

    def client_gone(self) -> None:
        """End because the client said `exit`, or cannot say anything any more."""
        self.end(0 if self.protocol.shut_down else 1)

    def end(self, code: int) -> None:
        """Let the server end with an exit code; the first one counts."""
        if self.over is not None and not self.over.done():
            self.over.set_result(code)

    async def aclose(self) -> None:
        """Answer or cancel what is pending and close the App."""
        stopping: set[asyncio.Task[Any]] = {*self._background}
        for task in stopping:
            task.cancel()  # the reader first: no request may come any more
        await self.protocol.cancel_pending()
        await self.index.aclose()
        await self.offers.write()
        self._lease = None
        # Parts of requests are cancelled already, by their requests; once more would break off their cleaning up.
        stopping |= {*self._working, *self.latest.cancel()}
        if stopping:
            await asyncio.wait(stopping, timeout=_CLOSE_SECONDS)
        for lease in self._leases:
            lease.close()
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_SECONDS)

    def _build(self) -> None:
        old, self._lease, self._failure = self._lease, None, None
        try:
            self._apps = number = self._apps + 1
            app = self._make_app(self._options, lambda notice: self.hear(notice, number))
        except AssistError as error:
            self._failure = error
            logger.warning("the settings cannot be used: %s", error.code)
        else:
            self._lease = Lease(app, lambda closing: _keep(self._closing, closing))
            self._leases = [*(lease for lease in self._leases if not lease.closed), self._lease]
            for role, (backend, model) in self._uses.items():
                app.selector.use(role, backend=backend, model=model)
            self.offers.configure(app.folders.data if app.settings.completion.statistics else None)
            self.index.configure(app.settings.index, app.folders, self.documents)
            self.status.configure(remote=_remote(app, self._first_backend(app)), off=self.off())
        finally:
            # The root of its loggers writes whole messages, which are documents, at INFO and with a malformed message.
            logging.getLogger("pygls").setLevel(logging.CRITICAL)
            if old is not None:
                old.retire()

    async def _preload(self) -> None:
        try:
            async with self.app() as app:
                target = await app.selector.loadable("completion")
                if app is not self.settled:
                    return  # the settings have changed meanwhile, and with them another load is on its way
                if target is None:
                    self._loaded = None
                    return
                with self.status.busy(), self._reload_explained(target.model, app.settings):
                    await app.selector.fim(target)
                    await target.backend.preload(target.model)
        except AssistError as error:
            how, text = treatment(error), said(error.message, error.hint)
            logger.warning("the model was not loaded ahead: %s", error.message)
            if how.lasting:
                self.status.fails(text)
            if how.level is not None and isinstance(error, _FIRST_STEPS):
                self.told.tell(how.level, text)

    @contextmanager
    def _reload_explained(self, model: str, settings: Settings) -> Iterator[None]:
        """Have the backend's notice of a reload name the settings that a person has just changed."""
        app = self._apps
        before, self._loaded = self._loaded, (model, settings)
        names = _changed_options(before[1].ollama, settings.ollama) if before and before[0] == model else ""
        self._changed = (app, names) if names else None
        try:
            yield
        finally:
            if app == self._apps:
                self._changed = None

    def _first_backend(self, app: LspApp) -> str:
        """Name the backend that will be asked for a completion, before any has answered."""
        name = self._uses.get("completion", (None, None))[0] or app.settings.backend.name
        return _FIRST_OF_AUTO if name == "auto" else name

    def _send_status(self, status: StatusParams) -> None:
        # Before the client has said `initialized` the protocol lets a server send next to nothing.
        if self._ready and self.wants("status"):
            self.protocol.notify(STATUS, asdict(status))


def _nothing() -> None:
    """Stand for what a server does, where there is none."""


def _keep(tasks: set[asyncio.Task[None]], work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run something as a task and hold on to it: the loop itself would let it be collected."""
    task = asyncio.get_running_loop().create_task(contained(work))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _changed_options(before: OllamaSettings, now: OllamaSettings) -> str:
    """Name the changed settings by which Ollama may have to load a model anew, "" where there is none."""
    values = {
        "contextLength": (before.context_length, now.context_length),
        "batchSize": (before.batch_size, now.batch_size),
        "threads": (before.threads, now.threads),
    }
    return " and ".join(f"`ollama.{name}`" for name, (old, new) in values.items() if old != new)


def _remote(app: LspApp, backend: str) -> str | None:
    """Give the host that answers, None for this machine; an address that cannot be read leads nowhere."""
    try:
        place = app.place(backend)
    except ConfigError:
        return None
    return None if place == "offline" else place or "unknown"


def encoding_of(name: object) -> Encoding:
    """Give the position encoding that was agreed on; UTF-16 is the protocol's default."""
    text = str(getattr(name, "value", name))
    return cast("Encoding", text) if text in {"utf-8", "utf-32"} else "utf-16"
