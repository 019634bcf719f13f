"""Ollama's own client for what it can do without harm, over our HTTP client."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import ollama
import pydantic

from assist_server.backends.connection import Connection
from assist_server.backends.rejection import rejection
from assist_server.net.client import translated


class PackageClient(ollama.AsyncClient):
    """The package's client; the HTTP client of its own sends `OLLAMA_API_KEY` to any host, and takes proxies."""

    def __init__(
        self, client: httpx.AsyncClient
    ) -> None:  # deliberately without the base class's, which makes a client
        self._client = client


@asynccontextmanager
async def package_client(
    connection: Connection, *, model: str = "", missing_hint: str | None = None
) -> AsyncGenerator[PackageClient, None]:
    """Give the package's client for a connection; what it raises comes out as our errors."""
    client = PackageClient(await connection.client())
    with translated(connection.server):
        try:
            yield client
        except ollama.ResponseError as error:
            raise rejection(connection.asked(model, missing_hint), error.status_code, {}, error.error) from None
        except (pydantic.ValidationError, TypeError, AttributeError, RecursionError):
            raise connection.unreadable() from None
