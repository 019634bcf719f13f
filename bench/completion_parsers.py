"""Whether a shown text adds a syntax error to its file, as the parser of the language tells.

Python's `ast` of this interpreter, the TypeScript compiler, `gofmt` and `rustc` read a file with the shown text in its
hole, with nothing there, and with the truth. They judge syntax alone: no name is looked up, and of what a macro of Rust
is given only the brackets count. C++ has no parser that does without a file's headers and macros: it is left out.

An error is the text's fault only where the file parses with the truth. It is then

- introduced, where the file parses with nothing in the hole as well: leaving it empty would have been better;
- left, where it does not: a right text would have made the file whole, and this one did not.

A text is excused whose lines are the first ones of the truth, which has more: what it opens, those below may close.
Nothing else is: the code around a hole is complete, so a text of any length can be right, and half a line is not.
"""

import ast
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from completion_tasks import Task
from index_corpora import dev_cache, kept_folder

TYPESCRIPT = "5.9.3"
_TYPESCRIPT_DIGEST = "3ae902c92cc44dace175c0e69e13a4b0899f6983c6121d76b9ab8dd5795e7675"  # SHA-256 of the file below
_COMPILER = "node_modules/typescript/lib/typescript.js"
_TYPESCRIPT_READS = """
const ts = require(process.argv[1]);
const kinds = {".tsx": ts.ScriptKind.TSX, ".ts": ts.ScriptKind.TS};
for (const line of require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean)) {
  const [suffix, text] = JSON.parse(line);
  const file = ts.createSourceFile(`file${suffix}`, text, ts.ScriptTarget.Latest, false, kinds[suffix]);
  const [first] = file.parseDiagnostics;
  const row = first && file.getLineAndCharacterOfPosition(first.start).line + 1;
  console.log(JSON.stringify(first ? `line ${row}: ${ts.flattenDiagnosticMessageText(first.messageText, " ")}` : ""));
}
"""
# Chains of `let` are read in this edition alone; what older ones have it reads as well.
_RUST, _RUST_EDITION = "1.88", "2024"
# The crate is parsed, then left out whole: nothing is resolved, and no other file is looked for.
_RUST_LEFT_OUT = "#![cfg(any())] "


class ParserMissing(Exception):
    """A parser that cannot be run; says what to install."""


