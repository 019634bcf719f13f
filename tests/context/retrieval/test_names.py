"""Definitions by name, as a person types it."""

import pytest

from assist_context.retrieval.names import find_definitions, find_symbols, members
from support.memory_index import MemoryIndex

INDEX = MemoryIndex(
    {
        "shop/store.py": (
            "class Store:\n    def put(self): ...\n    def put_all(self): ...\n"
            "class WorkspaceIndex:\n    size = 0\n    def put(self): ...\n"
            "def workspace_index_of(path): ...\ndef unput(): ...\n"
        ),
        "net/server.go": "package net\ntype Server struct { Addr string }\n",
        "net/serve.go": "package net\nfunc (s *Server) Serve() {}\n",
        "other/serve.go": "package other\nfunc (s *Server) Elsewhere() {}\n",
    }
)


def names(query: str, limit: int = 100) -> list[str]:
    found = (one.definition.symbol for one in find_symbols(INDEX, query, limit))
    return [f"{symbol.parent}.{symbol.name}" if symbol.parent else symbol.name for symbol in found]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Store", ["Store"]),
        ("store", ["Store"]),
        ("put", ["Store.put", "WorkspaceIndex.put", "Store.put_all", "unput"]),
        ("wi", ["WorkspaceIndex", "workspace_index_of"]),
        ("WorkInd", ["WorkspaceIndex", "workspace_index_of"]),
        ("index_of", ["workspace_index_of"]),
        ("WorkspaseIndex", ["WorkspaceIndex"]),
        ("Store.put", ["Store.put", "Store.put_all"]),
        ("WorkspaceIndex::put", ["WorkspaceIndex.put"]),
        ("Serv", ["Server.Serve", "Server"]),
        ("nothing_like_that", []),
        ("", []),
        (".", []),
        ("x" * 300, []),
    ],
)
def test_finds_symbols_best_first(query: str, first: list[str]) -> None:
    assert names(query)[: max(len(first), 1)] == first


def test_gives_no_more_than_asked_for() -> None:
    assert names("put", 2) == ["Store.put", "WorkspaceIndex.put"]


def test_finds_a_member_among_very_many_of_its_name() -> None:
    other = {f"many/{number:03}.py": "class Other:\n    def run(self): ...\n" for number in range(300)}
    index = MemoryIndex(other | {"one/job.py": "class Job:\n    def run(self): ...\n    def rerun(self): ...\n"})
    assert [d.path for d in find_definitions(index, "Job.run", 5)] == ["one/job.py"]
    assert [one.definition.symbol.name for one in find_symbols(index, "job.run", 5)] == ["run", "rerun"]
    assert [d.path for d in find_definitions(index, "Other::run", 2)] == ["many/000.py", "many/001.py"]
    assert find_definitions(index, "Job.other") == find_symbols(index, "Nobody.run") == ()


def test_finds_definitions_of_exactly_a_name() -> None:
    assert [d.symbol.parent for d in find_definitions(INDEX, "put")] == ["Store", "WorkspaceIndex"]
    assert [d.symbol.parent for d in find_definitions(INDEX, "store.put")] == ["Store"]
    assert find_definitions(INDEX, "pu") == ()


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("Store", ["put", "put_all"]),
        ("WorkspaceIndex", ["size", "put"]),
        ("Server", ["Addr", "Serve"]),
    ],
)
def test_finds_members_in_the_files_that_may_have_them(owner: str, expected: list[str]) -> None:
    (definition,) = find_definitions(INDEX, owner)
    assert [one.symbol.name for one in members(INDEX, definition)] == expected
