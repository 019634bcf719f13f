"""An index in memory, of texts that are really parsed: what retrieval is tested with."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import blake2b

from assist_context.index.batch import terms_of
from assist_context.index.records import Definition, FileRecord, Totals
from assist_context.languages import language_of_text
from assist_context.syntax.grammars import GRAMMARS
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import NOTHING, FileSyntax, Import, Reference, Symbol, file_syntax, words


class MemoryIndex:
    """Reads of texts by path. As simple as it can be, so that it is right."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(sorted(texts.items()))
        self._syntax: dict[str, FileSyntax] = {}
        self._files: dict[str, FileRecord] = {}
        self._postings: defaultdict[str, list[str]] = defaultdict(list)
        self._definitions: defaultdict[str, list[Definition]] = defaultdict(list)
        for path, text in self.texts.items():
            self._add(path, text.encode())

    def _add(self, path: str, source: bytes) -> None:
        language = language_of_text(path, source)
        syntax = NOTHING
        if language in GRAMMARS:
            syntax = file_syntax(language, source, parse(language, source))
        self._syntax[path] = syntax
        self._files[path] = FileRecord(path, language, blake2b(source, digest_size=16).digest(), len(source), 0)
        for term in words(source).union(terms_of(path, syntax)):
            self._postings[term].append(path)
        for symbol in syntax.symbols:
            self._definitions[symbol.name].append(Definition(path, symbol))

    def read(self, path: str) -> str | None:
        """Give a file's text, as the workspace would."""
        return self.texts.get(path)

    def files(self) -> Mapping[str, FileRecord]:
        return dict(self._files)

    def file_count(self) -> int:
        return len(self._files)

    def file(self, path: str) -> FileRecord | None:
        return self._files.get(path)

    def has_files(self, paths: Collection[str]) -> frozenset[str]:
        return frozenset(path for path in paths if path in self._files)

    def definitions(self, name: str, limit: int) -> tuple[Definition, ...]:
        return tuple(self._definitions.get(name, ())[:limit])

    def names_starting(self, prefix: str, limit: int) -> tuple[str, ...]:
        return self._names(limit, lambda name: name.lower().startswith(prefix.lower()))

    def names_containing(self, text: str, limit: int) -> tuple[str, ...]:
        return self._names(limit, lambda name: text.lower() in name.lower())

    def names_like(self, text: str, limit: int) -> tuple[str, ...]:
        wanted = set(_pieces(text))
        shared = {name: len(wanted.intersection(_pieces(name))) for name in self._definitions}
        return tuple(sorted((n for n in shared if shared[n]), key=lambda n: (-shared[n], len(n), n))[:limit])

    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        return self._of(path).symbols

    def references_of(self, path: str) -> tuple[Reference, ...]:
        return tuple(self._of(path).references)

    def imports_of(self, path: str) -> tuple[Import, ...]:
        return self._of(path).imports

    def paths_with(self, term: str, limit: int) -> tuple[str, ...]:
        return tuple(self._postings.get(term, ())[:limit])

    def paths_with_each(self, terms: Collection[str], most: int) -> Mapping[str, tuple[str, ...]]:
        found = {term: tuple(self._postings[term]) for term in terms if term in self._postings}
        return {term: paths if len(paths) <= most else () for term, paths in found.items()}

    def totals(self) -> Totals:
        symbols = sum(len(syntax.symbols) for syntax in self._syntax.values())
        return Totals(len(self._files), symbols, sum(file.size for file in self._files.values()))

    def _of(self, path: str) -> FileSyntax:
        return self._syntax.get(path, NOTHING)

    def _names(self, limit: int, wanted: Callable[[str], bool]) -> tuple[str, ...]:
        return tuple(sorted(filter(wanted, self._definitions), key=lambda name: (len(name), name))[:limit])


def _pieces(text: str) -> Iterator[str]:
    lower = text.lower()
    return (lower[at : at + 3] for at in range(len(lower) - 2))
