"""The model servers by name; a server's module is imported when it is chosen, not before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assist_server.backends.base import Backend
from assist_server.backends.ollama_url import USUAL_URL as OLLAMA_URL
from assist_server.core.errors import ConfigError
from assist_server.core.notices import Notify, unheard
from assist_server.net.address import AddressGetter
from assist_server.net.client import Timeouts
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import EgressPolicy

_BACKENDS = {
    "ollama": "assist_server.backends.ollama:OllamaBackend",
    "embedded": "assist_server.backends.embedded:EmbeddedBackend",
    "llama-server": "assist_server.backends.llama_server:LlamaServerBackend",
    "openai": "assist_server.backends.openai_compatible:OpenAICompatibleBackend",
    "scripted": "assist_server.backends.scripted:scripted_backend",
}


USUAL_URLS: Mapping[str, str] = MappingProxyType(
    {"ollama": OLLAMA_URL, "llama-server": "http://127.0.0.1:8080", "openai": "http://127.0.0.1:1234"}
)
"""Where the servers listen when nobody says otherwise; the OpenAI one is LM Studio's."""


@dataclass(frozen=True, slots=True)
class OllamaWishes:
    """How the user wants models to be run by Ollama: tokens, tokens, threads; 0 where nothing is wished.

    parallel: how many requests it answers at a time for one model.
    """

    context_length: int = 0
    batch_size: int = 0
    threads: int = 0
    parallel: int = 1


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """All that a backend is told.

    url: the server's address, empty for its usual one on this machine. address: asked before every request instead of
    `url`.
    keep_alive: how long Ollama keeps a model, as Ollama writes it. ollama: how it runs models.
    allow_remote_models: let it pass a prompt on to a host of the policy.
    notify: hears what a person may want to know.
    script: the file that the scripted backend plays.
    """

    url: str = ""
    api_key: str | None = field(default=None, repr=False)
    policy: EgressPolicy = field(default_factory=EgressPolicy)
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(connect=1.0, first_byte=120.0, idle=60.0))
    audit: AuditLog | None = None
    keep_alive: str = "30m"
    ollama: OllamaWishes = field(default_factory=OllamaWishes)
    allow_remote_models: bool = False
    script: Path | None = None
    notify: Notify = unheard
    address: AddressGetter | None = None


def backend_names() -> tuple[str, ...]:
    """List the names that can be chosen."""
    return tuple(_BACKENDS)


def make_backend(name: str, config: BackendConfig) -> Backend:
    """Make the backend of a name; raises ConfigError for an unknown one."""
    if name not in _BACKENDS:
        raise ConfigError(
            f"there is no backend called {name!r}", hint=f"`backend.name` takes one of {', '.join(backend_names())}"
        )
    module, _, attribute = _BACKENDS[name].partition(":")
    make: Any = getattr(import_module(module), attribute)
    backend: Backend = make(config)
    return backend
