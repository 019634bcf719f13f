"""What holds for every test: folders of its own, no proxy, no network beyond this machine."""

import ipaddress
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from assist_server.core.logs import FOREIGN_LOGGERS, OWN_LOGGERS
from support.ollama_server import OllamaServer, running_ollama

pytest.register_assert_rewrite("support.backend_contract")  # its failures are explained as those of a test file are
hypothesis.settings.register_profile("assist", deadline=None, derandomize=True, max_examples=100)
hypothesis.settings.load_profile("assist")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point every folder of assist into the test's own directory and forget the caller's configuration."""
    for name in list(os.environ):
        if name.startswith(("ASSIST_", "OLLAMA_")) and name not in {"ASSIST_TEST_MODEL", "ASSIST_DEV_CACHE"}:
            monkeypatch.delenv(name)
        if name.lower() in {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}:
            monkeypatch.delenv(name)
    for name in ("CACHE", "DATA", "CONFIG"):
        monkeypatch.setenv(f"ASSIST_{name}_DIR", str(tmp_path / f"assist-{name.lower()}"))


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Take back what a test that configures the log has changed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    for name in (*OWN_LOGGERS, *FOREIGN_LOGGERS):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test whose own process opens a connection to another machine."""
    connect = socket.socket.connect

    def guarded(sock: socket.socket, address: object) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0]) if isinstance(address, tuple) else str(address)
            if not (host == "localhost" or ipaddress.ip_address(host.split("%")[0]).is_loopback):
                pytest.fail(f"a test reached for {host}, which is not this machine")
        connect(sock, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def test_model() -> Path:
    """Give the real 0.5B model, or say how to get it."""
    named = os.environ.get("ASSIST_TEST_MODEL")
    if not named or not Path(named).is_file():
        pytest.fail(
            "no model for the tests: run `make model` and use `make test`, or set ASSIST_TEST_MODEL to a GGUF file"
        )
    return Path(named)


@pytest.fixture(scope="session")
def real_environment(test_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give an environment whose embedded engine runs the real model, shared by all tests that use it."""
    own = tmp_path_factory.mktemp("real")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASSIST_", "OLLAMA_"))}
    environment |= {f"ASSIST_{name}_DIR": str(own / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}
    environment |= {"ASSIST_BACKEND": "embedded", "ASSIST_ENGINE_MODEL": str(test_model)}
    yield environment
    subprocess.run([sys.executable, "-m", "assist_server", "engine", "stop"], env=environment, check=True)


@pytest.fixture(scope="session")
def ollama(test_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaServer]:
    """Give a real Ollama that has the real model under three names, shared by all tests that use it."""
    with running_ollama(tmp_path_factory.mktemp("ollama"), test_model) as server:
        yield server
