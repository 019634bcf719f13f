"""The real git, asked so that nothing a repository names is ever run.

A repository can name programs in its configuration and attributes: a file system monitor, hooks, filters, text
conversions, external diffs, a transport for objects promised elsewhere, and all of them again inside a submodule. Each
is turned off here. A file that a filter would have rewritten (Git LFS, for one) is compared as it lies on the disk.
"""

import asyncio
import contextlib
import os
import re
import signal
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assist_context.index.patterns import GitSays, Rule
from assist_server.core.errors import RepositoryError
from assist_server.core.programs import find_program, search_path

MAX_OUTPUT = 64 * 1024 * 1024
MAX_NEW_FILE = 1024 * 1024
DEADLINE = 120.0
LISTING_DEADLINE = 60.0  # without git the folder itself can be walked
WORKING_TREE = "working tree"
INDEX = "index"

_OVERRIDES = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.quotePath=true",
    "core.untrackedCache=false",
    "diff.external=",
    "diff.suppressBlankEmpty=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
)
_BLANK = ("clean=", "smudge=", "process=", "required=false")
# A submodule has filters of its own, which are not blanked here, so git must not look whether one is dirty.
_DIFF = (
    "diff", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "--submodule=short", "--no-color",
    "--no-color-moved", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0",
    "--find-renames", "--diff-algorithm=histogram", "--ws-error-highlight=none", "-O/dev/null",
)  # fmt: skip
_LIST = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
_CHECK = ("check-ignore", "-z", "--stdin", "--verbose", "--non-matching")
_LONGEST_COMMAND = 60_000  # bytes of paths; more are not asked for one by one
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    # Stronger than protocol.allow, which a repository overrules for a single transport; no transport has this name.
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_FILTER = re.compile(r"filter\.(.+)\.(?:clean|smudge|process|required)", re.DOTALL)
_RANGE = re.compile(r"(?P<base>.*?)(?P<dots>\.{2,3})(?P<head>.*)", re.DOTALL)
_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


@dataclass(frozen=True, slots=True)
class Diff:
    """A unified diff in git's own format, and what it lies between.

    text: with `a/` and `b/` prefixes; bytes that are not UTF-8 are replaced by U+FFFD.
    base, head: object names, or `INDEX` or `WORKING_TREE`.
    unread: new files that are not in the text, each as its path and why.
    """

    text: str
    base: str
    head: str
    unread: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Output:
    status: int
    stdout: bytes
    reason: str


async def repository_root(path: Path) -> Path:
    """Find the top of the working tree that holds a file or folder; RepositoryError where there is none."""
    folder = await asyncio.to_thread(_folder, path)
    found = await _run(folder, ("rev-parse", "--show-toplevel"), (), None)
    if found.status != 0:
        raise RepositoryError(
            found.reason or f"{folder} is in no git repository",
            hint="change into a repository, or review a diff with --patch",
        )
    out = found.stdout
    return Path(os.fsdecode(out.removesuffix(b"\n")))


async def diff_range(root: Path, revisions: str) -> Diff:
    """Compare what a range names; an empty side is HEAD.

    `A..B`: A with B. `A...B`: B with the commit at which it left A. `A^!`: the commit A with its first parent.
    `A`: A with the working tree, files that are neither tracked nor ignored included.
    """
    if found := _RANGE.fullmatch(revisions):
        base = await _commit(root, found["base"] or "HEAD")
        head = await _commit(root, found["head"] or "HEAD")
        if found["dots"] == "...":
            base = await _merge_base(root, base, head, revisions)
    elif revisions.endswith("^!"):
        head = await _commit(root, revisions[:-2])
        base = await _object(root, f"{head}^1") or await _empty_tree(root)
    else:
        return await _since(root, await _commit(root, revisions))
    return Diff(await _diff(root, base, head), base, head)


async def diff_staged(root: Path) -> Diff:
    """Compare the last commit with the index: what `git commit` would record."""
    base = await _last_commit(root)
    return Diff(await _diff(root, "--cached", base), base, INDEX)


async def diff_worktree(root: Path) -> Diff:
    """Compare the last commit with the working tree: staged or not, and files that are neither tracked nor ignored."""
    return await _since(root, await _last_commit(root))


async def listed_files(root: Path, only: Collection[str] = ()) -> tuple[str, ...]:
    """List the files below a folder that git follows or would: all but the ignored ones; paths with slashes.

    Files of checked-out submodules are among them, those of other repositories below the folder are not: each of these
    is one path with a slash at its end. A file that is followed is listed even if it is ignored or deleted.
    only: paths below `root`, to the letter; what is listed of them and below them.
    RepositoryError also where git has nothing to list because a repository around the folder ignores it.
    """
    listed = await _listed(root, frozenset(only))
    if not listed and not await asyncio.to_thread(os.path.lexists, root / ".git"):
        if only and await _listed(root, frozenset()):
            return ()
        raise RepositoryError(f"git lists no file in {root}")
    return listed


