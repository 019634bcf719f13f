"""What the host asks its own server. Rarely: every question wakes the server's main loop."""

import asyncio
from typing import Any

from assist_server.core.errors import BackendError, BackendTimeout
from assist_server.net.address import Address
from assist_server.net.client import Timeouts, make_client, translated
from assist_server.privacy.egress import EgressPolicy

_TIMEOUTS = Timeouts(connect=2.0, first_byte=10.0, idle=10.0)


def answers(address: Address) -> bool:
    """Tell whether the server has loaded its model and takes requests."""
    try:
        return _get(address, "/health")[0] == 200
    except BackendError:
        return False


def slots(address: Address) -> list[dict[str, Any]] | None:
    """Give the state of the slots; None where the server does not show it."""
    try:
        status, value = _get(address, "/slots")
    except BackendError:
        return None
    return [slot for slot in value if isinstance(slot, dict)] if status == 200 and isinstance(value, list) else None


def busy(address: Address) -> bool:
    """Tell whether a request is being worked on; a server too busy to answer in time is."""
    try:
        status, value = _get(address, "/slots")
    except BackendTimeout:
        return True
    except BackendError:
        return False
    return status == 200 and isinstance(value, list) and any(slot.get("is_processing") for slot in value)


def _get(address: Address, path: str) -> tuple[int, Any]:
    return asyncio.run(_request(address, path))


async def _request(address: Address, path: str) -> tuple[int, Any]:
    client = make_client(address, policy=EgressPolicy(), timeouts=_TIMEOUTS)
    with translated("the engine"):
        async with client:
            response = await client.get(path)
            return response.status_code, response.json()