class File(NamedTuple):
    """What a parser is given; suffix: of its name."""

    language: str
    suffix: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The first error of a file, "" for none: with the shown text, with nothing in its place, with the truth.

    beginning: the text's lines are the first of the truth, which has more.
    """

    shown: str
    empty: str
    truth: str
    beginning: bool

    @property
    def introduced(self) -> bool:
        """Whether the text adds an error to a file that has none without it."""
        return self._at_fault and not self.empty

    @property
    def left(self) -> bool:
        """Whether the file has an error with the text and without it, and a right text would have made it whole."""
        return self._at_fault and bool(self.empty)

    @property
    def _at_fault(self) -> bool:
        return bool(self.shown) and not self.truth and not self.beginning


class Judge:
    """Remembers what has been read: the arms share the files without a text and with the truth."""

    def __init__(self) -> None:
        self._errors: dict[File, str] = {}

    def verdicts(self, shown: Iterable[tuple[Task, str]]) -> dict[str, Verdict]:
        """Judge texts that were shown, all of languages in `PARSERS`, by the identifiers of their tasks.

        Raises ParserMissing.
        """
        files = {task.id: (task, text, _files(task, text)) for task, text in shown}
        wanted = dict.fromkeys(file for _, _, three in files.values() for file in three if file not in self._errors)
        for language in dict.fromkeys(file.language for file in wanted):
            those = [file for file in wanted if file.language == language]
            self._errors.update(zip(those, PARSERS[language](those), strict=True))
        verdicts = {}
        for name, (task, text, three) in files.items():
            of_shown, of_empty, of_truth = (self._errors[file] for file in three)
            verdicts[name] = Verdict(of_shown, of_empty, of_truth, task.hole.startswith(f"{text.rstrip()}\n"))
        return verdicts


def _files(task: Task, shown: str) -> list[File]:
    before, after = task.text[: task.offset], task.text[task.offset :]
    suffix = Path(task.path).suffix
    return [File(task.language, suffix, before + filling + after) for filling in (shown, "", task.hole)]


def _python(files: Sequence[File]) -> list[str]:
    return [_python_error(file.text) for file in files]


def _python_error(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte; too deep
        return str(error) or type(error).__name__
    return ""


def _typescript(files: Sequence[File]) -> list[str]:
    node = _program("node", "Node.js (`apt-get install nodejs npm`)")
    lines = "".join(f"{json.dumps([file.suffix, file.text])}\n" for file in files)
    done = _run([node, "-e", _TYPESCRIPT_READS, str(_typescript_folder() / _COMPILER)], lines)
    found: list[str] = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(found) != len(files):
        raise ParserMissing(f"the TypeScript compiler does not run: {done.stderr.strip()[-500:]}")
    return found


def _typescript_folder() -> Path:
    """Give the folder that npm has installed the compiler in."""

    def fetch(folder: Path, _: Path) -> None:
        npm = _program("npm", "it (`apt-get install npm`)")
        options = ("--loglevel=error", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder))
        folder.mkdir()
        done = _run([npm, "install", *options, f"typescript@{TYPESCRIPT}"], "")
        if done.returncode:
            raise ParserMissing(f"npm cannot install typescript {TYPESCRIPT}: {done.stderr.strip()[-500:]}")
        digest = hashlib.sha256((folder / _COMPILER).read_bytes()).hexdigest()
        if digest != _TYPESCRIPT_DIGEST:
            raise ParserMissing(f"npm has another compiler as typescript {TYPESCRIPT}: its hash is {digest}")

    return kept_folder(dev_cache() / "bench-completion", f"typescript-{TYPESCRIPT}", fetch)


def _go(files: Sequence[File]) -> list[str]:
    gofmt = _program("gofmt", "Go (`apt-get install golang-go`)")

    def error(file: File) -> str:
        done = _run([gofmt, "-e"], file.text)
        if not done.returncode:
            return ""
        found = re.match(r"<standard input>:(\d+):\d+: (.*)", done.stderr)
        if found is None:
            raise ParserMissing(f"gofmt does not run: {done.stderr.strip()[-500:]}")
        return f"line {found[1]}: {found[2]}"

    return _each(error, files)


def _rust(files: Sequence[File]) -> list[str]:
    rustc = _program("rustc", f"Rust {_RUST} or newer (see https://rustup.rs)")
    with tempfile.TemporaryDirectory(prefix="assist-bench-") as work:

        def error(number: int) -> str:
            # A plain file of its own: what is written over by `rustc` is replaced, be it a device.
            options = ("--emit", "metadata", "-o", f"{work}/{number}.rmeta", "--error-format", "json")
            command = [rustc, "--edition", _RUST_EDITION, "--crate-type", "lib", "--crate-name", "m", *options, "-"]
            done = _run(command, _RUST_LEFT_OUT + files[number].text)
            if not done.returncode:
                return ""
            told = (json.loads(line) for line in done.stderr.splitlines() if line.startswith("{"))
            first = next((one for one in told if one["level"] == "error" and one["spans"]), None)
            if first is None:
                raise ParserMissing(f"rustc does not run, {_RUST} or newer is needed: {done.stderr.strip()[-500:]}")
            line = next(span["line_start"] for span in first["spans"] if span["is_primary"])
            return f"line {line}: {first['message']}"

        return _each(error, range(len(files)))


PARSERS: Mapping[str, Callable[[Sequence[File]], list[str]]] = MappingProxyType(
    {"Python": _python, "TypeScript": _typescript, "Rust": _rust, "Go": _go}
)
"""By language, what gives the first error of each of some files, "" for none. They raise ParserMissing."""


def _each(error: Callable[..., str], files: Sequence[object]) -> list[str]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(error, files))


def _program(name: str, what: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ParserMissing(f"`{name}` is not on PATH: install {what}")
    return found


def _run(command: Sequence[str], text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, input=text, capture_output=True, encoding="utf-8", errors="replace")
