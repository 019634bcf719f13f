"""What a completion may know of the workspace: the index of its folder, what is open, and what was done lately."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from assist_context.document import Document
from assist_context.retrieval.snippet import Snippet
from assist_server.features.completion.recent import outlines
from assist_server.features.indexing.surroundings import FolderSurroundings
from assist_server.lsp.lifecycle import Session


def surroundings(session: Session, document: Document, line: int) -> FolderSurroundings | None:
    """Give the surroundings of a document whose cursor is in a line, from 0; None where no index has its folder."""
    if (around := session.index.around(document)) is None:
        return None
    places = session.recent.places(around.root)

    def recent() -> Iterator[Snippet]:
        yield from places.snippets(around.path, line, around.project().text)
        paths = places.open_paths()
        known = around.reads.has_files(paths)
        yield from outlines(around.path, [path for path in paths if path in known], around.reads.symbols_of)

    # Each source that needs it asks for all of it.
    return replace(around, lately=cache(lambda: tuple(recent())))
