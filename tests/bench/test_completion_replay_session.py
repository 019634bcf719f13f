"""Functions are typed as an editor does it: what is right is accepted or typed through, what is late is cancelled."""

import asyncio

import pytest
from completion_arms import Arm
from completion_replay_session import Editor, Pass
from completion_replay_tasks import Replay, Typed, View

BEFORE, AFTER = "import math\n\n\n", "\n\n\nprint(area(2))\n"
FUNCTION = "def area(radius):\n    square = radius**2\n    return math.pi * square"
HELPER = Typed("helper.py", "python", "\n", 0, "def helper():\n    return 1")


class Client:
    """A server that knows the function; `late` keys get no answer until they are cancelled."""

    def __init__(self, *, lines=1, late=()):
        self.texts, self.sent, self.lines, self.late = {}, [], lines, late

    def open(self, uri, text, *, language):
        self.texts[uri] = text

    def change(self, uri, version, change):
        at = change["range"]["start"]
        assert change["range"]["end"] == at
        lines = self.texts[uri].split("\n")
        line = lines[at["line"]]
        assert at["character"] <= len(line)
        lines[at["line"]] = line[: at["character"]] + change["text"] + line[at["character"] :]
        self.texts[uri] = "\n".join(lines)
        self.sent.append(change["text"])

    def ask_inline(self, uri, line, character, *, invoked):
        future = asyncio.get_running_loop().create_future()
        number = len(self.sent)
        self.waiting = future
        if number not in self.late:
            future.set_result({"items": [self._item(uri, line, character)]})
        return number, future

    def cancel(self, number):
        self.waiting.set_result({"items": []})

    async def command(self, name, *arguments):
        self.sent.append((name, *arguments))

    def _item(self, uri, line, character):
        lines = self.texts[uri].split("\n")
        typed = "\n".join([*lines[:line], lines[line][:character]])
        rest = FUNCTION.removeprefix(typed.removeprefix(BEFORE)) if typed.startswith(BEFORE) else "x"
        shown = "\n".join(rest.split("\n")[: self.lines])
        return {"insertText": shown, "command": {"command": "took", "arguments": [{"offer": 1}]}}


def replay(**more):
    function = Typed("shapes.py", "python", BEFORE + AFTER, len(BEFORE), FUNCTION)
    return Replay("shapes", "repo", "Python", "tune", "alone", function, **more)


async def type_it(client, tmp_path, way, **more):
    return await Editor(client, Arm("other", ()), tmp_path).replay(replay(**more), way)


@pytest.mark.parametrize("lines", [1, 2])
async def test_what_is_right_is_accepted_and_typing_goes_on_behind_it(tmp_path, lines):
    client = Client(lines=lines)
    typing = await type_it(client, tmp_path, Pass("accept", 0, 100))
    assert client.texts[(tmp_path / "shapes.py").as_uri()] == BEFORE + FUNCTION + AFTER
    assert typing.characters == len(FUNCTION)
    assert typing.keys < 8
    assert ("took", {"offer": 1}) in client.sent
    assert all(each.whole for each in typing.asked if each.right)


async def test_what_is_right_is_typed_through(tmp_path):
    client = Client()
    typing = await type_it(client, tmp_path, Pass("type-through", 0, 100))
    assert "".join(client.sent) == FUNCTION
    assert typing.keys == len(FUNCTION) - 2 * 4
    assert sum(each.right > 0 for each in typing.asked) == typing.keys - 3  # nothing is left at the ends of lines


async def test_a_late_answer_is_cancelled_by_the_next_key(tmp_path):
    typing = await type_it(Client(late=(2,)), tmp_path, Pass("type-through", 0.01, 4))
    cancelled = [each.cancelled is not None for each in typing.asked]
    assert cancelled == [False, True, False, False]
    assert [each.in_time for each in typing.asked] == [True, False, True, True]
    assert all(each.answered is not None for each in typing.asked)


async def test_what_was_done_before_is_no_part_of_the_measure(tmp_path):
    (tmp_path / "seen.py").write_text("helper()\n")
    client = Client()
    way = Pass("type-through", 0, 3)
    typing = await type_it(client, tmp_path, way, before=HELPER, view=View("seen.py", "python", 0))
    assert client.texts[(tmp_path / "helper.py").as_uri()] == HELPER.whole
    assert len(typing.asked) == typing.keys == 3
    assert client.sent[-3:] == list("def")
