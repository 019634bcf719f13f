"""A key's request is joined with what the engine did for it, and all times are told apart."""

import pytest
from completion_replay_bare import MIDDLE, PREFIX, SUFFIX, asked_again, suffix_of
from completion_replay_figures import requests_of
from completion_replay_report import tables

MARKS = {PREFIX: 1, SUFFIX: 2, MIDDLE: 3}


def asked(sent, answered=None, cancelled=None, **more):
    usual = {"in_time": answered is not None, "shown": 0, "right": 0, "whole": False, "error": "", "why": ""}
    return {**usual, "sent": sent, "answered": answered, "cancelled": cancelled, "trace": [], **more}


def call(begun, ended, **more):
    usual = {"first": begun, "left": False, "freed": ended, "evaluated": 7, "cached": 90, "generated": 3}
    known = {"prompt_ms": 100.0, "prompt": 97, "suffix": 4, "writes": True, "bare": None}
    return {**usual, **known, "begun": begun, "ended": ended, **more}


def record(asked_, calls, **more):
    usual = {
        "key": "k",
        "id": "r:f",
        "half": "tune",
        "kind": "alone",
        "language": "Go",
        "arm": "all",
        "way": "accept@0",
    }
    typing = {"keys": len(asked_), "characters": 20, "asked": asked_}
    return {**usual, "files": 0, "needed": 18, "recorded": True, "typing": typing, "calls": calls, **more}


def test_a_model_call_of_several_slices_is_one_and_the_rest_is_the_servers_own():
    slices = [call(10.1, 10.4, writes=False, generated=0, evaluated=64), call(10.4, 10.9, bare=0.75)]
    (one,) = requests_of(record([asked(10.0, 11.0, trace=["waited 50 ms for the next key"])], slices))
    assert one.model
    assert (one.evaluated, one.generated, one.prompt, one.suffix, one.bare) == (71, 3, 97, 4, 0.75)
    assert (one.latency, one.waited, one.own) == pytest.approx((1.0, 0.05, 0.15))
    assert one.cold


def test_what_needs_no_model_is_told_by_the_engine_or_by_the_time():
    keys = [asked(1.0, 1.005, trace=["plan: line", "typed as suggested: the rest"]), asked(2.0, 2.9)]
    first, second = requests_of(record(keys, [call(2.1, 2.8)]))
    assert (first.model, first.how, second.model, second.cold) == (False, "typed as suggested", True, True)
    first, second = requests_of(record(keys, [], recorded=False))
    assert (first.model, second.model, first.own) == (False, True, None)


def test_calls_beside_a_request_are_not_its_own_but_hold_it_up():
    warming = call(0.5, 1.2, writes=False)
    (one,) = requests_of(record([asked(1.0, 1.3)], [warming]))
    assert not one.model
    assert one.own == pytest.approx(0.1)


def test_a_slot_is_free_when_it_was_seen_so_or_when_the_next_call_began_to_be_read():
    keys = [asked(1.0, 1.51, 1.5), asked(1.5, 2.5)]
    seen = [call(1.1, 1.5, left=True, freed=1.58)]
    assert requests_of(record(keys, seen))[0].freed is None  # it had ended when it was cancelled
    seen = [call(1.1, 1.52, left=True, freed=1.58)]
    assert requests_of(record(keys, seen))[0].freed == pytest.approx(0.08)
    overtaken = [call(1.1, 1.52, left=True, freed=None), call(1.53, 2.4, first=1.9, prompt_ms=200.0)]
    one = requests_of(record(keys, overtaken))[0]
    assert one.freed == pytest.approx(0.2)
    assert one.answered == pytest.approx(0.01)
    assert one.latency is None


def test_the_suffix_stands_between_its_mark_and_the_next():
    assert suffix_of([1, 9, 9, 2, 8, 8, 3], MARKS) == 2
    assert suffix_of([2, 8, 1, 9, 3], MARKS) == 1
    assert suffix_of([9, 9], MARKS) is None
    assert suffix_of([1, 9, 2, 3], {**MARKS, SUFFIX: None}) is None


def test_the_bare_engine_is_not_asked_for_parts_of_the_next_prompt():
    calls = [
        {"body": {"prompt": [1, 2], "n_predict": 0}},
        {"body": {"prompt": [1, 2, 3], "n_predict": 9}},
        {"body": {"prompt": [1, 2], "n_predict": 0}},
        {"body": {"prompt": [4, 5], "n_predict": 9}},
    ]
    assert asked_again(calls) == [False, True, True, True]
    assert asked_again([]) == []


def test_the_tables_give_the_shares_and_percentiles():
    keys = [
        asked(1.0, 2.0, shown=9, right=5, whole=True),
        asked(3.0, 3.01, shown=8, right=4, trace=["typed as suggested: the rest"]),
        asked(4.0, 5.0, 4.5),
        asked(6.0, 7.0, why="nothing to say"),
    ]
    keys[2]["in_time"] = False
    calls = [call(1.1, 1.9, bare=0.8), call(4.1, 4.75), call(6.1, 6.9, suffix=0, bare=0.8)]
    text = {table.title: table.markdown() for table in tables([record(keys, calls)])}
    assert "| all | accept@0 | both | 1 | 4 | 0.750 | 0.500 | 0.500 | 0.500 |" in text["Keys"]
    assert "14 (0.778) |" in text["Keys"]
    assert "| all | accept@0 | both | with | 1 | 4, 4 | 7, 7 | 3, 3 | 3, 3 | 97, 97 |" in text["Tokens of a model call"]
    assert "| warm | 1 | 1000, 1000 | 1 | 1000, 1000 | 800, 800 | 1.250 | 1.250 |" in text["Latency"]
    assert "| all | accept@0 | 1 | 0 | 500, 500, 500 | 1 | 250, 250, 250 |" in text["Cancelled requests"]
    assert "| nothing to say | 1 |" in text["What the answers were"]
