"""Which machines assist may talk to: this one, and those that its owner named.

A name that nobody allowed is refused before it is resolved, so that not even a DNS query tells of it.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from assist_server.config.settings import PrivacySettings
from assist_server.core.errors import ConfigError, EgressRefused

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_THIS_MACHINE = "127.0.0.1"
_URL_HINT = "write it as `http://127.0.0.1:11434`"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart.

    scheme: `http`, `https` or `unix`. host: in lower case, without brackets, as it is connected to; empty for `unix`.
    path: the path of the URL without its query, or of the socket.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it leads to this machine."""
        return self.scheme == "unix" or is_loopback(self.host)


def ip_address(text: str) -> IPAddress | None:
    """Read an IP address in its usual form, None for something else; IPv4 inside IPv6 comes out as IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):  # without its scope, which each side writes in its own way
        return address.ipv4_mapped or ipaddress.IPv6Address(int(address))
    return address


def connectable_host(host: str) -> str:
    """Give the host as it is connected to: lower case, `localhost` and "all interfaces" as 127.0.0.1.

    Raises ConfigError for what is neither a name nor an address in its usual form: `2130706433`, `0x7f.1` and `127.1`
    mean 127.0.0.1 to some programs and something else to others.
    """
    bare = host.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    address = ip_address(bare)
    if address is not None:
        scope = bare.partition("%")[2]
        if address.is_unspecified:
            return _THIS_MACHINE
        return f"{address}%{scope}" if scope and address.version == 6 else str(address)
    if not _NAME.fullmatch(bare) or _NUMBER.fullmatch(bare.rpartition(".")[2]):
        raise ConfigError("the address has a host that is neither a name nor an IP address", hint=_URL_HINT)
    return _THIS_MACHINE if bare == "localhost" else bare


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its own words: a loopback address, `localhost` or a name below it."""
    try:
        name = connectable_host(host)
    except ConfigError:
        return False
    address = ip_address(name)
    return name.endswith(".localhost") if address is None else address.is_loopback


def parse_url(url: str) -> Target:
    """Take an `http`, `https` or `unix` URL apart; raises ConfigError for anything else, without repeating it."""
    if _NOT_IN_A_URL.search(url):
        raise ConfigError("the address holds a blank, a backslash or a control character", hint=_URL_HINT)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError("the address is not a URL", hint=_URL_HINT) from None
    if parts.scheme == "unix":
        if parts.netloc or not parts.path.startswith("/"):
            raise ConfigError("the address of a Unix socket is not an absolute path", hint="write it as `unix:///path`")
        return Target("unix", "", 0, parts.path)
    if parts.scheme not in ("http", "https"):
        raise ConfigError("the address begins with neither `http://` nor `https://`", hint=_URL_HINT)
    if "@" in parts.netloc:
        raise ConfigError(
            "the address holds a user name or password", hint="name an environment variable in `backend.apiKeyEnv`"
        )
    default = 443 if parts.scheme == "https" else 80
    return Target(parts.scheme, connectable_host(host), default if port is None else port, parts.path, parts.query)


def leads_here(url: str) -> bool:
    """Tell whether a URL leads to this machine; one that cannot be read leads nowhere."""
    try:
        return parse_url(url).is_here
    except ConfigError:
        return False


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The hosts beside this machine that may be talked to, by exact name or address."""

    allowed_hosts: frozenset[str] = frozenset()

    def allows(self, host: str) -> bool:
        """Tell whether a host is this machine or was allowed."""
        name = _normal(host)
        return is_loopback(host) or (name != "" and name in {_normal(allowed) for allowed in self.allowed_hosts})

    def check_host(self, host: str) -> None:
        """Raise EgressRefused for a host that nobody allowed."""
        if not self.allows(host):
            raise EgressRefused(
                f"{host} is not this machine and you have not allowed it",
                hint=f'to allow it, add "{host}" to `privacy.allowHosts` in your own configuration',
            )

    def check_url(self, url: str) -> None:
        """Raise EgressRefused for a host that nobody allowed, ConfigError for what is no URL of a server."""
        target = parse_url(url)
        if target.scheme != "unix":
            self.check_host(target.host)

    def check_peer(self, host: str, peer_ip: str) -> None:
        """Raise EgressRefused where a connection to host has reached a machine that host does not stand for.

        A loopback name must reach a loopback address, a literal address itself; an allowed name may reach whatever its
        owner's resolver says.
        """
        self.check_host(host)
        peer, literal = ip_address(peer_ip), ip_address(connectable_host(host))
        if peer is None:
            right = False
        elif is_loopback(host):
            right = peer.is_loopback
        else:
            right = literal in (None, peer)
        if not right:
            raise EgressRefused(
                f"{host} leads to {peer_ip}, which is not what its name says",
                hint="look at the name's entry in `/etc/hosts` or DNS; nothing was sent",
            )

    def widened(self, hosts: Iterable[str]) -> "EgressPolicy":
        """Allow more hosts, for one task."""
        return EgressPolicy(self.allowed_hosts | frozenset(hosts))


def policy_from(settings: PrivacySettings) -> EgressPolicy:
    """Take the allowed hosts from the user's own settings (which a workspace cannot set)."""
    return EgressPolicy(frozenset(settings.allow_hosts))


def _normal(host: str) -> str:
    try:
        return connectable_host(host.strip())
    except ConfigError:
        return ""
