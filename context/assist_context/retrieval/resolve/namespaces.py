"""PHP and C#: names in namespaces, by what composer.json says, by folders, or by the namespaces that files declare."""

from collections.abc import Iterator

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve.project import Bound, Project, Seek, folders_around, join, nearest, table, texts
from assist_context.syntax.symbols import Import

_MOST = 2_000


def resolve_php(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the file of a class that is used, or of a path that is required."""
    source = imported.source.strip("\\")
    if imported.name:
        source = f"{source}\\{imported.name}"
    if source.endswith((".php", ".inc", ".phtml")):
        inner = source.lstrip("/")
        return project.first(join(folder, inner) for folder in folders_around(path))
    if found := project.first(_autoloaded(project, path, source)):
        return found
    parts = source.split("\\")
    for length in range(len(parts), 1, -1):  # less and less of the namespace is also folders
        if found := project.ending("/".join(parts[len(parts) - length :]) + ".php"):
            return nearest(path, found)
    return _declaring(project, path, parts[-1], ".php") if len(parts) > 1 else ()


def resolve_csharp(project: Project, _path: str, imported: Import) -> tuple[str, ...]:
    """Find the files that declare a namespace, or of `using static`, a class."""
    source = imported.source.removeprefix("static ").strip()
    found = project.reads.definitions(source, _MOST)
    files = [one.path for one in found if one.symbol.kind == "module" and one.path.endswith(".cs")]
    if not files and "." in source:
        outer, _, name = source.rpartition(".")
        folder = outer.rpartition(".")[2]
        files = [
            one.path for one in project.reads.definitions(name, _MOST) if folder in _around(one.path, one.symbol.parent)
        ]
    return tuple(dict.fromkeys(files))


def seeks_php(project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that use a file: by its name, or by what it defines."""
    yield Seek((import_term(f"./{path}"),))
    for symbol in project.reads.symbols_of(path):
        if symbol.kind in ("class", "interface", "enum", "function"):
            yield Seek(("<" + symbol.name,))


def seeks_csharp(project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that use a namespace of a file."""
    for symbol in project.reads.symbols_of(path):
        if symbol.kind == "module" or not symbol.parent:
            yield Seek((import_term(symbol.name),))


def bindings_php(imported: Import) -> Iterator[Bound]:
    """Give the name that a `use` makes known, or all of a file that is required."""
    name = imported.name or imported.source.rpartition("\\")[2]
    is_file = name.endswith(".php")
    yield Bound("*" if is_file else imported.alias or name.rpartition("\\")[2], "" if is_file else name, imported)


def bindings_csharp(imported: Import) -> Iterator[Bound]:
    """Give all of a namespace, or the other name of a class."""
    yield Bound(imported.alias or "*", imported.source.rpartition(".")[2] if imported.alias else "", imported)


def _autoloaded(project: Project, path: str, source: str) -> Iterator[str]:
    for file in project.above(path, "composer.json"):
        values, folder = project.json(file), file.rpartition("/")[0]
        prefixes = {
            prefix: texts(where)
            for kind in ("autoload", "autoload-dev")
            for prefix, where in table(values, kind, "psr-4").items()
        }
        for prefix in sorted(prefixes, key=len, reverse=True):
            if source.startswith(prefix):
                rest = source[len(prefix) :].strip("\\").replace("\\", "/")
                yield from (
                    join(folder, f"{where}/{rest}.php" if where else f"{rest}.php") for where in prefixes[prefix]
                )


def _declaring(project: Project, path: str, name: str, ending: str) -> tuple[str, ...]:
    found = {one.path for one in project.reads.definitions(name, _MOST) if one.path.endswith(ending)}
    closest = nearest(path, sorted(found))
    return closest if len(closest) == 1 else ()


def _around(path: str, parent: str) -> list[str]:
    return [*path.split("/")[:-1], *parent.split(".")]
