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
from assist_context.positions import Encoding, LineIndex

_DRIVE = re.compile(r"/([A-Za-z]):")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class _Open:
    uri: str
    language: str
    version: int
    text: str


class Documents:
    """What `textDocument/did*` notifications have told so far."""

    def __init__(self, encoding: Encoding = "utf-16", folders: Iterable[str] = ()) -> None:
        self.encoding: Encoding = encoding
        self.folders: tuple[str, ...] = tuple(folders)
        self._open: dict[str, _Open] = {}

    def open(self, item: types.TextDocumentItem) -> None:
        """Take a document over from the disk."""
        self._open[_key(item.uri)] = _Open(item.uri, item.language_id, item.version, _with_whole_characters(item.text))

    def change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply changes in their order; those of a document that was never opened are ignored."""
        key = _key(params.text_document.uri)
        if (document := self._open.get(key)) is None:
            return
        text = document.text
        for change in params.content_changes:
            text = _with_whole_characters(changed(text, change, self.encoding))
        self._open[key] = replace(document, text=text, version=params.text_document.version)

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


def changed(text: str, change: types.TextDocumentContentChangeEvent, encoding: Encoding) -> str:
    """Apply one change; places outside the text mean its nearest place."""
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return change.text
    index = LineIndex(text)
    places = (change.range.start, change.range.end)
    start, end = sorted(index.offset(place.line, place.character, encoding) for place in places)
    return text[:start] + change.text + text[end:]


def path_in_workspace(uri: str, folders: Sequence[str]) -> str:
    """Give the path of a document below the deepest workspace folder that holds it, with `/`, or else its bare name."""
    path = _path(uri)
    holding = [root for folder in folders if path.startswith(root := _path(folder).rstrip("/") + "/")]
    if holding and (relative := path[len(max(holding, key=len)) :]):
        return relative
    return path.rstrip("/").rpartition("/")[2] or "untitled"


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


def _with_whole_characters(text: str) -> str:
    """Join the halves of characters that arrived one after the other."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if _SURROGATE.search(text) else text
