"""The log: one bounded file that only its owner can read.

It never holds text of documents, prompts or keys. Callers see to that; masking here is the second line of defence.
"""

import contextlib
import logging
import os
import re
import sys
import traceback
from pathlib import Path

from assist_server.core.folders import make_private

FILE_NAME = "assist.log"
MAX_BYTES = 1_000_000
OWN_LOGGERS = ("assist_server", "assist_context")
# pygls writes whole messages, which are documents, at INFO; httpx and httpcore write addresses and headers.
FOREIGN_LOGGERS = ("pygls", "httpx", "httpcore", "ollama", "asyncio")

# Of a recursion without an end, the innermost calls are enough.
_MOST_FRAMES = 40
_MASK = "***"
_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",;)\]}]+"), rf"\1 {_MASK}"),
    (
        re.compile(
            r"(?i)\b((?:[\w-]{0,40}(?:api[_-]?key|token|secret|password))|authorization|cookie)(['\"]?\s*[:=]\s*b?['\"]?)"
            r"(?!(?:bearer|basic)\s)[^\s'\",;)\]}]{6,}"
        ),
        rf"\1\2{_MASK}",
    ),
    (re.compile(r"\b(?:sk|pk|hf|ghp|gho|ghs|github_pat|glpat|xox[abp])[-_][A-Za-z0-9_-]{12,}"), _MASK),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@:]*:[^\s/@]+@"), rf"\1{_MASK}@"),
)


def configure(level: str, folder: Path, *, stderr: bool = False) -> Path:
    """Send the log to `assist.log` in a folder, replacing what an earlier call set up; give the file's path.

    level: `debug`, `info`, `warning` or `error`, for assist's own modules; other libraries say only warnings.
    stderr: show warnings on standard error too.
    A file that cannot be written is said once on standard error and costs nothing but the log.
    """
    threshold: int = getattr(logging, level.upper())
    path = folder / FILE_NAME
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler.formatter, _Masked)]:
        root.removeHandler(old)
        old.close()
    for handler in (_file_handler(path), *([_warnings()] if stderr else [])):
        handler.setFormatter(_Masked())
        root.addHandler(handler)
    root.setLevel(max(threshold, logging.WARNING))
    for name in FOREIGN_LOGGERS:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(threshold)
    return path


def masked(text: str) -> str:
    """Put `***` in place of what looks like a key, a token or a password."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def log_crash(logger: logging.Logger, error: BaseException) -> None:
    """Log what nobody foresaw: its type and the places it came through, outermost first.

    Never its message or its lines of code: a message may hold text of a document.
    """
    frames = list(traceback.walk_tb(error.__traceback__))[-_MOST_FRAMES:]
    places = ", ".join(f"{frame.f_code.co_filename}:{number}" for frame, number in frames)
    logger.error("crashed with %s at %s", type(error).__name__, places or "no known place")


def _file_handler(path: Path) -> logging.Handler:
    try:
        make_private(path.parent)
        return _LogFile(path)
    except OSError as error:
        _tell(f"assist: no log, {path} cannot be written ({error.strerror or error})")
        return logging.NullHandler()


def _warnings() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    return handler


def _tell(line: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # standard error may be closed too
            sys.stderr.write(line + "\n")


class _Masked(logging.Formatter):
    """One line a record, tracebacks apart, with secrets masked in both."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _LogFile(logging.Handler):
    """Two files of bounded size.

    Opened for each record: several servers of one user write here, and none may hold on to what another has rotated.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._told = False
        self._append(b"")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; say only once that it cannot be done."""
        try:
            line = self.format(record) + "\n"
        except (TypeError, ValueError, KeyError):
            self.handleError(record)
            return
        try:
            self._append(line.encode("utf-8", "backslashreplace"))
        except OSError as error:
            if not self._told:
                self._told = True
                _tell(f"assist: the log {self._path} cannot be written any more ({error.strerror or error})")

    def _append(self, line: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(line) > MAX_BYTES:
            self._path.replace(self._path.with_name(FILE_NAME + ".1"))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line[:MAX_BYTES])
        finally:
            os.close(descriptor)
