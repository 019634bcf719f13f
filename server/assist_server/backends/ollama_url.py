"""Where Ollama is, as its own `OLLAMA_HOST` says it."""

import ipaddress

USUAL_URL = "http://127.0.0.1:11434"


def ollama_url(value: str) -> str:
    """Read a value of `OLLAMA_HOST` as Ollama does and give a URL that can be connected to.

    Forms: empty, `host`, `host:port`, `:port`, `http://...`, `https://...`, a path after them, IPv6 with or without
    brackets.
    The port is 11434, or the scheme's own where there is a scheme; one that is no port counts as absent.
    "All interfaces" and `localhost` become the loopback address.
    """
    text = value.strip().strip("\"'").strip()
    if text == "ollama.com":
        return "https://ollama.com:443"
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    usual = {"http": 80, "https": 443}.get(scheme.lower(), 11434) if separator else 11434
    place, slash, path = rest.partition("/")
    host, port = _split(place)
    number = int(port) if port.isascii() and port.isdigit() and int(port) <= 65535 else usual
    return f"{scheme.lower()}://{_connectable(host)}:{number}{(slash + path).rstrip('/')}"


def _split(place: str) -> tuple[str, str]:
    """Part host and port; an IPv6 address without brackets has no port."""
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    if place.count(":") > 1:
        return place, ""
    host, _, port = place.partition(":")
    return host, port


def _connectable(host: str) -> str:
    if host.lower() in ("", "localhost"):
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1"
    return f"[{address}]" if address.version == 6 else str(address)
