"""Bring an index up to date with the files of a workspace: what has changed is read, what is gone is forgotten."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from assist_context.errors import ParseTimeout
from assist_context.index.store import IndexedFile, Store
from assist_context.languages import language_of
from assist_context.secrets import is_secret_path
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import FileSyntax, file_syntax

LARGEST = 1_000_000  # bytes
_LONGEST_LINES = 5_000  # bytes a line in the mean: no person wrote that
_PARSE_SECONDS = 5.0
_AT_ONCE = 200  # files written together: a build that is stopped keeps what it had

Progress = Callable[[int, int], None]
"""Takes the files that are done and all of them."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did. read: files whose text was new. skipped: how many files were left out, by reason."""

    read: int
    removed: int
    skipped: Mapping[str, int]


def build(store: Store, root: Path, paths: Iterable[str], progress: Progress = lambda _done, _all: None) -> Built:
    """Index files of a workspace; paths are below `root`, with slashes."""
    known, wanted = store.files(), sorted(set(paths))
    skipped: Counter[str] = Counter()
    kept: set[str] = set()
    read = 0
    for first in range(0, len(wanted), _AT_ONCE):
        with store.changes():
            for path in wanted[first : first + _AT_ONCE]:
                reason = _why_not(path)
                found = None if reason else _content(root, path)
                if isinstance(found, bytes):
                    digest = blake2b(found, digest_size=16).digest()
                    kept.add(path)
                    if path not in known or known[path].digest != digest:
                        read += 1
                        language = language_of(path)
                        store.put(IndexedFile(path, language, digest, len(found)), _syntax(language, found))
                else:
                    skipped[reason or found or ""] += 1
        progress(min(first + _AT_ONCE, len(wanted)), len(wanted))
    gone = known.keys() - kept
    with store.changes():
        for path in gone:
            store.remove(path)
    return Built(read, len(gone), dict(skipped))


def _why_not(path: str) -> str | None:
    """Say why a file is left out by its name, None where it is not."""
    if is_secret_path(path):
        return "may hold secrets"
    return None if language_of(path) in GRAMMARS else "no language with a grammar"


def _content(root: Path, path: str) -> bytes | str:
    """Give a file's bytes, or why it is left out."""
    file = root / path
    try:
        if file.is_symlink() or not file.is_file():
            return "not a regular file"
        if file.stat().st_size > LARGEST:
            return "larger than 1 MB"
        content = file.read_bytes()
    except OSError:
        return "cannot be read"
    if b"\0" in content[:8000]:
        return "binary"
    if len(content) > _LONGEST_LINES * (content.count(b"\n") + 1):
        return "minified"
    return content


def _syntax(language: str, content: bytes) -> FileSyntax:
    source = content.decode("utf-8", "replace").encode()
    try:
        return file_syntax(language, source, parse(language, source, seconds=_PARSE_SECONDS))
    except ParseTimeout:
        return FileSyntax((), (), ())
