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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assist_server.core.errors import RepositoryError
from assist_server.core.programs import find_program, search_path

MAX_OUTPUT = 64 * 1024 * 1024
MAX_NEW_FILE = 1024 * 1024
DEADLINE = 120.0
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


async def listed_files(root: Path) -> tuple[str, ...]:
    """List the files below a folder that git follows or would: all but the ignored ones; paths with slashes."""
    out = await _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return tuple(name.decode(errors="surrogateescape") for name in out.split(b"\0") if name)


async def file_at(root: Path, revision: str, path: str) -> str | None:
    """Read a file as a revision has it, or the index where `revision` is `INDEX`; None where it has no such file."""
    tree = ":0" if revision == INDEX else await _commit(root, revision)
    blob = await _object(root, f"{tree}:{path}", await _own_index(root))
    if blob is None:
        return None
    return (await _git(root, "cat-file", "blob", blob)).decode(errors="replace")


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


async def _git(folder: Path, *arguments: str, overrides: Sequence[str] = (), index: Path | None = None) -> bytes:
    out = await _run(folder, arguments, overrides, index)
    if out.status != 0:
        raise RepositoryError(out.reason or f"git {arguments[0]} failed with status {out.status}")
    return out.stdout


async def _run(folder: Path, arguments: Sequence[str], overrides: Sequence[str], index: Path | None) -> _Output:
    environment = _environment() | ({"GIT_INDEX_FILE": str(index)} if index else {})
    program = find_program("git")
    if program is None:
        raise RepositoryError("git is not installed", hint="install git, or give a patch with --patch")
    settings = [part for value in (*_OVERRIDES, *overrides) for part in ("-c", value)]
    try:
        process = await asyncio.create_subprocess_exec(
            program, "--no-pager", *settings, *arguments,
            cwd=folder, env=environment, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise RepositoryError(f"git cannot be started: {error.strerror}") from error
    try:
        stdout, stderr = await asyncio.wait_for(_outputs(process), DEADLINE)
        status = await process.wait()
    except asyncio.TimeoutError as error:
        raise RepositoryError(f"git {arguments[0]} did not finish within {DEADLINE:.0f} s") from error
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


async def _outputs(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
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
