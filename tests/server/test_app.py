"""How settings become backends."""

import os
from collections.abc import Mapping
from typing import Any

import pytest

from assist_server import app as composition
from assist_server.backends.registry import BackendConfig
from assist_server.backends.scripted import ScriptedBackend
from assist_server.config.sources import load_settings
from assist_server.core.errors import ConfigError
from assist_server.core.folders import folders


def made(
    monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, Any], *names: str
) -> tuple[composition.App, dict[str, BackendConfig]]:
    """Build the App and give what the backends of these names would be told."""
    own = folders(os.environ)
    resolved = load_settings(environ=os.environ, config_folder=own.config, command_line=settings)
    assert not resolved.problems
    told: dict[str, BackendConfig] = {}

    def make_backend(name: str, config: BackendConfig) -> ScriptedBackend:
        told[name] = config
        return ScriptedBackend()

    monkeypatch.setattr(composition, "make_backend", make_backend)
    app = composition.build_app(resolved, own, os.environ)
    for name in names:
        app.selector._backend(name)
    return app, told


def test_the_key_is_told_to_the_named_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "sk-secret")
    settings = {"backend.name": "openai", "backend.apiKeyEnv": "THE_KEY"}
    _, told = made(monkeypatch, settings, "openai", "ollama", "llama-server")
    assert {name: config.api_key for name, config in told.items()} == {
        "openai": "sk-secret",
        "ollama": None,
        "llama-server": None,
    }
    assert "sk-secret" not in repr(told)


def test_a_key_that_is_not_set_is_an_error_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="THE_KEY"):
        made(monkeypatch, {"backend.name": "openai", "backend.apiKeyEnv": "THE_KEY"}, "openai")


def test_the_address_is_the_named_servers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"backend.name": "llama-server", "backend.url": "http://127.0.0.1:9"}
    app, told = made(monkeypatch, settings, "llama-server", "openai", "ollama")
    assert told["llama-server"].url == "http://127.0.0.1:9"
    assert told["openai"].url == "http://127.0.0.1:1234"
    assert told["ollama"].url == "http://127.0.0.1:11434"
    assert app.place("llama-server") == "offline"


def test_a_host_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "box.example:80")
    app, _ = made(monkeypatch, {})
    assert app.place("ollama") == "box.example"
    assert app.place("embedded") == "offline"


@pytest.mark.parametrize("name", ["auto", "embedded"])
@pytest.mark.parametrize("model", ["qwen2.5-coder-1.5b", "models/own.gguf"])
def test_a_model_of_ours_is_the_embedded_engines(monkeypatch: pytest.MonkeyPatch, name: str, model: str) -> None:
    app, _ = made(monkeypatch, {"backend.name": name, "backend.model": model})
    assert app.settings.engine.model == model


def test_a_model_of_another_server_leaves_the_engine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = made(monkeypatch, {"backend.name": "ollama", "backend.model": "qwen2.5-coder:7b"})
    assert app.settings.engine.model == "qwen2.5-coder-0.5b"


def test_an_address_without_a_program_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="which program"):
        made(monkeypatch, {"backend.url": "http://127.0.0.1:9"})
