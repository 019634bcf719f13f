"""One model server's connection: follows its address, asks again where that is safe, and speaks in our errors."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, TypeVar, cast

import anyio
import httpx

from assist_server.backends.registry import BackendConfig
from assist_server.backends.rejection import Asked, rejection
from assist_server.core.errors import BackendTimeout, BadResponse
from assist_server.net.address import Address
from assist_server.net.client import make_client, translated

_QUICK = 5.0  # seconds for an answer that takes no model; a server that hangs must not hold up the choice of another


_First = TypeVar("_First")
_Second = TypeVar("_Second")


class Connection:
    """The HTTP side of a backend.

    product: the server's name in messages. usual_url: its address where the configuration gives none.
    one_stream_each: a socket serves one stream and is closed.
    """

    def __init__(
        self, product: str, config: BackendConfig, *, usual_url: str = "", one_stream_each: bool = False
    ) -> None:
        self._product = product
        self._config = config
        self._fixed = Address(config.url or usual_url, config.api_key)
        self._stream_headers = {"connection": "close"} if one_stream_each else {}
        self._address: Address | None = None
        self._client: httpx.AsyncClient | None = None
        self.generation = 0  # counts the clients: what was learnt from one server does not hold for the next

    @property
    def server(self) -> str:
        """The server in words, `Ollama at 127.0.0.1:11434`."""
        address = self._address or self._fixed
        return f"{self._product} at {address.place}" if address.url else self._product

    def asked(self, model: str = "", missing_hint: str | None = None) -> Asked:
        """Say who is asked, for an error."""
        return Asked(self.server, model, missing_hint, (self._address or self._fixed).api_key)

    async def client(self) -> httpx.AsyncClient:
        """Give the client for the server's present address."""
        address = await self._config.address() if self._config.address else self._fixed
        if self._client is None or address != self._address:
            client = make_client(
                address, policy=self._config.policy, timeouts=self._config.timeouts, audit=self._config.audit
            )
            old, self._client, self._address = self._client, client, address
            self.generation += 1
            if old is not None:
                await old.aclose()
        return self._client

    async def json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        model: str = "",
        missing_hint: str | None = None,
        quick: bool = True,
    ) -> Any:
        """Send a request that takes no model and decode its JSON; raises what a status other than 200 stands for.

        quick: the answer is short and has to come soon; a long one has the time that a first token has.
        """
        client = await self.client()
        with translated(self.server):
            response = await self._send(client, method, path, body, {}, quick=quick)
            try:
                with self.quick() if quick else nullcontext():
                    await response.aread()
            finally:
                await response.aclose()
        self._check(response, self.asked(model, missing_hint))
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            raise self.unreadable() from None

    @asynccontextmanager
    async def stream(
        self, path: str, body: Mapping[str, Any], *, model: str = "", missing_hint: str | None = None
    ) -> AsyncGenerator[httpx.Response, None]:
        """Post a request and give the response, its body unread; leaving closes the socket, which stops the model."""
        client = await self.client()
        with translated(self.server):
            response = await self._send(client, "POST", path, body, self._stream_headers)
            try:
                if response.status_code != 200:
                    await response.aread()
                    self._check(response, self.asked(model, missing_hint))
                yield response
            finally:
                await response.aclose()

    @contextmanager
    def quick(self) -> Iterator[None]:
        """Raise BackendTimeout where what is inside takes longer than an answer that takes no model may."""
        limit = min(self._config.timeouts.first_byte, _QUICK)
        try:
            with anyio.fail_after(limit):
                yield
        except TimeoutError:
            raise BackendTimeout(
                f"{self.server} did not answer within {limit:g} s", hint="it may hang: start it anew"
            ) from None

    def unreadable(self) -> BadResponse:
        """Make the error for an answer that is not what this kind of server says."""
        return BadResponse(
            f"{self.server} gave an answer that cannot be read",
            hint="is `backend.name` right for the server at this address",
        )

    def cut_short(self) -> BadResponse:
        """Make the error for a stream without its end."""
        return BadResponse(
            f"{self.server} ended its answer too early",
            hint="ask again; where it happens again, look at the server's own log",
        )

    async def aclose(self) -> None:
        """Close all sockets; a later request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _send(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        *,
        quick: bool = False,
    ) -> httpx.Response:
        """Send, and send once more where no byte of an answer had come.

        A refused connection is tried again only where the address can have changed; a connection that the server
        dropped was a kept one that it no longer wanted, or belonged to an engine that has just gone.
        """
        again = {httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError}
        if self._config.address:
            again.add(httpx.ConnectError)
        while True:
            request = client.build_request(method, path, json=body, headers=dict(headers))
            try:
                with self.quick() if quick else nullcontext():
                    return await client.send(request, stream=True)
            except httpx.TransportError as error:
                if type(error) not in again:
                    raise
                again.remove(type(error))
            client = await self.client()

    def _check(self, response: httpx.Response, asked: Asked) -> None:
        if response.status_code != 200:
            raise rejection(asked, response.status_code, response.headers, response.text)


async def both(first: Awaitable[_First], second: Awaitable[_Second]) -> tuple[_First, _Second]:
    """Ask two things at once; of two failures the first one's is raised, and nothing is left running."""
    results = await asyncio.gather(first, second, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return cast("tuple[_First, _Second]", tuple(results))
