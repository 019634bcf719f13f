"""Real server processes, each with a client that forgives nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.lsp_client import ASSIST, LspClient
from support.script import Script

Start = Callable[..., Awaitable[tuple[LspClient, Script]]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Give a function that starts a server which plays steps; it leaves afterwards and nothing may be left over."""
    running: list[tuple[LspClient, Script]] = []

    async def start_server(
        *steps: Mapping[str, Any], env: Mapping[str, str] | None = None, arguments: tuple[str, ...] = ()
    ) -> tuple[LspClient, Script]:
        folder = tmp_path / f"script-{len(running)}"
        folder.mkdir()
        script = Script(folder, *steps)
        client = await LspClient.start([*ASSIST, *arguments], env={**script.environment, **(env or {})}, cwd=folder)
        running.append((client, script))
        return client, script

    yield start_server
    for client, script in running:
        try:
            await client.close()
        finally:
            script.close()
