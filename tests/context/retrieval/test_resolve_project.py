"""How the configuration files of a workspace are read."""

import pytest

from assist_context.retrieval.resolve.project import Project, join, nearest, shared_folders
from support.memory_index import MemoryIndex


def project(text: str) -> Project:
    index = MemoryIndex({"file": text})
    return Project(index, index.read)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\ufeff{"a": 1, // one\n/* two */ "b": [1, 2,],\n}', {"a": 1, "b": [1, 2]}),
        ('{"a": "http://x/*y*/", "b": "q\\"//,}", // c\n}', {"a": "http://x/*y*/", "b": 'q"//,}'}),
        ('{"a": 1, // last\n}', {"a": 1}),
        ("[1]", {}),
        ("{", {}),
        ("", {}),
        ("[" * 100_000, {}),
    ],
)
def test_reads_json_with_what_editors_allow(text: str, values: dict[str, object]) -> None:
    assert project(text).json("file") == values


@pytest.mark.parametrize(("text", "values"), [("a = 1", {"a": 1}), ("a =", {}), ("a = " + "[" * 100_000, {})])
def test_reads_toml(text: str, values: dict[str, object]) -> None:
    assert project(text).toml("file") == values
    assert project(text).toml("gone") == {}


def test_asks_for_each_file_once() -> None:
    asked = []
    index = MemoryIndex({})
    one = Project(index, asked.append)
    for _ in range(3):
        assert list(one.above("a/b/c.py", "x.json")) == []
    assert asked == ["a/b/x.json", "a/x.json", "x.json"]


@pytest.mark.parametrize("path", ["/etc/x.json", "../x.json", "..", "a/../../x.json"])
def test_reads_nothing_outside_of_the_workspace(path: str) -> None:
    asked = []
    assert Project(MemoryIndex({}), asked.append).json(join("", path)) == {}
    assert asked == []


@pytest.mark.parametrize(
    ("folder", "path", "joined"),
    [("a/b", "../c", "a/c"), ("a", "..", ""), ("", "./c", "c"), ("a", "../../c", "../c"), ("a", "/etc/c", "/etc/c")],
)
def test_joins_paths(folder: str, path: str, joined: str) -> None:
    assert join(folder, path) == joined


def test_prefers_what_is_near() -> None:
    assert shared_folders("a/b/c.py", "a/b/d.py") == 2
    assert shared_folders("a/b/c.py", "a/x/d.py") == 1
    assert shared_folders("c.py", "a/d.py") == 0
    assert nearest("a/b/c.py", ["x/c.py", "a/b/e.py", "a/b/d/f.py", "a/c.py"]) == ("a/b/e.py", "a/b/d/f.py")
    assert nearest("a/b/c.py", []) == ()
