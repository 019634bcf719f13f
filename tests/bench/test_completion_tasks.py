"""Holes are cut where they should be, the same ones each time, and no answer stays in the workspace."""

import re
from dataclasses import replace

import pytest
from completion_corpora import REPOSITORIES, Repository
from completion_tasks import KINDS, Source, make_workspace, spans_of, tasks_of
from completion_words import code_of, standard_words

PYTHON = '''"""A module."""

import json
from elsewhere import (
    first_name,
    second_name,
)

SIZE = 3
# total_size = load_everything(SIZE)


def load(path: str, limit: int) -> list[str]:
    """Read what is_there = everything(path)."""
    for entry in path.split(limit):
        found = first_name.lookup(entry)
        if found is not None:
            return second_name.finish_everything(found)
    return []
'''
TYPESCRIPT = """import { open } from "./files";
import type {
  Reader,
  WriterOptions,
} from "./types";

// opens all the things
export const options = {
  reading: true,
};

export function readAll(reader: Reader, size: number): string[] {
  const lines = reader.readLines(size);
  return lines.filter((line) => line.length > 0);
}
"""


FUNCTION = """

def function_{number}_{each}(value):
    first = other_{next}.call_me_{next}_{each}(value)
    second = first.number_{number}_{each}
    return [first, second, value, {each}]
"""


def source(text, language="Python", path="a.py"):
    return Source(path, language, text, code_of(text, language))


def texts(kind, text, language="Python", elsewhere=()):
    one = source(text, language)
    return [text[span.start : span.end] for span in spans_of(kind, one, frozenset(elsewhere))]


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        ("Python", "a = 'x # y'  # z", "a = "),
        ("Python", 'b = f"""x\ny""" + c', "b = \n + c"),
        ("TypeScript", "a = `x\n'` // b\nc", "a = \n \nc"),
        ("TypeScript", "f('it\\'s', \"/*\") /* a\n b */ + d", "f( , ) \n + d"),
        ("Rust", "fn f<'a>(x: &'a str) { 'b' }", "fn f<'a>(x: &'a str) { }"),
        ("Rust", 'let s = r#"a"b"# ; x', "let s = ; x"),
        ("Go", "a := `\"` + 'x' // b", "a := + "),
        ("C++", "int n = 1'000; char c = '\"'; x", "int n = 1'000; char c = ; x"),
        ("C++", 'auto s = R"x(a)" b)x"; // c', "auto s = ; "),
    ],
)
def test_comments_and_strings_become_blanks(language, text, code):
    found = code_of(text, language)
    assert re.sub(" +", " ", found) == code
    assert len(found) == len(text)


def test_a_line_is_code_that_is_no_import():
    assert texts("line", PYTHON) == [
        "def load(path: str, limit: int) -> list[str]:",
        "for entry in path.split(limit):",
        "found = first_name.lookup(entry)",
        "return second_name.finish_everything(found)",
    ]
    assert "WriterOptions," not in texts("line", TYPESCRIPT, "TypeScript")


def test_a_tail_begins_behind_code_and_ends_with_its_line():
    found = texts("tail", PYTHON)
    assert "rst_name.lookup(entry)" in found
    assert all(any(line.endswith(hole) for line in PYTHON.split("\n")) for hole in found)
    assert not any(hole in {")", "):", "d)"} for hole in found), "only brackets are left there"


def test_a_block_is_the_whole_body_that_was_opened():
    body = PYTHON[PYTHON.index("found = ") : PYTHON.index("\n    return []")]
    assert texts("block", PYTHON) == [body]
    assert texts("block", TYPESCRIPT, "TypeScript") == [
        "const lines = reader.readLines(size);\n  return lines.filter((line) => line.length > 0);"
    ]


def test_a_block_that_goes_on_behind_a_blank_line_is_none():
    longer = PYTHON.replace("(found)\n", "(found)\n\n        entry.close_it()\n")
    assert texts("block", longer) == []


