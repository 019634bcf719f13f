r"""Unified diffs, as git and diff write them.

A file that cannot be read keeps its place in the result with the reason, so that nobody takes it for unchanged.
Hunk lines are taken by the counts in the hunk's header, never by their look: ``--- a`` may well be a removed line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from assist_context.errors import DiffError

LineKind = Literal["context", "added", "removed"]
Status = Literal["modified", "added", "deleted", "renamed", "copied"]

_KINDS: Mapping[str, LineKind] = MappingProxyType({" ": "context", "+": "added", "-": "removed"})
_MOVES: Mapping[str, Status] = MappingProxyType({"rename": "renamed", "copy": "copied"})
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)", re.DOTALL)
_MODE = re.compile(r"(old mode|new mode|deleted file mode|new file mode) (\d{6})")
_INDEX = re.compile(r"index [0-9a-f]+\.\.[0-9a-f]+(?: (\d{6}))?")
_MOVE = re.compile(r"(rename|copy) (from|to) (.+)", re.DOTALL)
_COMBINED = re.compile(r"diff --(?:cc|combined) (.+)", re.DOTALL)
_BINARY = re.compile(r"Binary files (.+) and (.+) differ", re.DOTALL)
_UNMERGED = re.compile(r"\* Unmerged path (.+)", re.DOTALL)
_SUBMODULE = re.compile(r"Submodule (.+?) (?:[0-9a-f]{7,}\.{2,3}[0-9a-f]{7,}|contains (?:untracked|modified) content)")
_NO_TIME = re.compile(r"(?:1970-01-01|1969-12-31) ")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = MappingProxyType({b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"})
_COLOR = re.compile(r"\x1b\[[0-9;]*[mK]")
_COLORED_HEADER = re.compile(r"^(?:\x1b\[[0-9;]*[mK])+(?:diff |--- )", re.MULTILINE)
_PREFIX = re.compile(r"[abciow12]/")  # a/ b/, and what diff.mnemonicPrefix writes
_SUBMODULE_MODE = "160000"


@dataclass(frozen=True, slots=True)
class DiffLine:
    r"""One line of a hunk.

    old, new: its number from 1 on that side, None where it is not there.
    text: without its ending, which is ``\n``, ``\r\n``, or "" at an end of file without one.
    """

    kind: LineKind
    old: int | None
    new: int | None
    text: str
    ending: str = "\n"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that belong together; starts and counts as in its header, section is what follows the second ``@@``."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[DiffLine, ...]

    def added_lines(self) -> tuple[int, ...]:
        """Give the new-side numbers of the added lines."""
        return tuple(line.new for line in self.lines if line.kind == "added" and line.new is not None)

    def removed_lines(self) -> tuple[int, ...]:
        """Give the old-side numbers of the removed lines."""
        return tuple(line.old for line in self.lines if line.kind == "removed" and line.old is not None)


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What happened to one file.

    old_path, new_path: None on the side where the file is not; a byte that is not UTF-8 is a lone surrogate.
    old_mode, new_mode: as git writes them ("100644"), None where the diff does not say.
    unreadable: why the hunks are missing or incomplete, None where all was read.
    """

    old_path: str | None
    new_path: str | None
    status: Status = "modified"
    hunks: tuple[Hunk, ...] = ()
    old_mode: str | None = None
    new_mode: str | None = None
    binary: bool = False
    submodule: bool = False
    unreadable: str | None = None

    @property
    def path(self) -> str:
        """The path to show: the new one, or the old one of a deleted file."""
        return self.new_path or self.old_path or ""

    def added_lines(self) -> tuple[int, ...]:
        """Give the new-side numbers of all added lines."""
        return tuple(number for hunk in self.hunks for number in hunk.added_lines())

    def removed_lines(self) -> tuple[int, ...]:
        """Give the old-side numbers of all removed lines."""
        return tuple(number for hunk in self.hunks for number in hunk.removed_lines())


def parse_diff(text: str) -> tuple[FileDiff, ...]:
    """Read a diff of git, diff, Mercurial or Subversion, coloured or not.

    What stands around the files (a commit message) is passed over. Empty text is no file.
    Raises DiffError for text in which there is no diff.
    """
    text = text.removeprefix("\ufeff")
    if _COLORED_HEADER.search(text):
        text = _COLOR.sub("", text)
    files = tuple(_Reader(text).files())
    if not files and text.strip():
        raise DiffError("this is not a unified diff", hint="give the output of `git diff` or `diff -u`")
    return files


