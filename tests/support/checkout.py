"""The files of this checkout, as the architecture tests look at them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("server", "context")
HAND_WRITTEN = (*PRODUCT, "scripts", "bench", "tests", "editors")
_NOT_OURS = frozenset({"node_modules", "__pycache__", "out", "dist", ".vscode-test"})


def files(*suffixes: str, under: tuple[str, ...] = HAND_WRITTEN) -> tuple[Path, ...]:
    """List the hand-written files with one of these suffixes."""
    return tuple(
        path
        for folder in under
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in suffixes and path.is_file() and not _NOT_OURS.intersection(path.relative_to(ROOT).parts)
    )


def relative(path: Path) -> str:
    """Name a file as a person would."""
    return path.relative_to(ROOT).as_posix()


def product_trees() -> Iterator[tuple[str, ast.Module]]:
    """Give the name and syntax tree of every module of the product."""
    for path in files(".py", under=PRODUCT):
        yield relative(path), ast.parse(path.read_text(encoding="utf-8"))
