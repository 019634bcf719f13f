"""The one place where an HTTP client is made.

Whatever a backend or a download does with the client, the transport below holds: only the client's own server is
spoken to, its machine is checked after the TCP connect and before a byte of the request leaves, no redirect is
followed, and the key goes to no other server.
"""

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import anyio
import httpx

from assist_server.core.errors import (
    AssistError,
    BackendTimeout,
    BackendUnavailable,
    BadResponse,
    ConfigError,
    EgressRefused,
)
from assist_server.net.address import Address
from assist_server.net.proxy import proxy_for
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import EgressPolicy, Target, is_loopback, parse_url


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds.

    connect: for the TCP and TLS handshakes. first_byte: from the request to the headers and, counted from the same
    start, the first piece of the body (a cold model loads in this time). idle: between two pieces after that.
    """

    connect: float
    first_byte: float
    idle: float


def make_client(
    address: Address,
    *,
    policy: EgressPolicy,
    timeouts: Timeouts,
    audit: AuditLog | None = None,
    purpose: str = "model server",
    see_redirects: bool = False,
) -> httpx.AsyncClient:
    """Make a client for one server; requests name paths below the address's URL. HTTP/1.1 only.

    purpose: what the audit log says of a connection that leaves this machine.
    see_redirects: give a 3xx answer to the caller, who decides, instead of raising BadResponse. None is ever followed.
    Raises EgressRefused for a host that is not allowed, ConfigError for a bad URL.
    """
    return httpx.AsyncClient(
        base_url=_base_url(address),
        headers={"user-agent": "assist"},
        transport=make_transport(
            address, policy=policy, timeouts=timeouts, audit=audit, purpose=purpose, see_redirects=see_redirects
        ),
        timeout=httpx.Timeout(timeouts.first_byte, connect=timeouts.connect),
        follow_redirects=False,
        trust_env=False,
    )


def make_transport(
    address: Address,
    *,
    policy: EgressPolicy,
    timeouts: Timeouts,
    audit: AuditLog | None = None,
    purpose: str = "model server",
    see_redirects: bool = False,
) -> "GuardedTransport":
    """Make the guarded transport alone, for a library that builds its own httpx client (pass it as `transport`)."""
    policy.check_url(address.url)
    target = parse_url(address.url)
    proxy = None if target.scheme == "unix" or is_loopback(target.host) else proxy_for(target)
    inner = httpx.AsyncHTTPTransport(
        verify=_tls(target, proxied=proxy is not None),
        trust_env=False,
        http2=False,
        uds=target.path if target.scheme == "unix" else None,
        proxy=proxy,
    )
    return GuardedTransport(
        inner,
        base=_base_url(address),
        api_key=address.api_key,
        peer_host=proxy.url.host if proxy else target.host,
        # the user's own environment names the proxy, which is leave enough to connect to it
        policy=policy.widened({proxy.url.host}) if proxy else policy,
        timeouts=timeouts,
        audit=audit,
        purpose=f"{purpose}, by way of a proxy" if proxy else purpose,
        see_redirects=see_redirects,
    )


class GuardedTransport(httpx.AsyncBaseTransport):
    """Speak to one server and to nothing else."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        base: httpx.URL,
        api_key: str | None,
        peer_host: str,
        policy: EgressPolicy,
        timeouts: Timeouts,
        audit: AuditLog | None,
        purpose: str,
        see_redirects: bool,
    ) -> None:
        self._inner = inner
        self._base = base
        self._api_key = api_key
        self._peer_host = peer_host
        self._policy = policy
        self._timeouts = timeouts
        self._audit = audit
        self._purpose = purpose
        self._see_redirects = see_redirects

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the client's own server, with its key and no other."""
        if _origin(request.url) != _origin(self._base):
            raise EgressRefused(
                f"a request to {request.url.host} was refused, because this client speaks to {self._base.host} only"
            )
        request.headers.pop("authorization", None)
        if self._api_key:
            request.headers["authorization"] = f"Bearer {self._api_key}"
        request.extensions = {**request.extensions, "trace": self._trace}
        start = monotonic()
        response = await self._inner.handle_async_request(request)
        if 300 <= response.status_code < 400 and not self._see_redirects:
            await response.aclose()
            raise _redirected(request, response)
        left = max(self._timeouts.idle, start + self._timeouts.first_byte - monotonic())
        response.stream = TimedStream(response.stream, first=left, idle=self._timeouts.idle)
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        if not event.endswith("connect_tcp.complete"):
            return
        stream = info["return_value"]
        try:
            self._policy.check_peer(self._peer_host, str(stream.get_extra_info("server_addr")[0]))
            if self._audit is not None:
                self._audit.record(host=self._base.host, purpose=self._purpose)
        except AssistError:
            await stream.aclose()
            raise


