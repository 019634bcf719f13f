"""Which files a folder has, where no git says it."""

import os
from pathlib import Path

_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "target", "build", "dist"})


def walk(root: Path) -> tuple[str, ...]:
    """List the files below a folder, as paths with slashes: no hidden folder, none of what tools make, no link."""
    found = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _LEFT_OUT)
        found += [Path(folder, name).relative_to(root).as_posix() for name in sorted(files)]
    return tuple(found)
