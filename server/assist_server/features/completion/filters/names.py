"""Names that exist nowhere: of what a small model gets wrong, what a person sees last."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from assist_context.retrieval.snippet import Place
from assist_context.syntax.lexing import OPENERS, brackets, masked
from assist_server.features.completion.filters.frame import Frame
from assist_server.features.completion.filters.members import are_members_here
from assist_server.features.completion.filters.vocabulary import GIVEN, LAST_NAME, NAME
from assist_server.features.completion.hole import indent_of

Role = Literal["other", "own", "used"]
"""`own`: a member of `self` or `this` that must be there already; `used`: another name that must; `other`: neither."""

_CONSTANT = re.compile(r"_*[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_SHORTEST = 3
_OWN_MEMBER = re.compile(r"(?<![\w.])(?:self|this)\.\Z")
_BEFORE_MEMBERS = (".", "->", "::", "#", "@", "$", "'")
_ASSIGNED = re.compile(r"[ \t]*(?:,[\w .,*()]*)?(?:=(?![=>])|:(?!:))")
_MODIFIERS = r"\s*(?:(?:abstract|const|declare|default|export|pub(?:\([\w: ]+\))?)\s+)*"
# Lines that declare what they name, or that name what is elsewhere.
_DECLARES = re.compile(
    r"\b(?:class|def|enum|fn|func|function|impl|import|interface|namespace|struct|trait)\b|^\s*[#@]"
    rf"|^{_MODIFIERS}(?:from|macro_rules|mod|module|package|type|use)\b"
)
# Heads of bodies whose lines begin with what they declare, or list what is elsewhere.
_LISTS = re.compile(
    rf"{_MODIFIERS}(?:enum|from|import|interface|struct|trait|type|union|use)\b.*"
    r"|.*\b(?:interface|struct)\s*\{|\s*(?:const|type|var)\s*\(|\s*export\s*\{"
)
_METHOD = re.compile(r"\s*(?:(?:abstract|async|declare|get|override|private|protected|public|set|static)\s+)*\*?\s*")
_JSX_TEXT = re.compile(r"(?<=[^\s=])>(?![(.])[^<>{}\n]*|[^<>{}\n]*(?=</)")

_SCRIPTS = ("javascript", "javascriptreact", "typescript", "typescriptreact")
_USED: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "python": re.compile(r"\w+(?:[(\[]|\.[^\W\d])"),
        "go": re.compile(r"\w+(?:[(\[{]|\.[^\W\d])"),
        "rust": re.compile(r"\w+(?:[(\[]|\.[^\W\d])|[A-Z]\w*(?:::| \{)"),
        **dict.fromkeys(_SCRIPTS, re.compile(r"\w+(?:[(\[]|\.[^\W\d]|\?\.)")),
    }
)
"""A name that is called, dereferenced or a type, by its language; only these languages' names are judged."""

_TAKES_ALL: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "python": re.compile(r"^\s*from\s+\S+\s+import\s+\*", re.MULTILINE),
        "go": re.compile(r'^\s*(?:import\s+)?\.\s+"', re.MULTILINE),
        # Indented, it is that of the tests at the end of a file, which take what the file has.
        "rust": re.compile(r"^(?:pub(?:\([\w: ]+\))?\s+)?use\b[^;]*\*", re.MULTILINE),
    }
)
"""Imports of all that another file has: behind one, any name may exist."""


def cut_unknown_names(text: str, frame: Frame) -> str:
    """Cut an automatic suggestion before the first line that uses a name which exists nowhere.

    That is a name that is called, dereferenced or the type of a value, a constant in capitals, or a member of `self`
    or `this` in a class that stands in the document with all it is made of. Neither the document nor the text may have
    it, and nobody may know it. Members of other things may come from anywhere, and so may names in C and C++, whose
    headers say nothing of what they declare.
    """
    place, known, language = frame.place, frame.known, frame.hole.language
    if known is None or place is None or not frame.automatic or language not in _USED:
        return text
    takes_all = _TAKES_ALL.get(language)
    if takes_all and (takes_all.search(place.text) or takes_all.search(text)):
        return text
    line = frame.hole.before
    typed = LAST_NAME.search(line)
    start = typed.start() if typed else len(line)
    code = masked(line + text + frame.hole.after, language).code
    document = _without_typed(place.text, place.offset, len(line) - start)
    names = [found for found in NAME.finditer(code, start) if found.start() < len(line) + len(text)]
    given = GIVEN[language] | _declared(code) | {found[0] for found in names if _role(code, found, language) == "other"}
    for found in names:
        name = found[0]
        if len(name) < _SHORTEST or name in given or name.startswith("__") or known(name):
            continue
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", document) and _is_wrong(code, found, frame, place):
            return text[: max(0, text.rfind("\n", 0, max(0, found.start() - len(line))))].rstrip()
    return text


