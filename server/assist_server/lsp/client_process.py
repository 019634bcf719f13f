"""The end of the editor's process is the end of the server, also where something else keeps its pipes open."""

import logging

import psutil

from assist_server.core.clock import Clock

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 2.0


async def wait_for_end(process_id: int, clock: Clock) -> bool:
    """Return True when a process has ended, False at once for one that is not here.

    An editor outside this container names a process that nobody can see: that is no reason to end.
    """
    try:
        process = psutil.Process(process_id)
    except (psutil.Error, ValueError, OverflowError):
        logger.info("the client's process cannot be watched")
        return False
    try:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            await clock.sleep(_SECONDS_BETWEEN_LOOKS)
    except psutil.NoSuchProcess:
        pass
    return True
