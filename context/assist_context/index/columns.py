"""What is known of a file in compact form: one run of bytes each for its symbols, references and imports.

Texts are joined with a NUL between them; one that has a NUL in it, which no source should, gets a mark in its place.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate, chain
from struct import Struct
from types import MappingProxyType
from typing import cast, get_args

from assist_context.syntax.symbols import Import, Kind, Reference, References, Symbol

_HEAD = Struct("=I")
_KINDS = cast("tuple[Kind, ...]", get_args(Kind))
_KIND_CODES = MappingProxyType({kind: code for code, kind in enumerate(_KINDS)})
_NUMBER = 4  # bytes
_NUMBERS, _TEXTS = 5, 4  # of a symbol


def pack_symbols(symbols: Sequence[Symbol]) -> bytes:
    """Give the bytes that stand for definitions."""
    if not symbols:
        return b""
    names, kinds, starts, ends, lines, last_lines, signatures, parents, docs = zip(*symbols, strict=True)
    text = "\0".join(chain(names, chain.from_iterable(zip(parents, signatures, docs, strict=True))))
    if text.count("\0") >= _TEXTS * len(names):
        return pack_symbols([_without_nul(one) for one in symbols])
    packed = text.encode()
    length = len if len(packed) == len(text) else _bytes_in  # bytes, not characters
    lengths = [
        length(parent) + length(one) + length(doc) for parent, one, doc in zip(parents, signatures, docs, strict=True)
    ]
    # Where the other texts of each definition begin: one can be read without the rest.
    places = accumulate([size + _TEXTS - 1 for size in lengths[:-1]], initial=sum(map(length, names)) + len(names))
    numbers = array("I", chain(starts, ends, lines, last_lines, places))
    kind_codes = bytes([_KIND_CODES[kind] for kind in kinds])
    return b"".join((_HEAD.pack(len(names)), numbers.tobytes(), kind_codes, packed))


def unpack_symbols(packed: bytes) -> tuple[Symbol, ...]:
    """Give back definitions; raise ValueError or IndexError where the bytes are none."""
    if not packed:
        return ()
    count, kinds, numbers, texts = _unpacked(packed, _NUMBERS, _TEXTS)
    starts, ends, lines, last_lines, _ = (numbers[at : at + count] for at in range(0, _NUMBERS * count, count))
    parents, signatures, docs = (texts[count + at :: _TEXTS - 1] for at in range(_TEXTS - 1))
    named = [_KINDS[kind] for kind in kinds]
    return tuple(map(Symbol, texts[:count], named, starts, ends, lines, last_lines, signatures, parents, docs))


def unpack_symbols_named(packed: bytes, name: str) -> list[Symbol]:
    """Give back the definitions of one name, without looking at the others."""
    if not packed:
        return []
    count, of_kinds, of_texts = _places(packed, _NUMBERS, 1)
    (first,) = _HEAD.unpack_from(packed, of_kinds - _NUMBER * count)
    names, wanted, found = packed[of_texts : of_texts + first].split(b"\0", count)[:count], name.encode(), []
    at = -1
    for _ in range(names.count(wanted)):
        at = names.index(wanted, at + 1)
        start, end, line, last_line, place = (
            _HEAD.unpack_from(packed, _HEAD.size + _NUMBER * column)[0] for column in range(at, _NUMBERS * count, count)
        )
        kind = _KINDS[packed[of_kinds + at]]
        begin = of_texts + place
        after = _end_of_text(packed, _end_of_text(packed, _end_of_text(packed, begin) + 1) + 1)
        parent, signature, doc = packed[begin:after].decode().split("\0")
        found.append(Symbol(name, kind, start, end, line, last_line, signature, parent, doc))
    return found


def pack_references(references: References) -> bytes:
    """Give the bytes that stand for references."""
    if not references:
        return b""
    return b"".join((_HEAD.pack(len(references)), references.lines.tobytes(), references.kinds, references.names))


def unpack_references(packed: bytes) -> tuple[Reference, ...]:
    """Give back references; raise ValueError or IndexError where the bytes are none."""
    if not packed:
        return ()
    count, of_kinds, of_names = _places(packed, 1, 1)
    lines = array("I")
    lines.frombytes(packed[_HEAD.size : of_kinds])
    found = tuple(References(packed[of_names:], packed[of_kinds:of_names], lines))
    if len(found) != count or len(lines) != count:
        raise ValueError(count)
    return found


def pack_imports(imports: Sequence[Import]) -> bytes:
    """Give the bytes that stand for imports."""
    if not imports:
        return b""
    sources, names, aliases, lines = zip(*imports, strict=True)
    return _packed(len(sources), b"", lines, sources + names + aliases)


def unpack_imports(packed: bytes) -> tuple[Import, ...]:
    """Give back imports; raise ValueError or IndexError where the bytes are none."""
    if not packed:
        return ()
    count, _, lines, texts = _unpacked(packed, 1, 3, kinds=0)
    return tuple(map(Import, texts[:count], texts[count : 2 * count], texts[2 * count :], lines))


def _packed(count: int, kinds: bytes, numbers: tuple[int, ...], texts: tuple[str, ...]) -> bytes:
    text = "\0".join(texts)
    if text.count("\0") >= len(texts):
        text = "\0".join([one.replace("\0", "\ufffd") for one in texts])
    return b"".join((_HEAD.pack(count), array("I", numbers).tobytes(), kinds, text.encode()))


def _unpacked(packed: bytes, numbers: int, texts: int, *, kinds: int = 1) -> tuple[int, bytes, "array[int]", list[str]]:
    """Part into the count, the kinds, and as many columns of numbers and of texts as are said."""
    count, of_kinds, of_texts = _places(packed, numbers, kinds)
    found, text = array("I"), packed[of_texts:].decode().split("\0")
    found.frombytes(packed[_HEAD.size : of_kinds])
    if len(text) != texts * count:
        raise ValueError(count)
    return count, packed[of_kinds:of_texts], found, text


def _places(packed: bytes, numbers: int, kinds: int) -> tuple[int, int, int]:
    """Give the count, and where the kinds and the texts begin."""
    if len(packed) < _HEAD.size:
        raise ValueError(len(packed))
    (count,) = _HEAD.unpack_from(packed)
    of_kinds = _HEAD.size + _NUMBER * numbers * count
    return count, of_kinds, of_kinds + kinds * count


def _end_of_text(packed: bytes, begin: int) -> int:
    end = packed.find(b"\0", begin)
    return len(packed) if end < 0 else end


def _bytes_in(text: str) -> int:
    return len(text.encode())


def _without_nul(one: Symbol) -> Symbol:
    name, signature, parent, doc = (
        text.replace("\0", "\ufffd") for text in (one.name, one.signature, one.parent, one.doc)
    )
    return one._replace(name=name, signature=signature, parent=parent, doc=doc)
