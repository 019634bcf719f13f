"""Typing what a real server process has suggested, as editors tell of it: one model call, whatever they send."""

import pytest

from support.script import HOLD, fill

URI, OTHER = "file:///work/add.py", "file:///work/other.py"
BEFORE, AFTER = "def add(a, b):\n    return ", "\n"
OFFER = "foo(a, 'b c')\n    # two\n    more()"
ONE = {"ASSIST_COMPLETION_ALTERNATIVES": "1", "ASSIST_COMPLETION_LOOK_AHEAD": "false"}
STATUS = {"experimental": {"assist": {"status": True}}, "general": {"positionEncodings": ["utf-16"]}}


class Typist:
    """An editor in which somebody types; end: how its lines end."""

    def __init__(self, client, end):
        self.client, self.end, self.version = client, end, 1
        self.before, self.after = BEFORE.replace("\n", end), AFTER.replace("\n", end)
        client.open(URI, self.before + self.after)

    def place(self):
        lines = self.before.split(self.end)
        return {"line": len(lines) - 1, "character": len(lines[-1])}

    def edit(self, *, delete=0, insert="", behind=""):
        """Make one change: delete before the cursor, insert there, add behind it."""
        end = self.place()
        self.before = self.before[: len(self.before) - delete]
        start = self.place()
        insert = insert.replace("\n", self.end)
        self.before, self.after = self.before + insert, behind + self.after
        return {"range": {"start": start, "end": end}, "text": insert + behind}

    async def shown(self, *changes):
        """Send changes in one notification, ask, and give what is shown."""
        if changes:
            self.version += 1
            self.client.change(URI, self.version, *changes)
        place = self.place()
        items = await self.client.inline(URI, place["line"], place["character"], invoked=False)
        return [item["insertText"] for item in items]


@pytest.fixture(params=["\n", "\r\n"])
async def typist(start, request):
    client, script = await start(fill(OFFER), fill("no", repeat=True), env=ONE)
    await client.initialize()
    typist = Typist(client, request.param)
    where = typist.place()
    (item,) = await client.inline(URI, where["line"], where["character"])
    assert item["insertText"] == OFFER
    yield typist
    await client.leave()
    assert len([event for event in script.events if "text" in event]) == 1


async def test_each_key_of_a_suggestion(typist):
    for place, key in enumerate(OFFER[:-1], 1):
        assert await typist.shown(typist.edit(insert=key)) == [OFFER[place:]]


async def test_backspace_and_typing_on(typist):
    for typed in ("f", "o", "o", "("):
        await typist.shown(typist.edit(insert=typed))
    for left in (3, 2, 1, 0):
        assert await typist.shown(typist.edit(delete=1)) == [OFFER[left:]]
    for place, key in enumerate("foo(a", 1):
        assert await typist.shown(typist.edit(insert=key)) == [OFFER[place:]]
    assert await typist.shown(typist.edit(delete=4)) == [OFFER[1:]], "a word at once"
    assert await typist.shown(typist.edit(insert="oo(a, 'b c')\n    ")) == [OFFER[18:]], "several at once"
    assert await typist.shown(typist.edit(delete=4 + len(typist.end)), typist.edit(insert="\n")) == [OFFER[14:]]
    assert await typist.shown(typist.edit(insert="xy"), typist.edit(delete=2)) == [OFFER[14:]]


async def test_brackets_and_quotes_that_the_editor_closes(typist):
    assert await typist.shown(typist.edit(insert="foo(", behind=")")) == ["a, 'b c'"]
    assert await typist.shown(typist.edit(insert="a, '", behind="'")) == ["b c"]
    assert await typist.shown(typist.edit(insert="b")) == [" c"]


async def test_indentation_that_the_editor_gives_to_a_new_line(typist):
    assert await typist.shown(typist.edit(insert="foo(a, 'b c')\n    ")) == ["# two\n    more()"]
    assert await typist.shown(typist.edit(insert="# two  \n  ")) == ["  more()"]


async def test_what_needs_no_model_is_not_busy(start):
    client, _ = await start(fill("foo(a)"), env=ONE)
    await client.initialize(capabilities=STATUS)
    typist = Typist(client, "\n")
    assert await typist.shown() == ["foo(a)"]
    assert [status["state"] for status in client.taken("assist/status")] == ["idle", "busy", "idle"]
    for key in "foo(a":
        await typist.shown(typist.edit(insert=key))
    await typist.shown(typist.edit(insert="xyz"), typist.edit(delete=3))
    assert client.taken("assist/status") == []


async def test_asking_by_hand_does_not_wait_for_what_is_suggested_elsewhere(start):
    client, script = await start(fill("a", HOLD), fill("a + b"), env=ONE)
    await client.initialize()
    for uri in (URI, OTHER):
        client.open(uri, BEFORE)
    _, automatic = client.ask_inline(URI, 1, 11, invoked=False)
    await script.event(on="fill", model="scripted")
    (item,) = await client.inline(OTHER, 1, 11)
    assert item["insertText"] == "a + b"
    assert (await client.within(automatic))["items"] == []
    await script.event(on="fill", ended="closed")
