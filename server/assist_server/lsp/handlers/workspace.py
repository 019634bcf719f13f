"""Documents, folders and settings as they change, and the beginning and the end of a session."""

from collections.abc import Mapping
from functools import partial

from lsprotocol import types

from assist_server.config.sources import WORKSPACE_FILE
from assist_server.lsp.documents import file_path
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.suggestions import GROUP, warm


async def initialized(session: Session, _params: types.InitializedParams) -> None:
    """Show what is wrong with the settings, get those that the client keeps, and have the model loaded."""
    session.tell_problems()
    session.ready()
    await session.register_watchers()
    await session.pull_configuration()
    await session.announce_symbols()
    session.warm_up()


async def did_open(session: Session, params: types.DidOpenTextDocumentParams) -> None:
    """Take over a document."""
    session.documents.open(params.text_document)
    session.recent.opened(params.text_document.uri)
    session.index.open(params.text_document.uri)
    session.spawn(partial(warm, session, params.text_document.uri))


async def did_change(session: Session, params: types.DidChangeTextDocumentParams) -> None:
    """Take over changes."""
    uri = params.text_document.uri
    changes = session.documents.change(params)
    session.recent.edited(uri, changes)
    session.offers.changed(uri, changes)
    session.index.open(uri)


async def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document and what is generated for it."""
    session.recent.closing(params.text_document.uri)
    uri = session.documents.close(params.text_document.uri)
    session.offers.closed(uri)
    session.index.close(uri)
    session.latest.forget((uri, GROUP))
    session.traces.forget(uri)
    if (app := session.settled) is not None:
        app.completion.forget(uri)


async def did_save(session: Session, params: types.DidSaveTextDocumentParams) -> None:
    """Index the file, and read the workspace's settings again where it has them, for clients that watch no files."""
    session.index.save(params.text_document.uri)
    path = file_path(params.text_document.uri)
    if path is not None and path.name == WORKSPACE_FILE:
        session.rebuild()


async def did_change_folders(session: Session, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Take over folders; the settings of the workspace are those of the first one."""
    before = session.documents.workspace()
    session.documents.change_folders(params.event)
    session.recent.change_folders()
    session.index.change_folders()
    if session.documents.workspace() != before:
        session.rebuild()


async def did_change_configuration(session: Session, params: types.DidChangeConfigurationParams) -> None:
    """Get the settings again: asked for where the client can be asked, else what it sent."""
    if session.protocol.supports("workspace", "configuration"):
        await session.pull_configuration()
        await session.announce_symbols()
        return
    settings = params.settings
    section = settings.get("assist") if isinstance(settings, Mapping) else None
    session.rebuild(editor_workspace=section if isinstance(section, Mapping) else {})
    await session.announce_symbols()


async def did_change_watched_files(session: Session, _params: types.DidChangeWatchedFilesParams) -> None:
    """Read the workspace's settings again."""
    session.rebuild()


async def progress_cancelled(session: Session, params: types.WorkDoneProgressCancelParams) -> None:
    """Stop the work that a progress belongs to."""
    session.cancellations.cancel(params.token)


async def trace(session: Session, params: object) -> object:
    """Tell why the last suggestion was, or was not, offered."""
    uri = getattr(params, "uri", None)
    return session.traces.last(uri if isinstance(uri, str) else None)


async def shutdown(session: Session, _params: None) -> None:
    """Answer or cancel what is pending; nothing but `exit` is served from now on."""
    session.protocol.shut_down = True
    await session.protocol.cancel_pending()


async def leave(session: Session, _params: None) -> None:
    """End the server: code 0 after `shutdown`, 1 without."""
    session.client_gone()
