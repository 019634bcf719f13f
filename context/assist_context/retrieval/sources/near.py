"""What is near a place: the lines before it, the headers that it stands under, and the names that these use.

All of it is read from the text, so that it is there at once and whatever state the code is in.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from assist_context.languages import comment_token
from assist_context.retrieval.snippet import Place
from assist_context.syntax.symbols import Import

_NAME = r"[^\W\d]\w*"
_SEPARATOR = r"(?:\??\.|->|::)"
_CHAIN = re.compile(rf"(?P<before>{_SEPARATOR})?(?P<names>{_NAME}(?:{_SEPARATOR}{_NAME})*)(?P<call>!?\()?")
NAMES = re.compile(_NAME)
_METHODS = re.compile(rf"(?<=\w):(?={_NAME}\()")  # of Lua: a dot by another name
_WITH_METHOD_SIGN = frozenset({"lua"})
_SPLIT = re.compile(_SEPARATOR)
_LABEL = re.compile(r"\w+:")
_HALF = 8.0  # lines, after which a line counts for half
_HEADER = 0.5
_LONGEST_HEADER = 30  # lines

UNDECLARED = ""
"""Stands first in a chain that begins with something other than a name, such as the value of a call."""


class Use(NamedTuple):
    """Names that are used, joined by dots or what a language has for them. weight: 1 at the cursor, less further away.

    called: whether the last one is.
    """

    names: tuple[str, ...]
    called: bool
    weight: float


class Imported(NamedTuple):
    """The lines of a statement that imports; from 0."""

    first: int
    last: int


def uses(place: Place, lines: int, imports: Iterable[Import] = ()) -> tuple[Use, ...]:
    """Give the names in the last lines before a place and in the headers around it, the nearest first.

    imports: those of the file, whose lines use nothing.
    """
    numbered = _lines(place)
    at = place.text.count("\n", 0, place.offset)
    column = place.offset - (place.text.rfind("\n", 0, place.offset) + 1)
    found: list[Use] = []
    hidden = {number for one in import_lines(numbered, imports) for number in range(one.first, one.last + 1)}
    for away in range(min(lines, at + 1)):
        if at - away in hidden:
            continue
        text = without_comment(place.language, numbered[at - away])
        found += _chains(place.language, text, closeness(away), column if not away else -1)
    seen = set(range(max(at - lines + 1, 0), at + 1))
    for number in _headers(place, numbered):
        if number not in seen:
            found += _chains(place.language, numbered[number], _HEADER, -1)
    return tuple(found)


def weights(found: Iterable[Use]) -> dict[str, float]:
    """Give each name with the most weight that it has anywhere."""
    best: dict[str, float] = {}
    for use in found:
        for name in use.names:
            best[name] = max(best.get(name, 0.0), use.weight)
    best.pop(UNDECLARED, None)
    return best


def closeness(lines: int) -> float:
    """Tell how much something counts that is so many lines away: 1 for none."""
    return _HALF / (_HALF + lines)


def code_near(place: Place, lines: int) -> str:
    """Give the last lines before a place and the rest of its line, without comments."""
    near = _lines(place)[-lines:]
    return "\n".join(without_comment(place.language, line) for line in near)


def without_comment(language: str, line: str) -> str:
    """Give a line up to its comment; "" for one that looks like the inside of a block of comments."""
    bare = line.lstrip()
    comment = comment_token(language)
    if bare.startswith(("/*", "* ", "*/", comment or "/*")) or bare == "*":
        return ""
    end = line.find(f" {comment}") if comment else -1
    return line if end < 0 else line[:end]


def headers(place: Place) -> tuple[int, ...]:
    """Give the lines under which a place stands by its indentation, from 0 and innermost first.

    A header that spans lines is given with all of them.
    """
    return _headers(place, _lines(place))


def _headers(place: Place, lines: list[str]) -> tuple[int, ...]:
    at = place.text.count("\n", 0, place.offset)
    comment = comment_token(place.language) or "#"
    limit = _limit(lines, at, place.offset - (place.text.rfind("\n", 0, place.offset) + 1))
    found: list[int] = []
    goes_on = inside = False  # whether the header began further up, and whether its other lines belong to it
    opened = at
    for number in range(at - 1, -1, -1):
        if limit <= 0 and not goes_on:
            break
        line = lines[number]
        bare = line.strip()
        if not bare or bare.startswith((comment, "#")):
            continue
        depth = indentation(line)
        if depth < limit or (goes_on and depth == limit):
            found.append(number)
            limit, opened = depth, number if depth < limit else opened
            goes_on = bare[0] in ")]}{" or _LABEL.fullmatch(bare) is not None
            inside = bare[0] in ")]"
        elif inside and opened - number < _LONGEST_HEADER:
            found.append(number)
    return tuple(found)


def indentation(line: str) -> int:
    """Give the column at which a line begins, with tabs of eight."""
    blank = line[: len(line) - len(line.lstrip())]
    return len(blank.expandtabs()) if "\t" in blank else len(blank)


def import_lines(text: list[str], imports: Iterable[Import]) -> Iterator[Imported]:
    """Give the statements of imports, each once, in the order of the file."""
    end = -1
    for start in sorted({one.line for one in imports}):
        if start <= end or start >= len(text):
            continue
        end, depth = start, 0
        for end in range(start, min(start + _LONGEST_HEADER, len(text))):
            depth += sum(map(text[end].count, "({[")) - sum(map(text[end].count, ")}]"))
            if depth <= 0:
                break
        else:
            end = start
        yield Imported(start, end)


def _lines(place: Place) -> list[str]:
    """Give the lines up to that of a place, which is whole."""
    end = place.text.find("\n", place.offset)
    return place.text[: len(place.text) if end < 0 else end].split("\n")


def _limit(lines: list[str], at: int, column: int) -> int:
    """Give the column that what is around a place begins before."""
    if lines[at].strip():
        return indentation(lines[at])
    return indentation(lines[at][:column] + ".")


def _chains(language: str, line: str, weight: float, cursor: int) -> Iterator[Use]:
    """Give the names of a line; not the one that the cursor is at, which is being written."""
    if language in _WITH_METHOD_SIGN:
        line = _METHODS.sub(".", line)
    for match in _CHAIN.finditer(line):
        names = _SPLIT.split(match["names"])
        start, end = match.span("names")
        if start <= cursor <= end:
            names = _SPLIT.split(line[start:cursor])[:-1]
            if not names:
                continue
        called = match["call"] is not None and not start <= cursor <= end
        yield Use((UNDECLARED, *names) if match["before"] else tuple(names), called, weight)
