"""Every question that an index answers, asked with names, places and texts of its own files."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from assist_context.index.records import Definition, Reads
from assist_context.languages import language_of
from assist_context.retrieval.callers import callers, callers_of
from assist_context.retrieval.imports import importers, resolve
from assist_context.retrieval.names import find_definitions, find_symbols, members
from assist_context.retrieval.related import related_files
from assist_context.retrieval.resolve.project import Project
from assist_context.syntax.parse import parse
from assist_context.syntax.scope import enclosing, visible_names
from assist_context.syntax.symbols import Import

ASKED = 1000
SNIPPETS = 300
SNIPPET_LINES = 20

Question = Callable[[], Sequence[object]]
_OWNERS = frozenset({"class", "struct", "interface", "trait", "enum"})


class Samples(NamedTuple):
    """What is asked about, in no order.

    owners: definitions that have members. imports: with the files that have them. snippets: texts with their files.
    """

    paths: Sequence[str]
    definitions: Sequence[Definition]
    owners: Sequence[Definition]
    imports: Sequence[tuple[str, Import]]
    snippets: Sequence[tuple[str, str]]


def ask_all(reads: Reads, folder: Path, *, seed: int = 1) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Give the seconds of every question, by its kind, and how many answers it had in the mean."""
    samples = take_samples(reads, folder, seed=seed)
    seconds: dict[str, list[float]] = {}
    found: dict[str, float] = {}
    for kind, questions in _questions(reads, samples, folder).items():
        taken, answers = [], 0
        for question in questions:
            begun = time.perf_counter()
            answer = question()
            taken.append(time.perf_counter() - begun)
            answers += len(answer)
        seconds[kind], found[kind] = taken, answers / max(1, len(taken))
    return seconds, found


def take_samples(reads: Reads, folder: Path, *, seed: int) -> Samples:
    """Choose what to ask about, the same for the same seed and files."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    paths = sorted(reads.files())
    chance.shuffle(paths)
    definitions: list[Definition] = []
    owners: list[Definition] = []
    imports: list[tuple[str, Import]] = []
    snippets: list[tuple[str, str]] = []
    for path in paths[: 4 * ASKED]:
        symbols = reads.symbols_of(path)
        definitions += [Definition(path, symbol) for symbol in chance.sample(symbols, min(2, len(symbols)))]
        owners += [Definition(path, symbol) for symbol in symbols if symbol.kind in _OWNERS][:1]
        imports += [(path, imported) for imported in reads.imports_of(path)[:2]]
    for path in paths:
        lines = (folder / path).read_text(encoding="utf-8", errors="replace").splitlines()
        if len(lines) >= SNIPPET_LINES and len(snippets) < SNIPPETS:
            first = chance.randrange(len(lines) - SNIPPET_LINES + 1)
            snippets.append((path, "\n".join(lines[first : first + SNIPPET_LINES])))
    chance.shuffle(definitions)
    chance.shuffle(imports)
    return Samples(paths[:ASKED], definitions[:ASKED], owners[:ASKED], imports[:ASKED], snippets)


def _questions(reads: Reads, samples: Samples, folder: Path) -> dict[str, list[Question]]:
    names = [definition.symbol.name for definition in samples.definitions]

    def project() -> Project:
        return Project(reads, lambda path: _text(folder / path))

    return {
        "definition by name": [lambda name=name: find_definitions(reads, name) for name in names],
        "prefix": [lambda name=name: reads.names_starting(name[:3], 50) for name in names],
        "fuzzy": [lambda name=name: find_symbols(reads, with_slip(name), 50) for name in names],
        "members": [lambda owner=owner: members(reads, owner) for owner in samples.owners],
        "callers of a name": [lambda name=name: callers(reads, name, 100) for name in names],
        "callers of a definition": [lambda one=one: callers_of(project(), one, 100) for one in samples.definitions],
        "importers": [lambda path=path: importers(project(), path) for path in samples.paths],
        "import to its file": [
            lambda path=path, one=one: resolve(project(), path, one) for path, one in samples.imports
        ],
        "related files": [
            lambda path=path, text=text: related_files(reads, text, near=path, without=(path,))
            for path, text in samples.snippets
        ],
        **_scope_questions(reads, samples, folder),
    }


def _scope_questions(reads: Reads, samples: Samples, folder: Path) -> dict[str, list[Question]]:
    """Ask what is around the middle of a file and what is visible there; the tree of an open file is there already."""
    inside: list[Question] = []
    seen: list[Question] = []
    for path in samples.paths[:SNIPPETS]:
        source, language = (folder / path).read_bytes(), language_of(path)
        middle = source.find(b"\n", len(source) // 2) + 1
        tree = parse(language, source)
        inside.append(lambda path=path, middle=middle: enclosing(reads.symbols_of(path), middle))
        seen.append(lambda args=(language, source, tree, middle): visible_names(*args))
    return {"enclosing definitions": inside, "names visible at a place": seen}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def with_slip(name: str) -> str:
    """Leave out one letter in the middle of a name, as a finger does."""
    middle = len(name) // 2
    return name if len(name) < 5 else name[:middle] + name[middle + 1 :]
