"""Ruby, Lua and shell scripts: what is required by a path, from the file's folder or from a folder of sources."""

from collections.abc import Callable, Iterator

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve.project import Bound, Project, Seek, folders_around, join, nearest
from assist_context.syntax.symbols import Import

_FOLDERS = ("", "lib", "lua", "src", "app")


def resolve_ruby(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the file of `require` and `require_relative`, which look the same here."""
    return _resolve(project, path, imported.source, lambda name: (name, f"{name}.rb"))


def resolve_lua(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the file of a `require`, with dots or slashes."""
    source = imported.source
    if "/" not in source and not source.endswith(".lua"):
        source = source.replace(".", "/")
    return _resolve(project, path, source, lambda name: (f"{name}.lua", f"{name}/init.lua", name))


def resolve_shell(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the file that a script reads; of a path with variables what follows them."""
    parts = imported.source.split("/")
    plain = next((at + 1 for at in reversed(range(len(parts))) if set(parts[at]) & set("$`(){}")), 0)
    return _resolve(project, path, "/".join(parts[plain:]), lambda name: (name,))


def seeks(_project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that require a file: by its name."""
    yield Seek((import_term(f"./{path}"),))
    yield Seek((import_term(f"./{path.rpartition('/')[2]}"),))


def bindings(imported: Import) -> Iterator[Bound]:
    """Give the name that a module is given, else all that a file defines."""
    yield Bound(imported.alias or "*", imported.name if imported.alias else "", imported)


def _resolve(project: Project, path: str, source: str, spelled: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    if not source.strip("./"):
        return ()
    folders = folders_around(path)
    roots = (
        [next(folders, "")]
        if source.startswith(".")
        else [join(f, inner) for f in folders_around(path) for inner in _FOLDERS]
    )
    if found := project.first(name for root in roots for name in spelled(join(root, source))):
        return found
    if source.startswith("."):
        return ()
    for name in spelled(source):
        found = nearest(path, project.ending(name))
        if found:
            return found if len(found) == 1 else ()
    return ()
