"""What is packed comes back, and bytes that were never packed are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.index.columns import (
    pack_imports,
    pack_references,
    pack_symbols,
    unpack_imports,
    unpack_references,
    unpack_symbols,
    unpack_symbols_named,
)
from assist_context.syntax.symbols import REFERENCE_KINDS, Import, References, Symbol

TEXTS = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(0, 2**32 - 1)
SYMBOLS = st.lists(
    st.builds(
        Symbol,
        st.one_of(st.sampled_from(("run", "A", "é")), TEXTS),
        st.sampled_from(("class", "function", "macro")),
        *(NUMBERS,) * 4,
        *(TEXTS,) * 3,
    ),
    max_size=30,
)
IMPORTS = st.lists(st.builds(Import, TEXTS, TEXTS, TEXTS, NUMBERS), max_size=10)
USES = st.lists(st.tuples(st.sampled_from(("run", "é", "")), st.integers(0, len(REFERENCE_KINDS) - 1), NUMBERS))


@given(SYMBOLS)
def test_symbols_come_back(symbols: list[Symbol]) -> None:
    packed = pack_symbols(symbols)
    assert unpack_symbols(packed) == tuple(symbols)
    for name in {"run", "none", *(symbol.name for symbol in symbols)}:
        assert unpack_symbols_named(packed, name) == [symbol for symbol in symbols if symbol.name == name]


@given(IMPORTS)
def test_imports_come_back(imports: list[Import]) -> None:
    assert unpack_imports(pack_imports(imports)) == tuple(imports)


@given(USES)
def test_references_come_back(uses: list[tuple[str, int, int]]) -> None:
    names = [name.encode() for name, _, _ in uses]
    references = References.of(names, bytes([kind for _, kind, _ in uses]), [line for _, _, line in uses])
    assert unpack_references(pack_references(references)) == tuple(references)


def test_a_nul_in_a_text_becomes_a_mark() -> None:
    symbol = Symbol("a\0b", "class", 0, 1, 0, 1, "class \0", "\0", "")
    packed = pack_symbols([symbol, symbol])
    assert unpack_symbols(packed) == (symbol._replace(name="a\ufffdb", signature="class \ufffd", parent="\ufffd"),) * 2
    assert unpack_imports(pack_imports([Import("a\0", "", "", 3)])) == (Import("a\ufffd", "", "", 3),)


@pytest.mark.parametrize("unpack", [unpack_symbols, unpack_references, unpack_imports])
@given(st.binary(min_size=1, max_size=60))
def test_bytes_that_were_never_packed_are_refused_or_read(unpack, packed: bytes) -> None:
    try:
        unpack(packed)
    except (ValueError, IndexError):
        return
