"""What is chosen beside the text around the cursor, how long it is kept, and what it costs when something fails."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.document import Document
from assist_context.errors import IndexBusy
from assist_context.prompt.tokens import estimate
from assist_context.retrieval.snippet import SOURCES, Snippet
from assist_context.syntax.symbols import Import, Symbol
from assist_server.features.completion.asking import Budget
from assist_server.features.completion.context import Block, ContextBlocks, Limits, Seen, prepare
from support.completion import StillClock
from support.memory_index import MemoryIndex
from support.surroundings import FakeSurroundings, piece, query_in

LONG = "def first():\n    a = 1\n    b = 2\n\n\ndef second():\n" + "    c = 3\n" * 80
IN_FIRST, IN_FIRST_BELOW, IN_SECOND = LONG.index("a = 1"), LONG.index("b = 2"), LONG.index("c = 3")
FAR_BELOW, TOO_FAR_BELOW = IN_SECOND + 32 * len("    c = 3\n"), IN_SECOND + 33 * len("    c = 3\n")
NOT_SEEN = Seen("", 0, 0)
SHOP = """\
=== prices.py
def discounted(amount, percent):
    return amount - amount * percent / 100
=== main.py
from prices import discounted


def total(order):
    return discounted(<|>
"""


def cost(snippets: Iterable[Snippet]) -> int:
    """What pieces take of a prompt: each its path and its lines."""
    return sum(estimate(f"{one.path}\n") + estimate(f"{one.text}\n") for one in snippets)


@dataclass
class Scene:
    """A document in a workspace whose last edits are what the test says. asked: how often somebody asked for them."""

    text: str = LONG
    sources: tuple[str, ...] = ("edits",)
    tokens: int = 1000
    lately: list[Snippet] = field(default_factory=list)
    seen: Seen = NOT_SEEN
    asked: int = 0
    changed: int = 0
    in_pause: bool = False

    def __post_init__(self) -> None:
        self.clock = StillClock()
        self.blocks = ContextBlocks(self.sources, self.clock)
        self.indexes = {path: MemoryIndex({path: self.text}) for path in ("a.py", "b.py")}

    async def at(self, offset: int, path: str = "a.py", *, keeps: bool = True) -> Block:
        document = Document(f"file:///{path}", path, "python", self.text)
        around = FakeSurroundings(self.indexes[path], path, lately=self._recent, changed=self.changed)
        limits = Limits(self.tokens, 1.0, self.in_pause, keeps)
        return await self.blocks.block(document, offset, around, lambda: self.seen, limits)

    async def type(self, place: int, keys: str) -> list[Block]:
        """Write at a place, key by key, and ask after each."""
        blocks = []
        for number, key in enumerate(keys, place):
            self.text = self.text[:number] + key + self.text[number:]
            blocks.append(await self.at(number + 1))
        return blocks

    def _recent(self) -> Iterable[Snippet]:
        self.asked += 1
        return tuple(self.lately)


async def test_stays_as_it_is_within_a_scope() -> None:
    scene = Scene(lately=[piece("apple")])
    first = await scene.at(IN_FIRST)
    scene.lately = [piece("banana")]
    again = await scene.at(IN_FIRST_BELOW)
    assert first.snippets == again.snippets == (piece("apple"),)
    assert (first.is_new, again.is_new, again.notes, scene.asked) == (True, False, ("context: as before",), 1)
    assert first.tokens == again.tokens == cost(first.snippets)


@pytest.mark.parametrize(
    ("start", "end", "grows"),
    [
        (IN_FIRST, IN_SECOND, True),
        (IN_SECOND, FAR_BELOW, False),
        (IN_SECOND, TOO_FAR_BELOW, True),
        (TOO_FAR_BELOW, IN_SECOND, True),
    ],
)
async def test_is_only_appended_to_in_another_scope_and_after_a_jump(start: int, end: int, *, grows: bool) -> None:
    scene = Scene(lately=[piece("apple"), piece("cherry", score=0.5)])
    first = await scene.at(start)
    scene.lately = [piece("banana"), piece("apple")]
    then = await scene.at(end)
    assert [one.path for one in first.snippets] == ["cherry.py", "apple.py"], "the most relevant last"
    assert then.snippets == (*first.snippets, *([piece("banana")] if grows else []))
    assert then.is_new == grows
    assert (await scene.at(end)).snippets == then.snippets


WRITTEN = "\n\ndef third(amount):\n    if amount:\n        return (amount)\n"


async def test_stays_as_it_is_while_somebody_writes_whatever_the_index_says() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    scene.lately = [piece("banana")]
    for place in (LONG.index("\n\n\ndef second"), len(LONG)):
        await scene.at(place)
        before = (await scene.at(place)).snippets
        blocks = await scene.type(place, WRITTEN * 4)
        scene.indexes["a.py"] = MemoryIndex({"a.py": "def broken(:\n" * 9 + scene.text})
        end = place + len(WRITTEN * 4)
        scene.text = scene.text[: end - 3] + scene.text[end:]
        blocks.append(await scene.at(end - 3))
        assert {block.snippets for block in blocks} == {before}
        assert not any(block.is_new for block in blocks)


async def test_brackets_that_an_editor_closes_or_steps_over_are_no_move() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    scene.lately, scene.indexes["a.py"] = [piece("banana")], MemoryIndex({"a.py": "def broken(): 1\n" * 9})
    for before, after in (("{", "}"), ("{\n    ", "\n}"), ("{\n    b(", ")\n}"), ("{\n    b()", "\n}"), ("", "")):
        scene.text = LONG[:IN_FIRST] + before + after + LONG[IN_FIRST:]
        assert (await scene.at(IN_FIRST + len(before))).snippets == (piece("apple"),)


async def test_a_key_in_another_scope_is_a_move_to_it() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    scene.lately = [piece("banana")]
    (block,) = await scene.type(IN_SECOND, "x")
    assert block.snippets == (piece("apple"), piece("banana"))
    scene.lately = [piece("cherry")]
    assert (await scene.at(LONG.index("def second") - 1)).snippets == block.snippets, "nothing else is around it"


@pytest.mark.parametrize("what", ["another file has changed", "a source was late"])
async def test_what_is_out_of_date_is_chosen_anew_in_a_pause_and_not_before(what: str) -> None:
    scene = Scene(lately=[piece("apple")])
    if what == "a source was late":
        scene.lately = Late(scene, [piece("apple"), piece("cherry")])
    first = await scene.at(IN_FIRST)
    assert (first.snippets, first.whole) == ((piece("apple"),), what != "a source was late")
    scene.lately = [piece("banana")]
    scene.changed += what == "another file has changed"
    assert not any(block.is_new for block in await scene.type(IN_FIRST, WRITTEN))
    scene.in_pause = True
    after = await scene.at(IN_FIRST)
    assert (after.snippets, after.is_new) == ((piece("banana"),), True)
    scene.lately = [piece("cherry")]
    assert (await scene.at(IN_FIRST)).snippets == (piece("banana"),), "it is up to date"


class Late(list[Snippet]):
    """Snippets of which the first takes all of the time."""

    def __init__(self, scene: Scene, snippets: Iterable[Snippet]) -> None:
        super().__init__(snippets)
        self._scene = scene

    def __iter__(self) -> Iterator[Snippet]:
        for one in super().__iter__():
            self._scene.clock.now += 2.0
            yield one


async def test_another_scope_that_was_written_is_seen_in_a_pause() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    await scene.at(len(LONG))
    scene.lately = [piece("banana")]
    await scene.type(len(LONG), WRITTEN.rstrip())
    scene.indexes["a.py"] = MemoryIndex({"a.py": scene.text})
    place = len(scene.text)
    assert not (await scene.at(place)).is_new
    scene.in_pause = True
    assert (await scene.at(place)).snippets == (piece("apple"), piece("banana"))
    scene.lately = [piece("cherry")]
    for offset in (place, scene.text.index("def third") - 1):
        assert not (await scene.at(offset)).is_new, "nothing else is around it"


async def test_a_look_at_what_may_come_leaves_it_as_it_is() -> None:
    scene = Scene(lately=[piece("apple")])
    assert (await scene.at(IN_SECOND, keeps=False)).snippets == (piece("apple"),)
    scene.lately = [piece("banana")]
    await scene.at(IN_FIRST)
    scene.lately = [piece("cherry")]
    assert (await scene.at(IN_SECOND, keeps=False)).snippets == (piece("banana"), piece("cherry"))
    assert (await scene.at(IN_FIRST_BELOW)).snippets == (piece("banana"),)


async def test_what_is_found_again_is_not_new() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    assert [(block.snippets, block.is_new) for block in [await scene.at(IN_SECOND)]] == [((piece("apple"),), False)]
    scene.changed, scene.in_pause = 1, True
    assert not (await scene.at(IN_SECOND)).is_new
    scene.tokens += 1
    assert not (await scene.at(IN_SECOND)).is_new


async def test_an_index_that_is_busy_for_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    scene.indexes["a.py"] = Locked({"a.py": LONG})
    monkeypatch.setattr(Locked, "wholly", True)
    block = await scene.at(IN_SECOND)
    assert (block.snippets, block.is_new) == ((piece("apple"),), False)
    assert block.notes == ("context: as before, the index is busy",)


async def test_is_chosen_anew_where_there_is_no_room_left() -> None:
    scene = Scene(lately=[piece("apple")], tokens=cost([piece("apple"), piece("banana")]) - 1)
    await scene.at(IN_FIRST)
    scene.lately = [piece("banana")]
    assert (await scene.at(IN_SECOND)).snippets == (piece("banana"),)
    scene = Scene(lately=[piece("apple")], tokens=cost([piece("apple"), piece("banana")]))
    await scene.at(IN_FIRST)
    scene.lately = [piece("banana")]
    assert (await scene.at(IN_SECOND)).snippets == (piece("apple"), piece("banana"))


async def test_is_chosen_anew_where_a_piece_is_in_sight_by_now() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    scene.lately = [piece("apple"), piece("banana")]
    scene.seen = Seen(piece("apple").text, 1, 4)
    assert (await scene.at(IN_SECOND)).snippets == (piece("banana"),)


async def test_is_chosen_anew_for_another_budget_and_when_it_is_forgotten() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    scene.lately = [piece("banana")]
    scene.tokens += 1
    assert (await scene.at(IN_FIRST)).snippets == (piece("banana"),)
    scene.lately = [piece("cherry")]
    scene.blocks.forget("file:///a.py")
    assert (await scene.at(IN_FIRST)).snippets == (piece("cherry"),)


async def test_each_document_has_its_own() -> None:
    scene = Scene(lately=[piece("apple")])
    await scene.at(IN_FIRST)
    scene.lately = [piece("banana")]
    assert (await scene.at(IN_FIRST, "b.py")).snippets == (piece("banana"),)
    assert (await scene.at(IN_FIRST)).snippets == (piece("apple"),)


async def test_nothing_is_not_kept() -> None:
    scene = Scene()
    none = await scene.at(IN_FIRST)
    assert (none.snippets, none.tokens, none.notes) == ((), 0, ("context: none",))
    scene.lately = [piece("apple")]
    assert (await scene.at(IN_FIRST)).snippets == (piece("apple"),)


async def test_without_sources_room_or_a_workspace_nothing_is_asked() -> None:
    for scene in (Scene(sources=()), Scene(sources=("nonsense",)), Scene(tokens=0)):
        scene.lately = [piece("apple")]
        assert (await scene.at(IN_FIRST), scene.asked) == (Block(), 0)
    document = Document("file:///a.py", "a.py", "python", LONG)
    blocks = ContextBlocks(SOURCES, StillClock())
    assert await blocks.block(document, IN_FIRST, None, lambda: NOT_SEEN, Limits(1000, 1.0)) == Block()


async def test_gives_only_what_the_wanted_sources_have() -> None:
    lately = [piece("apple"), piece("banana", source="views"), piece("cherry", source="open")]
    block = await Scene(lately=lately, sources=("views", "edits")).at(IN_FIRST)
    assert {one.source for one in block.snippets} == {"edits", "views"}
    assert block.notes == (f"context: 2 pieces (edits 1, views 1), about {block.tokens} tokens",)


async def test_a_piece_with_a_secret_is_left_out() -> None:
    secret = replace(piece("apple"), text='token = "ghp_Rk29fJq7LmX0tZb4VwYc8HsPd3NgU6aEeT1o"')
    block = await Scene(lately=[secret, piece("banana")]).at(IN_FIRST)
    assert block.snippets == (piece("banana"),)


class Locked(MemoryIndex):
    """An index that cannot tell imports; nor, if `wholly`, anything of a file."""

    wholly = False

    def imports_of(self, path: str) -> tuple[Import, ...]:
        raise IndexBusy(path)

    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        if self.wholly:
            raise IndexBusy("the index is busy")
        return super().symbols_of(path)


async def block_in(
    text: str,
    *,
    lately: Iterable[Snippet] = (),
    index: type[MemoryIndex] = MemoryIndex,
    clock: StillClock | None = None,
) -> Block:
    """Give the context in a workspace from all sources."""
    query = query_in(text)
    assert isinstance(query.around, FakeSurroundings)
    around = replace(query.around, index=index(query.around.index.texts), lately=lambda: lately)
    blocks = ContextBlocks(SOURCES, clock or StillClock())
    return await blocks.block(query.document, query.offset, around, lambda: NOT_SEEN, Limits(1000, 1.0))


async def test_signatures_of_other_files() -> None:
    block = await block_in(SHOP)
    (found,) = [one for one in block.snippets if one.path == "prices.py"]
    assert (found.source, found.start) == ("imports", 1)
    assert "def discounted(amount, percent)" in found.text
    assert found.reason == "discounted, imported and used here"


async def test_a_source_that_fails_costs_only_itself() -> None:
    block = await block_in(SHOP, lately=[piece("apple")], index=Locked)
    assert piece("apple") in block.snippets
    assert "context: imports failed (IndexBusy)" in block.notes

    def broken() -> Iterator[Snippet]:
        yield piece("apple")
        raise RuntimeError("apple_0")

    block = await block_in(SHOP, lately=broken())
    assert "prices.py" in {one.path for one in block.snippets}
    assert "context: edits failed (RuntimeError)" in block.notes
    assert "apple" not in " ".join(block.notes), "the trace holds no text"


async def test_an_index_that_cannot_be_read_costs_only_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Locked, "wholly", True)
    block = await block_in(SHOP, lately=[piece("apple")], index=Locked)
    assert (block.snippets, block.notes) == ((), ("context: none, the index is busy",))


async def test_a_source_that_is_late_costs_only_what_it_has_not_given_yet() -> None:
    clock = StillClock()

    class Slow(list[Snippet]):
        def __iter__(self) -> Iterator[Snippet]:
            for one in super().__iter__():
                yield one
                clock.now += 2.0

    lately = Slow([piece("apple"), piece("banana"), piece("date"), piece("cherry", source="views")])
    block = await block_in(SHOP, lately=lately, clock=clock)
    paths = {one.path for one in block.snippets}
    assert paths >= {"prices.py", "apple.py", "banana.py"}
    assert not paths & {"date.py", "cherry.py"}
    assert "context: edits was late" in block.notes
    assert "context: views was not asked, it is late" in block.notes


async def test_cancelling_ends_the_source_that_is_asked() -> None:
    begun, given = asyncio.Event(), 0

    def endless() -> Iterator[Snippet]:
        nonlocal given
        while True:
            begun.set()
            given += 1
            yield piece("apple")

    task = asyncio.create_task(block_in(SHOP, lately=endless()))
    await asyncio.wait_for(begun.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    at_the_end = given
    for _ in range(3):
        await asyncio.sleep(0)
    assert given == at_the_end


NAMES = st.sampled_from(["apple", "banana", "cherry", "a/very/long/way/to/a/date", "elder"])
PIECES = st.lists(st.builds(piece, NAMES, lines=st.integers(1, 30), score=st.floats(0, 1)), max_size=8)


@given(tokens=st.integers(1, 600), visits=st.lists(PIECES, min_size=1, max_size=4))
def test_never_takes_more_than_its_budget(tokens: int, visits: list[list[Snippet]]) -> None:
    async def visit() -> None:
        scene = Scene(tokens=tokens)
        for number, lately in enumerate(visits):
            scene.lately = lately
            block = await scene.at((IN_FIRST, IN_SECOND, TOO_FAR_BELOW)[number % 3])
            assert block.tokens == cost(block.snippets) <= tokens

    asyncio.run(visit())


async def test_the_prefix_gets_what_the_context_leaves() -> None:
    budget = Budget(room=4000, prefix=100, suffix=50, context=200, output=32)
    blocks = ContextBlocks(("edits",), StillClock())
    query = query_in(f"=== a.py\n{LONG}<|>")
    assert isinstance(query.around, FakeSurroundings)

    async def prepared(keep: int | None) -> tuple[Budget, int | None, tuple[Snippet, ...], str]:
        found = await prepare(
            query.document, query.offset, query.around, budget=budget, blocks=blocks, keep=keep, limits=Limits(200, 1.0)
        )
        return found.budget, found.beside.keep, found.beside.snippets, found.beside.repository

    assert await prepared(keep=3) == (replace(budget, prefix=300, context=0), 3, (), "shop")
    query.around.lately = lambda: [piece("apple")]
    tokens = cost([piece("apple")])
    left = replace(budget, prefix=300 - tokens, context=tokens)
    assert await prepared(keep=3) == (left, None, (piece("apple"),), "shop"), "what follows is read anew anyway"
    assert await prepared(keep=3) == (left, 3, (piece("apple"),), "shop")


async def test_says_nothing_that_the_prompt_holds_anyway() -> None:
    query = query_in(f"=== a.py\n{piece('apple').text}\n<|>")
    assert isinstance(query.around, FakeSurroundings)
    query.around.lately = lambda: [replace(piece("apple"), path="a.py"), piece("banana")]
    budget = Budget(room=4000, prefix=100, suffix=50, context=200, output=32)
    blocks = ContextBlocks(("outline", "edits"), StillClock())
    found = await prepare(
        query.document, query.offset, query.around, budget=budget, blocks=blocks, keep=None, limits=Limits(200, 1.0)
    )
    assert found.beside.snippets == (piece("banana"),)


SEVERAL = "def first():\n" + "".join(f"    step_{name}()\n" for name in "abcdefghijklmnopqrst")


async def test_what_follows_below_stays_while_it_does_follow() -> None:
    scene = Scene(text=SEVERAL, sources=("below",))
    (first,) = (await scene.at(SEVERAL.index("    step_b"))).snippets
    assert first.text.startswith("    step_c()\n    step_d()")
    typed = await scene.type(SEVERAL.index("    step_b"), "    x = 1\n    y")
    assert {block.snippets for block in typed} == {(first,)}
    assert (await scene.at(scene.text.index("    step_d"))).snippets == (first,)
    (passed,) = (await scene.at(scene.text.index("    step_o"))).snippets
    assert passed.text.startswith("    step_p()")


async def test_what_follows_below_is_read_anew_when_it_was_changed() -> None:
    scene = Scene(text=SEVERAL, sources=("below",))
    place = SEVERAL.index("    step_b")
    (first,) = (await scene.at(place)).snippets
    scene.text = SEVERAL.replace(first.text.rpartition("\n")[2].strip(), "other()")
    (then,) = (await scene.at(place)).snippets
    assert then.text.endswith("other()")
