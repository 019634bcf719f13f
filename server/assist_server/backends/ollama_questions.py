"""What Ollama is asked about its models; all that knows a connection asks by these."""

from collections.abc import Mapping
from typing import Any

from assist_server.backends.base import ModelInfo
from assist_server.backends.connection import Connection, both
from assist_server.backends.ollama_answers import LoadedModel, Vocabulary, listed_model, loaded_models, vocabulary_of


async def show(
    connection: Connection,
    model: str,
    *,
    missing_hint: str | None = None,
    quick: bool = True,
    **more: Any,
) -> Mapping[str, Any]:
    """Ask what a model is, an answer of 20 kB; raises ModelMissing. quick: the answer has to come within seconds."""
    answer = await connection.json(
        "POST", "/api/show", {"model": model, **more}, model=model, missing_hint=missing_hint, quick=quick
    )
    if not isinstance(answer, dict):
        raise connection.unreadable()
    return answer


async def vocabulary(
    connection: Connection, model: str, *, missing_hint: str | None = None, quick: bool = False
) -> Vocabulary:
    """Ask for a model's vocabulary, an answer of 4 MB and a tenth of a second; see `show`."""
    return vocabulary_of(await show(connection, model, missing_hint=missing_hint, quick=quick, verbose=True))


async def in_memory(connection: Connection) -> dict[str, LoadedModel]:
    """Ask what is loaded, by name."""
    answer = await connection.json("GET", "/api/ps")
    try:
        return loaded_models(answer)
    except (TypeError, AttributeError):
        raise connection.unreadable() from None


async def listed(connection: Connection) -> tuple[list[ModelInfo], dict[str, LoadedModel]]:
    """Ask which models there are, with the context length that they were trained for, and which are loaded."""
    answer, loaded = await both(connection.json("GET", "/api/tags"), in_memory(connection))
    try:
        return [listed_model(entry) for entry in answer["models"]], loaded
    except (KeyError, TypeError, AttributeError):
        raise connection.unreadable() from None
