"""`textDocument/completion`: the same suggestion in the editor's list, for editors that have no ghost text."""

from lsprotocol import types

from assist_server.lsp.convert import completion_item, offset_at, word_start
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.protocol import at
from assist_server.lsp.suggestions import Asking, note_unknown, suggest

# After these an editor asks although no word is begun.
TRIGGER_CHARACTERS = (".", "(", "=", ":")


async def completion(session: Session, params: types.CompletionParams) -> types.CompletionList:
    """Suggest text for the cursor; the list is incomplete, so that the editor asks again while its user types."""
    nothing = types.CompletionList(is_incomplete=True, items=[])
    document = session.documents.snapshot(params.text_document.uri)
    if document is None:
        note_unknown(session, params.text_document.uri)
        return nothing
    if not _wanted(session):
        return nothing
    encoding = session.documents.encoding
    offset = offset_at(document.text, params.position, encoding)
    # Editors ask with the same kind when a key is typed and when their user asks.
    asking = Asking(document, offset, params.position.line)
    suggestion = await suggest(session, asking)
    if suggestion is None or not suggestion.items:
        return nothing
    formats = at(session.protocol.client, "textDocument", "completion", "completionItem", "documentationFormat")
    markdown = isinstance(formats, list) and "markdown" in formats
    start = word_start(document.text, offset)
    texts = [document.text[start:offset] + item.text for item in suggestion.items]
    commands = session.offers.commands(document, offset, asking.trigger, suggestion, place=(start, offset), texts=texts)
    model = suggestion.model or ""
    items = [
        completion_item(document, (start, offset), text, encoding=encoding, model=model, markdown=markdown, rank=rank)
        for rank, text in enumerate(texts)
    ]
    for item, command in zip(items, commands, strict=True):
        item.command = command
    return types.CompletionList(is_incomplete=True, items=items)


def _wanted(session: Session) -> bool:
    """Tell whether items are wanted: an editor with ghost text waits for every provider before it shows its list."""
    app = session.settled
    wish = app.settings.completion.items if app else "auto"
    if wish == "auto":
        return not session.protocol.supports("textDocument", "inlineCompletion")
    return wish == "always"
