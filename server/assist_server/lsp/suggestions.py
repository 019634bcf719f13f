"""One suggestion for one keystroke, for whichever feature asks."""

import asyncio
from dataclasses import dataclass, field

from assist_context.document import Document
from assist_context.errors import ContextError
from assist_server.core.errors import AssistError
from assist_server.features.completion.service import Completion, CompletionQuery
from assist_server.features.completion.trigger import Trigger
from assist_server.lsp.errors import said, treatment
from assist_server.lsp.latest import Keystroke
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.surroundings import surroundings

GROUP = "completion"

_UNKNOWN = "the editor has not opened this document"
_CANCELLED = "the editor cancelled the request"
_SUPERSEDED = "a newer request took its place, or the document was closed"


@dataclass(frozen=True, slots=True)
class Asking:
    """What a suggestion is wanted for.

    line: of the cursor, from 0, as the editor has it. selected: the item that the editor's list has selected, and with
    which the document is the editor's.
    """

    document: Document
    offset: int
    line: int
    trigger: Trigger = "automatic"
    selected: str = field(default="")

    @property
    def keystroke(self) -> Keystroke:
        """What makes two requests the same."""
        return Keystroke(self.document.version, self.offset, self.trigger == "invoked", self.selected)


async def suggest(session: Session, asking: Asking) -> Completion | None:
    """Make a suggestion; None where there is none, because it failed, was superseded, or is switched off.

    A failure is told once and by the status: a person who types must not be shown an error for each key.
    """
    document = asking.document
    session.recent.visited(document.uri, asking.line)
    asked = session.traces.begin(document.uri)
    if why := session.off() or session.switches.off(document.uri, document.language):
        asked.nothing(why)
        return None
    try:
        # Not within the generation: a superseded one may take its time to stop, which nobody waits for.
        with session.status.waiting(document.uri):
            found = await session.latest.run(
                (document.uri, GROUP), asking.keystroke, lambda: _generate(session, asking)
            )
    except asyncio.CancelledError:
        asked.nothing(_CANCELLED)
        raise
    if isinstance(found, Completion):
        asked.answered(found)
        return found
    asked.nothing(found or _SUPERSEDED)
    return None


def note_unknown(session: Session, uri: str) -> None:
    """Say why a document that is not open gets nothing."""
    session.traces.begin(uri).nothing(_UNKNOWN)


async def warm(session: Session, uri: str) -> None:
    """Have the model read the beginning of a document that was just opened: somebody is likely to write there."""
    document = session.documents.snapshot(uri)
    if document is None or session.off() or session.switches.off(uri, document.language):
        return
    try:
        async with session.app() as app:
            app.completion.opened(document, surroundings(session, document, 0))
    except AssistError:
        return  # whoever asks for something will be told


async def _generate(session: Session, asking: Asking) -> Completion | str:
    """Give what was found, or why asking failed."""
    document = asking.document
    around = surroundings(session, document, asking.line)
    try:
        async with session.app() as app:
            number = app.settings.completion.alternatives if asking.trigger == "invoked" else 1
            query = CompletionQuery(
                document,
                asking.offset,
                asking.trigger,
                around,
                number,
                asked=lambda: session.status.asked(document.uri),
            )
            completion = await app.completion.complete(query)
            if completion.items:
                session.works(app, completion.backend, completion.model)
                if app.settings.completion.look_ahead:
                    app.completion.ahead(query, completion.items[0].text)
    except (AssistError, ContextError) as error:
        tell_failure(session, error)
        return said(error.message, error.hint)
    session.offers.answered(document, completion)
    return completion


def tell_failure(session: Session, error: AssistError | ContextError) -> None:
    """Show an error of something that nobody asked for: one message for each distinct problem, and the status."""
    how, text = treatment(error), said(error.message, error.hint)
    if how.level is not None:
        session.told.tell(how.level, text)
    if how.lasting:
        session.status.fails(text)
