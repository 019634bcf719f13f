"""Bring an index up to date with the files of a workspace: what has changed is read, what is gone is forgotten."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from assist_context.errors import ParseTimeout
from assist_context.index.batch import Batch
from assist_context.index.ignore import Reason, as_utf8, why_not_content
from assist_context.index.records import FileRecord
from assist_context.index.scan import changes, read_dated
from assist_context.index.store import Store
from assist_context.languages import language_of_text
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import NOTHING, FileSyntax, file_syntax, words

_PARSE_SECONDS = 5.0
_SURE = 100_000  # bytes; a smaller file is parsed in no time, without asking the clock
_BATCH = 200_000  # postings that are written together


class Content(NamedTuple):
    """A file that was read."""

    record: FileRecord
    source: bytes
    """UTF-8."""


def build(store: Store, root: Path, paths: Iterable[str]) -> int:
    """Make the index one of exactly these files, in one go; give how many had new text."""
    known = store.files()
    found = changes(root, paths, known)
    batch, read_anew = store.batch(), 0
    for path in found.gone:
        batch.remove(path)
    for path in found.new_or_changed:
        read_anew += index_file(batch, root, path, known.get(path)) is True
        if batch.postings >= _BATCH:
            store.write(batch)
            batch = store.batch()
    store.write(batch)
    for _ in store.tidy():
        pass
    return read_anew


def read(root: Path, path: str) -> Content | Reason:
    """Read a file of a workspace, unless there is a reason to leave it out."""
    found = read_dated(root, path)
    if isinstance(found, Reason):
        return found
    content, changed = found
    reason = why_not_content(path, content)
    if reason is not None:
        return reason
    source = as_utf8(content)
    digest = blake2b(content, digest_size=16).digest()
    return Content(FileRecord(path, language_of_text(path, source), digest, len(content), changed), source)


def index_file(batch: Batch, root: Path, path: str, known: FileRecord | None) -> bool | Reason:
    """Bring a file up to date with the next write of a batch.

    known: what the index has of it. Gives whether its text is new, or why it is left out, and so forgotten.
    """
    content = read(root, path)
    if isinstance(content, Reason):
        if known is not None:
            batch.remove(path)
        return content
    record = content.record
    if known is not None and (known.language, known.digest) == (record.language, record.digest):
        if known != record:
            batch.date(record)
        return False
    batch.put(record, syntax_of(record.language, content.source), words(content.source))
    return True


def syntax_of(language: str, source: bytes) -> FileSyntax:
    """Read the syntax of a text; nothing where its language has no grammar, or the grammar takes too long."""
    if language not in GRAMMARS:
        return NOTHING
    try:
        tree = parse(language, source, seconds=_PARSE_SECONDS if len(source) > _SURE else None)
        return file_syntax(language, source, tree)
    except ParseTimeout:
        return NOTHING
