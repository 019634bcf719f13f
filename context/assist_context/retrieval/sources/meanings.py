"""What names mean in a file, as far as it can be told at once: by its imports, what it defines, what its folder has."""

from collections.abc import Collection, Iterable, Mapping

from assist_context.index.records import Definition
from assist_context.index.segments import definition_term
from assist_context.languages import language_of
from assist_context.retrieval.imports import definition_of
from assist_context.retrieval.resolve.families import FAMILIES, Family
from assist_context.retrieval.resolve.project import MOST, Bound, Project
from assist_context.syntax.symbols import Symbol

_SLOW = 3  # names that are followed through files which pass them on
_WAYS = 3  # definitions of one name in one file: the ways in which one thing can be called
_FEW_FILES = 3


def bound_names(project: Project, path: str, language: str) -> Mapping[str, tuple[Bound, ...]]:
    """Give the names that a file's imports make known, with dots where these have them; `*` for all of something."""
    return project.once(("bound", path), lambda: _bound(project, path, FAMILIES.get(language)))


def symbols_in(project: Project, path: str) -> tuple[Symbol, ...]:
    """Give the definitions of a file, which are asked for again and again."""
    return project.once(("symbols", path), lambda: project.reads.symbols_of(path))


def language_in(project: Project, path: str) -> str:
    """Give the language of a file."""
    return project.once(("language", path), lambda: _language(project, path))


class Meanings:
    """Finds what names mean; of those that files pass on it follows only a few, because that takes time."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._slow = _SLOW

    def imported(self, path: str, name: str, members: Collection[str]) -> tuple[Definition, ...]:
        """Give what an import of a file binds a name to; where that is a module, the members of it that are named."""
        found: list[Definition] = []
        language = language_in(self._project, path)
        for bound in bound_names(self._project, path, language).get(name, ()):
            files = FAMILIES[language].resolve(self._project, path, bound.imported)
            if not files:  # it leads outside
                continue
            for taken in [bound.taken] if bound.taken else sorted(members):
                dotted = name if bound.taken else f"{name}.{taken}"
                found += self._in(files, taken) or self._passed_on(path, dotted)
        return tuple(found)

    def of_type(self, path: str, name: str) -> tuple[Definition, ...]:
        """Give what a name in a signature of a file means."""
        language = language_in(self._project, path)
        if name in bound_names(self._project, path, language):
            return self.imported(path, name, ())
        if own := self._in((path,), name):
            return own
        family = FAMILIES.get(language)
        return self._in(self._project.folder(path.rpartition("/")[0]), name) if family and family.shares else ()

    def _in(self, files: Collection[str], name: str) -> tuple[Definition, ...]:
        """Give the definitions of a name in the first of some files that has it, with the least around them."""
        if len(files) > _FEW_FILES:
            having = set(self._project.reads.paths_with(definition_term(name), MOST))
            files = [file for file in files if file in having]
        for file in files:
            if found := [one for one in symbols_in(self._project, file) if one.name == name]:
                least = min(one.parent.count(".") + bool(one.parent) for one in found)
                fewest = [one for one in found if one.parent.count(".") + bool(one.parent) == least]
                return tuple(Definition(file, one) for one in fewest[:_WAYS])
        return ()

    def _passed_on(self, path: str, name: str) -> tuple[Definition, ...]:
        if not self._slow:
            return ()
        self._slow -= 1
        found = definition_of(self._project, path, name)
        return tuple(one for one in found if one.path == found[0].path and one.symbol.kind != "module")[:_WAYS]


def _bound(project: Project, path: str, family: Family | None) -> dict[str, tuple[Bound, ...]]:
    found: dict[str, tuple[Bound, ...]] = {}
    for bound in _bindings(project, path, family):
        found[bound.name] = (*found.get(bound.name, ()), bound)
    return found


def _bindings(project: Project, path: str, family: Family | None) -> Iterable[Bound]:
    if family is None:
        return ()
    return (bound for one in project.reads.imports_of(path) for bound in family.bindings(one) if bound.name)


def _language(project: Project, path: str) -> str:
    record = project.reads.file(path)
    return record.language if record else language_of(path)
