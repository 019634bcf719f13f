"""The file itself, outside of the text that a prompt holds anyway: imports, what is around, signatures of the rest."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from assist_context.retrieval.resolve.families import FAMILIES
from assist_context.retrieval.snippet import Place, Snippet
from assist_context.retrieval.sources.near import headers, import_lines, indentation, uses, weights
from assist_context.retrieval.sources.signatures import (
    CALLABLES,
    TYPES,
    declared,
    decorated,
    members_of,
    most_useful,
    skeleton,
)
from assist_context.syntax.incremental import Edit, edit_between
from assist_context.syntax.scope import enclosing
from assist_context.syntax.symbols import FileSyntax, Symbol, file_syntax

_NEAR = 30  # lines before the cursor whose names count as near
_LARGEST = 150_000  # bytes of a file that is read here; 8 ms
_MEMBERS, _FEW_MEMBERS, _OTHERS, _IMPORTS = 16, 8, 30, 12
_AROUND, _MEMBER, _USED, _IMPORTED, _OTHER, _OTHER_IMPORTS = 1.0, 0.8, 0.9, 0.7, 0.25, 0.15
_OTHER_MEMBERS = 0.4
_BY_MEMBER = 0.5  # of a type of which only a member is named

Window = tuple[int, int]


class _File(NamedTuple):
    """A file as it is now. near: how near each name is used, see `weights`; members: those after a dot alone."""

    place: Place
    window: Window
    lines: list[str]
    symbols: Sequence[Symbol]
    around: Sequence[Symbol]
    near: Mapping[str, float]
    members: Mapping[str, float]

    def hides(self, line: int) -> bool:
        """Tell whether a line, from 0, is in the prompt anyway."""
        return self.window[0] <= line + 1 <= self.window[1]


def outline(place: Place, window: Window) -> tuple[Snippet, ...]:
    """Give what the file of a place has outside of a window, from its tree; () without one, or for a huge file.

    window: the first and the last line that the prompt holds anyway, from 1.
    """
    if place.parsed is None or len(place.parsed.source) > _LARGEST:
        return ()
    source = place.parsed.source
    read = file_syntax(place.language, source, place.parsed.tree)
    edit = edit_between(source, place.text.encode("utf-8", "replace"))
    return outline_of(place, window, read if edit is None else _moved(read, edit))


def outline_of(place: Place, window: Window, syntax: FileSyntax) -> tuple[Snippet, ...]:
    """Give the same from what is known of exactly the text of a place."""
    lines = place.text.split("\n")
    around = _around(place, lines, syntax.symbols)
    near = uses(place, _NEAR, syntax.imports)
    members = weights(use._replace(names=use.names[1:]) for use in near)
    file = _File(place, window, lines, syntax.symbols, around, weights(near), members)
    return (*_imports(file, syntax), *_headers(file), *_definitions(file))


def _imports(file: _File, syntax: FileSyntax) -> Iterator[Snippet]:
    """Give the imports that bind names which are used near, then some of the others, each as one piece."""
    family = FAMILIES.get(file.place.language)
    near: list[tuple[int, int]] = []
    other: list[tuple[int, int]] = []
    elsewhere = [one for one in file.symbols if one.kind in CALLABLES and one not in file.around]
    for first, last in import_lines(file.lines, syntax.imports):
        if file.hides(first) or file.hides(last) or any(one.line <= first <= one.last_line for one in elsewhere):
            continue
        bound = [b for one in syntax.imports if family and first <= one.line <= last for b in family.bindings(one)]
        used = any(one.name.partition(".")[0] in file.near for one in bound)
        (near if used else other).append((first, last))
    for found, score, reason in (
        (near, _IMPORTED, "imports of what is used here"),
        (other[:_IMPORTS], _OTHER_IMPORTS, "other imports of this file"),
    ):
        if found:
            text = "\n".join("\n".join(file.lines[first : last + 1]) for first, last in found)
            yield _snippet(file, (found[0][0], found[-1][1]), text, score, reason)


def _headers(file: _File) -> Iterator[Snippet]:
    """Give the headers of the functions around the cursor, and of the type around it what is used and what is not."""
    for function in file.around:
        if function.kind in CALLABLES and not file.hides(function.line):
            text = declared(file.place.language, function)
            yield _snippet(file, _span((function,)), text, _AROUND, f"{function.name}, around the cursor")
    owner = _owner(file)
    if owner is None:
        return
    members = [one for one in members_of(file.symbols, owner) if not file.hides(one.line) and one not in file.around]
    used = [one for one in members if one.name in file.near]
    others = [one for one in members if one.name not in file.near]
    headed = not file.hides(owner.line)
    if used or headed:
        yield _members(file, owner, used[:_MEMBERS], _MEMBER, headed=headed)
    if others:
        yield _members(file, owner, most_useful(others, (), _MEMBERS), _OTHER_MEMBERS, headed=False)


def _members(file: _File, owner: Symbol, members: Sequence[Symbol], score: float, *, headed: bool) -> Snippet:
    shown = decorated(file.place.language, members, file.lines)
    text = skeleton(file.place.language, _decorated(file, owner), shown, headed=headed)
    return _snippet(file, _span(members or (owner,)), text, score, f"what {owner.name} has, around the cursor")


def _definitions(file: _File) -> Iterator[Snippet]:
    """Give what else stands at the top: types whose names or members are used near, functions, then all the rest."""
    language = file.place.language
    modules = {one.name for one in file.symbols if one.kind == "module"}
    owner = _owner(file)
    used: list[tuple[Symbol, float]] = []
    rest: list[Symbol] = []
    inside: dict[str, list[Symbol]] = {}
    for one in file.symbols:
        if one.parent:
            inside.setdefault(one.parent, []).append(one)
    for one in file.symbols:
        is_top = not one.parent or modules.issuperset(one.parent.split("."))
        if not is_top or one.kind == "module" or one in file.around or one is owner or file.hides(one.line):
            continue
        path = f"{one.parent}.{one.name}" if one.parent else one.name
        members = inside.get(path, ()) if one.kind in TYPES else ()
        by_member = max((file.members.get(member.name, 0.0) for member in members), default=0.0)
        nearness = max(file.near.get(one.name, 0.0), _BY_MEMBER * by_member)
        if not nearness:
            rest.append(one)
        elif one.kind in TYPES:
            shown = most_useful([m for m in members if not file.hides(m.line)], file.near, _FEW_MEMBERS)
            text = skeleton(language, _decorated(file, one), decorated(language, shown, file.lines))
            yield _snippet(file, _span((one, *shown)), text, _USED * nearness, f"{one.name}, used here")
        else:
            used.append((one, nearness))
    if used:
        nearness = max(weight for _, weight in used)
        reason = f"{', '.join(one.name for one, _ in used[:3])}, used here"
        yield _declarations(file, [one for one, _ in used], _USED * nearness, reason)
    if rest:
        at = file.place.text.count("\n", 0, file.place.offset)
        closest = sorted(rest, key=lambda one: (abs(one.line - at), one.start))[:_OTHERS]
        yield _declarations(file, sorted(closest, key=_start), _OTHER, "other definitions of this file")


def _decorated(file: _File, one: Symbol) -> Symbol:
    return decorated(file.place.language, (one,), file.lines)[0]


def _declarations(file: _File, symbols: Sequence[Symbol], score: float, reason: str) -> Snippet:
    shown = decorated(file.place.language, symbols, file.lines)
    text = "\n".join(dict.fromkeys(declared(file.place.language, one) for one in shown))
    return _snippet(file, _span(symbols), text, score, reason)


def _owner(file: _File) -> Symbol | None:
    """Give the innermost type around the cursor, or the type of a method that stands outside of it."""
    for one in reversed(file.around):
        if one.kind in TYPES:
            return one
        if one.kind == "method" and one.parent:
            name = one.parent.rpartition(".")[2]
            found = [other for other in file.symbols if other.name == name and other.kind in TYPES]
            if found:
                return found[0]
    return None


def _around(place: Place, lines: Sequence[str], symbols: Sequence[Symbol]) -> tuple[Symbol, ...]:
    """Give the definitions around a place, outermost first: by their ends, and by indentation where they are behind.

    The body of a function of Python, or what a broken text leaves of one, ends before the empty line below it.
    """
    offset = len(place.text[: place.offset].encode("utf-8", "replace"))
    inside = enclosing(symbols, offset)
    above = headers(place)
    at = place.text.count("\n", 0, place.offset)
    more = [
        one
        for one in symbols
        if one.kind in TYPES | CALLABLES
        and one not in inside
        and one.start <= offset
        and any(one.line <= line <= one.last_line and _level(lines, one.line) == _level(lines, line) for line in above)
    ]
    found = [one for one in (*inside, *more) if one.kind in TYPES | CALLABLES and one.line <= at]
    return tuple(sorted(found, key=_start))


def _level(lines: Sequence[str], line: int) -> int:
    return indentation(lines[line]) if line < len(lines) else -1


def _start(one: Symbol) -> int:
    return one.start


def _span(symbols: Collection[Symbol]) -> tuple[int, int]:
    return min(one.line for one in symbols), max(one.line for one in symbols)


def _snippet(file: _File, span: tuple[int, int], text: str, score: float, reason: str) -> Snippet:
    return Snippet(file.place.path, span[0] + 1, span[1] + 1, text, "outline", score, reason)


def _moved(syntax: FileSyntax, edit: Edit) -> FileSyntax:
    """Give what was read of a text as it stands in one with an edit; what was changed is as it was before."""
    bytes_more = edit.new_end - edit.old_end
    lines_more = edit.new_end_place[0] - edit.old_end_place[0]

    def line(number: int) -> int:
        return number + lines_more if number > edit.old_end_place[0] else number

    def offset(byte: int) -> int:
        return byte + bytes_more if byte >= edit.old_end else byte

    symbols = tuple(
        one._replace(
            start=offset(one.start), end=offset(one.end), line=line(one.line), last_line=max(line(one.last_line), 0)
        )
        for one in syntax.symbols
    )
    imports = tuple(one._replace(line=line(one.line)) for one in syntax.imports)
    return syntax._replace(symbols=symbols, imports=imports)
