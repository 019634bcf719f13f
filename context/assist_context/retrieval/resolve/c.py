"""C and C++: an included path from the file's folder, from the folders of headers, else by its only or nearest end."""

import posixpath
import re
from collections.abc import Iterator

from assist_context.index.terms import import_term
from assist_context.retrieval.resolve.project import Bound, Project, Seek, folders_around, join, nearest
from assist_context.syntax.symbols import Import

HEADERS = (".h", ".hpp", ".hh", ".hxx", ".inl", ".ipp", ".inc")
SOURCES = (".c", ".cpp", ".cc", ".cxx", ".m", ".mm")
_HEADER_FOLDERS = ("include", "src", "inc")
# Headers of the language and of the system, which a file of the same name elsewhere does not stand for.
_SYSTEM = re.compile(
    r"assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|malloc|math|memory|setjmp|signal|"
    r"stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|tgmath|"
    r"threads|time|uchar|unistd|wchar|wctype|fcntl|dirent|dlfcn|pthread|sched|semaphore|poll|termios|"
    r"syslog|pwd|grp|netdb|windows|regex"
)


def resolve(project: Project, path: str, imported: Import) -> tuple[str, ...]:
    """Find the header of an `#include`; a `using` of C++ is none."""
    source = imported.source
    if not source or "::" in source or " " in source:
        return ()
    folders = list(folders_around(path))
    around = [join(folder, source) for folder in folders]
    beside = [join(folder, f"{name}/{source}") for folder in folders for name in _HEADER_FOLDERS]
    if found := project.first(candidate for candidate in (*around[:1], *beside, *around[1:])):
        return found
    if "/" not in source and _SYSTEM.fullmatch(posixpath.splitext(source)[0]):
        return ()
    ending = source.lstrip("./")
    found = nearest(path, project.ending(ending)) if ending else ()
    return found if len(found) == 1 else ()


def seeks(_project: Project, path: str) -> Iterator[Seek]:
    """Tell where files may be that include a file: by its name."""
    yield Seek((import_term(f"./{path}"),))
    yield Seek((import_term(posixpath.basename(path)),))
    yield Seek((import_term(f"./{posixpath.basename(path)}"),))


def bindings(imported: Import) -> Iterator[Bound]:
    """Give all that a header has."""
    yield Bound("*", "", imported)


def partners(project: Project, path: str) -> tuple[str, ...]:
    """Give the files that define what a header declares: of the same name, in its folder or the nearest."""
    stem, ending = posixpath.splitext(posixpath.basename(path))
    if ending not in HEADERS:
        return ()
    beside = project.existing(posixpath.splitext(path)[0] + source for source in SOURCES)
    return beside or nearest(path, [file for source in SOURCES for file in project.ending(stem + source)])
