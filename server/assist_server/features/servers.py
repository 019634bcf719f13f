"""The model servers that can be found on this machine, or where the settings say."""

import asyncio
from collections.abc import Mapping

from assist_server.backends.ollama_url import ollama_url
from assist_server.backends.probe import UNKNOWN, Found, identify
from assist_server.backends.registry import USUAL_URLS
from assist_server.config.settings import Settings
from assist_server.core.errors import AssistError
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import policy_from

# Ollama, LM Studio, KoboldCpp, GPT4All, llama.cpp and Open WebUI, llama.cpp's newest, vLLM, Open WebUI in a container.
WELL_KNOWN_PORTS = (11434, 1234, 5001, 4891, 8080, 9931, 8000, 3000)


def server_urls(settings: Settings, environ: Mapping[str, str], ports: tuple[int, ...]) -> tuple[str, ...]:
    """List where to look: the configured server's address, else the usual ports of this machine where any will do."""
    ollama = ollama_url(environ.get("OLLAMA_HOST", ""))
    usual = {**USUAL_URLS, "ollama": ollama}
    if settings.backend.name in ("embedded", "scripted"):
        return ()
    if settings.backend.url:
        return (settings.backend.url,)
    everywhere = (ollama, *(f"http://127.0.0.1:{port}" for port in ports))
    named = usual.get(settings.backend.name)
    return (named,) if named else tuple(dict.fromkeys(everywhere))


async def find_servers(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    audit: AuditLog | None = None,
    ports: tuple[int, ...] = WELL_KNOWN_PORTS,
) -> tuple[Found, ...]:
    """Look at all addresses at once; what may not be reached is left out, a strange program only named where it was
    asked for.
    """
    policy = policy_from(settings.privacy)

    async def look(url: str) -> Found | None:
        try:
            return await identify(url, policy=policy, audit=audit)
        except AssistError:
            return None  # whoever uses the address gets the reason

    found = await asyncio.gather(*(look(url) for url in server_urls(settings, environ, ports)))
    named = settings.backend.name != "auto"
    return tuple(server for server in found if server is not None and (named or server.product != UNKNOWN))
