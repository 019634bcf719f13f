"""The documents that the editor has open, and frozen copies of them for the features.

Own bookkeeping, because pygls splits lines where Python does (a form feed, U+2028), not where the protocol does, and
reads documents that nobody opened from the disk.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from assist_context.document import Document
from assist_context.languages import LANGUAGES, language_of
from assist_context.positions import Encoding, lines_of
from assist_server.features.completion.recent import LineEdit

_DRIVE = re.compile(r"/([A-Za-z]):")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class _Open:
    uri: str
    language: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a text: the characters from start to end have become as many as length."""

    start: int
    end: int
    length: int
    lines: LineEdit


class Documents:
    """What `textDocument/did*` notifications have told so far."""

    def __init__(self, encoding: Encoding = "utf-16", folders: Iterable[str] = ()) -> None:
        self.encoding: Encoding = encoding
        self.folders: tuple[str, ...] = tuple(folders)
        self._open: dict[str, _Open] = {}

    def open(self, item: types.TextDocumentItem) -> None:
        """Take a document over from the disk."""
        self._open[_key(item.uri)] = _Open(item.uri, item.language_id, item.version, _with_whole_characters(item.text))

    def change(self, params: types.DidChangeTextDocumentParams) -> tuple[Change, ...]:
        """Apply changes in their order and give them; those of a document that was never opened are ignored."""
        key = _key(params.text_document.uri)
        if (document := self._open.get(key)) is None:
            return ()
        text, changes = document.text, []
        for event in params.content_changes:
            text, change = changed(text, event, self.encoding)
            text = _with_whole_characters(text)
            changes.append(change)
        self._open[key] = replace(document, text=text, version=params.text_document.version)
        return tuple(changes)

    def close(self, uri: str) -> str:
        """Forget a document; give its URI as it was spelt when it was opened."""
        document = self._open.pop(_key(uri), None)
        return document.uri if document else uri

    def change_folders(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        """Add and remove workspace folders."""
        removed = {_key(folder.uri) for folder in event.removed}
        kept = tuple(uri for uri in self.folders if _key(uri) not in removed)
        known = {_key(uri) for uri in kept}
        self.folders = (*kept, *(folder.uri for folder in event.added if _key(folder.uri) not in known))

    def uris(self) -> tuple[str, ...]:
        """Give the URIs of the open documents, as they were spelt when they were opened."""
        return tuple(document.uri for document in self._open.values())

    def workspace(self) -> Path | None:
        """Give the first workspace folder that is a folder of this machine."""
        return next((path for uri in self.folders if (path := file_path(uri)) is not None), None)

    def text(self, uri: str) -> str | None:
        """Give the text of a document as it is now, None for one that is not open; see `snapshot`."""
        document = self._open.get(_key(uri))
        return None if document is None else _SURROGATE.sub(_REPLACEMENT, document.text)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The workspace folders that are folders of this machine."""
        return tuple(path for uri in self.folders if (path := file_path(uri)) is not None)

    def place(self, uri: str) -> tuple[Path, str] | None:
        """Give the deepest workspace folder of this machine that holds a file, and its path below that, with `/`."""
        return place_below(self.roots, uri)

    def snapshot(self, uri: str) -> Document | None:
        """Copy a document as it is now, or give None for one that is not open.

        A half of a character, which some editors send between two changes, becomes U+FFFD: nothing could encode it.
        """
        if (document := self._open.get(_key(uri))) is None:
            return None
        path = path_in_workspace(document.uri, self.folders)
        first_line = document.text[:200].split("\n", 1)[0]
        language = document.language if document.language in LANGUAGES else language_of(path, first_line)
        text = _SURROGATE.sub(_REPLACEMENT, document.text)
        return Document(document.uri, path, language, text, document.version)


def changed(text: str, event: types.TextDocumentContentChangeEvent, encoding: Encoding) -> tuple[str, Change]:
    """Apply one change and tell what it was; places outside the text mean its nearest place."""
    index = lines_of(text)
    if isinstance(event, types.TextDocumentContentChangeWholeDocument):
        now = event.text
        start = _common(text, now)
        rest = min(len(text), len(now)) - start
        tail = _common(text[len(text) - rest :][::-1], now[len(now) - rest :][::-1])
        end, new = len(text) - tail, now[start : len(now) - tail]
    else:
        places = (event.range.start, event.range.end)
        start, end = sorted(index.offset(place.line, place.character, encoding) for place in places)
        new = event.text
        now = text[:start] + new + text[end:]
    first = index.line_of(start)
    lines = LineEdit(first, index.line_of(end), first + lines_of(new).line_count - 1)
    return now, Change(start, end, len(new), lines)


def path_in_workspace(uri: str, folders: Sequence[str]) -> str:
    """Give the path of a document below the deepest workspace folder that holds it, with `/`, or else its bare name."""
    path = _path(uri)
    holding = [root for folder in folders if path.startswith(root := _path(folder).rstrip("/") + "/")]
    if holding and (relative := path[len(max(holding, key=len)) :]):
        return relative
    return path.rstrip("/").rpartition("/")[2] or "untitled"


def place_below(roots: Iterable[Path], uri: str) -> tuple[Path, str] | None:
    """Give the deepest of some folders that holds a file, and its path below that, with `/`."""
    if (path := file_path(uri)) is None:
        return None
    holding = [root for root in roots if path.is_relative_to(root)]
    root = max(holding, key=lambda folder: len(folder.parts), default=None)
    return None if root is None else (root, path.relative_to(root).as_posix())


def file_path(uri: str) -> Path | None:
    """Give the path of a `file:` URI on this machine, None for another scheme."""
    if not uri.lower().startswith("file:"):
        return None
    path = _path(uri)
    return Path(path[1:] if os.name == "nt" and _DRIVE.match(path) else path)


def _key(uri: str) -> str:
    """Make the spellings of one URI equal: editors differ in what they percent-encode and in the case of a drive."""
    scheme, colon, rest = uri.partition(":")
    rest = unquote(rest)
    if scheme.lower() == "file":
        rest = re.sub(r"^(//)?/([A-Za-z]):", lambda drive: f"///{drive[2].lower()}:", rest)
    return scheme.lower() + colon + rest


def _path(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:  # a host that is not one
        return unquote(uri)
    path = unquote(parts.path)
    if parts.scheme == "file" and parts.netloc and parts.netloc != "localhost":
        return f"//{parts.netloc}{path}"
    if drive := _DRIVE.match(path):
        return f"/{drive[1].lower()}:{path[3:]}".replace("\\", "/")
    return path


def _common(one: str, other: str) -> int:
    """Count the characters with which two texts begin alike; halves are compared at once, not characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _with_whole_characters(text: str) -> str:
    """Join the halves of characters that arrived one after the other."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if _SURROGATE.search(text) else text
