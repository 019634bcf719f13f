"""Which program answers at an address, told by the body of its answers: many servers copy each other's paths.

Nothing but GET requests without a key is sent, and no prompt ever, so any program may be behind a port.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from assist_server.core.errors import BackendError
from assist_server.net.address import Address
from assist_server.net.client import Timeouts, make_client, translated
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import EgressPolicy

UNKNOWN = "an unknown program"
OPENAI_COMPATIBLE = "an OpenAI-compatible server"

_TIMEOUTS = Timeouts(connect=0.3, first_byte=1.0, idle=1.0)
_MOST_BYTES = 262_144
_LONGEST_VERSION = 40


@dataclass(frozen=True, slots=True)
class Found:
    """A program that answers.

    backend: the `backend.name` that speaks to it, None where none does. needs_key: it wants an API key.
    """

    product: str
    backend: str | None
    url: str = ""
    version: str | None = None
    needs_key: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer; value is the object in its JSON, empty where there is none."""

    status: int
    server: str
    text: str
    value: dict[str, Any]

    def listed(self, key: str) -> list[dict[str, Any]] | None:
        """Give the objects in a list under a key, None where there is no list."""
        items = self.value.get(key)
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else None

    def version(self, key: str = "version") -> str | None:
        """Give a version under a key, cut to what fits into a line."""
        value = self.value.get(key)
        return value[:_LONGEST_VERSION] if isinstance(value, str) else None


async def identify(url: str, *, policy: EgressPolicy, audit: AuditLog | None = None) -> Found | None:
    """Tell which program answers at a base URL, None where nothing does.

    Waits at most 0.3 s for a connection and a second for each answer. Raises EgressRefused and ConfigError for an
    address that may not or cannot be used.
    """
    base = url.rstrip("/").removesuffix("/v1").removesuffix("/api")
    client = make_client(Address(base), policy=policy, timeouts=_TIMEOUTS, audit=audit, purpose="looking for a server")
    async with client:
        spoke = False
        for path, read in _PROBES:
            try:
                answer = await _ask(client, path)
            except BackendError:
                if not spoke:
                    return None
                continue
            spoke = True
            if found := read(answer):
                return replace(found, url=url, version=found.version or await _version(client, found))
    return Found(UNKNOWN, None, url)


async def _ask(client: httpx.AsyncClient, path: str) -> _Answer:
    body = b""
    with translated("the server"):
        async with client.stream("GET", path, headers={"connection": "close"}) as response:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    break
    text = body[:_MOST_BYTES].decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = {}
    return _Answer(
        response.status_code, response.headers.get("server", ""), text, value if isinstance(value, dict) else {}
    )


async def _version(client: httpx.AsyncClient, found: Found) -> str | None:
    path = {"Ollama": "/api/version", "vLLM": "/version"}.get(found.product)
    if path is None:
        return None
    try:
        return (await _ask(client, path)).version()
    except BackendError:
        return None


def _koboldcpp(answer: _Answer) -> Found | None:
    if answer.value.get("result") == "KoboldCpp":
        protected = answer.value.get("protected") is True
        return Found("KoboldCpp", "openai", version=answer.version(), needs_key=protected)
    # LM Studio answers every path that it does not have with 200 and this sentence.
    if str(answer.value.get("error")).startswith("Unexpected endpoint or method"):
        return Found("LM Studio", "openai")
    return None


def _lm_studio(answer: _Answer) -> Found | None:
    ours = any("key" in model for model in answer.listed("models") or ())
    ours = ours or any("state" in model for model in answer.listed("data") or ())
    return Found("LM Studio", "openai") if ours else None


def _ollama(answer: _Answer) -> Found | None:
    return Found("Ollama", "ollama") if answer.text == "Ollama is running" else None


def _open_webui(answer: _Answer) -> Found | None:
    ours = "deployment_id" in answer.value
    return Found("Open WebUI", "openai", version=answer.version(), needs_key=True) if ours else None


def _llama_server(answer: _Answer) -> Found | None:
    if "llama.cpp" not in answer.server and "default_generation_settings" not in answer.value:
        return None
    version = answer.version("build_info")
    return Found("llama.cpp", "llama-server", version=version, needs_key=answer.status == 401)


def _openai(answer: _Answer) -> Found | None:
    models = answer.listed("data")
    if answer.status in (401, 403) and "error" in answer.value:
        return Found(OPENAI_COMPATIBLE, "openai", needs_key=True)
    if models is None:
        return None
    owners = {str(model.get("owned_by")) for model in models}
    if "humanity" in owners:
        return Found("GPT4All", None)  # it refuses streams and stop strings
    return Found("vLLM" if "vllm" in owners else OPENAI_COMPATIBLE, "openai")


# KoboldCpp comes first: it answers Ollama's and llama.cpp's questions too.
_PROBES: tuple[tuple[str, Callable[[_Answer], Found | None]], ...] = (
    ("/api/extra/version", _koboldcpp),
    ("/api/v1/models", _lm_studio),
    ("/api/v0/models", _lm_studio),
    ("/", _ollama),
    ("/api/version", _open_webui),
    ("/props", _llama_server),
    ("/v1/models", _openai),
)