def test_a_cross_file_line_uses_a_name_that_was_not_there_before():
    names = {"first_name", "finish_everything"}
    assert texts("cross-file", PYTHON, elsewhere=names) == ["return second_name.finish_everything(found)"]
    assert texts("cross-file", PYTHON.replace("SIZE = 3", "finish_everything"), elsewhere=names) == []
    assert texts("cross-file", PYTHON.replace("return []", "def finish_everything(): ..."), elsewhere=names) == []


def test_standard_words_are_those_of_what_is_imported(tmp_path):
    assert {"dumps", "len", "items", "while"} <= standard_words("import json\n", "Python", tmp_path)
    assert "dumps" not in standard_words("import os\n", "Python", tmp_path)
    assert "nowhere_defined" not in standard_words("import json\nnowhere_defined()", "Python", tmp_path)
    assert {"unwrap_or_else", "HashMap"} <= standard_words("", "Rust", tmp_path)
    assert {"push_back", "co_await"} <= standard_words("", "C++", tmp_path)


@pytest.fixture
def repository(tmp_path):
    """Give a repository with twenty files that may get a hole, and some that may not."""
    folder = tmp_path / "all" / "one"
    (folder / "tests").mkdir(parents=True)
    for number in range(20):
        body = "".join(FUNCTION.format(number=number, each=each, next=(number + 1) % 20) for each in range(9))
        defined = "".join(f"\n\ndef call_me_{number}_{each}(value):\n    return value\n" for each in range(9))
        (folder / f"file_{number}.py").write_text(f'"""Number {number}."""\n{body}{defined}')
    text = (folder / "file_0.py").read_text()
    (folder / "copied.py").write_text(text + "\nmore_of_it = 1\n")
    (folder / "tests" / "file_x.py").write_text(text.replace("first", "third"))
    (folder / "made.py").write_text("# Code generated by a program. DO NOT EDIT.\n" + text.replace("first", "fourth"))
    (folder / "windows.py").write_bytes(text.replace("first", "fifth").replace("\n", "\r\n").encode())
    return Repository("one", "Python", "tune", "2025-01", ()), folder


def test_the_same_holes_each_time_at_most_one_a_file(repository):
    one, folder = repository
    tasks = tasks_of(one, folder)
    assert tasks == tasks_of(one, folder)
    assert {task.kind for task in tasks} == set(KINDS)
    assert len({task.path for task in tasks}) == len(tasks) == len({task.id for task in tasks})
    left_out = {"file_0.py", "copied.py", "tests/file_x.py", "made.py", "windows.py"}
    assert not {task.path for task in tasks} & left_out


def test_the_holes_of_one_repository_do_not_depend_on_its_half(repository):
    one, folder = repository
    other = tasks_of(replace(one, half="report"), folder)
    assert [replace(task, half="tune") for task in other] == tasks_of(one, folder)


def test_a_workspace_has_no_answer(repository, tmp_path):
    one, folder = repository
    tasks = tasks_of(one, folder)
    make_workspace(folder, tasks, tmp_path / "cut")
    for task in tasks:
        text = (tmp_path / "cut" / task.path).read_text()
        assert text == task.text != task.whole
        assert text[: task.offset] + task.hole + text[task.offset :] == (folder / task.path).read_text()
    with pytest.raises(ValueError, match="not the file"):
        make_workspace(tmp_path / "cut", tasks, tmp_path / "cut twice")


def test_a_changed_file_is_another_task(repository):
    one, folder = repository
    task = tasks_of(one, folder)[0]
    file = folder / task.path
    file.write_text(file.read_text() + "\n# one more line\n")
    assert task.id not in {each.id for each in tasks_of(one, folder)}


def test_both_halves_have_repositories_of_every_language():
    names = [repository.name for repository in REPOSITORIES]
    assert len(names) == len(set(names))
    languages = {repository.language for repository in REPOSITORIES}
    for half in ("tune", "report"):
        assert {repository.language for repository in REPOSITORIES if repository.half == half} == languages
    assert all(repository.since >= "2024-03" for repository in REPOSITORIES)
