"""Ollama's own client for what it can do without harm, over our HTTP client."""

import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from assist_server.backends.connection import Connection
from assist_server.backends.rejection import rejection
from assist_server.core.errors import AssistError
from assist_server.net.client import translated

if TYPE_CHECKING:
    from ollama import AsyncClient

Failure = Callable[[str, int], AssistError]
"""Makes the error for a refusal: its words and its HTTP status, which is -1 inside a stream."""

_READ_BY_THE_PACKAGE = frozenset({"OLLAMA_HOST", "OLLAMA_API_KEY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"})


@asynccontextmanager
async def package_client(
    connection: Connection, *, model: str = "", missing_hint: str | None = None, failure: Failure | None = None
) -> AsyncGenerator["AsyncClient", None]:
    """Give the package's client for a connection; what it raises comes out as our errors.

    failure: makes the error for a refusal, where its usual meaning does not do.
    """
    http = await connection.client()
    with _without_environment():
        import ollama  # noqa: PLC0415 - see _without_environment
        from pydantic import ValidationError  # noqa: PLC0415 - a quarter of a second, which few commands need
    # The HTTP client that its constructor makes sends `OLLAMA_API_KEY` to any host, and takes proxies.
    client: Any = ollama.AsyncClient.__new__(ollama.AsyncClient)
    client._client = http  # noqa: SLF001 - the package has no other way to be given one
    with translated(connection.server):
        try:
            yield client
        except ollama.ResponseError as error:
            if failure is not None:
                raise failure(error.error, error.status_code) from None
            raise rejection(connection.asked(model, missing_hint), error.status_code, {}, error.error) from None
        except (ValidationError, TypeError, AttributeError, RecursionError):
            raise connection.unreadable() from None


@contextmanager
def _without_environment() -> Iterator[None]:
    """Keep from the package what it would read of the environment while it is imported.

    It makes a client of its own then, although nobody asks for one, and fails where that cannot be made: for an
    `OLLAMA_HOST` that it cannot parse, a SOCKS proxy, certificates that are not there.
    """
    kept = {name: value for name, value in os.environ.items() if _is_read(name)}
    for name in kept:
        del os.environ[name]
    os.environ["NO_PROXY"] = "*"  # nor may it take the system's proxies, where the environment names none
    try:
        yield
    finally:
        del os.environ["NO_PROXY"]
        os.environ.update(kept)


def _is_read(name: str) -> bool:
    return name.upper() in _READ_BY_THE_PACKAGE or name.upper().endswith("_PROXY")
