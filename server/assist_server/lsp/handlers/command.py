"""`workspace/executeCommand`: what a person asks for."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from assist_context.document import Document
from assist_server.core.errors import AssistError
from assist_server.features.actions.explain import ExplainQuery
from assist_server.lsp.answers import answer, stop
from assist_server.lsp.convert import span_of
from assist_server.lsp.lifecycle import Session
from assist_server.lsp.methods import (
    ACCEPTED,
    EXPLAIN,
    STOP,
    TOGGLE,
    USE,
    accepted_arguments,
    explain_arguments,
    stop_arguments,
    toggle_arguments,
    use_arguments,
)
from assist_server.lsp.presentation import present

Command = Callable[[Session, types.ExecuteCommandParams], Awaitable[Any]]


async def execute(session: Session, params: types.ExecuteCommandParams) -> Any:
    """Run a command by its name."""
    if (command := COMMANDS.get(params.command)) is None:
        raise JsonRpcInvalidParams(f"there is no command {params.command}")
    return await command(session, params)


async def explain(session: Session, params: types.ExecuteCommandParams) -> dict[str, Any] | None:
    """Explain a range; None for a document that is not open."""
    arguments = explain_arguments(params.arguments)
    document = session.documents.snapshot(arguments.uri)
    if document is None:
        return None
    start, end = 0, len(document.text)
    if arguments.range is not None:
        start, end = span_of(document.text, arguments.range, session.documents.encoding)
    query = ExplainQuery(document=document, start=start, end=end)
    heading = f"Explanation of {_place(document, start, end)}"
    result = await answer(session, lambda app: app.explain.start(query), title=heading, token=params.work_done_token)
    app = session.settled
    if app is not None and result["text"].strip() and not session.wants("answer"):
        cache, identity, text = app.folders.cache, result["id"], result["text"]
        session.spawn(lambda: present(session, cache, identity, heading, text))
    return result


async def stop_answer(session: Session, params: types.ExecuteCommandParams) -> dict[str, bool]:
    """End an answer early."""
    return {"stopped": stop(session, stop_arguments(params.arguments))}


async def use(session: Session, params: types.ExecuteCommandParams) -> dict[str, str]:
    """Take another backend or model for this session; one that cannot be had changes nothing and is an error."""
    arguments = use_arguments(params.arguments)
    before = {role: session.use(role, backend=arguments.backend, model=arguments.model) for role in arguments.roles}
    try:
        async with session.app() as app:
            target = await app.selector.target(arguments.roles[0])
            session.works(app, target.backend.name, target.model)
    except AssistError:
        for role, (backend, model) in before.items():
            session.use(role, backend=backend, model=model)
        raise
    return {"backend": target.backend.name, "model": target.model}


async def toggle(session: Session, params: types.ExecuteCommandParams) -> dict[str, Any]:
    """Switch completions off, or on again, for this session."""
    where = toggle_arguments(params.arguments)
    enabled = session.switches.toggle(where)
    session.status.switch(session.off())
    return {"scope": where.scope, "enabled": enabled}


async def accepted(session: Session, params: types.ExecuteCommandParams) -> dict[str, bool]:
    """Count that a suggestion, or a part of one, was accepted."""
    return {"known": session.offers.accepted(accepted_arguments(params.arguments))}


def _place(document: Document, start: int, end: int) -> str:
    first = document.text.count("\n", 0, start) + 1
    last = first + document.text[start:end].rstrip("\n").count("\n")
    return f"{document.path}:{first}" if first == last else f"{document.path}:{first}-{last}"


COMMANDS: Mapping[str, Command] = {
    EXPLAIN: explain,
    STOP: stop_answer,
    USE: use,
    TOGGLE: toggle,
    ACCEPTED: accepted,
}
