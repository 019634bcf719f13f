"""Java, Kotlin and Scala: a class by its package's folders; what Kotlin and Scala name freely, by its definition."""

import re
from collections.abc import Iterator

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve.project import MOST, Bound, Project, Seek, nearest
from assist_context.syntax.symbols import Import

_ENDINGS = (".java", ".kt", ".scala", ".groovy", ".kts", ".sc")
_BRACES = re.compile(r"\{(.*)\}", re.DOTALL)
_RENAMED = re.compile(r"\s*(?:=>|\bas\b).*", re.DOTALL)
_ALL = ("*", "_", "given")
_MOST_DEFINITIONS = 200


def resolve(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the files of what is imported: of a class, of the class around a member, of a whole package."""
    found: list[str] = []
    for name in names(imported):
        found += _named(project, path, name)
    return tuple(dict.fromkeys(found))


def names(imported: Import) -> Iterator[str]:
    """Give each name of an import in full, with `.*` for all of a package or class."""
    source = imported.source.removeprefix("static ").strip()
    if imported.name:
        source = f"{source}.{imported.name}"
    braces = _BRACES.search(source)
    inner = braces[1].split(",") if braces else [""]
    outer = source[: braces.start()] if braces else source
    for one in inner:
        name = outer + _RENAMED.sub("", one).strip()
        yield f"{name.rpartition('.')[0]}.*" if name.rpartition(".")[2] in _ALL else name.rstrip(".")


def seeks(project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that import something of a file: its class, what it defines, or its package with all."""
    folder = path.rpartition("/")[0]
    defined = [symbol.name for symbol in project.reads.symbols_of(path) if not symbol.parent]
    own = import_term(f"./{path}")[1:]
    for name in dict.fromkeys([own, *defined]):
        yield Seek((import_term(name),))
    yield Seek((import_term(f"./{folder}"),))


def bindings(imported: Import) -> Iterator[Bound]:
    """Give the names that an import makes known."""
    for name in names(imported):
        last = name.rpartition(".")[2]
        alias = last if imported.alias in ("", "*", "_") else imported.alias
        yield Bound(alias, "" if last == "*" else _from_class(name), Import(name, "", "", imported.line))


def _from_class(name: str) -> str:
    """Give what a name is called in its file: from the outermost class, which has a large letter, on."""
    parts = name.split(".")
    first = next((at for at, part in enumerate(parts) if part[:1].isupper()), len(parts) - 1)
    return ".".join(parts[first:])


def _named(project: Project, path: str, name: str) -> tuple[str, ...]:
    parts = [part for part in name.split(".") if part]
    if not parts:
        return ()
    if parts[-1] == "*":
        return _class(project, path, parts[:-1]) or _package(project, parts[:-1])
    found = _class(project, path, parts) or _defined(project, path, parts)
    return found or _package(project, parts)


def _class(project: Project, path: str, parts: list[str]) -> tuple[str, ...]:
    """Find the file that has the name of a class, or of the class around it."""
    for length in range(len(parts), 1, -1):
        suffix = "/".join(parts[:length])
        found = [file for ending in _ENDINGS for file in project.ending(suffix + ending)]
        if found:
            return nearest(path, found)
        if not parts[length - 1][:1].isupper() and not parts[length - 2][:1].isupper():
            break
    return ()


def _defined(project: Project, path: str, parts: list[str]) -> tuple[str, ...]:
    """Find the file that defines a name: the more of the package its folder has the better."""
    best: list[str] = []
    most = 0
    for length in range(len(parts), 1, -1):
        for definition in project.reads.definitions(parts[length - 1], _MOST_DEFINITIONS):
            if definition.symbol.parent or not definition.path.endswith(_ENDINGS):
                continue
            shared = _shared_end(definition.path.split("/")[:-1], parts[: length - 1])
            if shared > most:
                best, most = [], shared
            if shared and shared == most:
                best.append(definition.path)
        if best or not parts[length - 2][:1].isupper():
            break
    return nearest(path, dict.fromkeys(best))


def _package(project: Project, parts: list[str]) -> tuple[str, ...]:
    """Find the files in all folders that end with a package; each says its package, and so has its words."""
    words = [part for part in parts[-2:] if len(part) > 2]
    if len(parts) < 2 or not words:
        return ()
    package = "/".join(parts)
    found = set.intersection(*(set(project.reads.paths_with(word, MOST)) for word in words))
    folders = {file.rpartition("/")[0] for file in found if file.endswith(_ENDINGS)}
    inside = {folder for folder in folders if folder == package or folder.endswith("/" + package)}
    return tuple(sorted(file for file in found if file.rpartition("/")[0] in inside and file.endswith(_ENDINGS)))


def _shared_end(folders: list[str], package: list[str]) -> int:
    count = 0
    while count < min(len(folders), len(package)) and folders[-1 - count] == package[-1 - count]:
        count += 1
    return count
