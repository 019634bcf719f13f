"""`workspace/symbol` and `textDocument/documentSymbol`, for those who have no language server of their language."""

import logging
from collections.abc import Iterable, Sequence

from lsprotocol import types

from assist_context.errors import IndexUnusable
from assist_context.retrieval.names import find_symbols
from assist_context.syntax.symbols import Kind, Symbol
from assist_server.lsp.convert import symbol_ranges
from assist_server.lsp.lifecycle import Session

logger = logging.getLogger(__name__)

_MOST = 200
_KINDS: dict[Kind, types.SymbolKind] = {
    "class": types.SymbolKind.Class,
    "interface": types.SymbolKind.Interface,
    "enum": types.SymbolKind.Enum,
    "type": types.SymbolKind.Struct,
    "module": types.SymbolKind.Module,
    "function": types.SymbolKind.Function,
    "method": types.SymbolKind.Method,
    "field": types.SymbolKind.Field,
    "constant": types.SymbolKind.Constant,
    "variable": types.SymbolKind.Variable,
    "macro": types.SymbolKind.Constant,
}


async def workspace_symbol(session: Session, params: types.WorkspaceSymbolParams) -> list[types.SymbolInformation]:
    """Find definitions in all workspace folders, those that answer the query best first."""
    found: list[tuple[int, types.SymbolInformation]] = []
    for folder in session.index.folders() if session.serves_symbols else ():
        try:
            ranked = find_symbols(folder.reads, params.query, _MOST)
        except IndexUnusable as error:
            logger.info("an index cannot be searched: %s", type(error).__name__)
            continue
        for one in ranked:
            symbol = one.definition.symbol
            place = types.Range(types.Position(symbol.line, 0), types.Position(symbol.last_line, 0))
            found.append((one.rank, _information(symbol, types.Location(folder.uri_of(one.definition.path), place))))
    found.sort(key=lambda ranked: ranked[0])
    return [information for _, information in found[:_MOST]]


async def document_symbol(
    session: Session, params: types.DocumentSymbolParams
) -> list[types.DocumentSymbol] | list[types.SymbolInformation] | None:
    """Give the definitions of an open document: nested where the client can show that, else one after the other."""
    uri = params.text_document.uri
    document = session.documents.snapshot(uri) if session.serves_symbols else None
    found = await session.index.syntax(document) if document is not None else None
    if found is None:
        return None
    document, syntax = found  # it may have changed meanwhile
    ranges = symbol_ranges(document.text, syntax.symbols, session.documents.encoding)
    if session.protocol.supports("textDocument", "documentSymbol", "hierarchicalDocumentSymbolSupport"):
        return nested(syntax.symbols, ranges)
    pairs = zip(syntax.symbols, ranges, strict=True)
    return [_information(symbol, types.Location(uri, place)) for symbol, place in pairs]


def nested(symbols: Sequence[Symbol], ranges: Iterable[types.Range]) -> list[types.DocumentSymbol]:
    """Put each definition into the one that it stands in."""
    top: list[types.DocumentSymbol] = []
    around: list[tuple[int, list[types.DocumentSymbol]]] = []
    for symbol, place in zip(symbols, ranges, strict=True):
        while around and around[-1][0] < symbol.end:
            around.pop()
        children: list[types.DocumentSymbol] = []
        here = types.DocumentSymbol(
            name=symbol.name,
            kind=_KINDS[symbol.kind],
            range=place,
            selection_range=types.Range(place.start, place.start),
            detail=symbol.signature,
            children=children,
        )
        (around[-1][1] if around else top).append(here)
        around.append((symbol.end, children))
    return top


def _information(symbol: Symbol, location: types.Location) -> types.SymbolInformation:
    return types.SymbolInformation(
        location=location, name=symbol.name, kind=_KINDS[symbol.kind], container_name=symbol.parent or None
    )
