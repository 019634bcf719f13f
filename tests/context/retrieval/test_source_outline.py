"""What the current file has outside of the window."""

from dataclasses import replace

from assist_context.retrieval.sources.outline import outline
from support.sources import place_in, shown

PYTHON = """import os
from typing import (
    Any,
    NamedTuple,
)
import re

LIMIT = 3

class Point(NamedTuple):
    x: int
    y: int

class Store:
    limit: int = 3

    def __init__(self, path: str) -> None:
        self.path = path
        self._kept: dict[str, int] = {}

    @property
    def size(self) -> int:
        return 1

    def load(self, at: Point) -> Any:
        a = 1
        b = 2
        # the rest of it is long
        return re.match(self.path, at.<|>)

def helper(a: int, b: int) -> int:
    return a
""".replace("        # the rest of it is long\n", "        c = 3\n" * 30)
AT = 58  # the line of the cursor
OTHERS = """    limit: int = 3
    def __init__(self, path: str) -> None:
        self._kept: dict[str, int] = {}
    @property
    def size(self) -> int: ..."""


def pieces(path: str, source: str, window: tuple[int, int]) -> dict[str, str]:
    return {one.reason: one.text for one in outline(place_in(path, source), window)}


def test_gives_what_stands_outside_of_the_window_each_piece_by_itself() -> None:
    found = [(one.reason, one.text) for one in outline(place_in("a.py", PYTHON), (AT - 3, AT))]
    assert found == [
        ("imports of what is used here", "from typing import (\n    Any,\n    NamedTuple,\n)\nimport re"),
        ("other imports of this file", "import os"),
        ("load, around the cursor", "def load(self, at: Point) -> Any: ..."),
        ("what Store has, around the cursor", "class Store:\n    self.path = path"),
        (
            "what Store has, around the cursor",
            OTHERS,
        ),
        ("Point, used here", "class Point(NamedTuple):\n    x: int\n    y: int"),
        ("other definitions of this file", "LIMIT = 3\ndef helper(a: int, b: int) -> int: ..."),
    ]


def test_gives_nothing_that_is_in_the_window() -> None:
    assert pieces("a.py", PYTHON, (1, AT + 5)) == {}
    inside = shown(outline(place_in("a.py", PYTHON), (1, 24)))
    assert "import" not in inside
    assert "class" not in inside
    assert "helper" in inside


def test_the_body_of_a_function_goes_on_below_its_last_line() -> None:
    source = "class A:\n    def run(self, x: int):\n        y = x\n        <|>\n\ndef other(): pass\n"
    found = pieces("a.py", source, (3, 4))
    assert found["run, around the cursor"] == "def run(self, x: int): ..."
    assert "what A has, around the cursor" in found


def test_a_tree_of_an_older_text_is_moved() -> None:
    place = place_in("a.py", PYTHON)
    older = place_in("a.py", PYTHON.replace("        b = 2\n", "").replace("at.", "at"))
    newer = outline(place, (AT - 3, AT))
    assert newer
    assert outline(replace(place, parsed=older.parsed), (AT - 3, AT)) == newer


def test_without_a_tree_there_is_nothing() -> None:
    assert outline(place_in("notes.txt", "a<|>"), (1, 1)) == ()


def test_languages_write_their_declarations() -> None:
    go = (
        'package a\nimport "fmt"\ntype Store struct {\n\tname string\n}\nfunc (s *Store) Get(k string) int {\n'
        "\treturn 1\n}\nfunc (s *Store) Put(k string) {\n\tfmt.Println(s.name)\n\tx := 1\n\ts.Get(<|>)\n}\n"
    )
    assert pieces("a.go", go, (11, 12))["what Store has, around the cursor"] == (
        "type Store struct {\n\tname string\n}\nfunc (s *Store) Get(k string) int"
    )
    rust = (
        "pub struct Store { name: String }\nimpl Store {\n    pub fn get(&self) -> &str { &self.name }\n"
        "    pub fn put(&mut self) {\n        let a = 1;\n        self.get();\n        <|>\n    }\n}\n"
    )
    assert pieces("a.rs", rust, (6, 7))["what Store has, around the cursor"] == (
        "pub struct Store {\n    name: String;\n}\nimpl Store {\n    pub fn get(&self) -> &str;\n}"
    )
    typescript = (
        "class Store {\n  private name = 0;\n  get(k: string): number { return 1; }\n  put() {\n    const a = 1;\n"
        "    this.get(this.name);\n    <|>\n  }\n}\n"
    )
    assert pieces("a.ts", typescript, (6, 7))["what Store has, around the cursor"] == (
        "class Store {\n    private name = 0;\n    get(k: string): number;\n}"
    )


def test_shows_no_secret() -> None:
    source = 'api_key = "sk-proj-Zk3vQ9xT7bLm2RwY8pHs4NcJ6dFg1aUe"\n\n\ndef run():\n    return api_key<|>\n'
    found = shown(outline(place_in("a.py", source), (4, 5)))
    assert "api_key" in found
    assert "Zk3vQ9" not in found
