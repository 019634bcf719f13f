"""Cut functions out of the corpus, to be typed again key by key.

Kinds: `alone` a function of one file; `across` one that calls a function of another file, which is typed before it as
well, and beside which a third file that calls it is looked at. What is cut is neither in the workspace nor indexed.
Which functions is drawn by hashes of their names; they come from the files that part (a) takes its holes from.
"""

import hashlib
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from completion_corpora import Half
from completion_tasks import Task
from completion_words import language_of
from index_generate import FOLDER, LARGEST, SMALLEST, varied

from assist_context.index.build import syntax_of
from assist_context.languages import language_of_text
from assist_context.syntax.symbols import Symbol

Kind = Literal["alone", "across"]
SHORTEST, LONGEST = 160, 900  # characters of a function
LINES = (4, 25)
LONG_LINE = 20  # characters: shorter ones are alike everywhere
_COMPOUND = re.compile(r"[a-z0-9]_[a-z0-9]|[a-z0-9][A-Z]")


@dataclass(frozen=True, slots=True)
class Typed:
    """A file without a text, which begins at offset (characters); language_id: of the protocol."""

    path: str
    language_id: str
    text: str
    offset: int
    cut: str

    @property
    def whole(self) -> str:
        """The file as it was."""
        return self.text[: self.offset] + self.cut + self.text[self.offset :]


@dataclass(frozen=True, slots=True)
class View:
    """A line, from 0, of a file that is looked at."""

    path: str
    language_id: str
    line: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What one person does: types `before`, if anything, looks at `view`, then types `function`, which is measured."""

    id: str
    repository: str
    language: str
    half: Half
    kind: Kind
    function: Typed
    before: Typed | None = None
    view: View | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function that takes whole lines of a file; start, end: characters, without the first line's indentation."""

    name: str
    kind: str
    task: Task
    start: int
    end: int

    @property
    def text(self) -> str:
        """The function as it stands in its file."""
        return self.task.whole[self.start : self.end]

    def cut_out(self) -> Typed:
        """Give its file without it."""
        whole = self.task.whole
        return Typed(
            self.task.path, self.task.language_id, whole[: self.start] + whole[self.end :], self.start, self.text
        )


def chosen(tasks: Sequence[Task], folder: Path, count: int, *, kind: Kind | None = None) -> list[Replay]:
    """Choose so many functions, of each kind the half, no two of one kind in one repository while there are others.

    tasks: those of part (a), whose files are used. folder: that of all repositories. kind: None for both.
    """
    files: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        files[task.repository].append(task)
    kinds: Sequence[Kind] = (kind,) if kind else ("alone", "across")
    in_turn = [
        _round_robin([_replays(each, files[name], folder / name) for name in sorted(files, key=_hash)])
        for each in kinds
    ]
    return [replay for replay, _ in zip(_round_robin(in_turn), range(count), strict=False)]


def make_workspace(folder: Path, replay: Replay, into: Path) -> None:
    """Copy a repository without what will be typed; raises ValueError where a file is not the one that was cut."""
    shutil.copytree(folder, into)
    for typed in filter(None, (replay.before, replay.function)):
        file = into / typed.path
        if file.read_text(encoding="utf-8") != typed.whole:
            raise ValueError(f"{typed.path} is not the file that the function was cut from")
        file.write_text(typed.text, encoding="utf-8")


def add_files(folder: Path, without: str, into: Path, count: int) -> None:
    """Write so many further files, made from those of all repositories but one, which would tell what was cut."""
    models = [
        path
        for path in sorted(folder.rglob("*"))
        if language_of(path.name) and path.relative_to(folder).parts[0] not in {without, "declarations"}
    ]
    models = [path for path in models if path.is_file() and SMALLEST <= path.stat().st_size <= LARGEST]
    models.sort(key=lambda path: _hash(path.as_posix()))
    for number in range(count):
        model = models[number % len(models)]
        target = into / "more" / f"unit{number // FOLDER:04}" / f"{model.stem}_{number:06}{model.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(varied(model.read_bytes(), number))


