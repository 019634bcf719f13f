"""The sources that `bench_index.py` measures with: published packages, fetched once by the clients of their indexes.
`completion_corpora.py` fetches others in the same way.

Every package is pinned by version and hash. Nothing of a package is run: wheels and npm archives are read, crates are
vendored by cargo, Go modules are downloaded by go. Of an archive only plain files with the suffixes of its language are
written, under names that stay inside the folder.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal

EDITION = 1
"""Counts the changes of what is below: a folder of another edition is made anew."""

LARGEST = 1_000_000  # bytes of a file: larger ones are left out by the index too

Kind = Literal["wheel", "npm", "crate", "go"]
Member = tuple[str, Callable[[], bytes]]
"""A name with slashes, and what reads the file."""


@dataclass(frozen=True, slots=True)
class Package:
    """A published package.

    digest: the SHA-256 of a wheel, an npm archive or a crate; for Go what go.sum says.
    folders: those that are taken, as beginnings of names inside the package; none: all.
    """

    kind: Kind
    name: str
    version: str
    digest: str
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """The sources of one language."""

    language: str
    suffixes: tuple[str, ...]
    packages: tuple[Package, ...]


CORPORA = (
    Corpus(
        "Python",
        (".py",),
        (
            Package("wheel", "django", "5.2.8", "37e687f7bd73ddf043e2b6b97cfe02fcbb11f2dbb3adccc6a2b18c6daa054d7f"),
            Package(
                "wheel",
                "sympy",
                "1.14.0",
                "e091cc3e99d2141a0ba2847328f5479b05d94a6635cb96148ccb3f34671bd8f5",
                ("sympy/core/", "sympy/functions/", "sympy/matrices/", "sympy/solvers/"),
            ),
        ),
    ),
    Corpus(
        "TypeScript",
        (".ts", ".tsx"),
        (
            Package("npm", "rxjs", "7.8.2", "2312f8ffd9726ffd7bd53ea12c5f13663d09a3dc3326f448c70b88f5ef6fac82"),
            Package(
                "npm", "@tanstack/db", "0.15.2", "18682e004ce628f78fd144409e8780c9cca774eaac141f953d1a146a573738b9"
            ),
            Package("npm", "convex", "1.48.0", "db46cab6ce08c9c1f5940ec9d34a99ebca1e6f7e0a5982ca44d8049765efa34d"),
            Package("npm", "viem", "2.57.20", "32241c5553f316a299921ce66ad2315e21a3b34d16c6bfc075a55e729c7207a2"),
        ),
    ),
    Corpus(
        "C/C++",
        (".c", ".cc", ".h"),
        (
            Package(
                "crate",
                "librocksdb-sys",
                "0.19.0+11.8.1",
                "4f45e86edad8e88efe97dbf384b4e48e1ff0f111eabf154c7b09d7a1e5fb573c",
                ("rocksdb/cache/", "rocksdb/db/", "rocksdb/include/", "rocksdb/table/"),
            ),
            Package(
                "crate",
                "openssl-src",
                "400.0.2+4.0.3",
                "d2093956673b8dbda85c87fa4fb78e70698ce6c5978a2837d1613f661d3bef76",
                ("openssl/ssl/", "openssl/crypto/asn1/", "openssl/crypto/evp/", "openssl/crypto/x509/"),
            ),
        ),
    ),
    Corpus(
        "Rust",
        (".rs",),
        (
            Package("crate", "syn", "2.0.106", "ede7c438028d4436d71104916910f5bb611972c5cfd7f89b8300a8186e6fada6"),
            Package("crate", "tokio", "1.47.1", "89e49afdadebb872d3145a5638b59eb0691ea23e46ca484037cfab3b76b95038"),
            Package("crate", "rustix", "1.1.2", "cd15f8a2c5551a84d56efdc1cd049089e409ac19a3072d5037a17fd70719ff3e"),
            Package(
                "crate", "clap_builder", "4.5.50", "0a4c05b9e80c5ccd3a7ef080ad7b6ba7d6fc00a985b8b157197075677c82c7a0"
            ),
            Package(
                "crate", "regex-automata", "0.4.13", "5276caf25ac86c8d810222b3dbb938e512c55c6831a10f3e6ed1c93b84041f1c"
            ),
        ),
    ),
    Corpus(
        "Go",
        (".go",),
        (
            Package("go", "golang.org/x/tools", "v0.45.0", "h1:18qN3FAooORvApf5XjCXgsuayZOEtXf6JK18I3+ONa8="),
            Package("go", "golang.org/x/net", "v0.55.0", "h1:bcvxaJn3e1U6InsFWt1JUq1aSjnRxLzT2rtD2KfkDF8="),
        ),
    ),
)


class CorpusError(Exception):
    """A package that cannot be fetched, or is not the one that is meant."""


def dev_cache() -> Path:
    """Give the folder where what is fetched for development is kept."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assist-dev"
    return Path(os.environ.get("ASSIST_DEV_CACHE") or usual)


def corpora_folder(cache: Path) -> Path:
    """Give the folder with all sources, one folder a language; fetch them where they are not there."""

    def fetch(folder: Path, work: Path) -> None:
        for corpus in CORPORA:
            for package in corpus.packages:
                into = folder / folder_of(corpus) / package.name.replace("/", "-").lstrip("@")
                fetch_package(package, corpus.suffixes, into, work)

    return kept_folder(cache, f"corpora-{EDITION}", fetch)


