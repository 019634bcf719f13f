"""An answer in words: streamed to clients that know how, and shown by standard means to all others."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types

from assist_context.errors import ContextError
from assist_server.backends.base import Delta
from assist_server.core.errors import AssistError
from assist_server.features.actions.explain import Answer
from assist_server.lsp.application import LspApp
from assist_server.lsp.errors import said, treatment
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.progress import WorkDone

_PIECES_BETWEEN_REPORTS = 16


@dataclass(slots=True)
class _Received:
    pieces: list[str] = field(default_factory=list)
    model: str = ""
    cut: bool = False


async def answer(
    session: Session,
    start: Callable[[LspApp], Awaitable[Answer]],
    *,
    title: str,
    token: types.ProgressToken | None,
) -> dict[str, Any]:
    """Stream an answer and give all of it; `stop` and the progress's cancel button end it early.

    Raises the AssistError that ended it. Whatever happens, a client that gets the pieces gets the end too.
    """
    conversation, received = uuid.uuid4().hex, _Received()
    progress = WorkDone(
        session.protocol, session.cancellations, token=token, title=title, stop=lambda: stop(session, conversation)
    )
    task = session.work(_stream(session, start, conversation, received, progress))
    session.answers[conversation] = task
    error: str | None = None
    try:
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
    except (AssistError, ContextError) as problem:
        error = said(problem.message, problem.hint)
        if treatment(problem).lasting:
            session.status.fails(error)
        raise
    finally:
        task.cancel()
        del session.answers[conversation]
        progress.end()
        session.answer(conversation, "", done=True, error=error)
    text = "".join(received.pieces)
    return {"id": conversation, "text": text, "model": received.model, "stopped": task.cancelled(), "cut": received.cut}


def stop(session: Session, conversation: str) -> bool:
    """End an answer early; tell whether there was one to end."""
    task = session.answers.get(conversation)
    return task is not None and task.cancel()


async def _stream(
    session: Session,
    start: Callable[[LspApp], Awaitable[Answer]],
    conversation: str,
    received: _Received,
    progress: WorkDone,
) -> None:
    with session.status.busy():
        async with session.app() as app:
            started = await start(app)
            received.model = started.model
            progress.report(f"{started.model} reads")
            async with aclosing(started.events) as events:
                async for event in events:
                    if not isinstance(event, Delta):
                        received.cut = event.reason == "length"
                        continue
                    received.pieces.append(event.text)
                    session.answer(conversation, event.text)
                    if len(received.pieces) % _PIECES_BETWEEN_REPORTS == 1:
                        progress.report(f"{started.model} writes, {len(received.pieces)} pieces so far")
        session.works(app, started.backend, started.model)