def functions_of(task: Task) -> list[Function]:
    """Give the functions of a task's file that are neither short nor long and take whole lines."""
    source = task.whole.encode()
    starts = [0]
    for line in task.whole.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    found: list[Function] = []
    for symbol in _symbols(task):
        if symbol.kind not in ("function", "method"):
            continue
        line = task.whole[starts[symbol.line] : starts[symbol.last_line + 1] - 1]
        end = len(source[: symbol.end].decode())
        one = Function(
            symbol.name,
            symbol.kind,
            task,
            starts[symbol.line] + len(line) - len(line.lstrip()),
            starts[symbol.last_line + 1] - 1,
        )
        fits = SHORTEST <= len(one.text) <= LONGEST and LINES[0] <= one.text.count("\n") + 1 <= LINES[1]
        # Nothing but a mark stands behind it on its last line, and it is in no other one.
        alone = task.whole[end : one.end].strip() in ("", ";", ",") and all(one.start >= each.end for each in found)
        if fits and alone:
            found.append(one)
    return found


@cache
def _symbols(task: Task) -> tuple[Symbol, ...]:
    source = task.whole.encode()
    return syntax_of(language_of_text(task.path, source), source).symbols


def _replays(kind: Kind, tasks: Sequence[Task], folder: Path) -> Iterator[Replay]:
    """Draw the replays of one repository, one after the other when asked for; one of each file."""
    functions = {task.path: functions_of(task) for task in sorted(tasks, key=lambda task: _hash(task.path, kind))}
    named = _named(tasks, functions)
    lines = _lines_of(folder)
    for of_file in functions.values():
        for function in sorted(of_file, key=lambda each: _hash(each.text)):
            helper = _helper(function, named) if kind == "across" else None
            if (kind == "across") == (helper is not None) and not _is_elsewhere(function, lines):
                yield _replay(kind, function, helper, tasks)
                break


def _replay(kind: Kind, function: Function, helper: Function | None, tasks: Sequence[Task]) -> Replay:
    task = function.task
    return Replay(
        id=f"{task.repository}:{task.path}:{function.name}:{kind}:{_hash(task.whole, function.text)[:8]}",
        repository=task.repository,
        language=task.language,
        half=task.half,
        kind=kind,
        function=function.cut_out(),
        before=helper.cut_out() if helper else None,
        view=_view(helper, {task.path, helper.task.path}, tasks) if helper else None,
    )


def _named(tasks: Sequence[Task], functions: Mapping[str, Sequence[Function]]) -> Mapping[str, Function]:
    """Give the functions that are no methods by their names, which say something and which nothing else has."""
    defined = Counter(symbol.name for task in tasks for symbol in _symbols(task))
    every = (function for of_file in functions.values() for function in of_file)
    plain = (each for each in every if each.kind == "function" and _COMPOUND.search(each.name))
    return {each.name: each for each in plain if defined[each.name] == 1}


def _helper(function: Function, named: Mapping[str, Function]) -> Function | None:
    """Give the first function of another file that one calls."""
    called = (named.get(name) for name in re.findall(r"(\w+)\(", function.text))
    return next((each for each in called if each and each.task.path != function.task.path), None)


def _view(helper: Function, taken: set[str], tasks: Sequence[Task]) -> View | None:
    """Give a line of a third file that calls a function."""
    call = re.compile(rf"\b{re.escape(helper.name)}\(")
    for task in tasks:
        found = call.search(task.whole) if task.path not in taken else None
        if found:
            return View(task.path, task.language_id, task.whole.count("\n", 0, found.start()))
    return None


def _is_elsewhere(function: Function, lines: Mapping[str, set[str]]) -> bool:
    """Tell whether one other file has half of a function's long lines."""
    own = _long_lines(function.text)
    counts: defaultdict[str, int] = defaultdict(int)
    for line in own:
        for path in lines.get(line, ()):
            counts[path] += path != function.task.path
    return not own or max(counts.values(), default=0) >= 0.5 * len(own)


def _lines_of(folder: Path) -> Mapping[str, set[str]]:
    """Give the files of each long line of a repository."""
    files: defaultdict[str, set[str]] = defaultdict(set)
    for file in (path for path in folder.rglob("*") if path.is_file()):
        for line in _long_lines(file.read_text(encoding="utf-8", errors="replace")):
            files[line].add(file.relative_to(folder).as_posix())
    return files


def _long_lines(text: str) -> set[str]:
    return {line.strip() for line in text.split("\n") if len(line.strip()) >= LONG_LINE}


def _round_robin(each: Iterable[Iterator[Replay]]) -> Iterator[Replay]:
    """Take one of each in turn, as far as asked for."""
    left = list(each)
    while left:
        for one in tuple(left):
            if (found := next(one, None)) is None:
                left.remove(one)
            else:
                yield found


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
