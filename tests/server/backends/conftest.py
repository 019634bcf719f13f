"""Failed assertions of the contract are explained as those of a test file are."""

from collections.abc import AsyncIterator

import pytest

from support.loopback_server import LoopbackServer

pytest.register_assert_rewrite("support.backend_contract")


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[LoopbackServer]:
    """Give a server that speaks the dialect of the test's module."""
    async with LoopbackServer() as server:
        request.module.DIALECT.prepare(server)
        yield server
