"""The proxy that the user's environment names for a host beyond this machine.

A proxy is only ever used for a host that is itself allowed. Naming it in one's environment allows the connection to
it; the peer check then holds for the proxy's own host. Through it an `https` server is reached by a tunnel that the
proxy cannot read.
"""

from contextlib import suppress
from urllib.request import getproxies, proxy_bypass

import httpx

from assist_server.core.errors import ConfigError
from assist_server.privacy.egress import Target, connectable_host


def proxy_for(target: Target) -> httpx.Proxy | None:
    """Give the proxy for a target by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, or by the system's settings.

    Raises ConfigError for a proxy that is not an HTTP proxy.
    """
    proxies = getproxies()
    named = proxies.get(target.scheme) or proxies.get("all")
    if not named or proxy_bypass(f"{target.host}:{target.port}"):
        return None
    url = named if "://" in named else f"http://{named}"
    proxy = None
    with suppress(ValueError, ConfigError, httpx.InvalidURL):
        connectable_host(httpx.URL(url).host)
        proxy = httpx.Proxy(url)
    if proxy is None or proxy.url.scheme not in ("http", "https"):
        raise ConfigError(
            f"the proxy that your environment names for {target.host} is not an HTTP proxy",
            hint=f"set {target.scheme.upper()}_PROXY to an `http://` address, or add the host to NO_PROXY",
        )
    return proxy
