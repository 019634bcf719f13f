"""Engines of a test: in a cache of its own, and none left at its end."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assist_server.config.settings import EngineSettings
from assist_server.engine.engine import Engine
from assist_server.engine.status import stop_engines
from support.engines import MakeEngine, MakeProgram, Program, processes_naming
from support.installed_programs import llama_server_program


@pytest.fixture(scope="session")
def llama_server() -> Path:
    return llama_server_program()


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[Path]:
    folder = tmp_path / "cache"
    yield folder
    await stop_engines(folder)
    assert processes_naming(folder) == []


@pytest.fixture
async def make_engine(cache: Path) -> AsyncIterator[MakeEngine]:
    """Make clients of engines, with settings by name; they are released at the end of the test."""
    made: list[Engine] = []

    def make(model: Path, *, alias: str = "some-model", **settings: Any) -> Engine:
        made.append(Engine(cache=cache, settings=EngineSettings(**settings), model_path=model, alias=alias))
        return made[-1]

    yield make
    for engine in made:
        await engine.release()


@pytest.fixture
def some_file(tmp_path: Path) -> Path:
    """A model for programs that never read it."""
    path = tmp_path / "some-model.gguf"
    path.write_bytes(b"GGUF")
    return path


@pytest.fixture
def make_program(tmp_path: Path) -> MakeProgram:
    return lambda body: Program(tmp_path, body)
