"""Which files a workspace has, which of them have changed, and how they are read without leaving it."""

import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from errno import ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path
from time import time_ns
from typing import NamedTuple

from assist_context.index.ignore import (
    FOLDER_MARKS,
    IGNORE_FILE,
    LARGEST,
    Reason,
    is_tool_folder,
    is_utf8,
    why_not_content,
    why_not_name,
)
from assist_context.index.patterns import GitSays, Level, Rule
from assist_context.index.records import FileRecord

_LARGEST_IGNORE_FILE = 4_000_000
_GIT_IGNORE_FILE = ".gitignore"
_GIT_EXCLUDE_FILE = ".git/info/exclude"
_TICK = 20_000_000  # nanoseconds in which a file system may give two changes the same time
_COARSE_TICK = 2_000_000_000  # and one that counts in seconds


def _flags(*names: str) -> int:
    return os.O_RDONLY | sum(getattr(os, name, 0) for name in names)  # each where it exists


_FOLDER_FLAGS = _flags("O_DIRECTORY", "O_NOFOLLOW", "O_PATH")
_FILE_FLAGS = _flags("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY")


class Content(NamedTuple):
    """What is in a file, and when it was changed last, in nanoseconds; 0 where a later change could show the same."""

    content: bytes
    changed: int


class Changes(NamedTuple):
    """What differs from an index. gone: all that must be forgotten; left_out: what is not indexed although listed."""

    new_or_changed: tuple[str, ...]
    gone: tuple[str, ...]
    left_out: tuple[tuple[str, Reason], ...]


@dataclass(frozen=True, slots=True)
class Why:
    """Whether a file is indexed, and if not, why. rule: the line of an ignore file that says so, where one does."""

    path: str
    reason: Reason | None
    rule: Rule | None = None

    @property
    def text(self) -> str:
        """Say it in a line."""
        if self.reason is None:
            return "indexed"
        if self.rule is None:
            return self.reason.value
        return f"{self.reason.value}: {self.rule.file}, line {self.rule.line}: {self.rule.pattern}"


def walk(root: Path) -> tuple[str, ...]:
    """List the files below a folder that it does not have git ignore, where no git says it; paths with slashes.

    Symbolic links are listed but not followed. Folders that tools fill are left out. A file that git tracks although
    it is ignored is not listed: only git knows of it.
    """
    found: list[bytes] = []
    start, marks = os.fsencode(root) + b"/", {mark.encode() for mark in FOLDER_MARKS}
    folders = [_top(root, _GIT_IGNORE_FILE)]
    while folders:
        level = folders.pop()
        try:
            with os.scandir(start + level.path) as entries:
                here = {entry.name: _kind(entry) for entry in entries}
        except OSError:
            continue
        if level.path and not marks.isdisjoint(here):
            continue
        if here.get(_GIT_IGNORE_FILE.encode()) == stat.S_IFREG:
            level = _having(level, root, _GIT_IGNORE_FILE)
        for name, kind in here.items():
            if kind == stat.S_IFDIR:
                below = None if is_tool_folder(os.fsdecode(name)) else level.below(name)
                if below and not below.ignored:
                    folders.append(below)
            elif kind and name != b".git" and not level.rule(name, folder=False):
                found.append(level.path + name)
    return tuple(path.decode("utf-8", "surrogateescape") for path in sorted(found))


def read_file(root: Path, path: str, limit: int = LARGEST) -> bytes | Reason:
    """Read a file of at most `limit` bytes, or tell why not; no link is followed below `root`, and nothing waits."""
    found = read_dated(root, path, limit)
    return found.content if isinstance(found, Content) else found


def read_dated(root: Path, path: str, limit: int = LARGEST) -> Content | Reason:
    """Read a file as `read_file` does, with the time of its last change."""
    if not _is_below(path):
        return Reason.OUTSIDE
    try:
        descriptor = _open(root, path)
    except OSError as error:
        return _why_not_opened(root, path, error)
    if isinstance(descriptor, Reason):
        return descriptor
    try:
        return _read(descriptor, limit)
    except OSError:
        return Reason.UNREADABLE
    finally:
        os.close(descriptor)


def changes(root: Path, paths: Iterable[str], records: Mapping[str, FileRecord]) -> Changes:
    """Compare listed files with an index. records: what the index has of these paths, or of the whole workspace.

    Files are told apart by size and time; what cannot be told apart so counts as changed.
    """
    start = f"{root}/"
    changed: list[str] = []
    left_out: list[tuple[str, Reason]] = []
    kept: set[str] = set()
    for path, reason in _by_name(root, dict.fromkeys(paths)):
        if reason is not None:
            left_out.append((path, reason))
            continue
        try:
            found = os.lstat(start + path)
        except (OSError, ValueError):
            continue
        if not stat.S_ISREG(found.st_mode):
            left_out.append((path, Reason.NOT_A_FILE))
        elif found.st_size > LARGEST:
            left_out.append((path, Reason.LARGE))
        else:
            kept.add(path)
            record = records.get(path)
            if record is None or record.changed != found.st_mtime_ns or record.size != found.st_size:
                changed.append(path)
    return Changes(tuple(changed), tuple(path for path in records if path not in kept), tuple(left_out))


