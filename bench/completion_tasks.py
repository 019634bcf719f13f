"""Cut holes into repositories, the same ones each time, at most one in a file.

Kinds: `tail` the rest of a line from a place in its code; `line` a line after its indentation; `block` the 2 to 8 lines
of a body that was just opened; `cross-file` a line that uses a name which another file defines and this one has not
mentioned before. Which file and which place is drawn by hashes of their names, so that one repository more or less
changes nothing in the others. Files of tests, generated ones and copies of other files get no hole.
"""

import hashlib
import json
import os
import random
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from completion_corpora import LANGUAGES, REPOSITORIES, Half, Repository, edition
from completion_words import code_of, first_places, identifiers_of, language_of, standard_words, words_of

Kind = Literal["tail", "line", "block", "cross-file"]
KINDS: tuple[Kind, ...] = ("tail", "line", "block", "cross-file")
EDITION = 1
"""Counts the changes of how holes are cut."""

PER_KIND = 4  # in a repository
SHORTEST_TAIL, SHORTEST_LINE, LONGEST_LINE = 4, 12, 200  # characters
FEWEST_LINES, MOST_CHARACTERS = 30, 60_000  # of a file that gets a hole
LINES_ABOVE = 8  # at least, so that there is something to go by
BLOCK_LINES = (2, 8)
DEFINED_IN_AT_MOST = 3  # files: a name in more of them is a common word
LONG_LINE = 20  # characters: shorter ones are alike everywhere
RAREST_FIRST: tuple[Kind, ...] = ("cross-file", "block", "line", "tail")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text, in characters; end: behind the last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Task:
    """A file with a hole.

    id: changes with whatever the task is made of. text: the file without the hole, which begins at offset (characters)
    and is the truth. language_id: of the protocol. repeated: the hole's text stands in another file too, word for word.
    """

    id: str
    repository: str
    language: str
    half: Half
    kind: Kind
    path: str
    language_id: str
    text: str
    offset: int
    hole: str
    repeated: bool

    @property
    def whole(self) -> str:
        """The file as it was."""
        return self.text[: self.offset] + self.hole + self.text[self.offset :]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may get a hole; code: its text without comments and strings, of the same length."""

    path: str
    language: str
    text: str
    code: str


_NOT_HOLED = re.compile(
    r"(^|[/_.-])(tests?|testing|testutils?|specs?|mocks?|fixtures?|bench(es|marks?)?|examples?|generated|gen|vendor|"
    r"third_party|migrations|pb2?|grpc|snapshots?)([/_.-]|$)",
    re.IGNORECASE,
)
_GENERATED = re.compile(r"(?i)(@generated|code generated|automatically generated|auto-generated|do not edit)")
_IMPORT = re.compile(r"\s*(from|import|use|pub use|extern|package|export \*|export \{|#|mod|using|namespace|\})\b|\s*#")
_IMPORTS_SEVERAL = re.compile(r"\s*(pub(\([^)]*\))? )?(from\b.*|import\b.*|use\b.*|export (type )?)[({][^)}]*$")
_COMPOUND = re.compile(r"[a-z0-9]_[a-z0-9]|[a-z0-9][A-Z]|[A-Z]_[A-Z]|[A-Z][A-Z][a-z]")
_OPENS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "Python": re.compile(r"\s*(async |def |if |elif |else|for |while |with |try|except|finally|case |\)).*:$"),
        "": re.compile(r".*(\)|=>|\belse|\btry|\bdo|\bloop|\bunsafe|\bcase .*|[\w>?\]}] )\s*\{$"),
    }
)
_DECLARES = re.compile(
    r"\s*(export |default |pub(\([^)]*\))? |declare |abstract |public |template.* )*"
    r"(class|struct|enum|interface|trait|impl|mod|import|namespace|union|type|extern|const enum|export \{|use|return|"
    r"match|switch|select)\b"
)
_DECLARED = re.compile(r"(\w+)\s*:")
_DEFINITIONS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        name: re.compile(pattern, re.MULTILINE)
        for name, pattern in {
            "Python": r"^\s*(?:async\s+def|def|class)\s+(\w+)|^(?:    )?(\w+)\s*:[^,\n]*\S$|^([A-Z]\w+)\s*=",
            "TypeScript": r"\b(?:function|class|interface|type|enum|const)\s+(\w+)"
            r"|^\s+(?:(?:public|private|protected|async|static|readonly|get|set|override) )*"
            r"(\w+)\s*(?:<[^>\n]*>)?\([^;\n]*\{\s*$",
            "Rust": r"\b(?:fn|struct|enum|trait|type|const|static|macro_rules!)\s+(\w+)|^\s+pub(?:\([^)]*\))?\s+(\w+):",
            "Go": r"^func\s+(?:\([^)\n]*\)\s*)?(\w+)|^(?:type|var|const)\s+(\w+)|^\t(\w+)[ \t]+[\w\[\]*.]+[ \t]*$",
            "C++": r"^\s*(?:class|struct|enum class|enum|union)\s+(\w+)|\busing\s+(\w+)\s*="
            r"|^\s*(?!return|else|delete|throw|new|co_)[\w:<>,*&~\[\] ]+[\s*&](?:\w+::)*(\w+)\s*\([^;{}]*\)[\w =]*[;{]",
        }.items()
    }
)


def all_tasks(folder: Path) -> list[Task]:
    """Cut the holes of all repositories; folder: that of `completion_corpora`, beside which they are kept."""
    made_by = (Path(__file__).parent / name for name in ("completion_tasks.py", "completion_words.py"))
    kept = (
        folder.parent / f"tasks-{_hash(edition(), *(file.read_text(encoding='utf-8') for file in made_by))[:12]}.json"
    )
    if kept.is_file():
        return [Task(**each) for each in json.loads(kept.read_text(encoding="utf-8"))]
    tasks = [task for repository in REPOSITORIES for task in tasks_of(repository, folder / repository.name)]
    unfinished = kept.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps([asdict(task) for task in tasks]), encoding="utf-8")
    unfinished.replace(kept)
    return tasks


def tasks_of(repository: Repository, folder: Path) -> list[Task]:
    """Cut the holes of one repository, which lies in a folder; beside it are the `declarations`."""
    sources = read_sources(folder, repository.language)
    defined = _defining_files(sources)
    lines = _files_of_lines(sources)
    order = sorted(sources, key=lambda source: _hash(repository.name, source.path))
    left = [source for source in order if _gets_a_hole(source) and not _is_copy(source, lines)]
    drawn = {kind: _draw_all(kind, left, repository.name, defined, folder.parent / "declarations") for kind in KINDS}
    found: dict[Kind, list[Task]] = {kind: [] for kind in KINDS}
    taken: set[str] = set()
    # Round by round, the rarest kind first, so that the common ones do not take all of a small repository's files.
    for _ in range(PER_KIND):
        for kind in RAREST_FIRST:
            place = next((place for place in drawn[kind] if place[0].path not in taken), None)
            if place is not None:
                taken.add(place[0].path)
                found[kind].append(_task(repository, kind, *place, sources))
    return [task for kind in KINDS for task in found[kind]]


def make_workspace(folder: Path, tasks: Sequence[Task], into: Path) -> None:
    """Copy a repository with its holes cut out; raises ValueError if an answer is still to be read in its place."""
    shutil.copytree(folder, into)
    for task in tasks:
        file = into / task.path
        if file.read_text(encoding="utf-8") != task.whole:
            raise ValueError(f"{task.path} is not the file that the hole was cut from")
        file.write_text(task.text, encoding="utf-8")


def read_sources(folder: Path, language: str) -> list[Source]:
    """Read the files of a language below a folder, in order; those that are not plain UTF-8 are left out."""
    sources = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and language_of(path.name) == language):
        try:
            text = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        if "\r" not in text and "\0" not in text:
            sources.append(Source(file.relative_to(folder).as_posix(), language, text, code_of(text, language)))
    return sources


def spans_of(kind: Kind, source: Source, elsewhere: frozenset[str] = frozenset()) -> list[Span]:
    """Give the places where a file may get a hole of a kind; elsewhere: names that other files define."""
    if kind == "block":
        return list(_blocks(source))
    lines = list(_lines(source))
    if kind == "line":
        return lines
    if kind == "cross-file":
        wanted = elsewhere - definitions_of(source)
        first = first_places(source.text)
        return [span for span in lines if any(first[name] >= span.start for name in _used(source, span) & wanted)]
    return [Span(place, span.end) for span in lines for place in _tail_starts(source, span)]


def definitions_of(source: Source) -> set[str]:
    """Give the names that a file defines, as far as regular expressions tell."""
    found = _DEFINITIONS[source.language].findall(source.code)
    return {name for groups in found for name in ((groups,) if isinstance(groups, str) else groups) if name}


def _draw_all(
    kind: Kind, sources: Sequence[Source], repository: str, defined: Mapping[str, set[str]], declarations: Path
) -> Iterator[tuple[Source, Span]]:
    """Draw one place of each file that has any of the kind, when asked for the next."""
    for source in sources:
        names = _named_elsewhere(source, defined, declarations) if kind == "cross-file" else frozenset()
        if spans := spans_of(kind, source, names):
            drawn = random.Random(f"{repository}:{source.path}:{kind}:{EDITION}")  # noqa: S311 - a choice of examples
            yield source, drawn.choice(spans)


def _named_elsewhere(source: Source, defined: Mapping[str, set[str]], declarations: Path) -> frozenset[str]:
    """Give the words of a file that few other files define, and that no language brings along."""
    long = {name for name in words_of(source.code) if len(name) >= 6 and _COMPOUND.search(name)}
    names = (name for name in long if 0 < len(defined.get(name, set()) - {source.path}) <= DEFINED_IN_AT_MOST)
    return frozenset(names) - standard_words(source.text, source.language, declarations)


def _task(repository: Repository, kind: Kind, source: Source, span: Span, sources: Sequence[Source]) -> Task:
    hole = source.text[span.start : span.end]
    told = hole.strip()
    return Task(
        id=f"{repository.name}:{source.path}:{kind}:{_hash(source.text, str(span))[:8]}",
        repository=repository.name,
        language=repository.language,
        half=repository.half,
        kind=kind,
        path=source.path,
        language_id=LANGUAGES[repository.language].suffixes[Path(source.path).suffix],
        text=source.text[: span.start] + source.text[span.end :],
        offset=span.start,
        hole=hole,
        repeated=len(told) >= LONG_LINE and any(told in each.text for each in sources if each.path != source.path),
    )


def _lines(source: Source) -> Iterator[Span]:
    """Give the lines of code that say something, without their indentation and without what ends the line."""
    start = imported = 0
    for number, (line, code) in enumerate(zip(source.text.split("\n"), source.code.split("\n"), strict=True)):
        begin, end = start + _indent(line), start + len(line.rstrip())
        if imported or _IMPORTS_SEVERAL.match(code):
            imported = max(0, imported + sum(map(code.count, "({")) - sum(map(code.count, ")}")))
        elif number >= LINES_ABOVE and end - begin >= SHORTEST_LINE and len(line) <= LONGEST_LINE:
            # Neither begins nor ends in a comment or a string, and is nothing that only names another module.
            visible = source.code[begin] == source.text[begin] and source.code[end - 1] == source.text[end - 1]
            if visible and not _IMPORT.match(code) and len(identifiers_of(code, source.language)) >= 2:
                yield Span(begin, end)
        start += len(line) + 1


def _tail_starts(source: Source, line: Span) -> Iterator[int]:
    for place in range(line.start + 3, line.end - SHORTEST_TAIL + 1):
        # Right behind a character of code, and not where only closing brackets are left.
        visible = source.code[place - 1] == source.text[place - 1] != " "
        if visible and re.search(r"\w{2}", source.code[place : line.end]):
            yield place


def _blocks(source: Source) -> Iterator[Span]:
    lines, codes = source.text.split("\n"), source.code.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    opens = _OPENS.get(source.language, _OPENS[""])
    for number in range(LINES_ABOVE, len(lines) - 1):
        opener = codes[number].rstrip()
        if not opens.match(opener) or _DECLARES.match(opener) or not codes[number + 1].strip():
            continue
        indent = _indent(lines[number])
        last = number
        while last + 1 < len(lines) and last - number <= BLOCK_LINES[1] and lines[last + 1].strip():
            if _indent(lines[last + 1]) <= indent:
                break
            last += 1
        first = lines[number + 1]
        size = last - number
        # A body that a blank line ends would go on behind the hole.
        closed = last + 1 < len(lines) and (bool(lines[last + 1].strip()) or source.language == "Python")
        goes_on = source.language == "Python" and _goes_on(lines[last + 1 :], indent)
        if BLOCK_LINES[0] <= size <= BLOCK_LINES[1] and closed and not goes_on:
            yield Span(starts[number + 1] + _indent(first), starts[last + 1] - 1)


def _goes_on(lines: Sequence[str], indent: int) -> bool:
    following = next((line for line in lines if line.strip()), "")
    return bool(following) and _indent(following) > indent


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _used(source: Source, span: Span) -> set[str]:
    """Give the identifiers that a hole uses and does not declare."""
    code = source.code[span.start : span.end]
    declared = set(_DECLARED.findall(code)) if source.language == "Python" else set()
    return set(identifiers_of(code, source.language)) - declared


def _gets_a_hole(source: Source) -> bool:
    lines = source.text.count("\n")
    return (
        lines >= FEWEST_LINES
        and len(source.text) <= MOST_CHARACTERS
        and max(map(len, source.text.split("\n"))) <= 400
        and not _NOT_HOLED.search(source.path)
        and not _GENERATED.search(source.text[:1500])
    )


def _is_copy(source: Source, files_of_lines: Mapping[str, set[str]]) -> bool:
    """Tell whether another file has half of a file's long lines."""
    own = _long_lines(source)
    shared = Counter(path for line in own for path in files_of_lines[line] if path != source.path)
    return bool(own) and max(shared.values(), default=0) >= 0.5 * len(own)


def _files_of_lines(sources: Sequence[Source]) -> Mapping[str, set[str]]:
    return _inverted(sources, _long_lines)


def _defining_files(sources: Sequence[Source]) -> Mapping[str, set[str]]:
    return _inverted(sources, definitions_of)


def _inverted(sources: Sequence[Source], keys: Callable[[Source], set[str]]) -> Mapping[str, set[str]]:
    files: defaultdict[str, set[str]] = defaultdict(set)
    for source in sources:
        for key in keys(source):
            files[key].add(source.path)
    return files


def _long_lines(source: Source) -> set[str]:
    stripped = (line.strip() for line in source.text.split("\n"))
    return {line for line in stripped if len(line) >= LONG_LINE and not line.startswith(("//", "#", "*", "/*"))}


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
