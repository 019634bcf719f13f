"""Whether a text fits into a document: what it adds to the errors that a parser finds there.

A document in the middle of typing has errors of its own; they count as they were before. Half a statement that the text
makes whole is better than before, one that it leaves half is not worse.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from time import thread_time
from typing import NamedTuple

from tree_sitter import Node, Tree

from assist_context.syntax.cursor import tree_for
from assist_context.syntax.grammars import GRAMMARS, parser
from assist_context.syntax.incremental import Edit, Parsed, edit_between
from assist_context.syntax.parse import pieces
from assist_context.syntax.tolerated import TOLERATED, tolerated

_WHOLE = 1 << 17  # bytes of a document that is parsed as one; of a larger one, what is around the place
_OWN_PARSER, _LEAST_PART = 1 << 15, 1 << 12  # bytes that Python's own parser is given at most, and if there are
_MOST_CUTS = 24
_DEFINITION = re.compile(rb"^([ \t]*)(?:@|class\b|def\b|async[ \t]+def\b)", re.MULTILINE)
_TOKEN = re.compile(r"\"{3}|'{3}|\w+|[^\w\s]")

Problem = tuple[str, int, int]


class Sound(NamedTuple):
    """What is left of a text; whole: nothing was cut. decided: there was time to tell."""

    text: str
    whole: bool
    decided: bool = True


class OutOfTime(Exception):
    """The parser did not come to an end in the time that it had."""


class Region(NamedTuple):
    """A part of a document in which a text is judged: its bytes, the tree of these, and where the text goes in it."""

    source: bytes
    tree: Tree
    offset: int


def longest_sound(
    text: str, language: str, parsed: Parsed, document: str, offset: int, *, seconds: float = 0.03
) -> Sound:
    """Cut a text that goes to an offset (characters) of a document until it adds no error: by lines, then by tokens.

    parsed: the tree of the document, or of what it was a few keys ago. seconds: of this thread's own time. A text that
    is not decided by then is given up, as is one in which nothing fits. A language without a grammar takes everything.
    """
    if language not in GRAMMARS or not text.strip():
        return Sound(text, whole=True)
    try:
        return _longest(text, _check_at(language, parsed, document, offset, seconds))
    except OutOfTime:
        return Sound("", whole=False, decided=False)


def is_sound(text: str, language: str, parsed: Parsed, document: str, offset: int, *, seconds: float = 0.03) -> bool:
    """Tell whether a text adds no error; as for `longest_sound`. What is not decided in time is not sound."""
    if language not in GRAMMARS:
        return True
    try:
        return _check_at(language, parsed, document, offset, seconds).is_clean(text)
    except OutOfTime:
        return False


def _check_at(language: str, parsed: Parsed, document: str, offset: int, seconds: float) -> "_Check":
    before = document[:offset].encode("utf-8", "replace")
    source = before + document[offset:].encode("utf-8", "replace")
    check = _Check(language, thread_time() + seconds)
    check.look_at(parsed, source, len(before))
    return check


def _longest(text: str, check: "_Check") -> Sound:
    if check.is_clean(text):
        return Sound(text, whole=True)
    if not check.was_broken:
        return Sound(next((cut for cut in _cuts(text) if check.is_clean(cut)), ""), whole=False)
    candidates = [text, *_cuts(text)]
    # One that makes the statement whole is better than a longer one that leaves it half.
    best = next((cut for cut in candidates[1:] if check.is_clean(cut)), None)
    if best is None:
        best = next((cut for cut in candidates if check.is_no_worse(cut)), "")
    return Sound(best, whole=best == text)


def _cuts(text: str) -> Iterator[str]:
    """Give the beginnings of a text, longest first: whole lines, then tokens at its end, then at its start."""
    seen = {text.rstrip(), ""}
    ends = [found.start() for found in re.finditer(r"\n", text)][-_MOST_CUTS:]
    tokens = [found.start() for found in _TOKEN.finditer(text)]
    for end in (*reversed(ends), *reversed(tokens[-_MOST_CUTS:]), *reversed(tokens[:_MOST_CUTS])):
        cut = text[:end].rstrip()
        if cut not in seen:
            seen.add(cut)
            yield cut


class _Check:
    """Judges texts at one place; parses from the tree of the document as it is without them."""

    def __init__(self, language: str, end: float) -> None:
        self._language, self._end = language, end
        self._own = OwnParser() if language == "python" else None

    def look_at(self, parsed: Parsed, source: bytes, offset: int) -> None:
        """Find the region and what is wrong in it already."""
        self._region = self._find_region(parsed, source, offset)
        self._before = self._wrong(self._region.tree, 0)
        if self._own:
            self._own.look_at(self._region, is_broken=bool(self._before))

    @property
    def was_broken(self) -> bool:
        """Whether the place has an error without any text."""
        return bool(self._before) or bool(self._own and self._own.was_broken)

    def is_clean(self, text: str) -> bool:
        """Tell whether no error is there that was not there before, as far as each parser tells."""
        inserted = text.encode("utf-8", "replace")
        known = Counter(_moved(problem, self._region.offset, len(inserted)) for problem in self._before)
        if Counter(self._problems_with(inserted)) - known:
            return False
        if self._own is None:
            return True
        if thread_time() > self._end:
            raise OutOfTime
        return self._own.accepts(inserted)

    def is_no_worse(self, text: str) -> bool:
        """Tell whether there are no more errors than before, though they may be others; none where there was none."""
        inserted = text.encode("utf-8", "replace")
        wrong = self._problems_with(inserted)
        if len(wrong) > len(self._before) or _tolerated(wrong) > _tolerated(self._before):
            return False
        return self._own is None or self._own.was_broken or self._own.accepts(inserted)

    def _problems_with(self, inserted: bytes) -> list[Problem]:
        source, tree, offset = self._region
        edited = tree.copy()
        edit = _insertion(source, offset, inserted)
        edited.edit(*edit)
        return self._wrong(self._parse(source[:offset] + inserted + source[offset:], edited), len(inserted))

    def _wrong(self, tree: Tree, length: int) -> list[Problem]:
        """List what is wrong in a tree with a text of so many bytes at the place."""
        offset = self._region.offset
        return problems(tree) + tolerated(self._language, tree, offset, offset + length)

    def _find_region(self, parsed: Parsed, source: bytes, offset: int) -> Region:
        if len(source) > _WHOLE:
            start, end = around(tree_for(parsed, source).root_node, source, offset)
            if end - start < len(source):
                part = source[start:end]
                return Region(part, self._parse(part, None), offset - start)
        if edit_between(parsed.source, source) is None:
            return Region(source, parsed.tree, offset)
        return Region(source, self._parse(source, tree_for(parsed, source)), offset)

    def _parse(self, source: bytes, old: Tree | None) -> Tree:
        def is_late(_offset: int, _error: bool) -> bool:  # noqa: FBT001 - the parser calls it so
            return thread_time() > self._end

        if thread_time() > self._end:
            raise OutOfTime
        try:
            if old is None:
                return parser(self._language).parse(pieces(source), progress_callback=is_late)
            return parser(self._language).parse(pieces(source), old, progress_callback=is_late)
        except ValueError:
            raise OutOfTime from None


class OwnParser:
    """Python's own parser, on the statements around a place: it also reads indentation, and wants bodies.

    It says nothing of code that it refuses with or without the line of the cursor, such as that of an older Python.
    was_broken: it refuses the place without any text, and not only because a whole statement is missing there.
    """

    def __init__(self) -> None:
        self._part: tuple[bytes, int] | None = None
        self.was_broken = False

    def look_at(self, region: Region, *, is_broken: bool) -> None:
        """Take the statements around the place, and try them as they are and without the cursor's line.

        is_broken: the tree has errors, so nothing tells where its statements end.
        """
        source, tree, offset = region
        start, end = (
            _around_by_indent(source, offset) if is_broken else around(tree.root_node, source, offset, _LEAST_PART)
        )
        if end - start > _OWN_PARSER:
            return
        part, at = source[start:end], offset - start
        self.was_broken = not _parses(part)
        if self.was_broken:
            line, rest = part.rfind(b"\n", 0, at) + 1, part.find(b"\n", at)
            below = b"" if rest < 0 else part[rest:]
            typed = part[line:at]
            blanks = typed[: len(typed) - len(typed.lstrip(b" \t"))]
            takes_statement = _parses(part[:line] + blanks + b"pass" + below)
            if not takes_statement and not _parses(part[:line] + below):
                return
            self.was_broken = not takes_statement or bool(typed.strip())
        self._part = part, at

    def accepts(self, inserted: bytes) -> bool:
        """Tell whether the statements parse with a text in them; True where that cannot be told."""
        if self._part is None:
            return True
        part, at = self._part
        return _parses(part[:at] + inserted + part[at:])


def problems(tree: Tree) -> list[Problem]:
    """List what a parser could not read, and what it had to make up: kind, start and end in bytes."""
    found: list[Problem] = []
    todo = [tree.root_node] if tree.root_node.has_error else []
    while todo:
        node = todo.pop()
        if node.is_missing or node.type == "ERROR":
            found.append((node.type, node.start_byte, node.end_byte))
        todo += [child for child in node.children if child.has_error or child.is_missing]
    return found


def around(root: Node, source: bytes, offset: int, most: int = _WHOLE) -> tuple[int, int]:
    """Give the lines (bytes from, to) of the statements around a place: those at the top of the file.

    Where they are more than `most` bytes, those in the body that holds the place, and so on.
    """
    node, start, end = root, 0, len(source)
    while end - start > most:
        cursor = node.walk()
        line = source.rfind(b"\n", 0, offset) + 1
        if cursor.goto_first_child_for_byte(line) is None and not cursor.goto_last_child():
            break
        here = cursor.node
        if here is None:
            break
        first = here
        while first.prev_sibling is not None and (first == here or first.is_extra):
            first = first.prev_sibling  # a comment says nothing of where a statement begins
        last = here
        while last.next_sibling is not None and last.start_byte <= offset:
            last = last.next_sibling
        new_start = source.rfind(b"\n", 0, first.start_byte) + 1
        new_end = source.find(b"\n", last.end_byte)
        start, end = max(start, new_start), min(end, len(source) if new_end < 0 else new_end + 1)
        inner = _body(here, offset)
        if inner is None:
            break
        node = inner
    return start, end


def _around_by_indent(source: bytes, offset: int) -> tuple[int, int]:
    """Give the lines (bytes from, to) of the definition around a place in broken Python, told by its indentation.

    That of the top of the file; where it is larger than it need be, that in the class that holds the place.
    """
    line = source.rfind(b"\n", 0, offset) + 1
    definitions = [(found.start(), len(found[1])) for found in _DEFINITION.finditer(source)]
    start, end, level = 0, len(source), -1
    while end - start > _LEAST_PART:
        inner = [indent for place, indent in definitions if start <= place < end and indent > level]
        if not inner:
            break
        level = min(inner)
        start = max(
            (place for place, indent in definitions if start <= place < line and indent == level), default=start
        )
        end = min((place for place, indent in definitions if line < place < end and indent <= level), default=end)
    return start, end


def _body(node: Node, offset: int) -> Node | None:
    """Give the body in a statement that holds a place."""
    for _ in range(3):
        body = node.child_by_field_name("body")
        if body is not None:
            return body if body.start_byte <= offset <= body.end_byte else None
        inner = node.child_by_field_name("definition")
        if inner is None:
            return None
        node = inner
    return None


def _parses(part: bytes) -> bool:
    # Lines of a body stand in a body; those of the top do no harm behind one.
    source = b"if 1:\n" + part if part[:1] in {b" ", b"\t"} else part
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except SyntaxError:
        return False
    except (ValueError, RecursionError, MemoryError):
        return True  # a null byte or too deep for it: it does not tell
    return True


def _tolerated(found: list[Problem]) -> int:
    return sum(kind == TOLERATED for kind, _, _ in found)


def _moved(problem: Problem, offset: int, length: int) -> Problem:
    kind, start, end = problem
    return kind, start + length if start >= offset else start, end + length if end > offset else end


def _insertion(source: bytes, offset: int, inserted: bytes) -> Edit:
    place = source.count(b"\n", 0, offset), offset - source.rfind(b"\n", 0, offset) - 1
    lines = inserted.count(b"\n")
    column = len(inserted) - inserted.rfind(b"\n") - 1 if lines else place[1] + len(inserted)
    return Edit(offset, offset, offset + len(inserted), place, place, (place[0] + lines, column))
