"""JSON-RPC as pygls speaks it, with the promise that each request is answered exactly once.

pygls leaves requests that it cannot read unanswered, answers those before `initialize` with a traceback and those after
`shutdown` not at all, and keeps a future for each notification for ever.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

logger = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 5.0


class AssistProtocol(LanguageServerProtocol):
    """The protocol of one connection."""

    initialized = False
    shut_down = False
    client: Mapping[str, Any] = MappingProxyType({})

    def supports(self, *path: str) -> bool:
        """Tell whether the client announced a capability, such as `"window", "workDoneProgress"`."""
        return at(self.client, *path) not in (None, False)

    def receive(self, body: bytes) -> None:
        """Take one message."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            logger.warning("a message of %s bytes is not JSON", len(body))
            self._refuse(None, types.ErrorCodes.ParseError, "this is not JSON")
            return
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            request_id = message.get("id") if isinstance(message, dict) else None
            self._refuse(request_id, types.ErrorCodes.InvalidRequest, "this is not a JSON-RPC 2.0 message")
        elif "method" not in message:
            self._receive_response(message)
        elif "id" in message:
            self._receive_request(message)
        else:
            self._receive_notification(message)

    def _receive_request(self, message: dict[str, Any]) -> None:
        method, request_id = message["method"], message["id"]
        if not self.initialized and method != types.INITIALIZE:
            self._refuse(request_id, types.ErrorCodes.ServerNotInitialized, "the first request is `initialize`")
        elif self.shut_down or (self.initialized and method == types.INITIALIZE):
            self._refuse(request_id, types.ErrorCodes.InvalidRequest, f"this is no time for `{method}`")
        elif (request := self._structured(message)) is None:
            self._refuse(request_id, types.ErrorCodes.InvalidParams, f"the parameters of `{method}` cannot be read")
        else:
            self.initialized = True
            self.handle_message(request)

    def _receive_notification(self, message: dict[str, Any]) -> None:
        early = not self.initialized or self.shut_down
        if early and message["method"] != types.EXIT:
            return
        if (notification := self._structured(message)) is None:
            logger.warning("a notification could not be read")
        else:
            self.handle_message(notification)

    def _receive_response(self, message: dict[str, Any]) -> None:
        future = self._request_futures.get(message.get("id", ""))
        if future is None or future.done():
            self._request_futures.pop(message.get("id", ""), None)
        elif (response := self._structured(message)) is None:
            del self._request_futures[message["id"]]
            future.set_exception(JsonRpcException("the client's answer cannot be read"))
        else:
            self.handle_message(response)

    def _structured(self, message: dict[str, Any]) -> Any:
        """Give a message its type, or None where that fails; its values stay out of the log."""
        if message.get("method") == types.INITIALIZE and isinstance(message.get("params"), dict):
            self.client = message["params"].get("capabilities") or {}
            message["params"] = _readable(message["params"])
        if "method" in message and self.get_message_type(message["method"]) is None:
            message.setdefault("params", None)
        try:
            return self.structure_message(message)
        except JsonRpcException:
            return None

    def _refuse(self, request_id: Any, code: types.ErrorCodes, text: str) -> None:
        known = request_id if isinstance(request_id, (int, str)) else None
        self._send_data(types.ResponseErrorMessage(known, types.ResponseError(code=code, message=text)))

    def _execute_handler(
        self,
        msg_id: int | str,
        handler: Callable[..., Any],
        callback: Callable[[Any], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        super()._execute_handler(msg_id, handler, callback, args, kwargs)
        if (future := self._request_futures.get(msg_id)) is not None:
            future.add_done_callback(lambda done: self._forget(msg_id, done))

    def _forget(self, msg_id: int | str, done: Any) -> None:
        if self._request_futures.get(msg_id) is done:
            del self._request_futures[msg_id]

    async def cancel_pending(self) -> None:
        """Cancel every request but the one that asks, and wait until they are answered."""
        current: Any = asyncio.current_task()
        pending: list[Any] = [f for f in self._request_futures.values() if f is not current and not f.done()]
        for future in pending:
            future.cancel()
        # What the client was asked for is a future of another kind and needs no waiting.
        if tasks := [future for future in pending if asyncio.isfuture(future)]:
            await asyncio.wait(tasks, timeout=_SHUTDOWN_SECONDS)


def at(tree: object, *path: str) -> Any:
    """Follow keys into decoded JSON; None where they lead nowhere."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _readable(params: dict[str, Any]) -> dict[str, Any]:
    """Leave out of `initialize` what nobody reads: a value that is new to pygls would keep a client out."""
    encodings = at(params, "capabilities", "general", "positionEncodings")
    names = [name for name in encodings if isinstance(name, str)] if isinstance(encodings, list) else []
    kept = {key: value for key, value in params.items() if key != "trace"}
    return kept | {"capabilities": {"general": {"positionEncodings": names}} if names else {}}
