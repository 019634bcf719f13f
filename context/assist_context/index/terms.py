"""Terms of the inverted index that are no words of a text: what a file imports, what it is called, where it lies.

No word has `<` or `/`, so the kinds never meet: ``<parse`` is in every file that imports something called parse,
``/parse`` in every file that is imported by that name, ``/syntax/`` in every file of that folder.
"""

import re
from collections.abc import Iterable

from assist_context.syntax.symbols import Import

_NAMES = re.compile(r"\w+")
_RENAMED = re.compile(r"(?:\bas\s+|=>\s*)\w+")
# Files that stand for their folder: imports name the folder.
_FOR_FOLDER = frozenset({"__init__", "index", "mod", "init"})
# No part of a dotted name: what stands before the dot is a file's name.
_ENDINGS = frozenset(
    {"h", "hh", "hpp", "hxx", "inc", "inl", "ipp", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"}
    | {"json", "vue", "svelte", "php", "rb", "lua", "sh", "bash", "css", "scss"}
)
_RUST_ROOTS = frozenset({"crate", "self", "super", "r"})


def import_term(source: str) -> str:
    """Give the term of an import: `<` and the last component of what it names, without endings; the first of several.

    ``a.b.c``, ``./a/c.js``, ``a/c/index``, ``a::c`` and ``c.h`` all give ``<c``.
    """
    return import_terms(source)[0]


def import_terms(source: str) -> tuple[str, ...]:
    """Give all terms of an import: also the class around a member, and every name of a path with ``::`` or braces."""
    if "::" in source or "{" in source:
        names = [name for name in _NAMES.findall(_RENAMED.sub("", source)) if name not in _RUST_ROOTS]
        return tuple(dict.fromkeys("<" + name for name in reversed(names))) or ("<" + source.split("::", 1)[0],)
    if "/" in source:
        return ("<" + _path_name(source),)
    if "\\" in source:
        return ("<" + source.rpartition("\\")[2],)
    return tuple("<" + name for name in _dotted_names(source))


def name_term(path: str) -> str:
    """Give the term of a file's name: that of its folder for ``__init__``, ``index`` and such."""
    return "/" + _path_name(path)


def folder_term(folder: str) -> str:
    """Give the term that all files of a folder have, not those of folders in it; "" is the root."""
    return f"/{folder}/"


def file_terms(path: str, imports: Iterable[Import]) -> set[str]:
    """Give all terms of a file that are no words of its text."""
    terms = {term for one in {one.source for one in imports} for term in import_terms(one)}
    terms.add(name_term(path))
    terms.add(folder_term(path.rpartition("/")[0]))
    return terms


def _path_name(path: str) -> str:
    """Give what the last component of a path is called; `.` and `..` are called that."""
    folder, _, last = path.rstrip("/").rpartition("/")
    if last.startswith("."):
        return last
    name = last.partition(".")[0]
    if name in _FOR_FOLDER and (outer := folder.rpartition("/")[2]).strip("."):
        return outer.partition(".")[0] or outer
    return name


def _dotted_names(source: str) -> tuple[str, ...]:
    parts = [part for part in source.split(".") if part and part not in ("*", "_")]
    if not parts:
        return (source,)
    if len(parts) > 1 and parts[-1] in _ENDINGS:
        return (parts[0],)
    # A class has a large letter: what follows it is a member of it.
    around = [part for part in parts[-3:-1] if part[0].isupper()]
    return (parts[-1], *around)
