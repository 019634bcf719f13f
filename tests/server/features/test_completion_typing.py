"""How often what stands before the document in a prompt changes while a function is written, key by key."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

import assist_server.features.completion
from assist_context.document import Document
from assist_context.index.view import OpenFile, View, open_file
from assist_context.languages import language_of
from assist_context.syntax.incremental import DocumentTree
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import file_syntax, words
from assist_server.backends.base import FillRequest
from assist_server.backends.scripted import ScriptedBackend, ScriptStep
from assist_server.config.settings import CompletionSettings
from assist_server.features.completion.recent import LineEdit, RecentPlaces
from assist_server.features.completion.service import CompletionQuery
from assist_server.features.indexing.surroundings import FolderSurroundings
from support.completion import StillClock, service_on
from support.memory_index import MemoryIndex

PRODUCT = Path(assist_server.features.completion.__file__).parent
RECALL = Path(__file__).parents[2] / "fixtures" / "recall"
SHOP = {
    "prices.ts": """\
export interface Price { amount: number; currency: string; }
export class Discount {
  constructor(readonly percent: number) {}
  apply(price: Price): Price {
    return { ...price, amount: price.amount * (1 - this.percent / 100) };
  }
}
export function formatted(price: Price): string { return `${price.amount} ${price.currency}`; }
""",
    "basket.ts": """\
import { Discount, Price, formatted } from "./prices";

export interface Line { name: string; price: Price; count: number; }

export class Basket {
  private lines: Line[] = [];
  private discounts: Discount[] = [];

  add(line: Line): this {
    this.lines.push(line);
    return this;
  }

  total(currency: string): Price {
    let amount = 0;
    for (const line of this.lines) {
      if (line.price.currency !== currency) {
        throw new Error(`no price in ${currency}`);
      }
      let price = line.price;
      for (const discount of this.discounts) {
        price = discount.apply(price);
      }
      amount += price.amount * line.count;
    }
    return { amount, currency };
  }

  discount(discount: Discount): void {
    this.discounts.push(discount);
  }

  toString(): string {
    return this.lines.map((line) => `${line.name}: ${formatted(line.price)}`).join("\\n");
  }
}
""",
}


def files(folder: Path, end: str) -> Mapping[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob(f"*{end}")}


def longest_function(path: str, text: str) -> tuple[int, int]:
    """Give where a file's longest function begins and ends; in characters."""
    language, source = language_of(path), text.encode()
    symbols = file_syntax(language, source, parse(language, source)).symbols
    functions = (one for one in symbols if one.kind in {"function", "method"})
    longest = max(functions, key=lambda one: one.end - one.start)
    return len(source[: longest.start].decode()), len(source[: longest.end].decode())


def typed(text: str, *, closes: bool) -> Iterator[tuple[str, str]]:
    """Give what is before and what was added behind the cursor after each key, as an editor indents and closes."""
    closers, end = "", 0
    while end < len(text):
        key = text[end]
        end += 1
        while key == "\n" and text[end : end + 1] in {" ", "\t"}:
            end += 1
        if closes and closers.startswith(key):
            closers = closers[1:]
        elif closes and key in "([{":
            closers = ")]}"["([{".index(key)] + closers
        yield text[:end], closers


class Workspace:
    """Files, of which one is written in; its definitions are read anew after a key that is no part of a name."""

    def __init__(self, texts: Mapping[str, str], path: str) -> None:
        self.path, self.language = path, language_of(path)
        self.texts = dict(texts)
        self.backend = ScriptedBackend([ScriptStep("fill", ("",), repeat=True)])
        self.clock = StillClock()
        self.service = service_on(self.backend, CompletionSettings(debounce_ms=0, suffix_tokens=64), self.clock)
        self.places = RecentPlaces()
        self.opened: dict[str, OpenFile] = {}
        self.reads = View(MemoryIndex(self.texts), self.opened)
        self.tree = DocumentTree(self.language, self.texts[path])

    async def key(self, before: str, after: str) -> None:
        """Ask after a key; before, after: the text around the cursor."""
        text = self.texts[self.path] = before + after
        self.tree.change(text)
        self.tree.parse_for(60)
        if not before[-1:].isalnum():
            self._read()
        line, line_was = before.count("\n"), before[:-1].rstrip(" \t").count("\n")
        self.places.edited(self.path, [LineEdit(line_was, line_was, line)])
        self.clock.now += 0.15
        around = FolderSurroundings(
            Path("/shop"),
            self.path,
            self.reads,
            tree=lambda: self.tree.parsed,
            unsaved=self.texts.get,
            is_whole=lambda: True,
            lately=lambda: tuple(self.places.snippets(self.path, line, self.texts.get)),
        )
        document = Document(f"file:///shop/{self.path}", self.path, self.language, text)
        await self.service.complete(CompletionQuery(document, len(before), around=around))

    def beginnings(self) -> list[str]:
        """Give what stands before the document in each prompt."""
        requests = (request for request in self.backend.requests if isinstance(request, FillRequest))
        return [request.prompt.as_string().partition("<|fim_prefix|>")[0] for request in requests]

    def _read(self) -> None:
        parsed = self.tree.parsed
        assert parsed is not None
        syntax = file_syntax(self.language, parsed.source, parsed.tree)
        self.opened[self.path] = open_file(self.path, self.language, syntax, words(parsed.source), len(parsed.source))


@pytest.mark.parametrize("closes", [False, True], ids=["as typed", "brackets closed"])
@pytest.mark.parametrize(
    ("texts", "path"),
    [
        (files(PRODUCT, ".py"), "recent.py"),
        (SHOP, "basket.ts"),
        (files(RECALL, ".go"), "go_truth.go"),
    ],
    ids=["Python", "TypeScript", "Go"],
)
async def test_a_function_that_is_written_in_one_go_changes_the_context_once_at_most(
    texts: Mapping[str, str], path: str, *, closes: bool
) -> None:
    text = texts[path]
    start, end = longest_function(path, text)
    workspace = Workspace(texts, path)
    for written, added in typed(text[start:end], closes=closes):
        await workspace.key(text[:start] + written, added + text[end:])
    beginnings = workspace.beginnings()
    assert len(beginnings) > (end - start) / 4
    assert sum(one != other for one, other in pairwise(beginnings)) <= 1