async def git_says(root: Path, path: str) -> GitSays:
    """Tell whether git lists a path below `root` or something below it, and the rule that ignores it."""
    if not path or await listed_files(root, only=(path,)):
        return GitSays(listed=True)
    *folders, _ = path.split("/")
    within = await asyncio.to_thread(_repositories_in, root, ("/".join(folders),)) if folders else ()
    for repository in ("", *within):  # git refuses to tell of a path in a submodule, except inside of it
        place = path.removeprefix(f"{repository}/") if repository else path
        # It does not know literal paths; one that begins so is none that says how it is to be read.
        given = os.fsencode(f"./{place}\0")
        out = await _run(root / repository, _CHECK, (), None, extra={"GIT_LITERAL_PATHSPECS": "0"}, given=given)
        if out.status in {0, 1}:
            file, line, pattern, *_ = (part.decode(errors="surrogateescape") for part in out.stdout.split(b"\0"))
            ignored = out.status == 0 and not pattern.startswith("!")
            return GitSays(listed=False, rule=Rule(file, int(line), pattern) if ignored else None)
    return GitSays(listed=False)


async def file_at(root: Path, revision: str, path: str) -> str | None:
    """Read a file as a revision has it, or the index where `revision` is `INDEX`; None where it has no such file."""
    tree = ":0" if revision == INDEX else await _commit(root, revision)
    blob = await _object(root, f"{tree}:{path}", await _own_index(root))
    if blob is None:
        return None
    return (await _git(root, "cat-file", "blob", blob)).decode(errors="replace")


async def _listed(root: Path, only: Collection[str], *, ceiling: Path | None = None) -> tuple[str, ...]:
    """List files of a repository and its submodules. ceiling: where git stops to look for the repository."""
    submodules = await asyncio.to_thread(_may_have_submodules, root)
    asked = await asyncio.to_thread(_outermost, root, only) if submodules else only
    few = sum(len(path) + 9 for path in asked) <= _LONGEST_COMMAND
    paths = ("--", *sorted(asked)) if few else ()
    arguments = (*_LIST, *(("--stage", "-t") if submodules else ()), *paths)
    extra = {"GIT_CEILING_DIRECTORIES": str(ceiling)} if ceiling else None
    out = await _git(root, *arguments, extra=extra, deadline=LISTING_DEADLINE)
    entries = [entry for entry in out.split(b"\0") if entry]
    links = [_unstaged(entry) for entry in entries if _is_link(entry)] if submodules else []
    names = [_unstaged(entry) for entry in entries if not _is_link(entry)] if submodules else map(_name, entries)
    found = {path: None for path in names if not only or _is_asked(path, only)}
    for link in links:
        inner = () if not only or _is_asked(link, only) else _below(link, only)
        if inner is not None and await asyncio.to_thread(_is_checked_out, root, link):
            with contextlib.suppress(RepositoryError):
                below = await _listed(root / link, inner, ceiling=(root / link).parent)
                found.update(dict.fromkeys(f"{link}/{path}" for path in below))
    return tuple(found)


async def _since(root: Path, base: str) -> Diff:
    text = await _diff(root, base)
    listed = await _git(root, "ls-files", "--others", "--exclude-standard", "-z", index=await _own_index(root))
    names = sorted(name for name in listed.split(b"\0") if name)
    added, unread = await asyncio.to_thread(_new_files, root, names, MAX_OUTPUT - len(text))
    return Diff(text + added, base, WORKING_TREE, unread)


async def _diff(root: Path, *arguments: str) -> str:
    blanked = [f"filter.{name}.{value}" for name in await _filters(root) for value in _BLANK]
    out = await _git(root, *_DIFF, *arguments, "--", overrides=blanked, index=await _own_index(root))
    return out.decode(errors="replace")


async def _filters(root: Path) -> list[str]:
    listed = await _git(root, "config", "--list", "--includes", "--name-only", "-z")
    found = (_FILTER.fullmatch(os.fsdecode(key)) for key in listed.split(b"\0"))
    names = sorted({match[1] for match in found if match})
    if any("=" in name for name in names):
        # On its command line git ends the name of a value at the first equals sign.
        raise RepositoryError(
            "this repository configures a filter with '=' in its name, which cannot be turned off",
            hint="find it with `git config --list --show-origin` and remove it",
        )
    return names


