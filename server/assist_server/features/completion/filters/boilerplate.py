"""Lines that belong to no place in the code, and suggestions that save no key."""

import re

from assist_context.languages import LANGUAGES
from assist_context.syntax.lexing import CLOSERS
from assist_server.features.completion.filters.frame import Frame
from assist_server.features.completion.hole import indent_of

_LICENCE = re.compile(
    r"\bcopyright\b.*(?:\(c\)|©|\b\d{4}\b)|\blicen[cs]ed under\b|\bSPDX-License-Identifier\b|\ball rights reserved\b",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"(?:(?:file(?:name)?|path)\s*:\s*\S+|(?:[\w.@-]+/)+[\w.-]+\.\w{1,4}:?|[\w-]+\.(?:py|[jt]sx?|go|rs|cpp|h))",
    re.IGNORECASE,
)
_REST = re.compile(
    r"(?:\.{3}|…)\s*(?:\(?(?:the\s+)?(?:rest|remaining|existing|other|more|same|your|code|implementation)\b.*)?"
    r"|(?:\.{3}|…)?\s*(?:the\s+)?(?:rest|remainder) of (?:the |your |this )?"
    r"(?:code|file|function|class|method|implementation|module).*"
    r"|(?:\.{3}\s*)?(?:existing|remaining|other) (?:code|methods|functions|imports|implementation)\b.{0,24}"
    r"|(?:add |write |put |insert )?your (?:own )?(?:code|implementation|logic) (?:goes )?here\b.{0,12}"
    r"|(?:todo:?\s*)?(?:add |the )?implementation (?:goes |is )?here\b.{0,12}",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\A(?:#+!?|//+!?|/\*+|\*+|--+|;+|<!--|%+)\s*|\s*(?:\*+/|-->)\Z")
_DOCUMENTS = ("///", "//!")  # of documentation that has code in it, which may leave code out
_ATTRIBUTE = re.compile(r"\s*(?:#!?\[.*\]|@\w[\w.]*(?:\(.*\))?)\s*|\s*")
_LEAST = 2


def cut_boilerplate(text: str, frame: Frame) -> str:
    """Cut at a comment with a licence, with the path of a file, or that stands for code which was left out."""
    start = 0
    for number, line in enumerate(text.split("\n")):
        comment = _comment(frame.hole.before + line if number == 0 else line, frame.hole.language)
        if comment and (_LICENCE.search(comment) or _PATH.fullmatch(comment) or _REST.fullmatch(comment)):
            return text[:start].rstrip()
        start += len(line) + 1
    return text


def drop_trivial(text: str, frame: Frame) -> str:
    """Drop what is as quick to type: a character, or one and a bracket that editors write themselves."""
    if not frame.automatic:
        return text
    bare = text.strip()
    return "" if len(bare) <= _LEAST and len(bare.strip(CLOSERS)) < _LEAST else text


def cut_lone_attributes(text: str, frame: Frame) -> str:
    """Cut attributes and decorators at the end that nothing follows which they could belong to.

    Grammars take them as they are; compilers do not.
    """
    hole = frame.hole
    below = hole.below.lstrip()
    if below and below[0] not in CLOSERS and indent_of(hole.below) >= hole.indent:
        return text
    lines = text.split("\n")
    while lines and _ATTRIBUTE.fullmatch(hole.before + lines[0] if len(lines) == 1 else lines[-1]):
        lines.pop()
    return "\n".join(lines)


def _comment(line: str, language: str) -> str:
    """Give the words of a line that is only a comment, "" for any other."""
    stripped = line.strip()
    known = LANGUAGES.get(language)
    starts = [known.comment, *(known.block_comment or ())[:1]] if known else ["#", "//", "/*", "--"]
    if not stripped.startswith(tuple(one for one in (*starts, "*") if one)) or stripped.startswith(_DOCUMENTS):
        return ""
    return _MARKS.sub("", _MARKS.sub("", stripped))