def place_in(root: Path, path: str | Path) -> str | None:
    """Give a path as one below `root`, with slashes, "" for `root` itself; None where it is outside."""
    whole = Path(os.path.normpath(root / path))
    for base, there in ((root, whole), (root.resolve(), whole), (root.resolve(), whole.parent.resolve() / whole.name)):
        with suppress(ValueError):
            below = there.relative_to(os.path.normpath(base)).as_posix()
            return "" if below == "." else below
    return None


def why(root: Path, path: str | Path, git: GitSays | None = None, quarantined: Collection[str] = ()) -> Why:
    """Tell whether a file is indexed, and if not, why. git: None where no git says which files there are.

    A relative path is one below `root`. quarantined: files that stopped the parser, as paths below `root`.
    """
    place = place_in(root, path)
    if place is None:
        return Why(str(path), Reason.OUTSIDE)
    kind = _kind_at(root, place) if place else Reason.FOLDER
    if kind is not None and kind is not Reason.FOLDER:
        return Why(place, kind)
    if place and (ignored := _ignored(root, place, git, folder=kind is Reason.FOLDER)):
        return ignored
    if kind is Reason.FOLDER:
        filled = is_tool_folder(place.rpartition("/")[2]) or _is_marked(root, f"{place}/")
        return Why(place, Reason.MADE_BY_TOOLS if filled else Reason.FOLDER)
    reason = next(_by_name(root, (place,)))[1]
    if reason is None and git and not git.listed:
        reason = Reason.GIT_IGNORED
    if reason is None:
        content = read_file(root, place)
        reason = content if isinstance(content, Reason) else why_not_content(place, content)
    return Why(place, reason or (Reason.QUARANTINED if place in quarantined else None))


class _Folders:
    """What holds for the files of each folder because of the folder, looked up once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = {"": (_having(Level(b""), root, IGNORE_FILE), False)}

    def at(self, folder: str) -> tuple[Level, bool]:
        """Give what `.assistignore` files say in a folder, and whether tools fill it."""
        if known := self._known.get(folder):
            return known
        level, filled = self._known[""]
        end = 0
        while end < len(folder):
            start, end = end, folder.find("/", end + 1) % (len(folder) + 1)
            known = self._known.get(folder[:end])
            if known is None:
                name = folder[start:end].lstrip("/")
                level = _having(level.below(_raw(name)), self._root, IGNORE_FILE)
                filled = filled or _is_marked(self._root, f"{folder[:end]}/")
                self._known[folder[:end]] = known = (level, filled)
            level, filled = known
        return level, filled


def _by_name(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, Reason | None]]:
    """Give each path with why it is left out, as far as its name and the folders it is in tell."""
    folders = _Folders(root)
    for path in paths:
        if not is_utf8(path):
            yield path, Reason.NAME
            continue
        folder, _, name = path.rpartition("/")
        level, filled = folders.at(folder)
        if ".." in path and not _is_below(path):
            yield path, Reason.OUTSIDE
        elif level.files and level.rule(_raw(name), folder=False):
            yield path, Reason.ASSIST_IGNORED
        else:
            yield path, Reason.MADE_BY_TOOLS if filled else why_not_name(path)


def _is_marked(root: Path, folder: str) -> bool:
    return any(os.path.lexists(f"{root}/{folder}{mark}") for mark in FOLDER_MARKS)


def _top(root: Path, file: str) -> Level:
    """Give the root's level, still without its own ignore file of this name, which has the last word."""
    return _having(Level(b""), root, _GIT_EXCLUDE_FILE) if file == _GIT_IGNORE_FILE else Level(b"")


def _having(level: Level, root: Path, name: str) -> Level:
    path = level.path.decode("utf-8", "surrogateescape") + name
    if level.ignored or not os.path.lexists(f"{root}/{path}"):
        return level
    content = read_file(root, path, _LARGEST_IGNORE_FILE)
    return level.having(name, None if isinstance(content, Reason) else content)


