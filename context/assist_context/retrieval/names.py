"""Definitions by their names: exactly, by a beginning, by an abbreviation, by a part, and in spite of a slip."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from posixpath import dirname

from assist_context.index.records import Definition, Reads
from assist_context.index.segments import definition_term, member_term
from assist_context.index.view import pieces
from assist_context.retrieval.resolve.project import MOST
from assist_context.syntax.symbols import Symbol

_CANDIDATES = 200  # names looked at for one way of finding them, and files for the members of something
_ABBREVIATED = 600  # names of the same first letters among which an abbreviation is looked for
_LEAST_LIKE = 0.4  # of the pieces of two names together, how many both must have
_SEPARATOR = re.compile(r"::|[.#/]")
_WORD_STARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z_]+")
_SPREAD = frozenset({"go", "rust", "c", "cpp", "csharp", "swift", "ruby", "kotlin"})
"""Languages in which the members of one type may stand in several files."""
_ONE_FOLDER = frozenset({"go"})


@dataclass(frozen=True, slots=True)
class Found:
    """A definition that answers a query; rank: how well, 0 is best."""

    definition: Definition
    rank: int


def find_definitions(reads: Reads, name: str, limit: int = 50) -> tuple[Definition, ...]:
    """Give the definitions of exactly a name; `Type.member` and `Type::member` narrow by what is around it."""
    around, last = _split(name)
    if not around:
        return reads.definitions(last, limit)
    files = {*reads.paths_with(member_term(around[-1]), MOST)}.intersection(
        reads.paths_with(definition_term(last), MOST)
    )
    return tuple(one for one in _within(reads, files, around) if one.symbol.name == last)[:limit]


def find_symbols(reads: Reads, query: str, limit: int = 100) -> tuple[Found, ...]:
    """Give the definitions that a person may mean by a query, the best first.

    A query is a name, its beginning, beginnings of its words (`WorkInd`), a part of it, or it has a slip in it; a name
    before a dot must be around the definition. Beginnings of words are looked for among some hundred names, the
    shortest that start with the first letter of the query, or with its first two where it has four and more.
    """
    around, last = _split(query.strip())
    if not last:
        return ()
    if around:
        inside = _within(reads, reads.paths_with(member_term(around[-1]), _CANDIDATES), around)
        fitting = [Found(one, rank) for one in inside if (rank := _rank(one.symbol.name, last)) >= 0]
        return tuple(sorted(fitting, key=lambda one: (one.rank, len(one.definition.symbol.name))))[:limit]
    ranked = sorted((rank, len(name), name) for name in _candidates(reads, last) if (rank := _rank(name, last)) >= 0)
    found: list[Found] = []
    for rank, _, name in ranked:
        if len(found) >= limit:
            break
        found += [Found(definition, rank) for definition in reads.definitions(name, limit)]
    return tuple(found[:limit])


def members(reads: Reads, owner: Definition, limit: int = 500) -> tuple[Definition, ...]:
    """Give what a class, module or other definition has in it, also in other files where the language allows that."""
    record = reads.file(owner.path)
    language = record.language if record else ""
    name = owner.symbol.name
    path = f"{owner.symbol.parent}.{name}" if owner.symbol.parent else name
    own = [Definition(owner.path, symbol) for symbol in reads.symbols_of(owner.path) if symbol.parent in {path, name}]
    if language not in _SPREAD:
        return tuple(own[:limit])
    for other in reads.paths_with(member_term(name), _CANDIDATES):
        if other != owner.path and (language not in _ONE_FOLDER or dirname(other) == dirname(owner.path)):
            here = (symbol for symbol in reads.symbols_of(other) if symbol.parent in {path, name})
            own += [Definition(other, symbol) for symbol in here]
    return tuple(own[:limit])


def _within(reads: Reads, files: Iterable[str], around: tuple[str, ...]) -> Iterable[Definition]:
    """Give what is directly within something in some files, by paths and lines."""
    for path in sorted(files):
        yield from (Definition(path, symbol) for symbol in reads.symbols_of(path) if _is_within(symbol, around))


def _candidates(reads: Reads, query: str) -> Iterable[str]:
    found = set(reads.names_starting(query, _CANDIDATES))
    found.update(reads.names_starting(query[: 1 if len(query) < 4 else 2], _ABBREVIATED))
    if len(query) >= 3:
        found.update(reads.names_containing(query, _CANDIDATES))
        found.update(reads.names_like(query, _CANDIDATES))
    return found


def _rank(name: str, query: str) -> int:
    """Tell how well a name answers a query, 0 is best; -1 where it does not."""
    folded, wanted = name.casefold(), query.casefold()
    ways = (
        name == query,
        folded == wanted,
        folded.startswith(wanted),
        _abbreviates(wanted, name),
        any(word.startswith(wanted) for word in _tails(name)),
        len(wanted) > 2 and wanted in folded,
        _is_like(folded, wanted),
    )
    return next((rank for rank, fits in enumerate(ways) if fits), -1)


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD_STARTS.findall(name)]


def _tails(name: str) -> Iterable[str]:
    words = _words(name)
    return ("".join(words[start:]) for start in range(1, len(words)))


def _abbreviates(query: str, name: str) -> bool:
    """Tell whether a query consists of beginnings of the words of a name, in their order and from the first word on."""
    words = _words(name)
    query = query.replace("_", "")

    def fits(left: str, word: int) -> bool:
        if not left:
            return True
        if word == len(words):
            return False
        text = words[word]
        longest = next((n for n in range(min(len(text), len(left)), 0, -1) if text.startswith(left[:n])), 0)
        return any(fits(left[n:], word + 1) for n in range(longest, 0, -1)) or (word > 0 and fits(left, word + 1))

    return fits(query, 0)


def _is_like(name: str, query: str) -> bool:
    ours, theirs = pieces(name), pieces(query)
    return bool(ours | theirs) and len(ours & theirs) / len(ours | theirs) >= _LEAST_LIKE


def _split(query: str) -> tuple[tuple[str, ...], str]:
    """Part `Type.member` into what is around and the last name."""
    *around, last = _SEPARATOR.split(query)
    return tuple(part.casefold() for part in around if part), last


def _is_within(symbol: Symbol, around: tuple[str, ...]) -> bool:
    return tuple(symbol.parent.casefold().split(".")[-len(around) :]) == around
