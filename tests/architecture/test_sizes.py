"""Files and functions that a person can hold in mind, under names that say something."""

import ast
import re
from pathlib import Path

import pytest

from support.checkout import files, relative

MOST_FILE_LINES = 500
MOST_FUNCTION_LINES = 50
EMPTY_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"})
# Formatted code: a function ends at the first line of its own indentation that closes it.
_BLOCKS = {
    ".lua": (re.compile(r"^(\s*)(?:local )?(?:function\b|[\w.\[\]\"' ,]+= function\()"), "end"),
    ".ts": (
        re.compile(r"^(\s*)(?:export |default |async |private |static |public )*(?:function\b|\w+\(.*\).*\{$)"),
        "}",
    ),
}
_TS_STATEMENTS = ("if", "for", "while", "switch", "catch", "describe", "suite")


def python_functions(source: str) -> list[tuple[str, int]]:
    """List the functions of a Python module with their length in lines, without their decorators."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, functions)
    ]


def block_functions(source: str, suffix: str) -> list[tuple[str, int]]:
    """List the functions of a formatted Lua or TypeScript file with their length in lines."""
    start, closing = _BLOCKS[suffix]
    lines = source.splitlines()
    found = []
    for number, line in enumerate(lines):
        match = start.match(line)
        if match is None or line.strip().startswith(_TS_STATEMENTS):
            continue
        close = match[1] + closing
        end = next((n for n in range(number, len(lines)) if n > number and lines[n].startswith(close)), number)
        found.append((line.strip(), end - number + 1))
    return found


def long_functions(source: str, suffix: str) -> list[str]:
    """Name the functions that are too long."""
    found = python_functions(source) if suffix == ".py" else block_functions(source, suffix)
    return [f"{name}: {length} lines" for name, length in found if length > MOST_FUNCTION_LINES]


@pytest.mark.parametrize("path", files(".py", ".ts", ".lua"), ids=relative)
def test_files_and_functions_are_short_and_named(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_FILE_LINES
    assert long_functions(source, path.suffix) == []
    assert path.stem not in EMPTY_NAMES


def test_a_long_python_function_is_seen() -> None:
    source = (
        "def short():\n    pass\n\n\nclass A:\n    async def long(self):\n" + "        x = 1\n" * MOST_FUNCTION_LINES
    )
    assert python_functions(source) == [("short", 2), ("long", MOST_FUNCTION_LINES + 1)]
    assert long_functions(source, ".py") == [f"long: {MOST_FUNCTION_LINES + 1} lines"]


@pytest.mark.parametrize(
    ("suffix", "first", "last"),
    [
        (".lua", "local function long(a)", "end"),
        (".lua", "function M.long(a)", "end"),
        (".lua", "  M.long = function(a)", "  end"),
        (".ts", "export async function long(a: number): Promise<void> {", "}"),
        (".ts", "  private async long(a: number): Promise<void> {", "  }"),
        (".ts", "  constructor(private readonly a: number) {", "  }"),
    ],
)
def test_a_long_function_of_an_editor_is_seen(suffix: str, first: str, last: str) -> None:
    short = f"{first}\n{last}\n"
    body = "\n".join(["    x()"] * MOST_FUNCTION_LINES)
    assert long_functions(short, suffix) == []
    assert long_functions(f"{short}{first}\n{body}\n{last}\n", suffix) == [
        f"{first.strip()}: {MOST_FUNCTION_LINES + 2} lines"
    ]
