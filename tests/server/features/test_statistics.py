"""What is counted of completions, and that nothing else gets into the file."""

import json
import stat

import pytest

from assist_server.backends.base import Usage
from assist_server.features.completion.service import Completion, CompletionItem, Milliseconds
from assist_server.features.statistics import COUNTED, KEPT_SECONDS, Key, Statistics, Tally, by_model, model_name
from assist_server.features.statistics_file import StatisticsFile
from support.completion import StillClock

URI = "file:///home/someone/secret_project/a.py"
DAY = "2025-01-31"
KEY = Key(DAY, "python", "qwen")
USAGE = Usage(prompt=100, generated=7, cached=90)


def answer(*texts, usage=USAGE, model="qwen", total=200.0):
    items = tuple(CompletionItem(text) for text in texts)
    return Completion(items, model, "fake", usage, Milliseconds(1, 2, total), (), None if items else "nothing")


class Typing:
    """One document, what is typed in it, and what is counted."""

    def __init__(self, text=""):
        self.text, self.version = text, 1
        self.clock = StillClock()
        self.statistics = Statistics(self.clock, lambda: DAY)
        self.statistics.answered("python", answer())  # something else was asked before
        self.statistics.take()

    def offer(self, *texts, at=None, trigger="automatic", usage=USAGE):
        offset = len(self.text) if at is None else at
        completion = answer(*texts, usage=usage)
        self.statistics.answered("python", completion)
        place = {"at": (self.version, offset), "place": (offset, offset), "texts": texts}
        return self.statistics.offered(completion, trigger, uri=URI, language="python", **place)

    def change(self, start, end, new):
        self.text = self.text[:start] + new + self.text[end:]
        self.version += 1
        self.statistics.changed(URI, start, end, len(new))

    def type(self, new):
        self.change(len(self.text), len(self.text), new)

    async def later(self, accepted):
        await self.statistics.look_later(accepted, lambda _: self.text)
        return self.counts()["kept"]

    def counts(self):
        taken = self.statistics.take()
        assert set(taken) <= {KEY}
        return taken[KEY].counts


def test_an_answer_counts_its_tokens_and_its_time():
    statistics = Statistics(StillClock(), lambda: DAY)
    for total in (100.0, 100.0, 100.0, 1000.0, 0.0):
        statistics.answered("python", answer("x", total=total))
    statistics.answered("python", answer("x", usage=None, total=9999.0))
    tally = statistics.take()[KEY]
    assert statistics.is_empty
    assert tally.counts == {
        "answers": 6,
        "model_calls": 5,
        "prompt_tokens": 500,
        "cached_tokens": 450,
        "generated_tokens": 35,
    }
    assert tally.percentile(0.5) == pytest.approx(100, rel=0.1)
    assert tally.percentile(0.95) == pytest.approx(1000, rel=0.1)
    assert tally.percentile(0.01) == 1
    assert Tally().percentile(0.5) is None


def test_what_is_shown_and_what_is_offered():
    typing = Typing("x = ")
    typing.offer("print(1)")
    typing.type("pri")
    typing.offer("nt(1)", usage=None)
    typing.change(6, 7, "")
    typing.offer("int(1)", usage=None)
    typing.offer("input()", trigger="invoked")
    counts = typing.counts()
    assert {name: counts[name] for name in ("shown", "shown_invoked", "shown_without_model", "offered")} == {
        "shown": 4,
        "shown_invoked": 1,
        "shown_without_model": 2,
        "offered": 2,
    }


def test_a_rest_behind_a_line_ending_or_a_closed_bracket_is_no_new_offer():
    typing = Typing("x = ")
    typing.offer("[\n    f(1),\n]")
    typing.type("[\r\n    f(")
    typing.offer("1),\n]", usage=None)
    typing.type("1")
    typing.offer(")", usage=None)
    typing.offer("2", usage=None)
    counts = typing.counts()
    assert (counts["shown"], counts["offered"]) == (4, 2)