async def _own_index(root: Path) -> Path | None:
    # In a hook of `git commit -a` this names the index to be committed; one outside this repository is not ours.
    named = os.environ.get("GIT_INDEX_FILE")
    if not named:
        return None
    own = Path(os.fsdecode((await _git(root, "rev-parse", "--absolute-git-dir")).removesuffix(b"\n")))
    return root / named if await asyncio.to_thread(_within, root / named, own) else None


async def _commit(root: Path, revision: str) -> str:
    # In two steps, because `:/words` takes everything that follows as words.
    readable = not revision.startswith("-") and "\0" not in revision
    found = await _object(root, revision) if readable else None
    commit = await _object(root, f"{found}^{{commit}}") if found else None
    if commit:
        return commit
    raise RepositoryError(
        f"there is no revision {revision!r} in this repository",
        hint="name a branch, a tag or a commit; A..B compares two of them",
    )


async def _last_commit(root: Path) -> str:
    return await _object(root, "HEAD^{commit}") or await _empty_tree(root)


async def _empty_tree(root: Path) -> str:
    return (await _git(root, "hash-object", "-t", "tree", "--no-filters", "/dev/null")).decode().strip()


async def _object(root: Path, name: str, index: Path | None = None) -> str | None:
    out = await _run(root, ("rev-parse", "--verify", "--quiet", name), (), index)
    if out.reason:
        raise RepositoryError(out.reason)
    return out.stdout.decode().strip() if out.status == 0 else None


async def _merge_base(root: Path, base: str, head: str, revisions: str) -> str:
    out = await _run(root, ("merge-base", base, head), (), None)
    if out.status == 0:
        return out.stdout.decode().split()[0]
    raise RepositoryError(out.reason or f"the two sides of {revisions!r} have no commit in common")


