"""Where real sources and real parsers come from: pinned packages, kept in the cache of the tests."""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import filelock

FIXTURES = Path(__file__).parents[2] / "fixtures" / "recall"


class NpmPackage(NamedTuple):
    """A package of npm; integrity as a lock file has it."""

    name: str
    version: str
    integrity: str


def unpacked(package: NpmPackage, kept: Callable[[str], bool]) -> Path:
    """Give the folder with a package's files of the names that are kept; it is fetched where it is not there yet.

    Raises RuntimeError with what to run where npm cannot fetch it.
    """
    return _made(
        f"{package.name.replace('/', '-')}-{package.version}", lambda folder: _fetch_from_npm(package, kept, folder)
    )


def typescript_facts(compiler: Path, root: Path, files: Sequence[str]) -> str:
    """Let TypeScript's parser read; one JSON text a line."""
    return _run([_program("node", "nodejs npm"), FIXTURES / "typescript_truth.cjs", compiler, root], files)


def go_facts(root: Path, files: Sequence[str]) -> str:
    """Let Go's parser read; one JSON text a line."""
    text = FIXTURES / "go_truth.go"
    go = _program("go", "golang-go")
    folder = _made(
        f"go-truth-{_digest(text)}", lambda new: _run([go, "build", "-o", new / "go_truth", text], [], at=new)
    )
    return _run([folder / "go_truth", root], files)


def go_root() -> Path:
    """Give the folder of Go's own sources."""
    return Path(_run([_program("go", "golang-go"), "env", "GOROOT"], []).strip()) / "src"


def java_facts(root: Path, files: Sequence[str]) -> str:
    """Let the parser of the Java compiler read; one JSON text a line."""
    java = _program("java", "openjdk-17-jdk-headless")
    exports = "jdk.compiler/com.sun.tools.javac.tree=ALL-UNNAMED"
    return _run([java, "--add-exports", exports, FIXTURES / "JavaTruth.java", root], files)


def rust_facts(root: Path, files: Sequence[str]) -> str:
    """Let the parser of Rust's macros read; one JSON text a line."""
    return _run([_rust() / "target" / "debug" / "rust_truth", root], files)


def rust_sources() -> Path:
    """Give a folder with the sources of some crates, of the versions in the lock file."""
    return _rust() / "vendor"


def _rust() -> Path:
    project = FIXTURES / "rust"
    files = [project / "Cargo.toml", project / "Cargo.lock", project / "src" / "main.rs"]

    def make(folder: Path) -> None:
        cargo = [_program("cargo", "cargo")]
        manifest = ["--locked", "--manifest-path", project / "Cargo.toml"]
        _run([*cargo, "vendor", *manifest, folder / "vendor"], [])
        _run([*cargo, "build", *manifest, "--target-dir", folder / "target"], [])

    return _made(f"rust-truth-{_digest(*files)}", make)


def _fetch_from_npm(package: NpmPackage, kept: Callable[[str], bool], folder: Path) -> None:
    with TemporaryDirectory() as scratch:
        what = f"{package.name}@{package.version}"
        npm = _program("npm", "npm")
        name = _run([npm, "pack", "--silent", "--ignore-scripts", what, "--pack-destination", scratch], []).split()[-1]
        archive = Path(scratch) / name
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if package.integrity != f"sha512-{found}":
            message = f"{what} is not the one that the tests know: sha512-{found}"
            raise RuntimeError(message)
        with tarfile.open(archive) as packed:
            for member in packed:
                inside = Path(*Path(member.name).parts[1:])
                content = packed.extractfile(member) if member.isfile() and kept(inside.as_posix()) else None
                if content is not None and ".." not in inside.parts:
                    (folder / inside).parent.mkdir(parents=True, exist_ok=True)
                    (folder / inside).write_bytes(content.read())


def _made(name: str, make: Callable[[Path], object]) -> Path:
    """Give a folder of the cache, which is made where it is not there yet; only a whole one gets its name."""
    cache = Path(os.environ.get("ASSIST_DEV_CACHE") or Path.home() / ".cache" / "assist-dev") / "recall"
    folder = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"{name}.lock"):
        if not folder.is_dir():
            new = cache / f"{name}.new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            make(new)
            new.rename(folder)
    return folder


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _program(name: str, packages: str) -> str:
    """Find a program; install it where this is root's Debian. Raises RuntimeError with what to run."""
    if (found := shutil.which(name)) is None and shutil.which("apt-get") and os.geteuid() == 0:
        for action in (["update"], ["install", "--yes", "--no-install-recommends", *packages.split()]):
            subprocess.run(["apt-get", "--quiet", *action], check=False, capture_output=True)
        found = shutil.which(name)
    if found is None:
        message = f"the test needs {name}: run `apt-get install {packages}`, or put one of your own on PATH"
        raise RuntimeError(message)
    return found


def _run(command: Sequence[str | Path], files: Sequence[str], *, at: Path | None = None) -> str:
    more: Mapping[str, str] = {"GO111MODULE": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    result = subprocess.run(
        [str(part) for part in command],
        check=False,
        input="".join(f"{file}\n" for file in files),
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **more},
        cwd=at,
        timeout=600,
    )
    if result.returncode != 0:
        said = "\n".join(result.stderr.splitlines()[-10:])
        message = f"`{' '.join(map(str, command))}` must work\n{said}"
        raise RuntimeError(message)
    return result.stdout
