"""What tests of the embedded engine share."""

import asyncio
import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil

from assist_server.engine.engine import Engine

MakeEngine = Callable[..., Engine]
MakeProgram = Callable[[str], "Program"]


class Program:
    """A stand-in for `llama-server` that a test writes in shell.

    `$BEGAN` and `$GO` are named pipes: `echo > "$BEGAN"` tells the test, `read _ < "$GO"` waits for it. Every run is
    counted.
    """

    def __init__(self, folder: Path, body: str) -> None:
        self.path = folder / "my llama-server"
        self._runs, self._began, self._go = folder / "runs", folder / "began", folder / "go"
        os.mkfifo(self._began)
        os.mkfifo(self._go)
        head = f"#!/bin/sh\nBEGAN='{self._began}'\nGO='{self._go}'\necho run >> '{self._runs}'\n"
        self.path.write_text(head + textwrap.dedent(body))
        self.path.chmod(0o755)

    @property
    def runs(self) -> int:
        return len(self._runs.read_text().splitlines())

    async def began(self) -> str:
        """Wait until a run says so, and give its words."""
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        descriptor = os.open(self._began, os.O_RDWR | os.O_NONBLOCK)
        loop.add_reader(descriptor, told.set)
        try:
            await asyncio.wait_for(told.wait(), timeout=60)
            return os.read(descriptor, 4096).decode()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    def go(self) -> None:
        """Let a waiting run go on."""
        with self._go.open("w") as pipe:
            pipe.write("go\n")


def connection_file(cache: Path) -> Path:
    """Give the only connection file of a cache."""
    (path,) = (cache / "engine").glob("*/connection.json")
    return path


def host_process(cache: Path) -> psutil.Process:
    """Give the process of the only engine of a cache."""
    return psutil.Process(json.loads(connection_file(cache).read_text())["pid"])


def program_process(cache: Path) -> psutil.Process:
    """Give the user's own program that the only engine of a cache runs."""
    (path,) = (cache / "engine").glob("*/process.json")
    return psutil.Process(json.loads(path.read_text())["child"]["pid"])


def processes_naming(path: Path) -> list[psutil.Process]:
    """List the processes that have a path in their command line."""
    return [process for process in psutil.process_iter() if str(path) in _command_line(process)]


async def ended(process: psutil.Process) -> None:
    """Wait until a process has ended."""
    await asyncio.to_thread(psutil.wait_procs, [process], 60)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
