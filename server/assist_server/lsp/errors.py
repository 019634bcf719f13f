"""What an editor's user sees of an error, and the one place that catches what nobody foresaw."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from assist_context.errors import ContextError
from assist_server.core.errors import (
    AssistError,
    AuthFailed,
    BackendError,
    ConfigError,
    EngineError,
    ModelError,
    ModelLoading,
    PromptTooLong,
    RateLimited,
    ServerBusy,
    Unsupported,
    UsageError,
)
from assist_server.core.logs import log_crash

logger = logging.getLogger(__name__)

Known = AssistError | ContextError
Params = TypeVar("Params")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Treatment:
    """How an error reaches a person.

    level: of the one message for each distinct problem, None where it passes by itself and only the log tells.
    lasting: whether the status says `error` until something works again.
    """

    level: types.MessageType | None
    lasting: bool = True


_PASSING = Treatment(None, lasting=False)
_WARNING = Treatment(types.MessageType.Warning)
_ERROR = Treatment(types.MessageType.Error)

# The first class that fits decides.
TREATMENTS: tuple[tuple[type[Exception], Treatment], ...] = (
    (ServerBusy, _PASSING),
    (RateLimited, _PASSING),
    (ModelLoading, _PASSING),
    (PromptTooLong, _PASSING),
    (AuthFailed, _ERROR),
    (Unsupported, _ERROR),
    (BackendError, _WARNING),
    (EngineError, _ERROR),
    (ModelError, _ERROR),
    (ConfigError, _ERROR),
    (UsageError, _PASSING),
    (AssistError, _WARNING),
    (ContextError, _WARNING),
)


def treatment(error: Known) -> Treatment:
    """Look up how an error is shown."""
    return next(treatment for kind, treatment in TREATMENTS if isinstance(error, kind))


def said(message: str, hint: str | None) -> str:
    """Put a message and its hint into one text for a person."""
    return f"{message} ({hint})" if hint else message


class ToldOnce:
    """Shows each distinct message once in a session; `show` is `window/showMessage`."""

    def __init__(self, show: Callable[[types.ShowMessageParams], None]) -> None:
        self._show = show
        self._told: set[str] = set()

    def tell(self, level: types.MessageType, text: str) -> None:
        """Show a message unless it was shown before."""
        if text not in self._told:
            self._told.add(text)
            self._show(types.ShowMessageParams(level, f"assist: {text}"))


def failure(error: Known) -> JsonRpcException:
    """Turn an error into the answer of a request that a person made: `RequestFailed` with message, code and hint."""
    data = {"code": getattr(error, "code", "error"), "hint": error.hint}
    return JsonRpcException(said(error.message, error.hint), code=types.LSPErrorCodes.RequestFailed, data=data)


def guarded(name: str, handler: Callable[[Params], Awaitable[Answer]]) -> Callable[[Params], Awaitable[Answer]]:
    """Make a handler answer with an LSP error whatever happens in it; the server goes on.

    The log gets the places of a crash but not its message, which may hold text of a document.
    """

    async def run(params: Params) -> Answer:
        try:
            return await handler(params)
        except (AssistError, ContextError) as error:
            logger.info("%s failed: %s", name, getattr(error, "code", type(error).__name__))
            raise failure(error) from None
        except JsonRpcException:
            raise
        except Exception as error:
            log_crash(logger, error)
            message = f"assist made a mistake in {name}; its log tells where"
            raise JsonRpcException(message, code=types.ErrorCodes.InternalError) from None

    return run


async def contained(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something that nobody waits for; the log tells how it failed."""
    try:
        await work()
    except (AssistError, ContextError) as error:
        logger.warning("a background task failed: %s", getattr(error, "code", type(error).__name__))
    except Exception as error:
        log_crash(logger, error)


def log_lost(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what ends in the event loop itself; an exception handler of asyncio."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        log_crash(logger, error)
    else:
        logger.error("the event loop says: %s", context.get("message"))
