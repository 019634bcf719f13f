"""`textDocument/completion`: the same suggestion in the editor's list, for editors that have no ghost text."""

from lsprotocol import types

from assist_server.lsp.convert import completion_item, offset_at
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.protocol import at
from assist_server.lsp.suggestions import suggest

# After these an editor asks although no word is begun.
TRIGGER_CHARACTERS = (".", "(", "=", ":")


async def completion(session: Session, params: types.CompletionParams) -> types.CompletionList:
    """Suggest text for the cursor; the list is incomplete, so that the editor asks again while its user types."""
    nothing = types.CompletionList(is_incomplete=True, items=[])
    document = session.documents.snapshot(params.text_document.uri)
    if document is None or not _wanted(session):
        return nothing
    encoding = session.documents.encoding
    offset = offset_at(document.text, params.position, encoding)
    # Editors ask with the same kind when a key is typed and when their user asks.
    suggestion = await suggest(session, document, offset, "automatic")
    if suggestion is None:
        return nothing
    formats = at(session.protocol.client, "textDocument", "completion", "completionItem", "documentationFormat")
    markdown = isinstance(formats, list) and "markdown" in formats
    items = [
        completion_item(document, offset, item.text, encoding=encoding, model=suggestion.model or "", markdown=markdown)
        for item in suggestion.items
    ]
    return types.CompletionList(is_incomplete=True, items=items)


def _wanted(session: Session) -> bool:
    """Tell whether items are wanted: an editor with ghost text waits for every provider before it shows its list."""
    app = session.settled
    wish = app.settings.completion.items if app else "auto"
    if wish == "auto":
        return not session.protocol.supports("textDocument", "inlineCompletion")
    return wish == "always"
