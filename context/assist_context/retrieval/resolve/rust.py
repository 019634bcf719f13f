"""Rust: paths of modules from a crate's root, the module itself, the one around it, or another crate."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve.project import Bound, Project, Seek, folders_around, join, nearest, table, texts
from assist_context.syntax.symbols import Import, Symbol

_PIECES = re.compile(r"::|[{},*]|\bas\b|\w+")
_ROOTS = ("src/lib.rs", "src/main.rs")
_OWN_ROOTS = ("src/bin", "tests", "examples", "benches")
_LONGEST_CHAIN = 5


class Leaf(NamedTuple):
    """One name that a `use` takes: its path, and what it is called here; `*` for all."""

    path: tuple[str, ...]
    name: str


class Module(NamedTuple):
    """A module: its file, and the folder that the files of its children are in."""

    file: str
    folder: str


def leaves(imported: Import) -> tuple[Leaf, ...]:
    """Give what a `use` takes; its braces are written out."""
    written = imported.source
    if imported.name and not written.endswith("::" + imported.name):
        written = f"{written}::{imported.name}" if written else imported.name
    if imported.alias:
        written = f"{written} as {imported.alias}"
    pieces = _PIECES.findall(written.replace("r#", ""))
    found, _ = _tree(pieces, 0, ())
    return tuple(found)


def resolve(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the files of the modules that a `use` takes, or that have what it takes."""
    found = [_leaf(project, path, leaf, imported.line) for leaf in leaves(imported)]
    return tuple(dict.fromkeys(file for file in found if file))


