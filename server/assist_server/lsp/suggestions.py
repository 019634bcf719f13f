"""One suggestion for one keystroke, for whichever feature asks."""

from assist_context.document import Document
from assist_context.errors import ContextError
from assist_server.core.errors import AssistError
from assist_server.features.completion.service import Completion, CompletionQuery
from assist_server.features.completion.trigger import Trigger
from assist_server.lsp.errors import said, treatment
from assist_server.lsp.latest import Keystroke
from assist_server.lsp.lifecycle import Session

GROUP = "completion"


async def suggest(
    session: Session, document: Document, offset: int, trigger: Trigger, *, selected: str = ""
) -> Completion | None:
    """Make a suggestion; None where there is none, because it failed, was superseded, or is switched off.

    A failure is told once and by the status: a person who types must not be shown an error for each key.
    """
    keystroke = Keystroke(document.version, offset, trigger == "invoked", selected)
    query = CompletionQuery(document=document, offset=offset, trigger=trigger)
    return await session.latest.run((document.uri, GROUP), keystroke, lambda: _generate(session, query))


async def _generate(session: Session, query: CompletionQuery) -> Completion | None:
    uri = query.document.uri
    if why := session.switches.off(uri, query.document.language):
        session.traces.record_nothing(uri, why)
        return None
    try:
        async with session.app() as app:
            with session.status.busy():
                completion = await app.completion.complete(query)
                if completion.items:
                    session.works(app, completion.backend, completion.model)
    except (AssistError, ContextError) as error:
        tell_failure(session, error)
        session.traces.record_nothing(uri, said(error.message, error.hint))
        return None
    session.traces.record(uri, completion)
    return completion


def tell_failure(session: Session, error: AssistError | ContextError) -> None:
    """Show an error of something that nobody asked for: one message for each distinct problem, and the status."""
    how, text = treatment(error), said(error.message, error.hint)
    if how.level is not None:
        session.told.tell(how.level, text)
    if how.lasting:
        session.status.fails(text)