def _ignored(root: Path, place: str, git: GitSays | None, *, folder: bool) -> Why | None:
    rule = git.rule if git else _rule(root, place, _GIT_IGNORE_FILE, folder=folder)
    if rule and not (git and git.listed):
        return Why(place, Reason.GIT_IGNORED, rule)
    if git and not git.listed:
        parts = place.split("/")
        above = ("/".join(parts[:end]) for end in range(1, len(parts) + folder))
        if any(os.path.lexists(f"{root}/{one}/.git") for one in above):
            return Why(place, Reason.OTHER_REPOSITORY)
    rule = _rule(root, place, IGNORE_FILE, folder=folder)
    return Why(place, Reason.ASSIST_IGNORED, rule) if rule else None


def _rule(root: Path, place: str, file: str, *, folder: bool) -> Rule | None:
    """Give the rule of the workspace's ignore files of one name that ignores a path."""
    *above, name = place.split("/")
    level = _having(_top(root, file), root, file)
    for one in above:
        level = _having(level.below(_raw(one)), root, file)
    return level.rule(_raw(name), folder=folder)


def _kind(entry: os.DirEntry[bytes]) -> int:
    """Give the kind of what is in a folder; 0 for what no listing has: pipes, sockets, devices."""
    try:
        if entry.is_symlink():
            return stat.S_IFLNK
        if entry.is_dir(follow_symlinks=False):
            return stat.S_IFDIR
        return stat.S_IFREG if entry.is_file(follow_symlinks=False) else 0
    except OSError:
        return 0


def _kind_at(root: Path, place: str) -> Reason | None:
    """Tell what is at a place: FOLDER, None for a file that can be indexed, else why it cannot."""
    parts = place.split("/")
    try:
        for end in range(1, len(parts)):
            if stat.S_ISLNK(os.lstat(f"{root}/{'/'.join(parts[:end])}").st_mode):
                return Reason.BEHIND_LINK
        mode = os.lstat(f"{root}/{place}").st_mode
    except (OSError, ValueError) as error:
        return _reason_of(error)
    if stat.S_ISDIR(mode):
        return Reason.FOLDER
    return None if stat.S_ISREG(mode) else Reason.NOT_A_FILE


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_below(path: str) -> bool:
    return not any(part in {"", ".", ".."} or "\0" in part for part in path.split("/"))


def _open(root: Path, path: str) -> int | Reason:
    """Open a regular file, folder by folder, so that no link is followed on the way, whatever happens meanwhile."""
    if os.open not in os.supports_dir_fd:  # Windows, where making a link needs a right of its own
        whole = root.resolve() / path
        return os.open(whole, _FILE_FLAGS) if whole.resolve() == whole else Reason.BEHIND_LINK
    if (quick := _open_at_once(f"{root}/{path}")) is not None:
        return quick
    *folders, name = path.split("/")
    at = os.open(root, _FOLDER_FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for folder in folders:
            above, at = at, os.open(folder, _FOLDER_FLAGS, dir_fd=at)
            os.close(above)
        if not stat.S_ISREG(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):  # a device may mind being opened
            return Reason.NOT_A_FILE
        return os.open(name, _FILE_FLAGS, dir_fd=at)
    finally:
        os.close(at)


def _open_at_once(whole: str) -> int | None:
    """Open a regular file that is where its path says, as the system tells of the open file; None for any other.

    Folder by folder takes three times as long, and the first build of an index opens every file.
    """
    if sys.platform != "linux" or not stat.S_ISREG(os.lstat(whole).st_mode):
        return None
    descriptor = os.open(whole, _FILE_FLAGS)
    try:
        if os.readlink(f"/proc/self/fd/{descriptor}") == whole:  # noqa: PTH115 - a Path takes longer than the call
            return descriptor
    except OSError:  # no such file system here
        pass
    os.close(descriptor)
    return None


def _read(descriptor: int, limit: int) -> Content | Reason:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        return Reason.NOT_A_FILE
    if before.st_size > limit:
        return Reason.LARGE
    content = os.read(descriptor, before.st_size + 1)
    while len(content) < before.st_size and (piece := os.read(descriptor, before.st_size - len(content))):
        content += piece  # some network file systems give less than was asked for
    after, changed = os.fstat(descriptor), before.st_mtime_ns
    steady = after.st_mtime_ns == changed and after.st_size == before.st_size == len(content)
    tick = _TICK if changed % 1_000_000_000 else _COARSE_TICK
    return Content(content, changed if steady and time_ns() - changed > tick else 0)


def _why_not_opened(root: Path, path: str, error: OSError) -> Reason:
    if error.errno in {ELOOP, ENOTDIR}:
        kind = _kind_at(root, path)
        return Reason.BEHIND_LINK if kind is None or kind is Reason.FOLDER else kind
    return _reason_of(error)


def _reason_of(error: OSError | ValueError) -> Reason:
    # A path with a zero byte in it is a ValueError.
    missing = isinstance(error, ValueError) or error.errno in {ENOENT, ENOTDIR, ENAMETOOLONG}
    return Reason.MISSING if missing else Reason.UNREADABLE