class TimedStream(httpx.AsyncByteStream):
    """A response's body that may keep its reader waiting for so many seconds: the first piece, then every other."""

    def __init__(self, inner: httpx.AsyncByteStream | httpx.SyncByteStream, *, first: float, idle: float) -> None:
        if not isinstance(inner, httpx.AsyncByteStream):
            raise TypeError(type(inner).__name__)
        self._inner = inner
        self._first = first
        self._idle = idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._inner.__aiter__()
        limit = self._first
        try:
            while True:
                try:
                    with anyio.fail_after(limit):
                        piece = await pieces.__anext__()
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise httpx.ReadTimeout(f"nothing for {limit:.0f} s") from None
                yield piece
                limit = self._idle
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()  # where the reader leaves early nobody else would

    async def aclose(self) -> None:
        """Close the connection unless the body was read to its end."""
        await self._inner.aclose()


@contextmanager
def translated(server: str) -> Iterator[None]:
    """Turn what httpx and the system raise into errors that name the server in words (`Ollama at 127.0.0.1:11434`).

    BackendUnavailable: no connection. BackendTimeout: an answer too late. BadResponse: a cut or unreadable one.
    An AssistError passes unchanged.
    """
    hint = "start the server, or see what `assist doctor` says"
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise BackendUnavailable(f"{server} cannot be reached{_reason(error)}", hint=hint) from error
    except httpx.TimeoutException as error:
        raise BackendTimeout(
            f"{server} did not answer in time", hint="a larger model needs a longer `backend.firstTokenTimeoutMs`"
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigError(f"{server} has an address that cannot be used") from error
    except (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError) as error:
        raise BadResponse(f"{server} closed the connection before its answer was complete", hint=hint) from error
    except (httpx.HTTPError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadResponse(f"{server} gave an answer that cannot be read") from error
    except OSError as error:
        raise BackendUnavailable(f"{server} cannot be reached{_reason(error)}", hint=hint) from error


def _base_url(address: Address) -> httpx.URL:
    target = parse_url(address.url)
    if target.query:
        raise ConfigError("the address of a server has a query", hint="leave out what follows the `?`")
    if target.scheme == "unix":
        return httpx.URL("http://localhost")
    return httpx.URL(scheme=target.scheme, host=target.host, port=target.port, path=target.path or "/")


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _tls(target: Target, *, proxied: bool) -> ssl.SSLContext:
    if target.scheme != "https" and not proxied:
        return ssl.SSLContext(
            ssl.PROTOCOL_TLS_CLIENT
        )  # never used; reading the certificates takes longer than a request
    try:
        context = httpx.create_ssl_context(trust_env=True)
        context.load_default_certs()
    except OSError as error:
        raise ConfigError(
            f"the certificates cannot be read{_reason(error)}", hint="look at SSL_CERT_FILE and SSL_CERT_DIR"
        ) from error
    return context


def _redirected(request: httpx.Request, response: httpx.Response) -> BadResponse:
    try:
        where = request.url.join(response.headers.get("location", "")).host
    except httpx.InvalidURL:
        where = "an address that cannot be read"
    return BadResponse(
        f"{request.url.host} answered with a redirect to {where or 'nowhere'}, which is not followed",
        hint="give the server's own address in `backend.url`",
    )


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f": {text[0].rstrip('.')}" if text else ""
