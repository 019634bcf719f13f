"""Asks a source of context about a workspace in one text, in which `<|>` is the place."""

from collections.abc import Iterable

from assist_context.languages import language_of
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import Place, Snippet
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.incremental import Parsed
from assist_context.syntax.parse import parse
from support.arrows import workspace
from support.marked import at_cursor
from support.memory_index import MemoryIndex


def place_in(path: str, source: str) -> Place:
    """Give the place of the cursor in a file, with its tree."""
    text, offset = at_cursor(source)
    language = language_of(path)
    encoded = text.encode()
    parsed = Parsed(encoded, parse(language, encoded), exact=True) if language in GRAMMARS else None
    return Place(path, language, text, offset, parsed)


def asked(text: str) -> tuple[Place, Project]:
    """Give the place of the cursor in a workspace, and the workspace."""
    marked = workspace(text)
    path, source = next((path, source) for path, source in marked.texts.items() if "<|>" in source)
    index = MemoryIndex({**marked.texts, path: source.replace("<|>", "")})
    return place_in(path, source), Project(index, index.read)


def shown(snippets: Iterable[Snippet]) -> str:
    """Write snippets as a workspace in one text."""
    return "\n".join(f"=== {one.path}\n{one.text}" for one in snippets)