def seeks(project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that take something from a module: by its name, its crate's, or from around it."""
    stem = path.removesuffix(".rs")
    folder, _, name = stem.rpartition("/")
    if name == "mod":
        folder, _, name = folder.rpartition("/")
    yield Seek((import_term(name),))
    if path.endswith(_ROOTS) or name in ("lib", "main"):
        crate = _crate_of(project, path)
        if crate is not None:
            package = crate.removesuffix("/src")
            yield from (Seek((import_term(one),)) for one in _crate_names(project, package))
            yield Seek(("use", "crate"), package)
    # `use super::*` names nothing.
    yield Seek(("use", "super"), _module(project, path).folder)
    yield Seek(("use", "self"), _module(project, path).folder)


def bindings(imported: Import) -> Iterator[Bound]:
    """Give the names that a `use` makes known."""
    for leaf in leaves(imported):
        everything = leaf.name == "*"
        source = "::".join([*leaf.path, "*"] if everything else leaf.path)
        yield Bound(leaf.name, "" if everything else leaf.path[-1], Import(source, "", "", imported.line))


def folder_of(project: Project, path: str) -> str:
    """Give the folder that the modules of a module are in."""
    return _module(project, path).folder


def _tree(pieces: list[str], at: int, before: tuple[str, ...]) -> tuple[list[Leaf], int]:
    """Read one path, or the list of paths after it; gives also the place after them."""
    path = before
    while at < len(pieces) and pieces[at] not in ("}", ","):
        piece = pieces[at]
        if piece == "{":
            found: list[Leaf] = []
            at += 1
            while at < len(pieces) and pieces[at] != "}":
                inner, at = _tree(pieces, at, path)
                found += inner
                at += at < len(pieces) and pieces[at] == ","
            return found, at + 1
        if piece == "*":
            return [Leaf(path, "*")], at + 1
        if piece == "as":
            alias = pieces[at + 1] if at + 1 < len(pieces) else ""
            return [Leaf(path, alias)], at + 2
        if piece == "self" and path:  # of the module before the braces
            at += 1
            continue
        if piece != "::":
            path = (*path, piece)
        at += 1
    return ([Leaf(path, path[-1])] if path else []), at


def _leaf(project: Project, path: str, leaf: Leaf, line: int) -> str | None:
    start, names = _start(project, path, leaf.path, line)
    return _walk(project, start, names, 0) if start else None


def _start(project: Project, path: str, names: tuple[str, ...], line: int) -> tuple[Module | None, tuple[str, ...]]:
    """Give the module that a path starts from and the rest of the path."""
    here = _module(project, path)
    inline = _inline(project, path, line)
    if not names:
        return here, ()
    first, rest = names[0], names[1:]
    if first == "crate":
        return _root(project, path), rest
    if first in ("self", "super"):
        ups = 0
        while rest and rest[0] == "super":
            ups, rest = ups + 1, rest[1:]
        ups += first == "super"  # `self::super` is the same
        while ups and inline:
            ups, inline = ups - 1, inline[:-1]
        module: Module | None = here
        for _ in range(ups):
            module = _parent(project, module) if module else None
        return module, (*inline, *rest)
    if _child(project, here, first) or any(symbol.name == first for symbol in _inner_modules(project, path)):
        return here, names
    for root in _crates_named(project, path, first):
        return root, rest
    return None, names


def _walk(project: Project, module: Module, names: tuple[str, ...], steps: int) -> str | None:
    """Go down a path: through files, modules in a file, and what a module publishes of another."""
    for number, name in enumerate(names):
        child = _child(project, module, name)
        if child:
            module = child
            continue
        if any(symbol.name == name for symbol in _inner_modules(project, module.file)):
            module = Module(module.file, join(module.folder, name))
            continue
        if number < len(names) - 1 and steps < _LONGEST_CHAIN:
            return _published(project, module, names[number:], steps) or module.file
        break
    return module.file


def _published(project: Project, module: Module, names: tuple[str, ...], steps: int) -> str | None:
    for imported in project.reads.imports_of(module.file):
        for leaf in leaves(imported):
            if leaf.name == names[0]:
                start, rest = _start(project, module.file, leaf.path, imported.line)
                if start:
                    return _walk(project, start, (*rest, *names[1:]), steps + 1)
    return None


def _child(project: Project, module: Module, name: str) -> Module | None:
    inside = join(module.folder, name)
    found = project.first((f"{inside}.rs", f"{inside}/mod.rs"))
    return Module(found[0], inside) if found and found[0] != module.file else None


def _inner_modules(project: Project, path: str) -> list[Symbol]:
    return [s for s in project.reads.symbols_of(path) if s.kind == "module" and s.last_line > s.line]


def _inline(project: Project, path: str, line: int) -> tuple[str, ...]:
    """Give the modules in a file that are around a line, the outermost first."""
    around = [s for s in _inner_modules(project, path) if s.line <= line <= s.last_line]
    return tuple(symbol.name for symbol in sorted(around, key=lambda one: one.line))


def _module(project: Project, path: str) -> Module:
    folder, _, name = path.rpartition("/")
    package = _crate_of(project, path)
    if name in ("mod.rs", "lib.rs", "main.rs", "build.rs") or _is_own_root(project, path):
        return Module(path, folder)
    if package is not None and path in _roots(project, package):
        return Module(path, folder)
    return Module(path, path.removesuffix(".rs"))


def _parent(project: Project, module: Module) -> Module | None:
    """Give the module around one that is a file."""
    folder = module.folder.rpartition("/")[0]
    if module.file == (_root(project, module.file) or module).file:
        return None
    found = project.first((f"{folder}/mod.rs", f"{folder}/lib.rs", f"{folder}/main.rs", f"{folder}.rs"))
    return Module(found[0], folder) if found else _root(project, module.file)


def _crate_of(project: Project, path: str) -> str | None:
    """Give the folder of the package that a file is in."""
    file = next(project.above(path, "Cargo.toml"), None)
    return None if file is None else file.rpartition("/")[0]


def _is_own_root(project: Project, path: str) -> bool:
    package = _crate_of(project, path)
    folder = path.rpartition("/")[0]
    return package is not None and folder in {join(package, name) for name in _OWN_ROOTS}


def _root(project: Project, path: str) -> Module | None:
    """Give the root of the crate that a file is in: of a test, an example or a program that is one file, itself."""
    if _is_own_root(project, path):
        return _module(project, path)
    package = _crate_of(project, path)
    if package is None:
        found = project.first(join(folder, name) for folder in folders_around(path) for name in ("lib.rs", "main.rs"))
        return Module(found[0], found[0].rpartition("/")[0]) if found else None
    for name in _OWN_ROOTS:  # a folder below `tests`, or of a program of several files
        inside = join(package, name) + "/"
        if path.startswith(inside):
            program = inside + path[len(inside) :].partition("/")[0]
            return _as_root(project, (f"{program}/main.rs",))
    roots = _roots(project, package)
    return _as_root(project, (path, *roots) if path in roots else roots)


def _roots(project: Project, package: str) -> tuple[str, ...]:
    manifest = project.toml(join(package, "Cargo.toml"))
    written = texts(table(manifest, "lib").get("path"))
    binaries = manifest.get("bin")
    for binary in binaries if isinstance(binaries, list) else ():
        written += texts(table(binary).get("path"))
    return tuple(join(package, name) for name in (*written[:1], *_ROOTS, *written[1:]))


def _as_root(project: Project, candidates: tuple[str, ...]) -> Module | None:
    found = project.first(candidates)
    return Module(found[0], found[0].rpartition("/")[0]) if found else None


def _crates_named(project: Project, path: str, name: str) -> Iterator[Module]:
    """Give the library that a crate's name means to a file: its own package, a dependency by path, any other."""
    own = _crate_of(project, path)
    folders = [] if own is None else [own]
    if own is not None:
        manifest = project.toml(join(own, "Cargo.toml"))
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            for key, value in table(manifest, kind).items():
                if key.replace("-", "_") == name:
                    folders += [join(own, written) for written in texts(table(value).get("path"))]
                    name = (texts(table(value).get("package")) or (name,))[0].replace("-", "_")
    others = [file.rpartition("/")[0] for file in nearest(path, project.ending("Cargo.toml"))]
    every = [file.rpartition("/")[0] for file in project.ending("Cargo.toml")]
    for number, folder in enumerate(dict.fromkeys([*folders, *others, *every])):
        by_path = 0 < number < len(folders)
        if (by_path or name in _crate_names(project, folder)) and (root := _as_root(project, _roots(project, folder))):
            yield root


def _crate_names(project: Project, package: str) -> tuple[str, ...]:
    manifest = project.toml(join(package, "Cargo.toml"))
    names = texts(table(manifest, "lib").get("name")) + texts(table(manifest, "package").get("name"))
    return tuple(name.replace("-", "_") for name in names)
