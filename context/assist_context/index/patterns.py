"""The language of `.gitignore` files, exactly as git reads it, oddities included.

Patterns are matched with bytes, so that a `?` is half an `é`. The last pattern that matches decides.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

_SPECIAL = re.compile(rb"[*?\[\\]")
_NEVER = rb"(?!)"
_EVERY = rb"."
_WITHIN, _ACROSS, _FOLDERS = rb"[^/]*", rb".*", rb"(?:.*/)?"  # what the three kinds of stars match
_LAZY = {_WITHIN: rb"[^/]*?", _ACROSS: rb".*?", _FOLDERS: rb"(?:.*?/)??"}
_CLASSES = {
    b"alnum": rb"0-9A-Za-z", b"alpha": rb"A-Za-z", b"blank": rb"\t ", b"cntrl": rb"\x00-\x1f\x7f", b"digit": rb"0-9",
    b"graph": rb"!-~", b"lower": rb"a-z", b"print": rb" -~", b"punct": rb"!-/:-@\[-`{-~", b"space": rb"\t-\r ",
    b"upper": rb"A-Z", b"xdigit": rb"0-9A-Fa-f",
}  # fmt: skip


class Rule(NamedTuple):
    """A line of an ignore file. file: as its path was given; line: from 1; pattern: as it is written there."""

    file: str
    line: int
    pattern: str


class GitSays(NamedTuple):
    """What git says of one path: whether it lists it, or a file below it, and the rule that ignores it."""

    listed: bool
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class _Pattern:
    """regex: for the last part of a path where by_name is true, else for all of the path below the ignore file."""

    rule: Rule
    negated: bool
    only_folders: bool
    by_name: bool
    regex: bytes
    matches: Callable[[bytes], object]


class IgnoreFile:
    """The patterns of one ignore file."""

    def __init__(self, file: str, content: bytes) -> None:
        found = [_pattern(Rule(file, number, _text(line)), line) for number, line in _lines(content)]
        self._patterns = tuple(reversed(found))
        by_name = [one.regex for one in found if one.by_name]
        by_path = [one.regex for one in found if not one.by_name]
        self._any_name = re.compile(b"|".join(by_name) or _NEVER, re.DOTALL).match
        self._any_path = re.compile(b"|".join(by_path) or _NEVER, re.DOTALL).match

    def last_match(self, path: bytes, *, folder: bool) -> tuple[Rule, bool] | None:
        """Give the pattern that decides about a path below the ignore file, and whether it ignores."""
        name = path[path.rfind(b"/") + 1 :]
        if not (self._any_name(name) or self._any_path(path)):  # so it is with most
            return None
        for one in self._patterns:
            if (folder or not one.only_folders) and one.matches(name if one.by_name else path):
                return one.rule, not one.negated
        return None


@dataclass(frozen=True, slots=True)
class Level:
    """What the ignore files say in one folder.

    path: of the folder, with a slash at its end, or empty. files: the nearest first, with the length of its folder's
    path. ignored: the rule that ignores the folder with all that is in it.
    """

    path: bytes
    files: tuple[tuple[int, IgnoreFile], ...] = ()
    ignored: Rule | None = None

    def rule(self, name: bytes, *, folder: bool) -> Rule | None:
        """Give the rule that ignores something in this folder, None where it is not ignored."""
        if self.ignored or not self.files:
            return self.ignored
        path = self.path + name
        for start, file in self.files:
            if found := file.last_match(path[start:], folder=folder):
                return found[0] if found[1] else None
        return None

    def below(self, name: bytes) -> "Level":
        """Enter a folder of this one; what its own ignore file says comes with `having`."""
        return Level(self.path + name + b"/", self.files, self.rule(name, folder=True))

    def having(self, file: str, content: bytes | None) -> "Level":
        """Add the ignore file of this folder; `file` is its name alone. In an ignored folder it has no say."""
        if not content or self.ignored:
            return self
        own = IgnoreFile(_text(self.path) + file, content)
        return Level(self.path, ((len(self.path), own), *self.files))


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.startswith(b"#"):
            text = _without_spaces(line.removesuffix(b"\r").split(b"\0", 1)[0])
            if text:
                yield number, text


def _without_spaces(line: bytes) -> bytes:
    kept = line.rstrip(b" ")
    escapes = len(kept) - len(kept.rstrip(b"\\"))
    return line[: len(kept) + escapes % 2]  # a space after a backslash counts


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _pattern(rule: Rule, line: bytes) -> _Pattern:
    negated = line.startswith(b"!")
    only_folders = line.endswith(b"/")
    pattern = line[negated : len(line) - only_folders]
    by_name = b"/" not in pattern
    if by_name:
        regex = _regex(pattern, rule.line, by_name=True) if pattern else _NEVER
    else:
        # Git compares what stands before the first special sign by itself: `a**/b` is an `a`, and then `**/b`.
        pattern = pattern.removeprefix(b"/")
        special = _SPECIAL.search(pattern)
        start = special.start() if special else len(pattern)
        regex = re.escape(pattern[:start]) + _regex(pattern[start:], rule.line, by_name=False)
    return _Pattern(rule, negated, only_folders, by_name, regex, re.compile(regex, re.DOTALL).match)


def _regex(pattern: bytes, number: int, *, by_name: bool) -> bytes:
    """Translate what has signs and stars; the names of its groups start with `number`."""
    runs: list[bytes] = [b""]
    stars: list[bytes] = []
    at = 0
    while at < len(pattern):
        if pattern[at : at + 1] == b"*":
            star, at = _star(pattern, at, by_name=by_name)
            stars.append(star)
            runs.append(b"")
        else:
            one, at = _sign(pattern, at, by_name=by_name)
            runs[-1] += one
    return runs[0] + _joined(stars, runs[1:], number) + rb"\Z"


def _joined(stars: list[bytes], runs: list[bytes], number: int) -> bytes:
    """Put stars and what follows each of them together so that no path takes long, whatever the pattern is.

    Only the last star of all and the last one that crosses slashes must try every place; for those before them the
    first place that fits is enough, and an atomic group keeps the matcher from trying others.
    """
    last = max((at for at, star in enumerate(stars) if star != _WITHIN), default=-1)
    names = (b"g%d_%d" % (number, at) for at in count())
    done = section = b""
    for at, (star, run) in enumerate(zip(stars, runs, strict=True)):
        if star != _WITHIN and section:
            done, section = done + _atomic(section, next(names)), b""
        if at in {last, len(stars) - 1}:
            section += star + run
        else:
            first = _LAZY[star] + run
            section += _atomic(first, next(names)) if star == _WITHIN else first
    return done + section


def _atomic(regex: bytes, name: bytes) -> bytes:
    return b"(?=(?P<%b>%b))(?P=%b)" % (name, regex, name)


def _star(pattern: bytes, at: int, *, by_name: bool) -> tuple[bytes, int]:
    """Give the expression of a row of stars, and where what follows starts."""
    end = at
    while pattern[end : end + 1] == b"*":
        end += 1
    alone = end - at == 1 or by_name or pattern[max(at - 1, 0) : at] not in {b"", b"/"}
    if alone or not (end == len(pattern) or pattern[end : end + 1] == b"/" or pattern[end : end + 2] == b"\\/"):
        return _WITHIN, end
    return (_FOLDERS, end + 1) if pattern[end : end + 1] == b"/" else (_ACROSS, end)


def _sign(pattern: bytes, at: int, *, by_name: bool) -> tuple[bytes, int]:
    """Give the expression of what matches one byte, and where what follows starts."""
    sign = pattern[at : at + 1]
    if sign == b"?":
        return (b"." if by_name else b"[^/]"), at + 1
    if sign == b"[":
        members, end = _set(pattern, at + 1)
        return (members if by_name else b"(?!/)" + members), end
    if sign == b"\\":
        escaped = pattern[at + 1 : at + 2]
        return (re.escape(escaped) if escaped else _NEVER), at + 2
    return re.escape(sign), at + 1


def _set(pattern: bytes, at: int) -> tuple[bytes, int]:
    """Give the expression of a set in brackets, without the first of them; one without an end matches nothing."""
    negated = pattern[at : at + 1] in {b"!", b"^"}
    at = first = at + negated
    members = b""
    low = b""  # what a range may start with
    while pattern[at : at + 1] != b"]" or at == first:
        sign = pattern[at : at + 1]
        if sign == b"[" and pattern[at + 1 : at + 2] == b":":
            end = pattern.find(b"]", at + 2)
            if end < 0:
                return _NEVER, len(pattern)
            if pattern[end - 1 : end] == b":" and end - 1 >= at + 2:
                if (named := _CLASSES.get(pattern[at + 2 : end - 1])) is None:
                    return _NEVER, len(pattern)
                members, low, at = members + named, b"", end + 1
                continue
        to_end = sign == b"-" and low != b"" and pattern[at + 1 : at + 2] not in {b"", b"]"}
        at += to_end
        at += pattern[at : at + 1] == b"\\"
        sign = pattern[at : at + 1]
        if not sign:
            return _NEVER, len(pattern)
        if to_end:
            members += _member(low) + b"-" + _member(sign) if low <= sign else b""
            low = b""
        else:
            members, low = members + _member(sign), sign
        at += 1
    return (_EVERY if negated else _NEVER) if not members else b"[%b%b]" % (b"^" * negated, members), at + 1


def _member(sign: bytes) -> bytes:
    return b"\\x%02x" % sign[0]