async def _git(
    folder: Path,
    *arguments: str,
    overrides: Sequence[str] = (),
    index: Path | None = None,
    extra: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> bytes:
    out = await _run(folder, arguments, overrides, index, extra=extra, deadline=deadline)
    if out.status != 0:
        raise RepositoryError(out.reason or f"git {arguments[0]} failed with status {out.status}")
    return out.stdout


async def _run(
    folder: Path,
    arguments: Sequence[str],
    overrides: Sequence[str],
    index: Path | None,
    *,
    extra: Mapping[str, str] | None = None,
    deadline: float | None = None,
    given: bytes | None = None,
) -> _Output:
    environment = _environment() | ({"GIT_INDEX_FILE": str(index)} if index else {}) | dict(extra or {})
    program = find_program("git")
    if program is None:
        raise RepositoryError("git is not installed", hint="install git, or give a patch with --patch")
    settings = [part for value in (*_OVERRIDES, *overrides) for part in ("-c", value)]
    try:
        process = await asyncio.create_subprocess_exec(
            program, "--no-pager", *settings, *arguments,
            cwd=folder, env=environment, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL if given is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except (OSError, ValueError) as error:  # a zero byte in a path is a ValueError
        raise RepositoryError(f"git cannot be started: {getattr(error, 'strerror', None) or error}") from error
    deadline = DEADLINE if deadline is None else deadline
    try:
        stdout, stderr = await asyncio.wait_for(_outputs(process, given), deadline)
        status = await process.wait()
    except asyncio.TimeoutError as error:
        raise RepositoryError(f"git {arguments[0]} did not finish within {deadline:.0f} s") from error
    finally:
        if process.returncode is None:
            _kill(process)
            await process.communicate()
    if len(stdout) > MAX_OUTPUT:
        raise _too_large()
    return _Output(status, stdout, _reason(stderr))


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # A relative entry would be looked up in the repository.
    return kept | {"PATH": search_path()} | _ENVIRONMENT


async def _outputs(process: asyncio.subprocess.Process, given: bytes | None) -> tuple[bytes, bytes]:
    if process.stdin:
        process.stdin.write(given or b"")  # so little that it fits into the pipe
        process.stdin.close()
    return await asyncio.gather(_read(process, process.stdout), _read(process, process.stderr))


async def _read(process: asyncio.subprocess.Process, stream: asyncio.StreamReader | None) -> bytes:
    kept = bytearray()
    while stream and (piece := await stream.read(1 << 16)):
        if len(kept) > MAX_OUTPUT:
            _kill(process)
        else:
            kept += piece
    return bytes(kept)


def _kill(process: asyncio.subprocess.Process) -> None:
    kill_group = getattr(os, "killpg", None)  # Windows has no groups
    with contextlib.suppress(ProcessLookupError):
        if kill_group:
            kill_group(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _folder(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise RepositoryError(f"there is no folder {folder}")
    return folder


def _may_have_submodules(root: Path) -> bool:
    for folder in (root, *root.parents):
        if (folder / ".gitmodules").exists():
            return True
        if os.path.lexists(folder / ".git"):
            return False
    return False


def _repositories_in(root: Path, folders: Iterable[str]) -> list[str]:
    """Give the folders of some paths that have a repository of their own, the outermost first."""
    above = {
        "/".join(parts[:end]) for path in folders for parts in (path.split("/"),) for end in range(1, len(parts) + 1)
    }
    return sorted((one for one in above if os.path.lexists(root / one / ".git")), key=len)


def _outermost(root: Path, paths: Collection[str]) -> frozenset[str]:
    """Give for each path itself, or the outermost repository that it is in: git knows nothing of what is in one."""
    inner = _repositories_in(root, {path.rpartition("/")[0] for path in paths} - {""})
    return frozenset(next((one for one in inner if path.startswith(f"{one}/")), path) for path in paths)


def _is_checked_out(root: Path, link: str) -> bool:
    whole = root.resolve() / link
    return whole.resolve() == whole and os.path.lexists(whole / ".git")


def _is_asked(path: str, only: Collection[str]) -> bool:
    if path in only:
        return True
    parts = path.split("/")
    return any("/".join(parts[:end]) in only for end in range(1, len(parts)))


def _below(link: str, only: Collection[str]) -> frozenset[str] | None:
    return frozenset(path[len(link) + 1 :] for path in only if path.startswith(f"{link}/")) or None


def _is_link(entry: bytes) -> bool:
    return not entry.startswith(b"?") and entry[1:9] == b" 160000 "


def _unstaged(entry: bytes) -> str:
    # "? name" for a file that is not followed, "H mode object stage<TAB>name" for one that is.
    return _name(entry[2:] if entry.startswith(b"?") else entry.partition(b"\t")[2])


def _name(entry: bytes) -> str:
    return entry.decode(errors="surrogateescape")


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _reason(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    told = [line for line in lines if line.startswith(("fatal:", "error:"))]
    text = re.sub(r"^(?:(?:fatal|error):\s*)+", "", told[0]).rstrip(".") if told else ""
    return "git: " + "".join(c for c in text if c.isprintable()) if text else ""


def _too_large() -> RepositoryError:
    return RepositoryError(
        f"the changes are larger than {MAX_OUTPUT // (1024 * 1024)} MB", hint="review a smaller range"
    )


def _new_files(root: Path, names: Sequence[bytes], room: int) -> tuple[str, tuple[tuple[str, str], ...]]:
    # What git itself would print for files that are new in the index; putting them there would write to the repository.
    added: list[str] = []
    unread: list[tuple[str, str]] = []
    for name in names:
        shown = name.decode(errors="replace")
        try:
            mode, content = _content(root / os.fsdecode(name))
        except OSError as error:
            unread.append((shown, f"cannot be read: {error.strerror}"))
            continue
        if mode is None:
            unread.append((shown, content.decode()))
            continue
        added.append(_new_file(name, mode, content))
        room -= len(added[-1])
        if room < 0:
            raise _too_large()
    return "".join(added), tuple(unread)


def _content(path: Path) -> tuple[str | None, bytes]:
    # The mode as git writes it, or None and why the file is left out.
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "120000", os.fsencode(path.readlink())
    if stat.S_ISDIR(mode):
        return None, b"a repository of its own"
    flags = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))  # each where it exists
    descriptor = os.open(path, os.O_RDONLY | flags)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None, b"not a regular file"
        content = file.read(MAX_NEW_FILE + 1)
    if len(content) > MAX_NEW_FILE:
        return None, f"a new file larger than {MAX_NEW_FILE // (1024 * 1024)} MB".encode()
    return ("100755" if mode & stat.S_IXUSR else "100644"), content


def _new_file(name: bytes, mode: str, content: bytes) -> str:
    old, new = _quoted(b"a/" + name), _quoted(b"b/" + name)
    head = f"diff --git {old} {new}\nnew file mode {mode}\n"
    if not content:
        return head
    if b"\0" in content[:8000]:
        return f"{head}Binary files /dev/null and {new} differ\n"
    lines = content.decode(errors="replace").split("\n")
    end = "" if lines[-1] == "" else "\\ No newline at end of file\n"
    if not end:
        lines.pop()
    tab = "\t" if " " in new else ""
    count = f"1,{len(lines)}" if len(lines) > 1 else "1"
    body = "".join(f"+{line}\n" for line in lines)
    return f"{head}--- /dev/null\n+++ {new}{tab}\n@@ -0,0 +{count} @@\n{body}{end}"


def _quoted(name: bytes) -> str:
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in name):
        return name.decode("ascii")
    return '"' + "".join(_escaped(byte) for byte in name) + '"'


def _escaped(byte: int) -> str:
    return _ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}")
