"""Where an import leads, what a name that is imported means, and who imports a file."""

from collections.abc import Iterator

from assist_context.index.records import Definition
from assist_context.index.segments import definition_term
from assist_context.index.terms import import_terms, name_term
from assist_context.languages import language_of
from assist_context.retrieval.resolve.c import partners
from assist_context.retrieval.resolve.families import FAMILIES, Family
from assist_context.retrieval.resolve.project import MOST, Bound, Project
from assist_context.retrieval.resolve.rust import folder_of
from assist_context.syntax.symbols import Import, Symbol

_LONGEST_CHAIN = 6  # files that a name is passed on by
_MOST_DEFINITIONS = 500
_TOP = ("class", "interface", "function", "enum", "type")


def resolve(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the files of the workspace that an import in a file leads to, () where it leads outside."""
    family = family_of(project, path)
    return family.resolve(project, path, imported) if family else ()


def definition_of(project: Project, path: str, name: str) -> tuple[Definition, ...]:
    """Find what a name in a file means at its top level: what is imported, else what the file or its package defines.

    The name may have dots: a member of what its beginning means.
    """
    found = _imported(project, path, name, set()) or _own(project, path, name)
    family = family_of(project, path)
    if found or not family or not family.shares:
        return found
    defining = set(project.reads.paths_with(definition_term(name.rpartition(".")[2]), MOST))
    beside = [file for file in project.folder(path.rpartition("/")[0]) if file in defining]
    return tuple(one for file in beside for one in _own(project, file, name))


def importers(project: Project, path: str) -> tuple[str, ...]:
    """Find the files that import a file; in the order of their paths."""
    family = family_of(project, path)
    if family is None:
        return ()
    found = _candidates(project, family, path)
    return tuple(
        candidate
        for candidate in sorted(found)
        if candidate != path and _imports(project, candidate, path, found[candidate])
    )


def knows(project: Project, path: str, definition: Definition) -> bool:
    """Tell whether a file can use a definition: it is in it, imports it, or imports from a file that passes it on."""
    family = family_of(project, path)
    if path == definition.path or family is None:
        return True
    if family.shares and path.rpartition("/")[0] == definition.path.rpartition("/")[0]:
        return True
    name = definition.symbol.parent.partition(".")[0] or definition.symbol.name
    files = {file for imported in project.reads.imports_of(path) for file in resolve(project, path, imported)}
    return definition.path in files or any(_passes_on(project, file, name, definition.path) for file in sorted(files))


def _passes_on(project: Project, file: str, name: str, path: str) -> bool:
    family = family_of(project, file)
    if family is None or not family.publishes:
        return False
    found = project.once(("passes on", file, name), lambda: _inside(project, file, name, set()))
    return any(one.path == path for one in found)


def family_of(project: Project, path: str) -> Family | None:
    """Give the rules of a file's language; None for one without imports."""
    file = project.reads.file(path)
    return FAMILIES.get(file.language if file else language_of(path))


def _candidates(project: Project, family: Family, path: str) -> dict[str, frozenset[str]]:
    """Give the files that may import one, each with the terms of the imports that may do it; none for any import."""
    found: dict[str, frozenset[str]] = {}
    for seek in family.seeks(project, path):
        paths = set.intersection(*(set(project.reads.paths_with(term, MOST)) for term in seek.terms))
        terms = frozenset(term for term in seek.terms if term.startswith("<"))
        for candidate in paths:
            if seek.below and not candidate.startswith(seek.below + "/"):
                continue
            before = found.get(candidate, terms)
            found[candidate] = before | terms if before and terms else frozenset()
    return found


def _imports(project: Project, candidate: str, path: str, terms: frozenset[str]) -> bool:
    names = [term[1:] for term in terms]
    for imported in project.reads.imports_of(candidate):
        source = imported.source
        # The name is part of the source; to look for it first saves most of the time.
        likely = not terms or (any(name in source for name in names) and not terms.isdisjoint(import_terms(source)))
        if likely and path in resolve(project, candidate, imported):
            return True
    return False


def _bindings(project: Project, path: str, family: Family) -> Iterator[Bound]:
    for imported in project.reads.imports_of(path):
        yield from family.bindings(imported)


def _imported(project: Project, path: str, name: str, seen: set[tuple[str, str]]) -> tuple[Definition, ...]:
    """Follow the import that makes a name known, then those that make everything known."""
    family = family_of(project, path)
    if family is None or (path, name) in seen or len(seen) > _LONGEST_CHAIN**2:
        return ()
    seen.add((path, name))
    everything: list[Bound] = []
    for bound in _bindings(project, path, family):
        if bound.name == "*":
            everything.append(bound)
        elif name == bound.name or name.startswith(bound.name + "."):
            rest = name[len(bound.name) + 1 :]
            for file in family.resolve(project, path, bound.imported):
                if found := _taken(project, file, bound.taken, rest, seen):
                    return found
    for bound in everything:
        for file in family.resolve(project, path, bound.imported):
            if found := _inside(project, file, name, seen):
                return found
    return ()


def _taken(project: Project, file: str, taken: str, rest: str, seen: set[tuple[str, str]]) -> tuple[Definition, ...]:
    """Find what is taken from a file, or a member of it; the file may itself be what is taken."""
    wanted = ".".join(part for part in (taken, rest) if part)
    if wanted and (found := _inside(project, file, wanted, seen)):
        return found
    if taken and name_term(file) == "/" + taken and rest:
        return _inside(project, file, rest, seen)
    if file.endswith(".rs") and taken and (hidden := _hidden(project, file, wanted)):
        return hidden
    return () if rest else _standing_for(project, file, taken)


def _hidden(project: Project, file: str, name: str) -> tuple[Definition, ...]:
    """Find the one definition in the modules of a module of Rust: a macro may hide the `pub use` that gives it."""
    outer, _, last = name.rpartition(".")
    inside = folder_of(project, file) + "/"
    defined = project.reads.definitions(last, _MOST_DEFINITIONS)
    found = [one for one in defined if one.path.startswith(inside) and one.symbol.parent == outer]
    return tuple(found) if len({one.path for one in found}) == 1 else ()


def _inside(project: Project, file: str, name: str, seen: set[tuple[str, str]]) -> tuple[Definition, ...]:
    """Find what a file defines by a name, or passes on."""
    found = _own(project, file, name)
    if found:
        defining = tuple(one for other in partners(project, file) for one in _own(project, other, name))
        return (*defining, *found)
    family = family_of(project, file)
    if family is None or not family.publishes:
        return ()
    if passed := _imported(project, file, name, seen):
        return passed
    head, _, rest = name.partition(".")
    if rest:  # a module of a package, which the package need not mention
        for other in family.resolve(project, file, Import(".", head, "", 0)):
            if other != file and (deeper := _inside(project, other, rest, seen)):
                return deeper
    return ()


def _own(project: Project, file: str, name: str) -> tuple[Definition, ...]:
    """Give the definitions of a name in a file: at its top, or where only modules are around them."""
    outer, _, last = name.rpartition(".")
    symbols = project.reads.symbols_of(file)
    named = [symbol for symbol in symbols if symbol.name == last]
    found = [symbol for symbol in named if symbol.parent == outer]
    if not found and named:
        modules = {symbol.name for symbol in symbols if symbol.kind == "module"}
        found = [symbol for symbol in named if _only_modules(symbol.parent, outer, modules)]
    return tuple(Definition(file, symbol) for symbol in found)


def _only_modules(parent: str, outer: str, modules: set[str]) -> bool:
    around = parent.removesuffix(outer).rstrip(".")
    return parent.endswith(outer) and (around in modules or all(part in modules for part in around.split(".")))


def _standing_for(project: Project, file: str, taken: str) -> tuple[Definition, ...]:
    """Give what stands for a whole file: its module, or what it exports without a name, as far as that can be seen."""
    name = name_term(file)[1:]
    symbols = project.reads.symbols_of(file)
    if FAMILIES["javascript"] is not family_of(project, file):
        whole = not taken or name == taken
        return tuple(Definition(file, symbol) for symbol in symbols if whole and symbol.kind == "module")[:1]
    if not taken:
        return ()
    top: list[Symbol] = [symbol for symbol in symbols if not symbol.parent and symbol.kind in _TOP]
    for likely in (taken, name):
        if found := [symbol for symbol in top if symbol.name.lower() == likely.lower()]:
            return (Definition(file, found[0]),)
    return (Definition(file, top[0]),) if len(top) == 1 else ()
