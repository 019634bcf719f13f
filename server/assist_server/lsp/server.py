"""The language server: what is served, and how it begins and ends."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from assist_server import __version__
from assist_server.core.clock import Clock, SystemClock
from assist_server.lsp import stdio
from assist_server.lsp.application import AppFactory, ClientOptions, LspApp
from assist_server.lsp.client_process import wait_for_end
from assist_server.lsp.errors import guarded, log_lost
from assist_server.lsp.handlers import code_action, command, completion, inline_completion, symbols, workspace
from assist_server.lsp.lifecycle import Session, encoding_of
from assist_server.lsp.methods import TRACE
from assist_server.lsp.protocol import AssistProtocol

__all__ = ["AppFactory", "AssistServer", "ClientOptions", "LspApp", "create_server", "serve"]

logger = logging.getLogger(__name__)

Handler = Callable[[Session, Any], Awaitable[Any]]


class AssistServer(LanguageServer):
    """A language server with one session."""

    protocol: AssistProtocol

    def __init__(self, make_app: AppFactory, clock: Clock) -> None:
        super().__init__("assist", __version__, protocol_cls=AssistProtocol)
        self.session = Session(self.protocol, make_app, clock)

    def report_server_error(self, error: Exception, source: type[Exception]) -> None:
        """Log what the framework refuses; its own way is a message box with the exception's text."""
        logger.info("the framework reports %s (%s)", type(error).__name__, source.__name__)


_FEATURES: tuple[tuple[str, Handler, Any], ...] = (
    (types.INITIALIZED, workspace.initialized, None),
    (types.TEXT_DOCUMENT_DID_SAVE, workspace.did_save, types.SaveOptions(include_text=False)),
    (types.WORKSPACE_DID_CHANGE_CONFIGURATION, workspace.did_change_configuration, None),
    (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, workspace.did_change_watched_files, None),
    (types.TEXT_DOCUMENT_INLINE_COMPLETION, inline_completion.inline_completion, types.InlineCompletionOptions()),
    (
        types.TEXT_DOCUMENT_COMPLETION,
        completion.completion,
        types.CompletionOptions(trigger_characters=completion.TRIGGER_CHARACTERS, resolve_provider=False),
    ),
    (types.TEXT_DOCUMENT_CODE_ACTION, code_action.code_action, code_action.OPTIONS),
    (types.CODE_ACTION_RESOLVE, code_action.resolve, None),
    (TRACE, workspace.trace, None),
)
_WHERE_WANTED: tuple[tuple[str, Handler], ...] = (
    (types.WORKSPACE_SYMBOL, symbols.workspace_symbol),
    (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, symbols.document_symbol),
)
# In place of pygls's own, which are generators: those cannot be cancelled once they run.
_BUILT_IN: tuple[tuple[str, Handler], ...] = (
    (types.TEXT_DOCUMENT_DID_OPEN, workspace.did_open),
    (types.TEXT_DOCUMENT_DID_CHANGE, workspace.did_change),
    (types.TEXT_DOCUMENT_DID_CLOSE, workspace.did_close),
    (types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, workspace.did_change_folders),
    (types.WINDOW_WORK_DONE_PROGRESS_CANCEL, workspace.progress_cancelled),
    (types.WORKSPACE_EXECUTE_COMMAND, command.execute),
    (types.SHUTDOWN, workspace.shutdown),
    (types.EXIT, workspace.leave),
)


def create_server(make_app: AppFactory, *, clock: Clock | None = None) -> AssistServer:
    """Make a server that builds its App when the client says hello."""
    server = AssistServer(make_app, clock or SystemClock())

    def add_symbols() -> None:
        for method, handler in _WHERE_WANTED:
            server.feature(method)(_bound(method, handler, server.session))

    server.session.add_symbols = add_symbols

    async def initialize(session: Session, params: types.InitializeParams) -> None:
        session.begin(params, encoding_of(server.workspace.position_encoding))
        if session.serves_symbols:
            session.symbols_announced = True
            add_symbols()
        if params.process_id is not None:
            process_id = params.process_id
            session.spawn(lambda: _watch(session, process_id))

    for method, handler, options in ((types.INITIALIZE, initialize, None), *_FEATURES):
        server.feature(method, options)(_bound(method, handler, server.session))
    for method, handler in _BUILT_IN:
        server.protocol.fm.add_builtin_feature(method, _bound(method, handler, server.session))
    for name in command.COMMANDS:
        server.command(name)(_bound(name, command.execute, server.session))
    return server


def serve(make_app: AppFactory) -> int:
    """Serve one client on standard input and output; give the exit code.

    0 after `shutdown`, 1 where the client went without, 128 and the signal's number where one ended the server.
    """
    source, sink = stdio.take_over()
    return asyncio.run(_serve(create_server(make_app), source, sink))


async def _serve(server: AssistServer, source: int, sink: int) -> int:
    loop, session = asyncio.get_running_loop(), server.session
    loop.set_exception_handler(log_lost)
    over: asyncio.Future[int] = loop.create_future()
    session.over = over
    writer = stdio.Writer(sink, session.client_gone)
    server.protocol.set_writer(writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, session.end, 128 + number)
    session.spawn(lambda: _read(server, source))
    try:
        return await over
    finally:
        await session.aclose()
        writer.close()


async def _read(server: AssistServer, source: int) -> None:
    try:
        async for body in stdio.messages(stdio.read_in_thread(source)):
            server.protocol.receive(body)
    finally:
        server.session.client_gone()


async def _watch(session: Session, process_id: int) -> None:
    if await wait_for_end(process_id, session.clock):
        session.client_gone()


def _bound(method: str, handler: Handler, session: Session) -> Callable[[Any], Awaitable[Any]]:
    run = guarded(method, lambda params: handler(session, params))

    async def bound(params: Any = None) -> Any:
        return await run(params)

    return bound
