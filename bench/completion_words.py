"""Identifiers of source text, without its comments and strings, and the words that a language brings along.

All by regular expressions of this benchmark's own: what is measured may not decide what counts as right.
"""

import builtins
import importlib
import importlib.util
import keyword
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from completion_corpora import LANGUAGES

_HERE = Path(__file__).resolve().parent
_WORD = re.compile(r"[^\W\d]\w*")
_QUOTED = r'"(?:\\.|[^"\\\n])*"?'
_SINGLE = r"'(?:\\.|[^'\\\n])*'?"
_TRIPLE = r"(?P<quote>\"{3}|'{3})(?:\\.|.)*?(?:(?P=quote)|\Z)"
_SLASHES = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_LEXERS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        name: re.compile(pattern, re.DOTALL)
        for name, pattern in {
            "Python": rf"#[^\n]*|[rbfuRBFU]{{0,2}}(?:{_TRIPLE}|{_QUOTED}|{_SINGLE})",
            "TypeScript": rf"{_SLASHES}|{_QUOTED}|{_SINGLE}|`(?:\\.|[^`\\])*`?",
            "Rust": rf"{_SLASHES}|b?r(#*)\".*?(?:\"\1|\Z)|b?\"(?:\\.|[^\"\\])*\"?|b?'(?:\\[^']+|[^'\\\n])'",
            "Go": rf"{_SLASHES}|{_QUOTED}|`[^`]*`?|'(?:\\[^']+|[^'\\\n])'",
            "C++": rf"{_SLASHES}|R\"(\w*)\(.*?(?:\)\1\"|\Z)|{_QUOTED}|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
        }.items()
    }
)
_NOT_BLANK = re.compile(r"\S")

_KEYWORDS: Mapping[str, str] = MappingProxyType(
    {
        "Python": " ".join((*keyword.kwlist, *keyword.softkwlist)),
        "TypeScript": "abstract any as asserts async await bigint boolean break case catch class const continue "
        "debugger declare default delete do else enum export extends false finally for from function get "
        "if implements import in infer instanceof interface is keyof let module namespace never new null "
        "number object of override private protected public readonly require return satisfies set static "
        "string super switch symbol this throw true try type typeof undefined unique unknown using var "
        "void while with yield",
        "Rust": "Self abstract as async await become box break const continue crate do dyn else enum extern false "
        "final fn for gen if impl in let loop macro match mod move mut override priv pub raw ref return "
        "self static struct super trait true try type typeof union unsafe unsized use virtual where while "
        "yield",
        "Go": "break case chan const continue default defer else fallthrough for func go goto if import interface map "
        "package range return select struct switch type var",
        "C++": "alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t "
        "class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue "
        "decltype default define defined delete do double dynamic_cast elif else endif enum error explicit export "
        "extern false final float for friend goto if ifdef ifndef import include inline int line long module mutable "
        "namespace new noexcept not not_eq nullptr operator or or_eq override pragma private protected public "
        "register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch "
        "template this thread_local throw true try typedef typeid typename undef union unsigned using virtual void "
        "volatile warning wchar_t while xor xor_eq",
    }
)
_BUILT_IN_TYPES = (
    object,
    type,
    str,
    bytes,
    bytearray,
    int,
    float,
    complex,
    bool,
    list,
    tuple,
    dict,
    set,
    frozenset,
    range,
)
_IMPORTS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "Python": re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)*)", re.MULTILINE),
        "TypeScript": re.compile(r"""(?:from|import|require\()\s*['"](?:node:)?([\w/]+)['"]"""),
        "Go": re.compile(r'^(?:import)?[ \t]*(?:[\w.]+[ \t]+)?"([\w/.]+)"$', re.MULTILINE),
    }
)


def language_of(path: str) -> str | None:
    """Give the language of a file by its name, None for a file of another kind."""
    suffix = Path(path).suffix
    return next((name for name, language in LANGUAGES.items() if suffix in language.suffixes), None)


def code_of(text: str, language: str) -> str:
    """Give the text with a blank for each character of a comment or string; offsets and lines stay."""
    return _LEXERS[language].sub(lambda match: _NOT_BLANK.sub(" ", match[0]), text)


def words_of(text: str) -> set[str]:
    """Give all words that could be identifiers, in comments and strings too."""
    return set(_WORD.findall(text))


def first_places(text: str) -> dict[str, int]:
    """Give where each word of a text stands first, in characters."""
    places: dict[str, int] = {}
    for match in _WORD.finditer(text):
        places.setdefault(match[0], match.start())
    return places


def identifiers_of(code: str, language: str) -> list[str]:
    """Give the identifiers of text without comments and strings, in order, without keywords."""
    keywords = keywords_of(language)
    return [word for word in _WORD.findall(code) if word not in keywords]


@cache
def keywords_of(language: str) -> frozenset[str]:
    """Give the words that a language keeps for itself."""
    return frozenset(_KEYWORDS[language].split())


def standard_words(text: str, language: str, declarations: Path) -> set[str]:
    """Give the names that a file has without the workspace: the language's own and those of imported standard modules.

    declarations: the folder with what TypeScript knows. Rust and C++ have all of their standard library.
    """
    words = set(keywords_of(language))
    imported = _IMPORTS[language].findall(text) if language in _IMPORTS else []
    if language == "Python":
        words |= _python_built_in()
        names = {name.strip() for listed in imported for name in listed.split(",")}
        return words.union(*(_python_module(name) for name in sorted(names)))
    if language == "TypeScript":
        words |= _declared(declarations / "typescript")
        return words.union(*(_declared(declarations / "types" / "node" / f"{name}.d.ts") for name in set(imported)))
    if language == "Go":
        words |= _go_package("builtin")
        return words.union(*(_go_package(name) for name in set(imported)))
    return words | _kept(_HERE / f"completion_words_{'rust' if language == 'Rust' else 'cpp'}.txt")


@cache
def _python_built_in() -> frozenset[str]:
    names = {name for type_ in _BUILT_IN_TYPES for name in dir(type_)}
    special = ("__name__", "__file__", "__all__", "__annotations__", "self", "cls", "args", "kwargs")
    return frozenset(names.union(dir(builtins), special))


@cache
def _python_module(name: str) -> frozenset[str]:
    """Give the words of a standard module, read and not run where it has a source."""
    top = name.partition(".")[0]
    if top not in sys.stdlib_module_names:
        return frozenset()
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return frozenset(dir(importlib.import_module(top))) if spec else frozenset()
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    return _words_in(file for file in files if "test" not in file.parts) | {name, top}


@cache
def _declared(place: Path) -> frozenset[str]:
    return _words_in(sorted(place.rglob("*.d.ts")) if place.is_dir() else [place] if place.is_file() else [])


@cache
def _go_package(name: str) -> frozenset[str]:
    folder = _go_root() / "src" / name
    if not folder.is_dir():
        return frozenset()
    return _words_in(sorted(folder.glob("*.go"))).union(name.split("/"))


@cache
def _go_root() -> Path:
    return Path(subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip())


@cache
def _kept(file: Path) -> frozenset[str]:
    return frozenset(file.read_text(encoding="utf-8").split())


def _words_in(files: Iterable[Path]) -> frozenset[str]:
    words: set[str] = set()
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        words |= words_of(code_of(text, language_of(file.name) or "Python"))
    return frozenset(words)
