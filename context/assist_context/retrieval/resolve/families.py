"""Which rules belong to a language: one table. A language without a row imports nothing that is found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from assist_context.retrieval.resolve import c, ecmascript, go, jvm, namespaces, python, requires, rust
from assist_context.retrieval.resolve.project import Bound, Project, Seek
from assist_context.syntax.symbols import Import

Resolve = Callable[[Project, str, Import], tuple[str, ...]]
Seeks = Callable[[Project, str], Iterator[Seek]]
Bindings = Callable[[Import], Iterator[Bound]]


@dataclass(frozen=True, slots=True)
class Family:
    """How imports work in a language.

    resolve: finds the files of an import in a file. seeks: tells where files may be that import a file.
    bindings: gives the names that an import makes known. publishes: whether what a file imports can be imported from
    it. shares: whether the files of a folder see each other's definitions without imports.
    """

    resolve: Resolve
    seeks: Seeks
    bindings: Bindings
    publishes: bool = False
    shares: bool = False


_JAVASCRIPT = Family(ecmascript.resolve, ecmascript.seeks, ecmascript.bindings, publishes=True)
_JVM = Family(jvm.resolve, jvm.seeks, jvm.bindings, shares=True)
_C = Family(c.resolve, c.seeks, c.bindings, publishes=True)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "python": Family(python.resolve, python.seeks, python.bindings, publishes=True),
        "javascript": _JAVASCRIPT,
        "javascriptreact": _JAVASCRIPT,
        "typescript": _JAVASCRIPT,
        "typescriptreact": _JAVASCRIPT,
        "go": Family(go.resolve, go.seeks, go.bindings, shares=True),
        "rust": Family(rust.resolve, rust.seeks, rust.bindings, publishes=True),
        "java": _JVM,
        "kotlin": _JVM,
        "scala": _JVM,
        "c": _C,
        "cpp": _C,
        "csharp": Family(namespaces.resolve_csharp, namespaces.seeks_csharp, namespaces.bindings_csharp, shares=True),
        "php": Family(namespaces.resolve_php, namespaces.seeks_php, namespaces.bindings_php),
        "ruby": Family(requires.resolve_ruby, requires.seeks, requires.bindings, publishes=True),
        "lua": Family(requires.resolve_lua, requires.seeks, requires.bindings),
        "shellscript": Family(requires.resolve_shell, requires.seeks, requires.bindings, publishes=True),
    }
)
"""By LSP language identifier."""
