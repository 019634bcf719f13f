"""Glob patterns of paths, as settings have them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase


def is_excluded(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether a pattern matches the path, its file name, or a folder that holds it."""
    name = path.rpartition("/")[2]
    return any(
        fnmatchcase(path, pattern) or fnmatchcase(name, pattern) or fnmatchcase(path, f"{pattern.rstrip('/')}/*")
        for pattern in patterns
    )
