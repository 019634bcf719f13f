"""A workspace as imports see it: which files there are, and what its configuration files say."""

import importlib
import json
import posixpath
import re
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

from assist_context.index.records import Reads
from assist_context.index.terms import folder_term, name_term
from assist_context.syntax.symbols import Import

MOST = 20_000  # files that a term may lead to
# A string, which is kept, or what JSON does not have; a comment without an end goes to that of the text, so that its
# beginnings are not tried one by one.
_COMMENTS = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_LAST_COMMAS = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')

_T = TypeVar("_T")


class Seek(NamedTuple):
    """Where to look for files that may import something: those that have all of the terms and lie below a folder."""

    terms: tuple[str, ...]
    below: str = ""


class Bound(NamedTuple):
    """A name that an import makes known. taken: what it is where it comes from, "" for the module itself.

    name: `*` for all that is there. imported: what is to be resolved, the import of this name alone.
    """

    name: str
    taken: str
    imported: Import


class Project:
    """What is asked of a workspace while imports are resolved. It remembers, so one lives no longer than its answer.

    reads: the index. read: gives the text of a file of the workspace, None where there is none.
    """

    def __init__(self, reads: Reads, read: Callable[[str], str | None]) -> None:
        self.reads = reads
        self._read = read
        self._known: dict[str, bool] = {}
        self._texts: dict[str, str | None] = {}
        self._parsed: dict[str, dict[str, Any]] = {}
        self._named: dict[str, tuple[str, ...]] = {}
        self._made: dict[Hashable, object] = {}

    def once(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Give what was made for a key before, or make it; the key tells also what is made."""
        if key not in self._made:
            self._made[key] = make()
        return cast("_T", self._made[key])

    def existing(self, candidates: Iterable[str]) -> tuple[str, ...]:
        """Give those of some paths that are indexed, in their order."""
        wanted = tuple(dict.fromkeys(candidates))
        unknown = [path for path in wanted if path not in self._known]
        if unknown:
            found = self.reads.has_files(unknown)
            self._known.update((path, path in found) for path in unknown)
        return tuple(path for path in wanted if self._known[path])

    def first(self, candidates: Iterable[str]) -> tuple[str, ...]:
        """Give the first of some paths that is indexed, or none."""
        return self.existing(candidates)[:1]

    def folder(self, folder: str) -> tuple[str, ...]:
        """Give the files of a folder, not those of folders in it."""
        found = self._with_term(folder_term(folder))
        return tuple(path for path in found if posixpath.dirname(path) == folder)

    def ending(self, suffix: str) -> tuple[str, ...]:
        """Give the files whose last components are these."""
        return tuple(
            path for path in self._with_term(name_term(suffix)) if path == suffix or path.endswith("/" + suffix)
        )

    def text(self, path: str) -> str | None:
        """Give the text of a configuration file; of none that another names outside of the workspace."""
        if path not in self._texts:
            inside = not path.startswith(("/", "../")) and path != ".."
            self._texts[path] = self._read(path) if inside else None
        return self._texts[path]

    def json(self, path: str) -> dict[str, Any]:
        """Give a JSON object, which may have comments; {} where there is none to be had."""
        return self._values(path, _json)

    def toml(self, path: str) -> dict[str, Any]:
        """Give a TOML document; {} where there is none to be had."""
        return self._values(path, _toml)

    def above(self, path: str, name: str) -> Iterator[str]:
        """Give the files of a name in the folders around a path, the nearest first; these need not be indexed."""
        for folder in folders_around(path):
            candidate = join(folder, name)
            if self.text(candidate) is not None:
                yield candidate

    def _with_term(self, term: str) -> tuple[str, ...]:
        if term not in self._named:
            self._named[term] = tuple(sorted(self.reads.paths_with(term, MOST)))
        return self._named[term]

    def _values(self, path: str, decode: Callable[[str], Any]) -> dict[str, Any]:
        if path not in self._parsed:
            text = self.text(path)
            values = None if text is None else decode(text)
            self._parsed[path] = values if isinstance(values, dict) else {}
        return self._parsed[path]


def join(folder: str, path: str) -> str:
    """Give a path from the workspace for one that is written from a folder; one that leaves the workspace has `..`."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    return "" if joined == "." else joined


def folders_around(path: str) -> Iterator[str]:
    """Give the folders that a path lies in, the nearest first, "" the last."""
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def shared_folders(path: str, other: str) -> int:
    """Count the folders from the root that two paths share."""
    pairs = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
    return next((number for number, (one, two) in enumerate(pairs) if one != two), _shorter(path, other))


def nearest(path: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Give those candidates that share the most folders with a path."""
    found = tuple(candidates)
    if len(found) < 2:
        return found
    most = max(shared_folders(path, candidate) for candidate in found)
    return tuple(candidate for candidate in found if shared_folders(path, candidate) == most)


def table(values: Any, *keys: str) -> dict[str, Any]:
    """Give the object below some keys of a decoded document; {} where there is none."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def texts(values: Any) -> tuple[str, ...]:
    """Give the strings of a list, or the one string that stands in its place."""
    if isinstance(values, str):
        return (values,)
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _shorter(path: str, other: str) -> int:
    return min(path.count("/"), other.count("/"))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    for extras in (_COMMENTS, _LAST_COMMAS):
        text = extras.sub(lambda found: found[1] or "", text.lstrip("\ufeff"))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _toml(text: str) -> Any:
    # Imported by name: which of the two there is depends on the Python, which a type checker runs only once.
    library = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return library.loads(text)
    except (ValueError, RecursionError):  # its own error is a ValueError
        return None