def kept_folder(cache: Path, name: str, fetch: Callable[[Path, Path], None]) -> Path:
    """Give a folder of the cache, made whole or not at all; fetch is given the folder to fill and one for its work."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    with (cache / "corpora.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=".corpora.", dir=cache) as unfinished:
                fetch(made := Path(unfinished, "made"), Path(unfinished))
                made.rename(folder)
    return folder


def folder_of(corpus: Corpus) -> str:
    """Give the name of a corpus's folder."""
    return corpus.language.lower().replace("/", "-").replace("+", "p")


def files_of(folder: Path) -> list[str]:
    """List all files below a folder, with slashes, in a fixed order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def fetch_package(package: Package, suffixes: Sequence[str], into: Path, work: Path) -> None:
    """Write the files of a package whose names end in one of the suffixes; declarations (`.d.ts`) only if named."""
    print(f"fetching {package.name} {package.version}", file=sys.stderr, flush=True)
    endings, written = tuple(suffixes), 0
    for name, read in _MEMBERS[package.kind](package, Path(tempfile.mkdtemp(dir=work))):
        inside = safe_name(name)
        if inside is None or not inside.name.endswith(endings):
            continue
        if inside.name.endswith(".d.ts") and ".d.ts" not in endings:
            continue
        if package.folders and not name.startswith(package.folders):
            continue
        content = read()
        if len(content) <= LARGEST:
            (into / inside).parent.mkdir(parents=True, exist_ok=True)
            (into / inside).write_bytes(content)
            written += 1
    if not written:
        raise CorpusError(f"{package.name} {package.version} holds no {' or '.join(endings)} file")


def safe_name(name: str) -> PurePosixPath | None:
    """Give a member's name where it stays inside the folder that it is written to, else None."""
    path = PurePosixPath(name)
    unsafe = not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name
    return None if unsafe else path


def _wheel(package: Package, work: Path) -> Iterator[Member]:
    _run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary=:all:", "--python-version=3.12"),  # what a newer Python made it, whichever this one is
            *("--dest", str(work), f"{package.name}=={package.version}"),
        ],
        package,
    )
    with zipfile.ZipFile(_checked(work, "*.whl", package)) as archive:
        for info in archive.infolist():
            if not info.is_dir() and info.file_size <= LARGEST:
                yield info.filename, lambda info=info: archive.read(info)  # type: ignore[misc]


def _npm(package: Package, work: Path) -> Iterator[Member]:
    _run(
        [
            "npm",
            "pack",
            "--silent",
            "--ignore-scripts",
            "--pack-destination",
            str(work),
            f"{package.name}@{package.version}",
        ],
        package,
        cwd=work,
    )
    with tarfile.open(_checked(work, "*.tgz", package)) as archive:
        for member in archive:
            if member.isreg() and member.size <= LARGEST and (content := archive.extractfile(member)) is not None:
                yield member.name.partition("/")[2], content.read


def _crate(package: Package, work: Path) -> Iterator[Member]:
    """Let cargo vendor a package that needs the crate alone; cargo checks it and says which hash it had."""
    (work / "src").mkdir()
    (work / "src" / "lib.rs").touch()
    number = package.version.partition("+")[0]
    (work / "Cargo.toml").write_text(
        '[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n\n'
        f'[dependencies]\n{package.name} = {{ version = "={number}", default-features = false }}\n'
    )
    _run(["cargo", "vendor", "--quiet", "--versioned-dirs", "vendor"], package, cwd=work)
    crate = work / "vendor" / f"{package.name}-{package.version}"
    if not crate.is_dir():
        raise CorpusError(f"cargo fetched another version of {package.name} than {package.version}")
    _same(json.loads((crate / ".cargo-checksum.json").read_text())["package"], package)
    yield from _tree(crate)


def _go(package: Package, work: Path) -> Iterator[Member]:
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    told = _run(
        ["go", "mod", "download", "-json", f"{package.name}@{package.version}"], package, cwd=work, env=environment
    )
    module = json.loads(told)
    _same(module["Sum"], package)
    yield from _tree(Path(module["Dir"]))


def _tree(folder: Path) -> Iterator[Member]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            yield path.relative_to(folder).as_posix(), path.read_bytes


_MEMBERS: Mapping[Kind, Callable[[Package, Path], Iterator[Member]]] = MappingProxyType(
    {"wheel": _wheel, "npm": _npm, "crate": _crate, "go": _go}
)


def _run(
    command: Sequence[str], package: Package, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> bytes:
    if shutil.which(command[0]) is None:
        raise CorpusError(f"{package.name} is fetched by {command[0]}, which is not on PATH")
    done = subprocess.run(command, check=False, cwd=cwd, env=env, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise CorpusError(f"{package.name} {package.version} cannot be fetched: {said[-2000:]}")
    return done.stdout


def _checked(folder: Path, pattern: str, package: Package) -> Path:
    (archive,) = folder.glob(pattern)
    with archive.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    _same(digest.hexdigest(), package)
    return archive


def _same(digest: str, package: Package) -> None:
    if digest != package.digest:
        raise CorpusError(f"{package.name} {package.version} has the hash {digest}, not {package.digest}")