def test_ghost_text_and_list_of_one_keystroke_are_shown_once():
    typing = Typing("x = ")
    typing.offer("1")
    typing.offer("1")
    counts = typing.counts()
    assert (counts["shown"], counts["offered"]) == (1, 1)


async def test_what_is_still_there_half_a_minute_later_is_kept():
    typing = Typing("x = ")
    offer = typing.offer("print(1)")
    accepted = typing.statistics.accepted(offer, 0)
    typing.type("print(1)")
    typing.type("\ny = 2")
    assert await typing.later(accepted) == 1
    assert typing.clock.slept == [KEPT_SECONDS]


@pytest.mark.parametrize("command_first", [True, False])
@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ([(0, 0, "import os\n\n")], 1),
        ([(0, 4, "")], 1),
        ([(4, 4, "  ")], 1),
        ([(17, 17, "\n" * 50)], 1),
        ([(4, 17, "print(\n    one,\n    two\n)")], 1),
        ([(4, 17, "other")], 0),
        ([(4, 10, "")], 0),
        ([(0, 17, "")], 0),
        ([(11, 14, "")], 0),
    ],
)
async def test_edits_before_and_within_what_was_accepted(changes, kept, command_first):
    typing = Typing("x = ")
    offer = typing.offer("print(one, tw)")
    text = typing.statistics.text(offer, 0)
    if command_first:
        accepted = typing.statistics.accepted(offer, 0)
        typing.type(text)
    else:
        typing.type(text)
        accepted = typing.statistics.accepted(offer, 0)
    for start, end, new in changes:
        typing.change(start, end, new)
    assert await typing.later(accepted) == kept


async def test_a_document_that_is_closed_before_is_not_judged():
    typing = Typing("x = ")
    accepted = typing.statistics.accepted(typing.offer("1"), 0)
    typing.statistics.closed(URI)
    await typing.statistics.look_later(accepted, lambda _: "x = 1")
    counts = typing.counts()
    assert (counts["accepted"], counts["checked"]) == (1, 0)


def test_an_offer_is_accepted_once_and_an_unknown_one_never():
    typing = Typing("x = ")
    offer = typing.offer("1", "2")
    assert typing.statistics.text(offer, 1) == "2"
    assert typing.statistics.accepted(offer, 1) is not None
    assert typing.statistics.accepted(offer, 0) is None
    for unknown in (("7", 0), (offer, 2), (offer, -1)):
        assert typing.statistics.text(*unknown) is None
        assert typing.statistics.accepted(*unknown) is None
    assert typing.counts()["accepted"] == 1


async def test_a_part_that_grows_to_the_whole_is_one_acceptance():
    typing = Typing("x = ")
    offer = typing.offer("print(1)")
    assert typing.statistics.accepted(offer, 0, 0) is None
    accepted = typing.statistics.accepted(offer, 0, 5)
    assert accepted.text == "print"
    assert typing.statistics.accepted(offer, 0, 6) is None
    counts = typing.counts()
    assert (counts["partly"], counts["accepted"]) == (1, 0)
    typing.type("print(1)")
    assert typing.statistics.accepted(offer, 0, 8) is None
    counts = typing.counts()
    assert (counts["partly"], counts["accepted"]) == (-1, 1)
    assert await typing.later(accepted) == 1


def test_what_was_undone_and_is_accepted_again_counts_again():
    typing = Typing("x = ")
    for _ in range(2):
        assert typing.statistics.accepted(typing.offer("1"), 0) is not None
    counts = typing.counts()
    assert (counts["offered"], counts["accepted"]) == (2, 2)


