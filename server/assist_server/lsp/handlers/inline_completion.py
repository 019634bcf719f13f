"""`textDocument/inlineCompletion`: ghost text."""

from lsprotocol import types

from assist_server.lsp.convert import inline_item, offset_at, range_at, with_selected
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.suggestions import suggest


async def inline_completion(session: Session, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Suggest text for the cursor; nothing for a document that is not open."""
    nothing = types.InlineCompletionList([])
    document = session.documents.snapshot(params.text_document.uri)
    if document is None:
        return nothing
    encoding = session.documents.encoding
    offset = offset_at(document.text, params.position, encoding)
    place = range_at(document.text, offset, offset, encoding)
    selected = params.context.selected_completion_info
    if selected is not None:
        document, offset = with_selected(document, selected, encoding)
    invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    completion = await suggest(
        session,
        document,
        offset,
        "invoked" if invoked else "automatic",
        selected=selected.text if selected else "",
    )
    if completion is None:
        return nothing
    return types.InlineCompletionList([inline_item(item.text, place, selected) for item in completion.items])
