"""Python: modules, packages and namespace packages, from the roots that a workspace has."""

import sys
from collections.abc import Iterator

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve.project import (
    Bound,
    Project,
    Seek,
    folders_around,
    join,
    nearest,
    table,
    texts,
)
from assist_context.syntax.symbols import Import

_SOURCE_FOLDERS = ("src", "lib", "python")
_ENDINGS = (".py", ".pyi", ".pyw")
_DEEPEST = 6  # folders that a relative import goes up


def resolve(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the file of a module; of one that is taken from a package, where the package does not define the name."""
    source = imported.source
    names = source.lstrip(".").split(".") if source.strip(".") else []
    if not source.startswith("."):
        return _absolute(project, path, names, imported.name)
    folder = path
    for _ in range(len(source) - len(source.lstrip("."))):
        if not folder:
            return ()
        folder = folder.rpartition("/")[0]
    return _below(project, folder, names, imported.name)


def seeks(_project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that import a module: by its name, or by its package's with the name beside it."""
    stem = path.rpartition(".")[0]
    is_package = stem.rpartition("/")[2] == "__init__"
    module = stem.rpartition("/")[0] if is_package else stem
    folder, _, name = module.rpartition("/")
    yield Seek((import_term(name),))
    word = (name,) if len(name) > 2 else ()
    if package := folder.rpartition("/")[2]:
        yield Seek((import_term(package), *word))
    for dots in range(1, _DEEPEST):
        yield Seek((import_term("." * dots), *word), folder)
        if is_package:
            yield Seek((import_term("." * dots),), module)


def bindings(imported: Import) -> Iterator[Bound]:
    """Give the name that an import makes known; `import a.b` makes `a.b` known."""
    yield Bound(imported.alias or imported.name or imported.source, imported.name, imported)


def _absolute(project: Project, path: str, names: list[str], name: str) -> tuple[str, ...]:
    standard = names[0] in sys.stdlib_module_names
    folder = path.rpartition("/")[0]
    roots = project.once(("python", folder, standard), lambda: tuple(_roots(project, path, standard=standard)))
    project.existing(f"{stem}{ending}" for root in roots for stem in _stems(root, names, name) for ending in _ENDINGS)
    for root in roots:
        if found := _below(project, root, names, name):
            return found
    return () if standard else _anywhere(project, path, names, name)


def _roots(project: Project, path: str, *, standard: bool) -> Iterator[str]:
    """Give the folders that modules are looked for in: of the file's package, then around it, then configured."""
    folders = list(folders_around(path))
    inside = [folder for folder in folders if project.existing((join(folder, "__init__.py"),))]
    outside = [folder for folder in folders if folder not in inside]
    yield from outside[:1]
    # A module of the standard library is hidden only by what lies beside a program.
    if standard:
        return
    for folder in outside:
        yield folder
        yield from (join(folder, name) for name in _SOURCE_FOLDERS)
    for file in project.above(path, "pyproject.toml"):
        yield from (join(file.rpartition("/")[0], root) for root in _configured(project, file))


def _configured(project: Project, file: str) -> Iterator[str]:
    tools = table(project.toml(file), "tool")
    yield from texts(table(tools, "setuptools", "packages", "find").get("where"))
    yield from texts(list(table(tools, "setuptools", "package-dir").values()))
    packages = table(tools, "poetry").get("packages")
    for package in packages if isinstance(packages, list) else ():
        yield from texts(table(package).get("from"))
    yield from texts(table(tools, "pytest", "ini_options").get("pythonpath"))
    yield from texts(table(tools, "pyright").get("extraPaths"))
    yield from texts(table(tools, "mypy").get("mypy_path"))
    yield from texts(table(tools, "ruff").get("src"))


def _anywhere(project: Project, path: str, names: list[str], name: str) -> tuple[str, ...]:
    """Find a module below a root that nothing tells of: a folder that is no package and holds the whole name."""
    module = "/".join(names)
    stems = [module, f"{module}/__init__", _stub(names)]
    stems += [f"{module}/{name}", f"{module}/{name}/__init__"] if name else []
    roots = set()
    for suffix in (stem + ending for stem in stems for ending in _ENDINGS):
        for file in project.ending(suffix):
            root = file[: len(file) - len(suffix)].rstrip("/")
            if not project.existing((join(root, "__init__.py"),)):
                roots.add(root)
    # The slash makes a root a folder that is shared as a whole.
    closest = nearest(path, sorted(f"{root}/" for root in roots))
    if len(closest) > 1 and len(names) == 1:
        return ()
    return next((found for root in closest if (found := _below(project, root[:-1], names, name))), ())


def _below(project: Project, root: str, names: list[str], name: str) -> tuple[str, ...]:
    """Find a module in one root, or the module `name` in the package that the names are."""
    module = join(root, "/".join(names)) if names else root
    package = _files(project, join(module, "__init__"))
    inside = _files(project, join(module, name)) or _files(project, join(module, f"{name}/__init__")) if name else ()
    if not package and names:
        if own := _files(project, module):
            return own
        if stub := _files(project, join(root, _stub(names))):
            return stub
    if inside and not (package and _defines(project, package, name)):
        return inside
    return package


def _stub(names: list[str]) -> str:
    """Give where a package of stubs has a module."""
    return "/".join([f"{names[0]}-stubs", *names[1:], "__init__"])


def _stems(root: str, names: list[str], name: str) -> Iterator[str]:
    """Give all that `_below` may look for in one root, so that the index is asked once."""
    module = join(root, "/".join(names))
    yield from (module, join(module, "__init__"), join(root, _stub(names)))
    if name:
        yield from (join(module, name), join(module, f"{name}/__init__"))


def _files(project: Project, stem: str) -> tuple[str, ...]:
    return project.existing(stem + ending for ending in _ENDINGS)


def _defines(project: Project, package: tuple[str, ...], name: str) -> bool:
    """Tell whether a package itself gives a meaning to a name that is also one of its modules."""
    for file in package:
        if any(symbol.name == name and not symbol.parent for symbol in project.reads.symbols_of(file)):
            return True
        for one in project.reads.imports_of(file):
            bound = one.alias or one.name
            # `from .name import name` takes what is in the module, `from . import name` the module.
            if bound == name and one.name and (one.alias or one.source.strip(".")):
                return not _is_own_module(file, one)
    return False


def _is_own_module(file: str, one: Import) -> bool:
    """Tell whether `from package import module`, in the package itself, takes its module."""
    folder = file.rpartition("/")[0].replace("/", ".")
    return not one.alias and (folder == one.source or folder.endswith("." + one.source))
