"""The only place that prints: results on standard output, everything else on standard error."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TextIO

from assist_context.errors import ContextError
from assist_server.core.errors import AssistError, ConfigError, UsageError

EXIT_DONE = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_CONFIGURATION = 3
EXIT_BACKEND = 4
EXIT_INCOMPLETE = 5
EXIT_INTERRUPTED = 130
EXIT_UNREAD = 141

# What a model writes may be steered by whoever wrote the code it read: no escape sequence of it reaches a terminal.
_TERMINAL_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Progress = Callable[[int, int], None]
Steps = Callable[[int, int, str], None]


class OutputFailed(AssistError):
    """The result cannot be written."""

    code = "output"


def exit_status(error: Exception) -> int:
    """Give the documented exit status of an error."""
    if isinstance(error, (UsageError, ContextError)):
        return EXIT_USAGE
    if isinstance(error, ConfigError):
        return EXIT_CONFIGURATION
    if isinstance(error, OutputFailed):
        return EXIT_INCOMPLETE
    return EXIT_BACKEND


class Output:
    """Where one command writes.

    as_json: print one JSON object and nothing else on standard output.
    color: None decides by the terminal and NO_COLOR.
    """

    def __init__(self, *, as_json: bool = False, color: bool | None = None) -> None:
        self.as_json = as_json
        self.color = color if color is not None else _on_terminal(sys.stdout) and not os.environ.get("NO_COLOR")

    def result(self, payload: Mapping[str, Any]) -> None:
        """Print the one JSON object of a command."""
        indent = 2 if _on_terminal(sys.stdout) else None
        with _written():
            print(json.dumps(payload, ensure_ascii=False, indent=indent), flush=True)

    def text(self, text: str, *, end: str = "\n") -> None:
        """Print a piece of the result, at once."""
        with _written():
            print(_safe(text, sys.stdout), end=end, flush=True)

    def note(self, message: str) -> None:
        """Say something that is not the result."""
        with suppress(OSError):  # there is nobody left to tell
            print(_safe(message, sys.stderr), file=sys.stderr, flush=True)

    def styled(self, parts: Sequence[tuple[str, str]]) -> None:
        """Print one line of (text, style) parts; styles are rich's names."""
        if not self.color:
            self.text("".join(text for text, _ in parts))
            return
        from rich.text import Text

        line = Text()
        for text, style in parts:
            line.append(_safe(text, sys.stdout), style=style)
        with _written():
            self._console().print(line, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table."""
        from rich import box
        from rich.table import Column, Table
        from rich.text import Text

        folding = (Column(name, overflow="fold") for name in columns)
        table = Table(*folding, box=box.SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(_safe(cell, sys.stdout)) for cell in row))
        with _written():
            self._console().print(table)

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """Show a progress bar of bytes on standard error while the block runs; silent where that is no terminal."""
        if not _on_terminal(sys.stderr):
            yield lambda _done, _total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True, no_color=not self.color), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextmanager
    def counting(self, what: str) -> Iterator[Progress]:
        """Show on standard error how many of all are done, and how many a second; silent where that is no terminal."""
        if not _on_terminal(sys.stderr):
            yield lambda _done, _total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}", markup=False))
        with Progress(*columns, console=Console(stderr=True, no_color=not self.color), transient=True) as bar:
            task = bar.add_task(what, total=None, rate="")
            begun = monotonic()

            def show(done: int, total: int) -> None:
                seconds = monotonic() - begun
                rate = f"{done / seconds:.0f}/s" if done and seconds > 0 else ""
                bar.update(task, completed=done, total=total, rate=rate)

            yield show

    @contextmanager
    def steps(self, what: str) -> Iterator[Steps]:
        """Show which of so many steps is being done on standard error; silent where that is no terminal."""
        if not _on_terminal(sys.stderr):
            yield lambda _done, _total, _name: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[name]}", markup=False),  # a path may hold brackets
        )
        with Progress(*columns, console=Console(stderr=True, no_color=not self.color), transient=True) as bar:
            task = bar.add_task(what, total=None, name="")

            def show(done: int, total: int, name: str) -> None:
                bar.update(task, completed=done, total=total, name=_safe(name, sys.stderr))

            yield show

    def error(self, error: AssistError | ContextError) -> int:
        """Say what went wrong and what to do, and give the exit status."""
        if self.as_json and not isinstance(error, OutputFailed):
            code = error.code if isinstance(error, AssistError) else "usage"
            self.result({"error": {"code": code, "message": error.message, "hint": error.hint}})
        else:
            self.note(f"assist: {error.message}")
            if error.hint:
                self.note(f"  {error.hint}")
        return exit_status(error)

    def interrupted(self) -> None:
        """Say that the user has stopped the command."""
        if self.as_json:
            self.result({"error": {"code": "interrupted", "message": "interrupted", "hint": None}})
        else:
            self.note("assist: interrupted")

    def _console(self) -> Any:
        from rich.console import Console

        width = None if _on_terminal(sys.stdout) else 160
        return Console(file=sys.stdout, no_color=not self.color, highlight=False, markup=False, width=width)


def use_utf8() -> None:
    """Let every character through, whatever the terminal's encoding; what it cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _on_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _safe(text: str, stream: TextIO | None) -> str:
    return _TERMINAL_CONTROL.sub("�", text) if _on_terminal(stream) else text


@contextmanager
def _written() -> Iterator[None]:
    """Turn a full disk or a closed standard output into one message; a reader that has left is another matter."""
    if sys.stdout is None:
        raise OutputFailed("standard output is closed", hint="send it to a file, a pipe or a terminal")
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        _leave_output()
        raise OutputFailed(f"standard output cannot be written: {error.strerror}") from error


def _leave_output() -> None:
    """Point standard output away, so that the interpreter's last flush is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def guarded(output: Output, run: Callable[[], int]) -> int:
    """Run a command and turn whatever it raises into one message and an exit status."""
    try:
        return run()
    except (AssistError, ContextError) as error:
        return output.error(error)
    except KeyboardInterrupt:
        output.interrupted()
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _leave_output()
        return EXIT_UNREAD
    except Exception as error:
        _log_bug(error)
        bug = AssistError(
            f"unexpected error ({type(error).__name__}); this is a bug in assist",
            hint="the log file has the details; `assist --version --json` says where it is",
        )
        return output.error(bug)


def _log_bug(error: Exception) -> None:
    import logging

    from assist_server.core.folders import folders
    from assist_server.core.logs import configure, log_crash

    if not logging.getLogger().handlers:
        configure("error", folders(os.environ).log)
    log_crash(logging.getLogger(__name__), error)
