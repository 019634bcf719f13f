"""A language client for tests: it speaks to a real server process and forgives nothing.

Every answer must be to a request that is waiting for one, every message box must be looked at, the server must end with
the expected code and leave standard error empty.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DEADLINE = 30.0
PLAIN: dict[str, Any] = {"general": {"positionEncodings": ["utf-16"]}}
ASSIST = [sys.executable, "-m", "assist_server", "lsp"]


class LspError(Exception):
    """The server answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data = error.get("data")


class LspClient:
    """One client and its server."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.transcript: list[str] = []
        self.notifications: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Callable[[Any], Any]] = {}
        self.faults: list[str] = []
        self.result: dict[str, Any] = {}
        self.expected_code = 0
        self.expected_stderr = ""
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._news = asyncio.Condition()
        self._gone = False
        self._unanswered: list[int] = []
        self._reading = asyncio.create_task(self._read())
        assert process.stderr is not None
        self._stderr = asyncio.create_task(process.stderr.read())

    @classmethod
    async def start(
        cls, command: list[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> "LspClient":
        """Start a server."""
        pipe = asyncio.subprocess.PIPE
        whole = {**os.environ, **(env or {})}
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, env=whole, cwd=cwd
        )
        return cls(process)

    async def initialize(
        self, *, capabilities: Mapping[str, Any] = PLAIN, folders: list[Path] | None = None, **params: Any
    ) -> dict[str, Any]:
        """Say hello and give what the server can do."""
        given = {
            "processId": os.getpid(),
            "rootUri": None,
            "capabilities": capabilities,
            "workspaceFolders": [{"uri": f.as_uri(), "name": f.name} for f in folders] if folders else None,
            **params,
        }
        self.result = await self.request("initialize", given)
        self.notify("initialized", {})
        return self.result

    def send(self, method: str, params: Any = None) -> "tuple[int, asyncio.Future[Any]]":
        """Send a request; give its id and the future of its answer."""
        self._last_id += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = future
        self._write({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        if self._gone:
            self._lose_answers()
        return self._last_id, future

    async def request(self, method: str, params: Any = None) -> Any:
        """Send a request and wait for its answer; raises LspError."""
        return await self.within(self.send(method, params)[1])

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def cancel(self, request_id: int | str) -> None:
        """Cancel a request."""
        self.notify("$/cancelRequest", {"id": request_id})

    def send_raw(self, body: bytes) -> None:
        """Send whatever is in body as one message."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def open(self, uri: str, text: str, *, language: str = "python", version: int = 1) -> None:
        """Open a document."""
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: Mapping[str, Any]) -> None:
        """Change a document."""
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def ask_inline(
        self, uri: str, line: int, character: int, *, invoked: bool = True, **context: Any
    ) -> "tuple[int, asyncio.Future[Any]]":
        """Ask for ghost text; give the request's id and its future."""
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 1 if invoked else 2, **context},
        }
        return self.send("textDocument/inlineCompletion", params)

    async def inline(self, uri: str, line: int, character: int, **more: Any) -> list[Any]:
        """Ask for ghost text and give the items."""
        answer = await self.within(self.ask_inline(uri, line, character, **more)[1])
        return list(answer["items"])

    async def command(self, name: str, *arguments: Any) -> Any:
        """Run a server command."""
        return await self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})

    async def notification(self, method: str, where: Callable[[Any], bool] = lambda _: True) -> Any:
        """Wait for a notification, take it off the list and give its parameters."""

        def found() -> dict[str, Any] | None:
            return next((n for n in self.notifications if n["method"] == method and where(n.get("params"))), None)

        async with self._news:
            await self.within(self._news.wait_for(lambda: found() is not None or self._gone))
            message = found()
        assert message is not None, f"the server ended without {method}"
        self.notifications.remove(message)
        return message.get("params")

    def taken(self, method: str) -> list[Any]:
        """Take all notifications of a method that came so far off the list and give their parameters."""
        taken = [n for n in self.notifications if n["method"] == method]
        self.notifications = [n for n in self.notifications if n["method"] != method]
        return [n.get("params") for n in taken]

    async def was_asked(self, method: str) -> Any:
        """Wait for a request of the server and give its parameters."""

        def found() -> dict[str, Any] | None:
            return next((r for r in self.asked if r["method"] == method), None)

        async with self._news:
            await self.within(self._news.wait_for(lambda: found() is not None or self._gone))
            request = found()
        assert request is not None, f"the server ended without {method}"
        self.asked.remove(request)
        return request.get("params")

    async def within(self, awaitable: Any) -> Any:
        """Wait, but not for ever."""
        return await asyncio.wait_for(awaitable, DEADLINE)

    async def leave(self) -> int:
        """Say goodbye as the protocol wants it and give the exit code."""
        if not self._gone:
            await self.request("shutdown")
            self.notify("exit")
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end of the process."""
        code: int = await self.within(self.process.wait())
        await self.within(self._reading)
        return code

    async def close(self) -> None:
        """Leave, and fail for whatever was not as it should be."""
        try:
            code = await self.leave()
            stderr = (await self.within(self._stderr)).decode()
        finally:
            if self.process.returncode is None:
                self.process.kill()
                await self.process.wait()
            print("\n".join(self.transcript))  # noqa: T201 - pytest shows it where a test fails
        unread = [n["params"]["message"] for n in self.notifications if n["method"] == "window/showMessage"]
        assert self.expected_stderr in stderr, stderr
        assert self.expected_stderr or not stderr, stderr
        assert not self.faults, self.faults
        assert not unread, f"messages nobody looked at: {unread}"
        assert not self._unanswered, f"never answered: {self._unanswered}"
        assert code == self.expected_code, f"exit code {code}"

    def _write(self, message: Mapping[str, Any]) -> None:
        self.transcript.append(f"--> {json.dumps(message, ensure_ascii=False)[:500]}")
        self.send_raw(json.dumps(message).encode())

    async def _read(self) -> None:
        try:
            await self._read_messages()
        finally:
            async with self._news:
                self._gone = True
                self._lose_answers()
                self._news.notify_all()

    def _lose_answers(self) -> None:
        """Let nobody wait for a server that is gone."""
        lost = {request_id: future for request_id, future in self._waiting.items() if not future.done()}
        self._unanswered += lost
        for future in lost.values():
            future.set_exception(ConnectionError("the server is gone"))
            future.exception()  # read, whether or not a test waits for it

    async def _read_messages(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := await stream.readline():
            name, _, value = header.decode("ascii").partition(":")
            if name != "Content-Length":
                self.faults.append(f"not the protocol on standard output: {header!r}")
                return
            while (await stream.readline()).strip():
                pass
            message = json.loads(await stream.readexactly(int(value)))
            self.transcript.append(f"<-- {json.dumps(message, ensure_ascii=False)[:500]}")
            async with self._news:
                self._take(message)
                self._news.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._take_answer(message)
        elif "id" in message:
            self.asked.append(message)
            if (answer := self.answers.get(message["method"])) is None:
                error = {"code": -32601, "message": "this client does not know that"}
                self._write({"jsonrpc": "2.0", "id": message["id"], "error": error})
                return
            if (result := answer(message.get("params"))) is not NotImplemented:
                self._write({"jsonrpc": "2.0", "id": message["id"], "result": result})
        else:
            self.notifications.append(message)

    def _take_answer(self, message: dict[str, Any]) -> None:
        future = self._waiting.get(message.get("id", 0))
        if future is None or future.done():
            self.faults.append(f"an answer to nothing: {message}")
        elif "error" in message and message["error"] is not None:
            future.set_exception(LspError(message["error"]))
        else:
            future.set_result(message.get("result"))
