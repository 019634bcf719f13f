"""A loopback server for each module."""

from collections.abc import AsyncIterator

import pytest

from support.loopback_server import LoopbackServer


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[LoopbackServer]:
    """Give a server that speaks the dialect of the test's module."""
    async with LoopbackServer() as server:
        request.module.DIALECT.prepare(server)
        yield server
