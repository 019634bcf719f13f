"""What a completion knows of a workspace that is one text: `=== path` starts a file, `<|>` is the place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from assist_context.document import Document
from assist_context.retrieval.resolve.project import Project
from assist_context.retrieval.snippet import Snippet, SourceName
from assist_context.syntax.incremental import Parsed
from assist_server.features.completion.service import CompletionQuery
from assist_server.features.completion.trigger import Trigger
from support.memory_index import MemoryIndex
from support.sources import asked


@dataclass
class FakeSurroundings:
    """A workspace in memory.

    lately: gives what was done lately. unknown: names that are nowhere in it. changed: how often other files were.
    """

    index: MemoryIndex
    path: str
    tree: Parsed | None = None
    lately: Callable[[], Iterable[Snippet]] = tuple
    unknown: frozenset[str] = field(default=frozenset())
    repository: str = "shop"
    changed: int = 0

    def project(self) -> Project:
        return Project(self.index, self.index.read)

    def parsed(self) -> Parsed | None:
        return self.tree

    def recent(self) -> Iterable[Snippet]:
        return self.lately()

    def known(self, name: str) -> bool:
        return name not in self.unknown

    def changes(self) -> int:
        return self.changed


def query_in(text: str, trigger: Trigger = "automatic") -> CompletionQuery:
    """Ask at the cursor of a workspace."""
    place, project = asked(text)
    assert isinstance(project.reads, MemoryIndex)
    document = Document(f"file:///shop/{place.path}", place.path, place.language, place.text)
    return CompletionQuery(
        document, place.offset, trigger, FakeSurroundings(project.reads, place.path, tree=place.parsed)
    )


def piece(name: str, *, lines: int = 4, source: SourceName = "edits", score: float = 1.0) -> Snippet:
    """Make lines of a file of that name; no two names give lines that are alike."""
    text = "\n".join(f"{name}_{number} = {name}_{number}_of({name}_{number + 1})" for number in range(lines))
    return Snippet(f"{name}.py", 1, lines, text, source, score, f"{name} was edited")
