"""A workspace in one text: `=== path` starts a file, and `-> files` at the end of an import says where it leads."""

import re

from assist_context.retrieval.imports import resolve
from assist_context.retrieval.resolve.project import Project
from support.memory_index import MemoryIndex

_FILE = re.compile(r"^=== (\S+)\n", re.MULTILINE)
_ARROW = re.compile(r"-> *([^\n*]*)")

Led = dict[str, str]
"""The files that the imports of each line lead to, by `path:line`; lines from 1."""


def workspace(text: str) -> MemoryIndex:
    """Read the files of a workspace."""
    pieces = _FILE.split(text)
    return MemoryIndex(dict(zip(pieces[1::2], pieces[2::2], strict=True)))


def arrows(index: MemoryIndex) -> Led:
    """Give what the text says."""
    return {
        f"{path}:{number}": " ".join(sorted(arrow[1].replace("nothing", "").split()))
        for path, text in index.texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (arrow := _ARROW.search(line))
    }


def led(index: MemoryIndex, lines: Led) -> Led:
    """Give what is found for some lines."""
    project = Project(index, index.read)
    found: Led = {}
    for place in lines:
        path, _, line = place.rpartition(":")
        files = {
            file for one in index.imports_of(path) if one.line == int(line) - 1 for file in resolve(project, path, one)
        }
        found[place] = " ".join(sorted(files))
    return found
