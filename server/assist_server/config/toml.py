"""TOML with the line of each key, which the parser of the standard library does not give."""

import importlib
import re
import sys
from dataclasses import dataclass
from typing import Any

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)\s*$")
_LONG_STRINGS = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'', re.DOTALL)
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[{{1,2}}[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")


@dataclass(frozen=True, slots=True)
class TomlText:
    """What a text says, and the line, from 1, where each dotted key is set."""

    values: dict[str, Any]
    lines: dict[str, int]


class TomlError(Exception):
    """Text that is not TOML; line is None where only the end of the text shows it."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def parse(text: str) -> TomlText:
    """Read TOML; raises TomlError."""
    # Not a plain import: one of the two names is missing on every version of Python.
    library = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        values = library.loads(text)
    except RecursionError as error:
        raise TomlError("it is nested too deeply", 1) from error
    except ValueError as error:  # also a number of too many digits, which is not the library's own error
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else len(text.splitlines())
        raise TomlError(_PLACE.sub("", str(error)), max(line, 1)) from error
    return TomlText(values, _lines(text))


def _lines(text: str) -> dict[str, int]:
    # What a multi-line string holds may look like a key; only its line ends count.
    text = _LONG_STRINGS.sub(lambda match: '""' + "\n" * match[0].count("\n"), text)
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _plain(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{_plain(key[1])}" if table else _plain(key[1]), number)
    return lines


def _plain(dotted: str) -> str:
    return ".".join(part.strip("\"'") for part in re.findall(_PART, dotted))
