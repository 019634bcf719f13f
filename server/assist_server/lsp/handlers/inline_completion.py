"""`textDocument/inlineCompletion`: ghost text."""

from lsprotocol import types

from assist_server.lsp.convert import inline_items, offset_at, span_of, with_selected
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.suggestions import Asking, note_unknown, suggest


async def inline_completion(session: Session, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Suggest text for the cursor, several where a person asked; nothing for a document that is not open."""
    nothing = types.InlineCompletionList([])
    document = session.documents.snapshot(params.text_document.uri)
    if document is None:
        note_unknown(session, params.text_document.uri)
        return nothing
    encoding, text = session.documents.encoding, document.text
    offset = offset_at(text, params.position, encoding)
    place, typed = (offset, offset), ""
    if (selected := params.context.selected_completion_info) is not None:
        place, typed = span_of(text, selected.range, encoding), selected.text
        document, offset = with_selected(document, place, typed)
    invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    asking = Asking(document, offset, params.position.line, "invoked" if invoked else "automatic", typed)
    completion = await suggest(session, asking)
    if completion is None or not completion.items:
        return nothing
    texts = [typed + item.text for item in completion.items]
    commands = session.offers.commands(document, offset, asking.trigger, completion, place=place, texts=texts)
    return types.InlineCompletionList(inline_items(text, place, zip(texts, commands, strict=True), encoding))