def _role(code: str, found: re.Match[str], language: str) -> Role:
    """Tell what a text does with a name, as far as its line shows."""
    behind = code[code.rfind("\n", 0, found.start()) + 1 : found.start()]
    if _OWN_MEMBER.search(behind):
        is_method = language == "rust" and code[found.end() : found.end() + 1] in {"(", ":"}  # it may be of a trait
        return "other" if is_method or _is_given(code, found, behind, language) else "own"
    if behind.rstrip(" ").endswith(_BEFORE_MEMBERS) or (language in _SCRIPTS and behind.endswith(("<", "</"))):
        return "other"
    if _CONSTANT.fullmatch(found[0]) and not _is_given(code, found, behind, language):
        return "used"
    return "used" if _USED[language].match(code, found.start()) else "other"


def _is_given(code: str, found: re.Match[str], behind: str, language: str) -> bool:
    """Tell whether a name is given a value or a type where it stands; behind: the line in front of it."""
    if language == "python" and behind.strip() not in {"", "self."} and code[found.end() :].lstrip(" ").startswith(":"):
        return False  # a block begins there, or a value
    return _ASSIGNED.match(code, found.end()) is not None


def _declared(code: str) -> frozenset[str]:
    """Collect the names on lines that look like a declaration."""
    return frozenset(name for line in code.split("\n") if _DECLARES.search(line) for name in NAME.findall(line))


def _is_wrong(code: str, found: re.Match[str], frame: Frame, place: Place) -> bool:
    """Tell whether a name that nobody knows must be known where it stands."""
    language = frame.hole.language
    heads = list(_heads(place.text[: place.offset - len(frame.hole.before)] + code[: found.end()]))
    is_own = _role(code, found, language) == "own"
    if (is_own or found[0].startswith("_")) and code.startswith("(", found.end()) and _is_last(place):
        return False  # what only this file or class has is often called before it is written
    if is_own:
        return are_members_here(heads, place.text + "\n" + code, language)
    if heads and _LISTS.fullmatch(heads[0]):
        return False
    return language not in _SCRIPTS or not (_is_method(code, found) or _is_in_markup(code, found, heads))


def _is_last(place: Place) -> bool:
    """Tell whether a document ends at a place."""
    return not place.text[place.offset :].strip()


def _heads(text: str) -> Iterator[str]:
    """Give the lines that the last line of a text stands under, innermost first."""
    *lines, last = text.split("\n")
    indent = indent_of(last)
    for line in reversed(lines):
        if indent == 0:
            return
        if line.strip() and indent_of(line) < indent:
            indent = indent_of(line)
            yield line.rstrip()


def _is_method(code: str, found: re.Match[str]) -> bool:
    """Tell whether a name with arguments begins the body of a method, or a line that declares one."""
    if code[found.end() : found.end() + 1] != "(":
        return False
    begins_line = _METHOD.fullmatch(code, code.rfind("\n", 0, found.start()) + 1, found.start()) is not None
    depth = 0
    for place, bracket in brackets(code[found.end() :]):
        depth += 1 if bracket in OPENERS else -1
        if depth == 0:
            behind = code[found.end() + place + 1 :].lstrip()
            return behind.startswith("{") or (begins_line and behind.startswith(":"))
    return begins_line


def _is_in_markup(code: str, found: re.Match[str], heads: list[str]) -> bool:
    """Tell whether a name is a word of the text in JSX."""
    if heads and heads[0].endswith(">") and not heads[0].endswith("=>"):
        return True
    start = code.rfind("\n", 0, found.start()) + 1
    return any(
        text.start() <= found.start() < text.end()
        for text in _JSX_TEXT.finditer(code, start, max(code.find("\n", start), found.end()))
    )


def _without_typed(text: str, offset: int, typed: int) -> str:
    """Give a document without the word that is being typed: it does not tell that its own beginning exists."""
    return text[: offset - typed] + " " + text[offset:]
