"""A `llama-server` program of the user's own, run as a child of the host."""

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

import psutil

from assist_server.core.errors import EngineError
from assist_server.engine.failure import last_words
from assist_server.engine.folder import EngineFolder, write_private
from assist_server.engine.process import ProcessId, end, family, identify
from assist_server.engine.slots import answers, slots
from assist_server.engine.spec import EngineSpec
from assist_server.engine.stopping import Stop
from assist_server.net.address import Address

_LOOK_EVERY = 0.1
_PATIENCE = 5.0
# Reads until the host has gone, however it went, and then ends the program's process group.
_GUARD = 'read _; kill -s KILL -- "-$1"'
# Options that not every build knows are given by the environment, where an unknown name is no error.
_ENVIRONMENT = {
    "LLAMA_ARG_KV_UNIFIED": "1",
    "LLAMA_ARG_CACHE_RAM": "256",
    "LLAMA_ARG_CORS_ORIGINS": "localhost",
    "LLAMA_ARG_ENDPOINT_SLOTS": "1",
    "LLAMA_ARG_LOG_VERBOSITY": "2",
    "LLAMA_ARG_OFFLINE": "1",
    "LLAMA_ARG_UI": "0",
    "LLAMA_ARG_NO_WEBUI": "1",
}


class ProgramServer:
    """The running program; raises EngineError where it does not come to listen.

    started: called with the child as soon as it runs, so that others can end it where the host is killed.
    stop: set from another thread when the child has ended; where somebody else sets it the start is given up.
    """

    def __init__(
        self, spec: EngineSpec, folder: EngineFolder, *, started: Callable[[ProcessId], None], stop: Stop
    ) -> None:
        self._spec = spec
        self._folder = folder
        self.api_key = secrets.token_urlsafe(32)
        self.version = spec.command
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process = self._run()
        self._guard = _guard(self._process.pid)
        self._child = identify(self._process.pid)
        started(self._child)
        self._stop = stop
        threading.Thread(target=self._watch, name="llama-server-reaper", daemon=True).start()
        try:
            self._wait()
            self.context_length = self._context_length()
        except EngineError:
            self.close()
            raise

    def ended(self) -> bool:
        """Tell whether the program has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Stop the program and all that it started."""
        end([self._child], patience=_PATIENCE)
        if self._guard is not None:
            self._guard.communicate()  # closes its pipe: what a wrapper left behind ends too
        self._folder.keys.unlink(missing_ok=True)

    def _run(self) -> "subprocess.Popen[bytes]":
        write_private(self._folder.keys, f"{self.api_key}\n".encode())
        try:
            return subprocess.Popen(  # noqa: S603 - the program that the user named, which no project can
                [self._spec.command, *_arguments(self._spec, self._port, self._folder.keys)],
                stdin=subprocess.DEVNULL,
                cwd=self._folder.path,
                env=_environment(os.environ),
                start_new_session=True,  # a group of its own, for the guard
            )
        except OSError as error:
            raise EngineError(
                f"{self._spec.command} cannot be run: {error.strerror}", hint="check `engine.command`"
            ) from error

    def _watch(self) -> None:
        self._process.wait()
        self._stop.set()

    def _wait(self) -> None:
        """Wait until the child itself listens on the port, which another could have taken, and is ready."""
        deadline = monotonic() + self._spec.start_timeout_ms / 1000
        address = Address(self.url)
        while not (_listens(self._child, self._port) and answers(address)):
            if self.ended():
                raise self._failure("ended while it started")
            if monotonic() > deadline:
                raise self._failure(f"was not ready within {self._spec.start_timeout_ms / 1000:.0f} s")
            if self._stop.wait(_LOOK_EVERY) and not self.ended():
                raise EngineError("the engine was stopped while it started")

    def _context_length(self) -> int:
        """Ask what one request may really use: a build without a shared cache gives each slot its part."""
        lengths = [slot.get("n_ctx") for slot in slots(Address(self.url, self.api_key)) or ()]
        return min((length for length in lengths if isinstance(length, int)), default=self._spec.context_length)

    def _failure(self, what: str) -> EngineError:
        words = last_words(self._folder.log)
        return EngineError(
            f"{self._spec.command} {what}{': ' if words else ''}{words}",
            hint=f"check that `engine.command` is a `llama-server` and the model is whole; log: {self._folder.log}",
        )


def _guard(group: int) -> "subprocess.Popen[bytes] | None":
    """Start what ends the program, and the children of a wrapper, where this process is killed.

    The write end of its pipe is this process's alone. A signal by the kernel would reach the wrapper only. Windows
    has no such groups; there the next start or `assist engine stop` ends the program.
    """
    if sys.platform == "win32":
        return None
    return subprocess.Popen(  # noqa: S603 - a fixed script and a number
        ["/bin/sh", "-c", _GUARD, "sh", str(group)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _arguments(spec: EngineSpec, port: int, keys: Path) -> list[str]:
    batch = str(spec.batch_size)
    arguments = [
        *("--host", "127.0.0.1", "--port", str(port), "--api-key-file", str(keys)),
        *("-m", spec.model_path, "--alias", spec.alias, "-c", str(spec.context_length)),
        *("-b", batch, "-ub", batch, "--parallel", "2"),
    ]
    if spec.threads:
        arguments += ["-t", str(spec.threads)]
    if spec.gpu_layers >= 0:
        arguments += ["-ngl", str(spec.gpu_layers)]
    return arguments


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out what the environment says to the user's other runs of it: models to fetch, tools, addresses, keys."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("LLAMA_", "HF_"))}
    return {**kept, **_ENVIRONMENT}


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(child: ProcessId, port: int) -> bool:
    """Tell whether the child, or a child of it where it is a wrapper, is the one that listens."""
    for process in family(child):
        try:
            connections = process.net_connections(kind="tcp4")
        except psutil.Error:
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr[1] == port for c in connections):
            return True
    return False