def test_old_offers_are_forgotten():
    typing = Typing()
    first = typing.offer("1")
    for number in range(20):
        typing.offer(f"other {number}")
    assert typing.statistics.text(first, 0) is None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("qwen2.5-coder:0.5b", "qwen2.5-coder:0.5b"),
        ("hf.co/someone/model-GGUF:Q4_K_M", "hf.co/someone/model-GGUF:Q4_K_M"),
        ("/home/someone/models/a.gguf", "a.gguf"),
        ("~/models/a.gguf", "a.gguf"),
        (r"C:\Users\someone\a.gguf", "a.gguf"),
        (r"models\a.gguf", "a.gguf"),
        ("../models/a.gguf", "a.gguf"),
        ("", ""),
    ],
)
def test_a_model_is_called_by_its_name_without_folders(model, name):
    assert model_name(model) == name


async def test_nothing_but_numbers_gets_into_the_file(tmp_path):
    typing = Typing("zebra_crossing = ")
    typing.statistics.answered("python", answer("zebra", model="/home/someone/zebra/qwen"))
    typing.statistics.take()
    offer = typing.offer("zebra_crossing_sentinel()", trigger="invoked")
    accepted = typing.statistics.accepted(offer, 0)
    typing.type("zebra_crossing_sentinel()")
    await typing.statistics.look_later(accepted, lambda _: typing.text)
    file = StatisticsFile(tmp_path)
    assert file.add(typing.statistics.take())
    written = file.path.read_text()
    for content in ("zebra", "secret_project", "someone", "file:", "a.py"):
        assert content not in written
    (line,) = written.splitlines()
    value = json.loads(line)
    assert value.keys() == {"day", "language", "model", "counts", "latencies"}
    assert (value["day"], value["language"], value["model"]) == (DAY, "python", "qwen")
    assert value["counts"].keys() <= {name for name, _ in COUNTED}
    assert all(type(number) is int for number in (*value["counts"].values(), *value["latencies"].values()))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def tally(**counts):
    made = Tally()
    made.counts.update(counts)
    made.latencies[28] += 1
    return made


def test_what_sessions_append_is_added_up(tmp_path):
    for _ in range(2):
        assert StatisticsFile(tmp_path).add({KEY: tally(shown=3), KEY._replace(day="2025-02-01"): tally(shown=1)})
    read = StatisticsFile(tmp_path).read()
    assert [(key.day, one.counts["shown"]) for key, one in read.items()] == [(DAY, 6), ("2025-02-01", 2)]
    assert by_model(read.items())["python", "qwen"].counts == {"shown": 8}
    assert by_model(read.items())["python", "qwen"].latencies == {28: 4}


def test_the_file_is_bounded_and_the_oldest_days_go(tmp_path):
    file = StatisticsFile(tmp_path, most_bytes=2000)
    for day in range(1, 29):
        for _ in range(10):
            assert file.add({KEY._replace(day=f"2025-01-{day:02}"): tally(shown=1)})
            assert file.path.stat().st_size <= 2000
    read = file.read()
    assert 5 < len(read) < 28
    assert max(key.day for key in read) == "2025-01-28"
    assert all(one.counts["shown"] == 10 for key, one in read.items() if key.day > min(read).day)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "line", ["", "nonsense", "[]", "3", '{"day": "2025"}', '{"counts": 3}', '{"day":1,"language":']
)
def test_lines_that_cannot_be_read_count_for_nothing(tmp_path, line):
    file = StatisticsFile(tmp_path)
    file.add({KEY: tally(shown=1)})
    odd = {**KEY._asdict(), "counts": {"shown": True, "text": 7, "offered": 2}, "latencies": {}}
    file.path.write_text(f"{line}\n{json.dumps(odd)}\n{file.path.read_text()}")
    assert file.read()[KEY].counts == {"shown": 1, "offered": 2}


def test_a_file_that_cannot_be_written_does_no_harm(tmp_path):
    (tmp_path / "statistics").write_text("in the way")
    assert not StatisticsFile(tmp_path).add({KEY: tally(shown=1)})
    assert StatisticsFile(tmp_path / "nowhere").read() == {}
