"""Strings and comments found in a text without a parser: for half a line, and while a text is still being written.

A tree says more, but of half a statement it says little. What is here never needs more than the text itself, and a few
languages' rules for quotes; a string of one line ends with its line.
"""

import re
from functools import cache
from typing import Literal, NamedTuple

from assist_context.languages import LANGUAGES

Inside = Literal["code", "string", "comment"]

OPENERS, CLOSERS = "([{", ")]}"
_TRIPLE = frozenset({"python", "kotlin", "swift", "scala", "java", "csharp"})
_BACKTICK = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact", "go"})
_REGEX = _BACKTICK - {"go"}
# Here a single quote holds one character at most; alone it is a lifetime, a label or part of a name.
_CHARACTERS = frozenset({"rust", "c", "cpp", "go", "java", "kotlin", "scala", "csharp"})
_NO_SINGLE = frozenset({"swift", "json", "jsonc"})
_BRACKET = re.compile(r"[()\[\]{}]")
_VISIBLE = re.compile(r"[^\n]")


class Masked(NamedTuple):
    """A text without its strings and comments.

    code: as long as the text, with blanks for what is no code. inside: what the end of the text is in.
    pending: what ends the string or comment that the text ends in, "" where it ends with its line, or in code.
    """

    code: str
    inside: Inside
    pending: str


def masked(text: str, language: str, pending: str = "") -> Masked:
    """Blank the strings and comments of a text; pending: what ends the one that the text begins in."""
    start = 0
    if pending:
        start = _end_of(text, pending)
        if start < 0:
            kept = "\n" if pending in _QUOTES_OF_A_LINE else ""
            if not kept or "\n" not in text:
                return Masked(_VISIBLE.sub(" ", text), "comment" if pending == "*/" else "string", pending)
            start = text.index("\n")
    code = [_VISIBLE.sub(" ", text[:start])]
    inside: Inside = "code"
    waits = ""
    for found in _tokens(language).finditer(text, start):
        code.append(text[start : found.start()])
        code.append(_VISIBLE.sub(" ", found[0]))
        start = found.end()
        if start == len(text):
            inside, waits = _left_open(found)
    code.append(text[start:])
    return Masked("".join(code), inside, waits)


def brackets(code: str) -> list[tuple[int, str]]:
    """Give the brackets of a masked text with their places."""
    return [(found.start(), found[0]) for found in _BRACKET.finditer(code)]


def unmatched(code: str) -> tuple[str, str]:
    """Give the brackets that a masked text closes without having opened them, and those that it leaves open."""
    closed, opened = [], list[str]()
    for _, bracket in brackets(code):
        if bracket in OPENERS:
            opened.append(bracket)
        elif opened:
            opened.pop()
        else:
            closed.append(bracket)
    return "".join(closed), "".join(opened)


_QUOTES_OF_A_LINE = frozenset({'"', "'"})


def _end_of(text: str, pending: str) -> int:
    """Give where a string or comment ends that a text begins in, -1 where it does not."""
    found = _rest(pending).match(text)
    return found.end() if found else -1


@cache
def _rest(pending: str) -> re.Pattern[str]:
    if pending == "*/":
        return re.compile(r"(?:(?!\*/).)*\*/", re.DOTALL)
    if pending in _QUOTES_OF_A_LINE:
        return re.compile(rf"(?:\\.|[^{pending}\\\n])*{pending}")
    return re.compile(rf"(?:\\.|(?!{re.escape(pending)})[^\\])*{re.escape(pending)}", re.DOTALL)


def _left_open(found: re.Match[str]) -> tuple[Inside, str]:
    """Tell what a token that reaches the end of a text leaves open."""
    kind = found.lastgroup or ""
    if kind == "comment":
        return "comment", ""
    if kind == "block":
        return ("code", "") if len(found[0]) > 3 and found[0].endswith("*/") else ("comment", "*/")
    if kind in {"triple", "backtick", "double", "single"}:
        quote = found[0][:3] if kind == "triple" else found[0][0]
        if _rest(quote).fullmatch(found[0], len(quote)):
            return "code", ""
        return "string", quote
    if found[0].startswith("'\\") and not _rest("'").fullmatch(found[0], 1):
        return "string", "'"
    return "code", ""


@cache
def _tokens(language: str) -> re.Pattern[str]:
    """Make the pattern of what is no code in a language; the usual rules for one that is not known."""
    known = LANGUAGES.get(language)
    parts = []
    if language in _TRIPLE:
        quotes = ('"""', "'''") if language == "python" else ('"""',)
        parts.append("(?P<triple>" + "|".join(rf"{q}(?:\\.|(?!{q})[^\\])*(?:{q}|\Z)" for q in quotes) + ")")
    if known and known.block_comment == ("/*", "*/"):
        parts.append(r"(?P<block>/\*(?:(?!\*/).)*(?:\*/|\Z))")
    if known and known.comment:
        alone = r"(?<!\S)" if language == "shellscript" else ""  # there, `#` within a word is part of it
        parts.append(f"(?P<comment>{alone}{re.escape(known.comment)}" + r"[^\n]*)")
    parts.append(r'(?P<double>"(?:\\.|[^"\\\n])*(?:"|\\?\Z|(?=\n)))')
    if language in _CHARACTERS:
        parts.append(r"(?P<character>'(?:\\[^\n']*|[^\\\n'])?(?:'|\Z))")
    elif language not in _NO_SINGLE:
        # Within a word it is an apostrophe, but for the letters that say what kind of string it is.
        start = r"(?:(?<!\w)|(?<=\b[rbfuRBFU])|(?<=\b[rbfRBF]{2}))"
        parts.append(rf"(?P<single>{start}'(?:\\.|[^'\\\n])*(?:'|\\?\Z|(?=\n)))")
    if language in _BACKTICK:
        parts.append(r"(?P<backtick>`(?:\\.|[^`\\])*(?:`|\Z))")
    if language in _REGEX:
        body = r"/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\n\\\[])+/"
        parts.append(rf"(?P<regex>(?:(?<=[=(,:;!&|?\[{{}}] )|(?<=[=(,:;!&|?\[{{}}])){body})")
    return re.compile("|".join(parts), re.DOTALL)
