"""The packages of a JavaScript workspace, by what their `package.json` says."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from assist_context.retrieval.resolve.project import MOST, Project, join, nearest, table
from assist_context.retrieval.resolve.tsconfig import matched

_BUILT = re.compile(r"^(?:\./)?(?:dist|lib|build|out|es|esm|cjs|output)(?:/(?:esm|cjs|es|src|esm5|types|module))?/")
_WORD = re.compile(r"\w{3,}")
# Of an entry by conditions: what is the source, before what was made of it.
_CONDITIONS = ("source", "development", "types", "import", "module", "default", "require", "node", "browser")
_ENTRIES = ("source", "types", "typings", "module", "main")


class Package(NamedTuple):
    """A package of the workspace: its folder, "" the root, and its `package.json`."""

    folder: str
    values: dict[str, Any]


def named(project: Project, path: str, source: str) -> Iterator[tuple[Package, str]]:
    """Give the packages that a bare import may mean, with the way into them, "." or "./...", the nearest first."""
    parts = source.split("/")
    length = 2 if source.startswith("@") else 1
    if len(parts) < length:
        return
    name, inside = "/".join(parts[:length]), "/".join([".", *parts[length:]])
    found = [file for file in _manifests(project, name) if project.json(file).get("name") == name]
    for file in nearest(path, found):
        yield Package(file.rpartition("/")[0], project.json(file)), inside


def around(project: Project, path: str) -> Package | None:
    """Give the package that a file is in."""
    file = next(project.above(path, "package.json"), None)
    return None if file is None else Package(file.rpartition("/")[0], project.json(file))


def paths_in(package: Package, inside: str) -> Iterator[str]:
    """Give the paths, with or without ending, that a way into a package may lead to; sources before what is built."""
    for target in _targets(package, inside):
        yield from _sources(package.folder, target)
    if inside == ".":
        yield from (join(package.folder, name) for name in ("src/index", "index", "lib/index", "src"))
    else:
        yield from (join(package.folder, where + inside[2:]) for where in ("", "src/", "lib/"))


def internal(package: Package, source: str) -> Iterator[str]:
    """Give the paths that an import with `#` may lead to, by the package's `imports`."""
    for target in _by_pattern(table(package.values, "imports"), source):
        yield from _sources(package.folder, target)


def entries(package: Package) -> Iterator[tuple[str, str]]:
    """Give each way into a package without a pattern, as it is written from outside, and inside."""
    name = package.values.get("name")
    if isinstance(name, str):
        yield name, "."
        for key in table(package.values, "exports"):
            if key.startswith("./") and "*" not in key:
                yield f"{name}/{key[2:]}", key


def _manifests(project: Project, name: str) -> tuple[str, ...]:
    """Give the `package.json` files that may have a name: they hold its words."""
    files = project.ending("package.json")
    word = max(_WORD.findall(name), key=len, default="")
    if not word or len(files) < 4:
        return files
    holding = set(project.reads.paths_with(word, MOST))
    return tuple(file for file in files if file in holding)


def _targets(package: Package, inside: str) -> Iterator[str]:
    exports = package.values.get("exports")
    if isinstance(exports, dict) and any(key.startswith(".") for key in exports):
        yield from _by_pattern(exports, inside)
    elif inside == "." and exports is not None:
        yield from _conditional(exports)
    if inside == ".":
        for key in _ENTRIES:
            yield from _conditional(package.values.get(key))


def _by_pattern(patterns: dict[str, Any], source: str) -> Iterator[str]:
    fitting = [pattern for pattern in patterns if matched(pattern, source) is not None]
    for pattern in sorted(fitting, key=lambda one: ("*" in one, -len(one.partition("*")[0]))):
        star = matched(pattern, source) or ""
        yield from (target.replace("*", star) for target in _conditional(patterns[pattern]))


def _conditional(value: Any) -> Iterator[str]:
    """Give the paths of an entry, which may be a path, a list, or an object of conditions."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            stack += reversed(one)
        elif isinstance(one, dict):
            stack += [one[key] for key in reversed(_CONDITIONS) if key in one]


def _sources(folder: str, target: str) -> Iterator[str]:
    """Give the path itself, then where the source of a built file usually is."""
    yield join(folder, target)
    if _BUILT.match(target):
        stem = re.sub(r"(?:\.d)?\.[cm]?[jt]sx?$", "", _BUILT.sub("", target, count=1))
        yield from (join(folder, where + stem) for where in ("src/", "", "lib/"))
