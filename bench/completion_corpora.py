"""The repositories that completion is measured on: published packages that are newer than the model.

Qwen2.5-Coder has read repositories made before February 2024. Each of these was first published later; `since` says
when, for wheels and crates by their index, for the others as it is known of the project. Of an older package only the
folders written anew since then are taken. A repository is all that is taken of one project, so that nothing is both
tuned and reported on. Which half it belongs to is written down once: new ones do not move the others.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from index_corpora import Kind, Package, fetch_package, kept_folder

Half = Literal["tune", "report"]


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the benchmark.

    suffixes: of its files, each with the language's identifier in the protocol. manifests: files that tell how the
    modules of a repository are named, taken as well.
    """

    name: str
    kind: Kind
    suffixes: Mapping[str, str]
    manifests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """What is taken of one project; since: month of its first publication."""

    name: str
    language: str
    half: Half
    since: str
    packages: tuple[Package, ...]


_CPP = MappingProxyType(dict.fromkeys((".h", ".hpp", ".cc", ".cpp", ".cxx"), "cpp"))
LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {
        language.name: language
        for language in (
            Language("Python", "wheel", MappingProxyType({".py": "python"})),
            Language(
                "TypeScript",
                "npm",
                MappingProxyType({".ts": "typescript", ".tsx": "typescriptreact"}),
                ("package.json", "tsconfig.json"),
            ),
            Language("Rust", "crate", MappingProxyType({".rs": "rust"}), ("Cargo.toml",)),
            Language("Go", "go", MappingProxyType({".go": "go"}), ("go.mod",)),
            Language("C++", "npm", _CPP),
        )
    }
)


def read_repositories(text: str) -> tuple[Repository, ...]:
    """Read `completion_packages.txt`: one package a line, those of one repository below each other."""
    found: dict[str, Repository] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, language, half, since, package, version, digest, *folders = line.split()
            if half not in {"tune", "report"}:
                raise ValueError(f"{name} is in neither half")
            one = Package(LANGUAGES[language].kind, package, version, digest, tuple(folders))
            others = found[name].packages if name in found else ()
            found[name] = Repository(name, language, cast("Half", half), since, (*others, one))
    return tuple(found.values())


REPOSITORIES = read_repositories(Path(__file__).with_name("completion_packages.txt").read_text(encoding="utf-8"))

DECLARATIONS = (
    Package(
        "npm", "typescript", "5.9.3", "10e108c9cf7d5f2879053dff18515fb405abf2ccef63eaaf017d9c571687a1d3", ("lib/lib.",)
    ),
    Package("npm", "@types/node", "24.10.1", "554c7b285be7d92f5c7ed325f51333ebee131c4b0dc2aba22d8ad71a01f4c3e6"),
)
"""What TypeScript programs find without a package of their own: the language's library and Node's modules."""


def edition() -> str:
    """Give a short digest of which packages there are, for names of folders made from them."""
    pinned = [(each.name, each.packages) for each in REPOSITORIES]
    return hashlib.sha256(repr((pinned, DECLARATIONS)).encode()).hexdigest()[:12]


def repositories_folder(cache: Path) -> Path:
    """Give the folder with every repository and the `declarations`; fetch them where they are not there."""

    def fetch(folder: Path, work: Path) -> None:
        for repository in REPOSITORIES:
            language = LANGUAGES[repository.language]
            suffixes = (*language.suffixes, *language.manifests)
            for package in repository.packages:
                fetch_package(package, suffixes, folder / _place(repository, package), work)
        for package in DECLARATIONS:
            fetch_package(package, (".d.ts",), folder / "declarations" / package.name.lstrip("@"), work)

    return kept_folder(cache, f"repositories-{edition()}", fetch)


def _place(repository: Repository, package: Package) -> str:
    alone = len(repository.packages) == 1
    return repository.name if alone else f"{repository.name}/packages/{package.name.rpartition('/')[2]}"