def unquote(path: str) -> str:
    """Give the path that git wrote in double quotes with C escapes; any other path is given as it is."""
    quoted = _QUOTED.fullmatch(path)
    if not quoted:
        return path
    raw = _ESCAPE.sub(_unescaped, quoted[1].encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogateescape")


class _Reader:
    """Walks over the lines of a diff once; self._at is the next one."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        if self._lines[-1] == "":
            self._lines.pop()
        self._at = 0

    def files(self) -> list[FileDiff]:
        found = []
        while self._at < len(self._lines):
            file = self._file()
            if file is None:
                self._at += 1
            else:
                found.append(file)
        return found

    def _line(self, ahead: int = 0) -> str:
        """Give a header line, "" past the end; a carriage return there belongs to the transport."""
        at = self._at + ahead
        return self._lines[at].removesuffix("\r") if at < len(self._lines) else ""

    def _file(self) -> FileDiff | None:
        line = self._line()
        if line.startswith("diff --git "):
            return self._git_file(line.removeprefix("diff --git "))
        if self._names_ahead():
            return self._plain_file()
        file = _one_line_file(line)
        self._at += file is not None
        return file

    def _names_ahead(self) -> bool:
        return self._line().startswith("--- ") and self._line(1).startswith("+++ ") and self._line(2).startswith("@@ -")

    def _plain_file(self) -> FileDiff:
        old, new = _plain_paths(self._line()[4:], self._line(1)[4:])
        self._at += 2
        status: Status = "added" if old is None else "deleted" if new is None else "modified"
        return self._with_hunks(FileDiff(old, new, status))

    def _git_file(self, names: str) -> FileDiff:
        self._at += 1
        old, new = _git_paths(names)
        file = FileDiff(old, new)
        while self._at < len(self._lines):
            changed = self._header(file)
            if changed is None:
                break
            file = changed
            self._at += 1
        if not file.path:
            file = replace(file, old_path=names, new_path=names)
        if _SUBMODULE_MODE in (file.old_mode, file.new_mode):
            file = replace(file, submodule=True)
        if file.status == "added":
            file = replace(file, old_path=None)
        elif file.status == "deleted":
            file = replace(file, new_path=None)
        return self._with_hunks(file)

    def _header(self, file: FileDiff) -> FileDiff | None:
        """Give the file as a header line of git changes it, None for a line that is none."""
        line = self._line()
        if not self._names_ahead():
            return _with_header(file, line)
        if not file.path:
            old, new = _plain_paths(line[4:], self._line(1)[4:])
            file = replace(file, old_path=old, new_path=new)
        self._at += 1
        return file

    def _with_hunks(self, file: FileDiff) -> FileDiff:
        hunks = []
        while self._line().startswith("@@ -"):
            hunk, why = self._hunk()
            if hunk is not None:
                hunks.append(hunk)
            if why:
                return replace(file, hunks=tuple(hunks), unreadable=why)
        return replace(file, hunks=tuple(hunks))

    def _hunk(self) -> tuple[Hunk | None, str | None]:
        """Read one hunk; the second value says why it is not whole."""
        number = self._at + 1
        header = _HUNK.fullmatch(self._line())
        self._at += 1
        if not header:
            return None, f"line {number} of the diff is not a hunk header"
        old, new = int(header[1]), int(header[3])
        old_count, new_count = int(header[2] or 1), int(header[4] or 1)
        old_end, new_end = old + old_count, new + new_count
        old_at, new_at = old, new
        lines: list[DiffLine] = []
        while old_at < old_end or new_at < new_end:
            line = self._hunk_line(old_at, new_at)
            if line is None or old_at + (line.old is not None) > old_end or new_at + (line.new is not None) > new_end:
                return (
                    Hunk(old, old_at - old, new, new_at - new, header[5], tuple(lines)),
                    f"the hunk at line {number} of the diff does not have the lines that its header promises",
                )
            old_at += line.old is not None
            new_at += line.new is not None
            lines.append(line)
        return Hunk(old, old_count, new, new_count, header[5], tuple(lines)), None

    def _hunk_line(self, old: int, new: int) -> DiffLine | None:
        if self._at >= len(self._lines):
            return None
        raw = self._lines[self._at] or " "  # mailers strip the blank of an empty context line
        kind = _KINDS.get(" " if raw == "\r" else raw[0])
        if kind is None:
            return None
        self._at += 1
        text = "" if raw == "\r" else raw[1:].removesuffix("\r")
        ending = "\r\n" if raw.endswith("\r") else "\n"
        if self._line().startswith("\\"):  # "\ No newline at end of file", in whatever language
            self._at += 1
            ending = ""
        return DiffLine(kind, old if kind != "added" else None, new if kind != "removed" else None, text, ending)


def _one_line_file(line: str) -> FileDiff | None:
    """Read a file that a single line tells of, None for any other line."""
    if combined := _COMBINED.match(line):
        path = unquote(combined[1])
        return FileDiff(path, path, unreadable="it is a combined diff of a merge")
    if unmerged := _UNMERGED.match(line):
        path = unquote(unmerged[1])
        return FileDiff(path, path, unreadable="it has merge conflicts")
    if submodule := _SUBMODULE.match(line):
        return FileDiff(submodule[1], submodule[1], submodule=True)
    if binary := _BINARY.fullmatch(line):
        return FileDiff(*_plain_paths(binary[1], binary[2]), binary=True)
    return None


def _with_header(file: FileDiff, line: str) -> FileDiff | None:
    if mode := _MODE.match(line):
        return _with_mode(file, mode[1], mode[2])
    if move := _MOVE.fullmatch(line):
        path, status = unquote(move[3]), _MOVES[move[1]]
        is_old = move[2] == "from"
        return replace(file, status=status, old_path=path) if is_old else replace(file, status=status, new_path=path)
    if index := _INDEX.match(line):
        return replace(file, old_mode=index[1], new_mode=index[1]) if index[1] else file
    if binary := _BINARY.fullmatch(line):
        old, new = (file.old_path, file.new_path) if file.path else _plain_paths(binary[1], binary[2])
        return replace(file, binary=True, old_path=old, new_path=new)
    if line == "GIT binary patch":
        return replace(file, binary=True)
    return file if line.startswith(("similarity index ", "dissimilarity index ")) else None


def _with_mode(file: FileDiff, what: str, mode: str) -> FileDiff:
    if what == "new file mode":
        return replace(file, status="added", new_mode=mode)
    if what == "deleted file mode":
        return replace(file, status="deleted", old_mode=mode)
    return replace(file, old_mode=mode) if what == "old mode" else replace(file, new_mode=mode)


def _git_paths(names: str) -> tuple[str | None, str | None]:
    """Read the two names after ``diff --git``; None for both where only later header lines can tell them apart."""
    if '"' in names:
        return _quoted_paths(names)
    middle, odd = divmod(len(names), 2)
    if not odd or names[middle] != " ":
        return None, None
    old, new = names[:middle], names[middle + 1 :]
    if old == new:
        return old, new  # git diff --no-prefix
    if old[2:] == new[2:] and _PREFIX.match(old) and _PREFIX.match(new):
        return old[2:], new[2:]
    return None, None


def _quoted_paths(names: str) -> tuple[str | None, str | None]:
    quoted = [match[0] for match in _QUOTED.finditer(names)]
    if len(quoted) != 2:
        return None, None  # a rename with one plain name, which later lines give
    old, new = (unquote(name) for name in quoted)
    if old == new:
        return old, new
    return (old[2:], new[2:]) if _PREFIX.match(old) and _PREFIX.match(new) else (old, new)


def _plain_paths(old: str, new: str) -> tuple[str | None, str | None]:
    """Read the names of ``---`` and ``+++`` lines, where a tab begins a time or a revision."""
    sides = [_side(old), _side(new)]
    present = [side for side in sides if side is not None]
    if all(_PREFIX.match(side) for side in present) and len({side[:2] for side in present}) == len(present):
        sides = [side and side[2:] for side in sides]
    return sides[0], sides[1]


def _side(name: str) -> str | None:
    path, _, time = name.partition("\t")
    return None if path == "/dev/null" or _NO_TIME.match(time) else unquote(path)


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if code[:1].isdigit() else _ESCAPES.get(code, code)
