"""`textDocument/codeAction`: what assist offers for a selection."""

from lsprotocol import types

from assist_context.document import Document
from assist_server.lsp.convert import span_of
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.methods import EXPLAIN, EXPLAIN_KIND

OPTIONS = types.CodeActionOptions(code_action_kinds=[EXPLAIN_KIND], resolve_provider=True)
_TITLE = "Explain with assist"


async def code_action(
    session: Session, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command] | None:
    """Offer to explain the selection, or the line of the cursor."""
    document = session.documents.snapshot(params.text_document.uri)
    if document is None or not _asked_for(params.context.only) or not _explainable(session, document, params):
        return None
    span = {
        name: {"line": place.line, "character": place.character}
        for name, place in (("start", params.range.start), ("end", params.range.end))
    }
    command = types.Command(_TITLE, EXPLAIN, arguments=[{"uri": params.text_document.uri, "range": span}])
    if not session.protocol.supports("textDocument", "codeAction", "codeActionLiteralSupport"):
        return [command]
    return [types.CodeAction(_TITLE, kind=EXPLAIN_KIND, command=command)]


async def resolve(_session: Session, action: types.CodeAction) -> types.CodeAction:
    """Give an action as it is: what assist offers so far is complete from the beginning."""
    return action


def _asked_for(only: object) -> bool:
    """Tell whether one of the kinds asked for is ours or holds it: `refactor` holds `refactor.explain`."""
    if not isinstance(only, (list, tuple)):
        return True
    kinds = [str(getattr(kind, "value", kind)) for kind in only]
    return any(kind == "" or f"{EXPLAIN_KIND}.".startswith(f"{kind}.") for kind in kinds)


def _explainable(session: Session, document: Document, params: types.CodeActionParams) -> bool:
    """Tell whether there is something to explain; an editor that asks by itself gets no light bulb on every line."""
    start, end = span_of(document.text, params.range, session.documents.encoding)
    if start == end:
        if params.context.trigger_kind == types.CodeActionTriggerKind.Automatic:
            return False
        start, end = document.text.rfind("\n", 0, start) + 1, (document.text + "\n").index("\n", end)
    return bool(document.text[start:end].strip())
