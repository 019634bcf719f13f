"""What `tsconfig.json` and `jsconfig.json` say of imports: `baseUrl` and `paths`, inherited and referred to."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from assist_context.retrieval.resolve.project import Project, folders_around, join, table, texts

_FILES = ("tsconfig.json", "jsconfig.json")
_LONGEST_CHAIN = 8


class Aliases(NamedTuple):
    """base: the folder of bare imports, None without one. folder: what `paths` is written from; by pattern."""

    base: str | None
    folder: str
    paths: Mapping[str, tuple[str, ...]]


def aliases(project: Project, path: str) -> tuple[Aliases, ...]:
    """Give what holds for a file: of the nearest configuration around it, and of those that this one refers to."""
    return project.once(("tsconfig", path.rpartition("/")[0]), lambda: tuple(_aliases(project, path)))


def _aliases(project: Project, path: str) -> Iterator[Aliases]:
    for folder in folders_around(path):
        for file in (join(folder, name) for name in _FILES):
            if project.text(file) is not None:
                yield from _with_references(project, file)
                return


def targets(found: Aliases, source: str) -> Iterator[str]:
    """Give the paths that an import may stand for, the pattern with the longest beginning first."""
    matching = [pattern for pattern in found.paths if matched(pattern, source) is not None]
    for pattern in sorted(matching, key=lambda one: ("*" in one, -len(one.partition("*")[0]))):
        star = matched(pattern, source) or ""
        yield from (join(found.folder, target.replace("*", star, 1)) for target in found.paths[pattern])
    if found.base is not None:
        yield join(found.base, source)


def spellings(found: Aliases, path: str) -> Iterator[str]:
    """Give the imports that an alias makes of a path, with or without its ending."""
    stem = path.removesuffix(".d.ts") if path.endswith(".d.ts") else path.rpartition(".")[0]
    for pattern, written in found.paths.items():
        for target in written:
            for name in (path, stem, stem.removesuffix("/index")):
                star = matched(join(found.folder, target), name)
                if star is not None:
                    yield pattern.replace("*", star, 1)


def matched(pattern: str, text: str) -> str | None:
    """Give what the `*` of a pattern stands for, "" in one without; None where it does not fit."""
    start, star, end = pattern.partition("*")
    if not star:
        return "" if pattern == text else None
    if len(text) < len(start) + len(end) or not text.startswith(start) or not text.endswith(end):
        return None
    return text[len(start) : len(text) - len(end)]


def _with_references(project: Project, file: str) -> Iterator[Aliases]:
    yield _inherited(project, file)
    references = project.json(file).get("references")
    for reference in references if isinstance(references, list) else ():
        for target in texts(table(reference).get("path")):
            yield _inherited(project, _config(project, file.rpartition("/")[0], target))


def _inherited(project: Project, file: str) -> Aliases:
    """Read one configuration with what it extends: of each value the nearest counts."""
    base: str | None = None
    folder = file.rpartition("/")[0]
    paths: dict[str, tuple[str, ...]] | None = None
    queue, seen = [file], set[str]()
    while queue and len(seen) < _LONGEST_CHAIN:
        current = queue.pop(0)
        if current in seen:
            continue
        seen.add(current)
        here = current.rpartition("/")[0]
        options = table(project.json(current), "compilerOptions")
        if base is None and isinstance(options.get("baseUrl"), str):
            base = join(here, options["baseUrl"])
        if paths is None and isinstance(options.get("paths"), dict):
            paths, folder = {pattern: texts(written) for pattern, written in options["paths"].items()}, here
        # Of several that are extended the last counts most.
        queue += [_config(project, here, target) for target in reversed(texts(project.json(current).get("extends")))]
    return Aliases(base, folder if base is None else base, paths or {})


def _config(project: Project, folder: str, target: str) -> str:
    """Give the configuration file that one names: by its path, without its ending, or by its folder."""
    path = join(folder, target)
    candidates = (path, f"{path}.json", join(path, "tsconfig.json"))
    return next((one for one in candidates if one.endswith(".json") and project.text(one) is not None), path)
