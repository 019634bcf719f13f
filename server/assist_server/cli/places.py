"""Places on the command line: ``FILE:LINE:COL``, ``FILE:LINE``, ``FILE:START-END``."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from assist_context.document import Document
from assist_context.errors import PlaceError
from assist_context.languages import language_of
from assist_context.positions import LineIndex
from assist_server.cli.parser import STANDARD_INPUT
from assist_server.core.errors import UsageError

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?:(?::(?P<column>\d+))|(?:-(?P<end>\d+)))?$", re.DOTALL)
_LARGEST_FILE = 10_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document: offsets in characters, start == end for a point."""

    document: Document
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Parsed:
    file: str
    line: int
    column: int | None
    last_line: int | None


def _parse(text: str) -> _Parsed:
    match = _PLACE.match(text)
    if match is None:
        raise UsageError(
            f"not a place: {text}",
            hint="write FILE:LINE:COL, FILE:LINE or FILE:START-END; -:LINE:COL for standard input",
        )
    column, last = match["column"], match["end"]
    return _Parsed(match["file"], int(match["line"]), int(column) if column else None, int(last) if last else None)


def file_of(text: str) -> str | None:
    """Give the file that a place names, None for standard input and for what is no place."""
    match = _PLACE.match(text)
    return match["file"] if match and match["file"] != STANDARD_INPUT else None


def read_place(text: str, *, name: str | None, workspace: Path) -> Place:
    """Read the file that a place names and find the place in it.

    name: the file name that tells the language where the text comes from standard input (`-:LINE:COL`).
    Raises UsageError for a place that is not one, a file that cannot be read, or a line that the text does not have.
    """
    parsed = _parse(text)
    if parsed.file != STANDARD_INPUT and name:
        raise UsageError("--path is for text from standard input", hint="write - as FILE, or leave --path out")
    if parsed.file == STANDARD_INPUT:
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="send the text through a pipe, or name a file")
        if not name:
            raise UsageError("text from standard input needs a name", hint="add --path NAME, for example --path app.py")
        content, path = sys.stdin.buffer.read(_LARGEST_FILE + 1), name
    else:
        content, path = _read(Path(parsed.file)), _relative(Path(parsed.file), workspace)
    if len(content) > _LARGEST_FILE:
        raise UsageError(f"{parsed.file} is larger than {_LARGEST_FILE // 1_000_000} MB", hint="name a source file")
    try:
        decoded = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{parsed.file} is not UTF-8 text", hint="only UTF-8 files can be read") from error
    document = Document(
        uri=Path(parsed.file).absolute().as_uri() if parsed.file != STANDARD_INPUT else f"untitled:{path}",
        path=path,
        language=language_of(path),
        text=decoded,
    )
    return _locate(document, parsed)


def _locate(document: Document, parsed: _Parsed) -> Place:
    index = LineIndex(document.text)
    try:
        if parsed.last_line is not None:
            if parsed.last_line < parsed.line:
                raise UsageError(f"the range ends before it begins: {parsed.line}-{parsed.last_line}")
            return Place(document, index.strict_offset(parsed.line, 1), _line_end(index, parsed.last_line))
        if parsed.column is None:
            point = _line_end(index, parsed.line)
        else:
            point = index.strict_offset(parsed.line, parsed.column)
    except PlaceError as error:
        raise UsageError(f"{document.path}: {error.message}", hint=error.hint) from error
    return Place(document, point, point)


def _line_end(index: LineIndex, line: int) -> int:
    index.strict_offset(line, 1)  # refuses a line that the text does not have
    return index.line_end(line - 1)


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", hint="name a file")
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise UsageError(f"no such file: {path}", hint="check the path; it is taken from the current folder") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _relative(path: Path, workspace: Path) -> str:
    try:
        return path.resolve().relative_to(workspace.resolve()).as_posix()
    except ValueError:
        return path.name
