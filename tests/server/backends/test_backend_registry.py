"""Backends by name, imported when chosen."""

import subprocess
import sys

import pytest

from assist_server.backends.registry import BackendConfig, backend_names, make_backend
from assist_server.config.names import all_settings
from assist_server.core.errors import ConfigError
from assist_server.net.address import Address


async def address() -> Address:
    return Address("http://127.0.0.1:1")


@pytest.mark.parametrize("name", ["ollama", "embedded", "llama-server", "openai"])
def test_makes_every_backend_by_its_name(name: str) -> None:
    assert make_backend(name, BackendConfig(address=address if name == "embedded" else None)).name == name


def test_lists_the_names_for_an_unknown_one() -> None:
    with pytest.raises(ConfigError, match="'lamma'") as caught:
        make_backend("lamma", BackendConfig())
    for name in ("ollama", "embedded", "llama-server", "openai", "scripted"):
        assert name in (caught.value.hint or "")


def test_imports_only_the_chosen_server() -> None:
    code = (
        "import sys; from assist_server.backends.registry import BackendConfig, make_backend;"
        "make_backend('llama-server', BackendConfig());"
        "print(sorted(m for m in sys.modules if m in ('ollama', 'assist_server.backends.ollama', 'pydantic')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_backend_can_be_chosen_by_the_setting() -> None:
    (choices,) = [setting.spec.choices for setting in all_settings() if setting.name == "backend.name"]
    assert set(choices) == {"auto", *backend_names()}
