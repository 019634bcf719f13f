"""Where a model server is, and the key it wants."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from assist_server.privacy.egress import parse_url


@dataclass(frozen=True, slots=True)
class Address:
    """A server's base URL, `http://127.0.0.1:1234` or `unix:///path.sock`, and the key that only this server gets."""

    url: str
    api_key: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """The address as a person reads it, `127.0.0.1:1234` or the socket's path; raises ConfigError for a bad URL."""
        target = parse_url(self.url)
        if target.scheme == "unix":
            return target.path
        host = f"[{target.host}]" if ":" in target.host else target.host
        return f"{host}:{target.port}"


AddressGetter = Callable[[], Awaitable[Address]]
