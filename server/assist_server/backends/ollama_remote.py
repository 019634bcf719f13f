"""Models that a local Ollama passes on to another machine: how they are known, and whether they may be asked."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from assist_server.backends.fields import field
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import EgressRefused
from assist_server.core.ollama_name import names_cloud
from assist_server.privacy.egress import ip_address

CLOUD = "ollama.com"


def check_remote(config: BackendConfig, model: str, host: str) -> None:
    """Raise EgressRefused for a model that runs on another host, unless the user's settings allow both."""
    if not config.allow_remote_models:
        raise EgressRefused(
            f"the model {model!r} does not run on this machine: Ollama passes the prompt on to {host}",
            hint=f"take a local model, or set `privacy.allowRemoteModels` and add {host!r} to `privacy.allowHosts`",
        )
    config.policy.check_host(host)


def remote_host(model: str, answer: Mapping[str, Any]) -> str | None:
    """Give the host that runs a model, None for this machine; the answer's own words first, then the model's name."""
    return told_host(answer) or (CLOUD if names_cloud(model) else None)


def told_host(answer: Mapping[str, Any], *, unnamed: str = CLOUD) -> str | None:
    """Give the host that an answer names as the one that runs the model: `https://host:443`, `host:443` or `host`.

    unnamed: the host of a remote model whose answer names none.
    """
    told = field(answer, "remote_host", str)
    if not told:
        return unnamed if field(answer, "remote_model", str) else None
    if ip_address(told) is not None:
        return told
    try:
        return urlsplit(told if "://" in told else f"//{told}").hostname or told
    except ValueError:
        return told
