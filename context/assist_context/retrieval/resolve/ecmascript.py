"""JavaScript and TypeScript: relative paths, aliases of the configuration, packages of the workspace."""

from collections.abc import Iterator

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve import packages, tsconfig
from assist_context.retrieval.resolve.project import Bound, Project, Seek, join
from assist_context.syntax.symbols import Import

_TYPESCRIPT = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".d.mts", ".d.cts")
_ENDINGS = (*_TYPESCRIPT, ".js", ".jsx", ".mjs", ".cjs", ".json", ".vue", ".svelte")
# What may have been written for a file of another ending; the longest first.
_WRITTEN_FOR = (
    (".mjs", (".mts", ".d.mts", ".mjs")),
    (".cjs", (".cts", ".d.cts", ".cjs")),
    (".jsx", (".tsx", ".d.ts", ".jsx")),
    (".js", (".ts", ".tsx", ".d.ts", ".js", ".jsx")),
)
_DECLARATIONS = ((".d.ts", (".js", ".jsx")), (".d.mts", (".mjs",)), (".d.cts", (".cjs",)))
_BY_CUSTOM = ("@/", "~/", "$lib/")


def resolve(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the file of a module; beside a declaration file also the one that it declares."""
    for target in _targets(project, path, imported.source.partition("?")[0]):
        if found := _file(project, target):
            return found
    return ()


def seeks(project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that import a module: by its name, its folder's, its package's, or an alias."""
    folder, _, name = path.rpartition("/")
    terms = {import_term(f"./{name}"), import_term(f"./{path}")}
    if name.startswith("index."):
        terms.add(import_term("./index"))
        yield Seek((import_term("."),), folder)
        yield Seek((import_term(".."),), folder)
    for found in tsconfig.aliases(project, path):
        terms.update(import_term(source) for source in tsconfig.spellings(found, path))
    if package := packages.around(project, path):
        terms.update(import_term(source) for source, _ in packages.entries(package))
        terms.add(import_term(f"./{folder}"))  # the entry that a `package.json` names
    yield from (Seek((term,)) for term in sorted(terms))


def bindings(imported: Import) -> Iterator[Bound]:
    """Give the name that an import makes known; one without a name may be `export * from`."""
    # What a module exports without a name is looked for by the name that it is given, if any.
    name = imported.alias if imported.name == "default" else imported.name
    yield Bound(imported.alias or name or "*", name, imported)
    if imported.alias and not imported.name:  # `require` gives the module, or what its file exports as a whole
        yield Bound(imported.alias, imported.alias, imported)


def _targets(project: Project, path: str, source: str) -> Iterator[str]:
    """Give the paths that an import may mean, in the order in which they count."""
    folder = path.rpartition("/")[0]
    if source.startswith(("./", "../")) or source in (".", ".."):
        yield join(folder, source)
        return
    if not source or source.startswith("/") or ":" in source:
        return
    for found in tsconfig.aliases(project, path):
        yield from tsconfig.targets(found, source)
    package = packages.around(project, path)
    if package and source.startswith("#"):
        yield from packages.internal(package, source)
    for other, inside in packages.named(project, path, source):
        yield from packages.paths_in(other, inside)
    root = package.folder if package else ""
    prefix = next((prefix for prefix in _BY_CUSTOM if source.startswith(prefix)), "")
    if prefix:
        inner = source[len(prefix) :]
        yield from (
            join(root, where + inner) for where in (("src/lib/",) if prefix == "$lib/" else ("src/", "", "app/"))
        )
    elif "/" in source and not source.startswith("@"):
        yield from (join(root, source), join(root, f"src/{source}"))


def _file(project: Project, target: str) -> tuple[str, ...]:
    """Find the file of a path without its ending, with that of what it is compiled to, or of a folder's entry."""
    if target.startswith(".."):
        return ()
    if found := project.first(_endings(target)):
        return _with_declared(project, found[0])
    folder = join(target, "package.json")
    if project.text(folder) is not None:
        for entry in packages.paths_in(packages.Package(target, project.json(folder)), "."):
            if found := project.first(_endings(entry)):
                return _with_declared(project, found[0])
    return _with_declared(project, *project.first(_endings(join(target, "index"))))


def _endings(target: str) -> Iterator[str]:
    """Give the paths that are tried for one: as the compiler does, what is written before what it becomes."""
    written, own = next(((end, own) for end, own in _WRITTEN_FOR if target.endswith(end)), ("", ()))
    yield from (target.removesuffix(written) + ending for ending in own)
    yield from (target + ending for ending in _ENDINGS)
    yield target


def _with_declared(project: Project, path: str = "") -> tuple[str, ...]:
    """Give a file and, of a declaration file and what it declares, the other."""
    if not path:
        return ()
    for declaration, own in _DECLARATIONS:
        if path.endswith(declaration):
            stem = path.removesuffix(declaration)
            return (path, *project.first(stem + ending for ending in own))
        ending = next((ending for ending in own if path.endswith(ending)), None)
        if ending:
            return (path, *project.first((path.removesuffix(ending) + declaration,)))
    return (path,)
