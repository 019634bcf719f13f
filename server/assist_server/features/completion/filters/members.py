"""Whether all that `self` or `this` can have stands in one document."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_SCRIPT_CLASS = re.compile(
    r"(?:.*[\s=(])?class\b(?:\s+(?!extends\b|implements\b)(?P<name>\w+))?\s*(?:<.*?>)?"
    r"(?:\s*\bextends\s+(?P<bases>.+?))?(?:\s+implements\b.*)?\s*\{"
)
_CLASS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "python": re.compile(r"\s*class\s+(?P<name>\w+)\s*(?:\[.*\]\s*)?(?:\((?P<bases>[^()]*)\))?\s*:"),
        **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), _SCRIPT_CLASS),
    }
)
_WORD_CLASS = re.compile(r"(?:.*[\s=(])?class\b")
# Behind these, `this` is another thing.
_OTHER_THIS = re.compile(r".*(?:\bfunction\b|[=(:,]\s*\{$|\breturn\s*\{$)")
_RUST_IMPL = re.compile(r"\s*(?:unsafe\s+)?impl\b(?:<.*?>)?\s+(?:.*\bfor\s+)?(?P<name>\w+)")
_ARGUMENTS = re.compile(r"\[[^\[\]]*\]|<[^<>]*>")
_MAKES_MEMBERS = re.compile(
    r"\b__getattr(?:ibute)?__\b|\bsetattr\(|\b__dict__\b|\bObject\.assign\(this\b|\bnew Proxy\("
)
_WITHOUT_MEMBERS = frozenset({"object", "ABC", "abc.ABC", "Generic", "typing.Generic", "Protocol", "typing.Protocol"})


def are_members_here(heads: Iterable[str], text: str, language: str) -> bool:
    """Tell whether a member that a document does not name can exist in no class around a place of it.

    heads: the lines that the place stands under, innermost first. False where there is no class or nobody can tell.
    """
    if _MAKES_MEMBERS.search(text):
        return False
    for head in heads:
        if language == "rust":
            if found := _RUST_IMPL.match(head):
                return re.search(rf"\b(?:struct|enum|union)\s+{found['name']}\b", text) is not None
        elif _WORD_CLASS.match(head):
            return _is_known(head, text, language, frozenset())
        elif language != "python" and _OTHER_THIS.match(head):
            return False
    return False


def _is_known(head: str, text: str, language: str, seen: frozenset[str]) -> bool:
    """Tell whether all that a class is made of is in the document; seen: the classes that were asked for on the way."""
    found = _CLASS[language].match(head)
    if found is None or (found["name"] or "").endswith("Mixin"):
        return False
    bases = found["bases"] or ""
    while (bare := _ARGUMENTS.sub("", bases)) != bases:
        bases = bare
    for base in filter(None, (one.strip() for one in bases.split(","))):
        if base in _WITHOUT_MEMBERS or base.startswith("metaclass"):
            continue
        declared = None if base in seen else re.search(rf"^.*\bclass\s+{re.escape(base)}\b.*$", text, re.MULTILINE)
        if declared is None or not _is_known(declared[0], text, language, seen | {base}):
            return False
    return True
