"""Functions are cut out whole, and what is cut cannot be found again."""

import pytest
from completion_replay_tasks import chosen, functions_of, make_workspace
from completion_tasks import Task

HELPER = """def load_entries(path, limit):
    '''Read the entries of a path, as many as there are, up to a limit.'''
    with open(path) as file:
        entries = [line.strip() for line in file if line.strip()]
    return sorted(entries)[:limit]
"""
CALLER = """from helper import load_entries

MOST = 3


class Report:
    def write(self, path):
        entries = load_entries(path, MOST)
        for number, entry in enumerate(entries):
            self.out.write(f"{number}: {entry} and more of it")
        self.out.write(f"{len(entries)} entries in all of {path}")
        return len(entries)


def short():
    return 1
"""
OTHER = """from helper import load_entries

print(load_entries("somewhere", 5))
"""


def task(path, text):
    # Part (a) keeps a file as the text without its hole, and the hole.
    return Task(path, "repo", "Python", "tune", "line", path, "python", text[3:], 0, text[:3], repeated=False)


@pytest.fixture
def repository(tmp_path):
    texts = {"helper.py": HELPER, "caller.py": CALLER, "other.py": OTHER}
    for path, text in texts.items():
        file = tmp_path / "repo" / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path, [task(path, text) for path, text in texts.items()]


def test_a_function_is_cut_without_its_indentation_and_can_be_put_back():
    (one,) = functions_of(task("caller.py", CALLER))
    cut = one.cut_out()
    assert cut.cut.startswith("def write(self")
    assert cut.cut.endswith("return len(entries)")
    assert "\nclass Report:\n    \n\n\ndef short" in cut.text
    assert cut.whole == CALLER


def test_across_files_the_helper_is_written_before_and_another_caller_is_looked_at(repository):
    folder, tasks = repository
    (one,) = chosen(tasks, folder, 10, kind="across")
    assert (one.function.path, one.before.path, one.view.path, one.view.line) == (
        "caller.py",
        "helper.py",
        "other.py",
        2,
    )
    make_workspace(folder / "repo", one, folder / "workspace")
    left = "".join(path.read_text() for path in (folder / "workspace").rglob("*.py"))
    assert "def load_entries" not in left
    assert "def write" not in left


def test_the_kinds_take_turns_and_the_choice_stays_the_same(repository):
    folder, tasks = repository
    kinds = [each.kind for each in chosen(tasks, folder, 2)]
    assert kinds == ["alone", "across"]
    assert chosen(tasks, folder, 10) == chosen(list(reversed(tasks)), folder, 10)


def test_what_stands_in_another_file_too_is_not_typed(repository):
    folder, tasks = repository
    (folder / "repo" / "copy.py").write_text(CALLER)
    assert chosen(tasks, folder, 10, kind="across") == []


def test_a_workspace_of_other_files_is_refused(repository):
    folder, tasks = repository
    (one,) = chosen(tasks, folder, 1, kind="across")
    (folder / "repo" / "caller.py").write_text(OTHER)
    with pytest.raises(ValueError, match=r"caller\.py"):
        make_workspace(folder / "repo", one, folder / "workspace")
