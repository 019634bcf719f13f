"""Go: a path of a module is a folder, and all its files are the package."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve.project import Bound, Project, Seek, folders_around, join, shared_folders
from assist_context.syntax.symbols import Import

_VERSION = re.compile(r"v\d+$")
_VERSION_ENDING = re.compile(r"\.v\d+$")
# No blank of these is an end of a line: across many empty lines that would take time in their square.
_MODULE = re.compile(r'^[ \t]*module[ \t]+"?([^\s"]+)', re.MULTILINE)
_REPLACED = re.compile(
    r"^[ \t]*(?:replace[ \t]+)?([^\s=]+)(?:[ \t]+v\S+)?[ \t]*=>[ \t]*(\.\.?(?:/\S*)?)[ \t\r]*(?://.*)?$", re.MULTILINE
)


class Module(NamedTuple):
    """A module of the workspace: its path, its folder, and the folders that other modules are replaced with."""

    path: str
    folder: str
    replaced: tuple[tuple[str, str], ...]


def resolve(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the files of a package, without its tests."""
    source = imported.source
    if source.startswith(("./", "../")):
        return _package(project, join(path.rpartition("/")[0], source))
    for folder in _folders(project, path, source):
        if found := _package(project, folder):
            return found
    return ()


def seeks(project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that import a package: by its folder's name, or its module's."""
    folder = path.rpartition("/")[0]
    terms = {import_term(f"./{folder}")}
    for module in modules(project, path):
        if module.folder == folder:
            terms.add(import_term(module.path))
        terms.update(import_term(name) for name, where in module.replaced if where == folder)
    yield from (Seek((term,)) for term in sorted(terms))


def bindings(imported: Import) -> Iterator[Bound]:
    """Give the name of a package: its last component that is no version."""
    parts = [part for part in imported.source.split("/") if not _VERSION.match(part)]
    name = _VERSION_ENDING.sub("", (parts or [imported.source])[-1])
    yield Bound("*" if imported.alias == "." else imported.alias or name, "", imported)


def modules(project: Project, path: str) -> tuple[Module, ...]:
    """Give the modules of the workspace: that of a file first, then the nearest."""
    folder = path.rpartition("/")[0]
    return project.once(("go", folder), lambda: _modules(project, path))


def _modules(project: Project, path: str) -> tuple[Module, ...]:
    files = dict.fromkeys([*project.above(path, "go.mod"), *project.ending("go.mod")])
    around = len(list(project.above(path, "go.mod")))
    rest = sorted(list(files)[around:], key=lambda file: (-shared_folders(path, file), file))
    return tuple(module for file in [*list(files)[:around], *rest] if (module := _module(project, file)))


def _module(project: Project, file: str) -> Module | None:
    text = project.text(file) or ""
    found = _MODULE.search(text)
    if not found:
        return None
    folder = file.rpartition("/")[0]
    return Module(found[1], folder, tuple((one[1], join(folder, one[2])) for one in _REPLACED.finditer(text)))


def _folders(project: Project, path: str, source: str) -> Iterator[str]:
    """Give the folders that a package may be in: of the file's module, of those it replaces or vendors, of others."""
    known = modules(project, path)
    around = frozenset(folders_around(path))
    own = known[0] if known and known[0].folder in around else None
    if own:
        yield from _in(own.path, own.folder, source)
        for name, folder in own.replaced:
            yield from _in(name, folder, source)
    for module in sorted(known, key=lambda one: -len(one.path)):
        yield from _in(module.path, module.folder, source)
        if module.path == "std":  # the standard library: its imports do not name it
            yield join(module.folder, source)
    yield from (join(module.folder, f"vendor/{source}") for module in known if module.folder in around)
    parts = source.split("/")
    if not known and "." in parts[0]:  # a tree without `go.mod`: a folder around the file is the repository
        cuts = range(min(4, len(parts)))
        yield from (join(folder, "/".join(parts[cut:])) for cut in cuts for folder in folders_around(path))


def _in(name: str, folder: str, source: str) -> Iterator[str]:
    if source == name or source.startswith(name + "/"):
        yield join(folder, source[len(name) + 1 :])


def _package(project: Project, folder: str) -> tuple[str, ...]:
    if folder.startswith(".."):
        return ()
    return tuple(file for file in project.folder(folder) if file.endswith(".go") and not file.endswith("_test.go"))
