"""Completions from a place in a document to the text offered, over a model that plays a script."""

import asyncio
import logging
from dataclasses import replace

import pytest

from assist_context.prompt.segments import Control
from assist_server.backends.base import ChatRequest, FillRequest, FimEvidence, ModelInfo, Usage
from assist_server.backends.scripted import ScriptedBackend, ScriptStep
from assist_server.config.settings import CompletionSettings
from assist_server.core.errors import BackendTimeout, RateLimited, Unsupported, UsageError
from assist_server.features.completion.service import Completion, CompletionQuery, CompletionService
from assist_server.features.completion.trigger import Trigger
from support.completion import (
    Held,
    StillClock,
    at_cursor,
    check_complete,
    query_at,
    selector_of,
    service_on,
    settings_for,
)
from support.surroundings import query_in


@pytest.mark.parametrize(
    ("marked", "model", "expect"),
    [
        ("def f(a):\n    ret<|>", ["urn a"], "urn a"),
        ("def f(a):\n    ret<|>", ["urn", " a", "\n", "\n", "def g"], "urn a"),
        ("foo(<|>)", ["a", ", b", ")", "\nbar"], "a, b"),
        ("x = <|>", ["11", "<|endoftext|>"], "11"),
        ("x = <|>", [], None),
        ("x = <|>\nx = 12", ["12"], None),
        ("def f():<|>", ["\n    return 1\n", "def g():"], "\n    return 1"),
    ],
)
async def test_complete(marked: str, model: list[str], expect: str | None) -> None:
    await check_complete(marked, model=model, expect=expect)


async def test_the_helper_rejects_a_wrong_value() -> None:
    with pytest.raises(AssertionError, match="offered '11', not '22'"):
        await check_complete("x = <|>", model=["11"], expect="22")
    with pytest.raises(AssertionError, match="not None"):
        await check_complete("x = <|>", model=["11"], expect=None)
    with pytest.raises(ValueError, match="exactly one"):
        at_cursor("<|>a<|>")


async def test_what_the_model_is_asked() -> None:
    backend = ScriptedBackend(fills=["bb"])
    completion = await service_on(backend).complete(query_at("x = a <|> c\n"))
    request = backend.requests[0]
    assert isinstance(request, FillRequest)
    assert request.prompt.as_string().endswith("<|fim_prefix|>x = a <|fim_suffix|> c\n<|fim_middle|>")
    assert Control("<|fim_middle|>") in request.prompt.segments
    assert "\n" in request.stop
    assert (request.model, request.max_tokens, request.suffix) == ("scripted", 42, None)
    assert (completion.model, completion.backend) == ("scripted", "scripted")


async def test_a_server_that_inserts_is_given_prefix_and_suffix() -> None:
    backend = ScriptedBackend(fills=["bb"], evidence=FimEvidence(inserts=True))
    completion = await service_on(backend).complete(query_at("x = a + <|>\nc = 1\n"))
    request = backend.requests[0]
    assert isinstance(request, FillRequest)
    assert request.prompt.as_string().endswith("x = a + ")
    assert request.suffix == "\nc = 1\n"
    assert completion.items[0].text == "bb"


async def test_a_model_that_cannot_fill_in_is_asked_in_words() -> None:
    backend = ScriptedBackend(
        chats=[["Sure:\n```python\n", "    return a + b\n```", "\nIt adds."]], evidence=FimEvidence(frozenset())
    )
    completion = await service_on(backend).complete(query_at("def add(a, b):\n    ret<|>\n"))
    request = backend.requests[0]
    assert isinstance(request, ChatRequest)
    assert "def add(a, b):" in request.messages[-1].content
    assert completion.items[0].text == "urn a + b"


@pytest.mark.parametrize(
    ("marked", "settings", "why"),
    [
        ("<|>", CompletionSettings(), "the document is empty"),
        ("pri<|>nt", CompletionSettings(), "the cursor is inside a word"),
        ("x = <|>", CompletionSettings(enable=False), "completions are off (completion.enable)"),
        (
            "x = <|>",
            CompletionSettings(exclude=("python",)),
            "completions are off for python (completion.exclude)",
        ),
        ("x = <|>", CompletionSettings(exclude_paths=("*.py",)), "completions are off here (completion.excludePaths)"),
    ],
)
async def test_where_nothing_is_asked_no_model_is_chosen(marked: str, settings: CompletionSettings, why: str) -> None:
    backend = ScriptedBackend()
    completion = await service_on(backend, settings).complete(query_at(marked))
    assert (completion.items, completion.why_empty, completion.model, completion.usage) == ((), why, "", None)
    assert completion.trace == (f"plan: no suggestion, {why}", f"nothing offered: {why}")
    assert not backend.requests


async def test_a_place_outside_the_document_is_a_usage_error() -> None:
    query = query_at("x<|>")
    for offset in (-1, 2):
        with pytest.raises(UsageError, match="outside the document"):
            await service_on(ScriptedBackend()).complete(replace(query, offset=offset))


async def test_the_trace_tells_everything_but_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        completion = await check_complete("secret(<|>)", model=["hidden", ")"], expect="hidden")
    assert [entry.split(":")[0] for entry in completion.trace] == [
        "plan",
        "model",
        "filling in by tokens",
        "prompt",
        "ended",
        "filter closing brackets",
    ]
    assert "model: scripted on scripted" in completion.trace
    assert completion.trace[0] == "plan: line, only punctuation follows on the line"
    for said in (*completion.trace, caplog.text):
        assert "secret" not in said
        assert "hidden" not in said


async def test_usage_is_the_servers_where_the_stream_ended_and_an_estimate_where_we_left_it() -> None:
    usage = Usage(prompt=40, generated=2, cached=30)
    backend = ScriptedBackend([ScriptStep("fill", ("aa", "bb"), usage=usage)])
    completion = await service_on(backend).complete(query_at("x = <|>"))
    assert completion.usage == usage
    completion = await check_complete("x = <|>", model=["aa", "\n\n", "bb", "cc"], expect="aa")
    assert completion.usage is not None
    assert (completion.usage.generated, completion.usage.exact) == (2, False)
    assert completion.usage.prompt > 0


async def test_the_stream_is_closed_as_soon_as_the_end_is_found() -> None:
    never = asyncio.Event()
    backend = ScriptedBackend(fills=[["11", "\n\n", never]])
    completion = await asyncio.wait_for(service_on(backend).complete(query_at("x = <|>")), 10)
    assert completion.items[0].text == "11"
    assert backend.played[0].ended == "closed"


async def test_cancelling_closes_the_stream_and_keeps_nothing() -> None:
    held = Held()
    backend = ScriptedBackend(fills=[["11", held], "22"])
    service = service_on(backend)
    task = asyncio.create_task(service.complete(query_at("x = <|>")))
    await asyncio.wait_for(held.reached.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(backend.played[0].finished.wait(), 10)
    assert backend.played[0].ended == "closed"
    assert (await service.complete(query_at("x = <|>"))).items[0].text == "22"


async def test_a_failed_request_is_not_kept_and_the_error_passes() -> None:
    backend = ScriptedBackend(
        [ScriptStep("fill", ("11",), error=BackendTimeout("too late")), ScriptStep("fill", ("22",))]
    )
    service = service_on(backend)
    with pytest.raises(BackendTimeout, match="too late"):
        await service.complete(query_at("x = <|>"))
    assert (await service.complete(query_at("x = <|>"))).items[0].text == "22"
    busy = ScriptedBackend([ScriptStep("fill", error=RateLimited("slow down", status=429, retry_after=1))])
    with pytest.raises(RateLimited):
        await service_on(busy).complete(query_at("x = <|>"))


async def test_what_a_server_does_not_support_is_the_reason_for_nothing() -> None:
    refusal = Unsupported("the model has no control token '<PRE>'", status=400)
    backend = ScriptedBackend([ScriptStep("fill", error=refusal)])
    completion = await service_on(backend).complete(query_at("x = <|>"))
    assert (completion.items, completion.why_empty) == ((), refusal.message)


async def test_control_tokens_that_the_document_spells_are_offered_also_while_they_are_typed() -> None:
    backend = ScriptedBackend(fills=["END = '<|of_another_model|>'"])
    service = service_on(backend)
    first = await service.complete(query_at("ENDS = ['<|of_another_model|>']\n<|>"))
    assert [item.text for item in first.items] == ["END = '<|of_another_model|>'"]
    text = "ENDS = ['<|of_another_model|>']\nEND = "
    typed = await service.complete(query_at(f"{text}<|>"))
    assert [item.text for item in typed.items] == ["'<|of_another_model|>'"]
    assert len(backend.requests) == 1


async def test_typing_what_was_suggested_asks_no_model() -> None:
    backend = ScriptedBackend(fills=["turn a"])
    service = service_on(backend)
    first = await service.complete(query_at("def f(a):\n    re<|>\n"))
    assert first.items[0].text == "turn a"
    for now, rest in (("ret<|>", "urn a"), ("retu<|>", "rn a"), ("ret<|>", "urn a"), ("re<|>", "turn a")):
        completion = await service.complete(query_at(f"def f(a):\n    {now}\n"))
        assert [item.text for item in completion.items] == [rest]
        assert (completion.usage, completion.ms.first_token) == (None, None)
        assert "typed as suggested: the rest of the last suggestion" in completion.trace
    assert len(backend.requests) == 1


async def typed_out(service: CompletionService, before: str, offer: str, after: str = "\n") -> list[list[str]]:
    """Type an offer key by key; give what is offered after each key but the last."""
    return [
        texts(await service.complete(query_at(f"{before}{offer[:place]}<|>{after}"))) for place in range(1, len(offer))
    ]


@pytest.mark.parametrize(
    ("before", "offer"),
    [
        ("foo(bar)\nfoo(", "bar, baz)"),
        ("x = foo", "(bar, 'a b', {})"),
        ("def f(a):\n    ", "a()\n    if a:\n        b()\n    c"),
        ("def f(a):\r\n    ", "a()\n    if a:\n        b()\n    c"),
        ("x", " = 1  # one"),
    ],
)
async def test_an_offer_is_typed_to_its_last_character_without_a_model(before: str, offer: str) -> None:
    backend = ScriptedBackend(fills=[offer])
    service = service_on(backend)
    (whole,) = texts(await service.complete(query_at(f"{before}<|>\n", "invoked")))
    for keys in ([*range(1, len(whole))], [*range(len(whole) - 2, -1, -1)], [0, 3, len(whole) - 1, 2]):
        for place in keys:
            beginning = whole[:place].replace("\n", "\r\n" if "\r" in before else "\n")
            now = query_at(f"{before}{beginning}<|>\n")
            assert texts(await service.complete(now)) == [whole[place:]]
    assert len(backend.requests) == 1


async def test_an_offer_of_one_line_is_typed_through_what_would_stop_a_new_one() -> None:
    backend = ScriptedBackend(fills=["foo(bar, 'a b')  # c"])
    service = service_on(backend)
    (whole,) = texts(await service.complete(query_at("x = 1\n<|>\n    y", "automatic")))
    assert await typed_out(service, "x = 1\n", whole, "\n    y") == [[whole[place:]] for place in range(1, len(whole))]
    assert len(backend.requests) == 1


async def test_an_offer_is_typed_through_brackets_and_strings_that_the_tree_shows() -> None:
    backend = ScriptedBackend(fills=["(bar, 'a b')"])
    service = service_on(backend)
    place = "=== a.py\ndef f(bar):\n    foo{}<|>\n"
    assert texts(await service.complete(query_in(place.format("")))) == ["(bar, 'a b')"]
    for typed, left in (("(", "bar, 'a b')"), ("(bar", ", 'a b')"), ("(bar, '", "a b')"), ("(bar, 'a b'", ")")):
        assert texts(await service.complete(query_in(place.format(typed)))) == [left]
    assert len(backend.requests) == 1


async def test_what_comes_after_an_offer_is_there_when_its_last_character_is_typed() -> None:
    for end in ("\n", "\r\n"):
        backend = ScriptedBackend(fills=["a\n    b = 1", "return b"])
        settings = settings_for(backend)
        service = CompletionService(selector_of(backend, settings), settings, StillClock(), is_here=lambda _: True)
        before = f"def f(a):{end}    "
        query = query_at(f"{before}<|>{end}")
        (offer,) = texts(await service.complete(query))
        service.ahead(query, offer)
        assert service._ahead is not None
        await asyncio.wait_for(asyncio.wait({service._ahead}), 10)
        assert len(backend.requests) == 2
        typed = offer.replace("\n", end)
        completion = await service.complete(query_at(f"{before}{typed}<|>{end}"))
        assert (texts(completion), len(backend.requests)) == (["return b"], 2)


async def test_looking_ahead_tells_nobody_that_a_model_is_asked() -> None:
    told: list[str] = []
    backend = ScriptedBackend(fills=["a"])
    settings = settings_for(backend)
    service = CompletionService(selector_of(backend, settings), settings, StillClock(), is_here=lambda _: True)
    service.ahead(replace(query_at("x = <|>"), asked=lambda: told.append("")), "b + ")
    assert service._ahead is not None
    await asyncio.wait_for(asyncio.wait({service._ahead}), 10)
    assert (len(backend.requests), told) == (1, [])


async def test_where_all_of_an_offer_is_typed_the_model_is_asked() -> None:
    backend = ScriptedBackend(fills=["a\n    bb", "cc"])
    service = service_on(backend)
    await service.complete(query_at("def f(a):\n    <|>\n"))
    assert texts(await service.complete(query_at("def f(a):\n    a\n    <|>\n"))) == ["bb"]
    assert texts(await service.complete(query_at("def f(a):\n    a\n    b<|>\n"))) == ["b"]
    assert texts(await service.complete(query_at("def f(a):\n    a\n    bb<|>\n"))) == ["cc"]


async def test_any_of_several_suggestions_may_be_typed() -> None:
    backend = ScriptedBackend(fills=["1 + 1", "22", "33"])
    service = service_on(backend)
    assert texts(await service.complete(three("x = <|>"))) == ["1 + 1", "22", "33"]
    for typed, left in (("1", " + 1"), ("2", "2"), ("3", "3")):
        assert texts(await service.complete(query_at(f"x = {typed}<|>"))) == [left]


async def test_another_models_offer_is_not_typed_through() -> None:
    backend = ScriptedBackend([ScriptStep("fill", ("11",)), ScriptStep("fill", ("22",))])
    backend._models = (ModelInfo("one", 8192), ModelInfo("two", 8192))
    selector = selector_of(backend)
    service = CompletionService(selector, settings_for(backend), StillClock())
    selector.use("completion", backend="scripted", model="one")
    assert texts(await service.complete(query_at("x = <|>"))) == ["11"]
    selector.use("completion", backend="scripted", model="two")
    assert texts(await service.complete(query_at("x = 1<|>"))) == ["22"]


async def test_who_asks_by_hand_where_a_line_was_offered_gets_more_than_its_rest() -> None:
    backend = ScriptedBackend(fills=["11 + 2", "1 + 2\ny = 3"])
    service = service_on(backend)
    assert texts(await service.complete(query_at("x = <|>\n"))) == ["11 + 2"]
    assert texts(await service.complete(query_at("x = 1<|>\n", "invoked"))) == ["1 + 2\ny = 3"]


async def test_it_is_told_when_a_model_is_asked() -> None:
    told: list[str] = []
    backend = ScriptedBackend(fills=["turn a", "12"])
    service = service_on(backend)

    async def told_by(marked: str, trigger: Trigger = "automatic", alternatives: int = 1) -> int:
        told.clear()
        asks = replace(query_at(marked, trigger), asked=lambda: told.append(""), alternatives=alternatives)
        await service.complete(asks)
        return len(told)

    assert await told_by("def f(a):\n    re<|>\n") == 1
    assert await told_by("def f(a):\n    ret<|>\n") == 0, "the rest of what was offered"
    assert await told_by("def f(a):\n    re<|>\n") == 0, "the same once more"
    assert await told_by("# a re<|>\n") == 0, "where nothing is offered"
    assert await told_by("x = <|>", "invoked", 2) > 1


async def test_typing_something_else_or_a_change_elsewhere_asks_again() -> None:
    backend = ScriptedBackend(fills=["turn a", "bb", "cc"])
    service = service_on(backend)
    await service.complete(query_at("def f(a):\n    re<|>\n"))
    assert (await service.complete(query_at("def f(a):\n    rex<|>\n"))).items[0].text == "bb"
    assert (await service.complete(query_at("def f(b):\n    ret<|>\n"))).items[0].text == "cc"


async def test_a_bracket_that_the_editor_closed_is_not_closed_again() -> None:
    backend = ScriptedBackend(fills=["(a, b)"])
    service = service_on(backend)
    await service.complete(query_at("print<|>\n"))
    completion = await service.complete(query_at("print(<|>)\n"))
    assert completion.items[0].text == "a, b"
    assert len(backend.requests) == 1


async def test_the_same_prompt_is_asked_once() -> None:
    backend = ScriptedBackend(fills=["11\n\n", "22"])
    service = service_on(backend)
    await service.complete(query_at("x = <|>", path="a.py"))
    again = await service.complete(query_at("x = <|>", path="a.py"))
    assert again.items[0].text == "11"
    assert len(backend.requests) == 1


async def test_nothing_offered_is_remembered_too() -> None:
    backend = ScriptedBackend(fills=["", "11"])
    service = service_on(backend)
    for _ in range(2):
        assert (await service.complete(query_at("x = <|>"))).why_empty == "the model had nothing to offer"
    assert len(backend.requests) == 1


async def test_a_person_who_asks_gets_more_than_typing_does() -> None:
    backend = ScriptedBackend(fills=["11", "12\n\ny = 2"])
    service = service_on(backend)
    assert (await service.complete(query_at("x = <|>"))).items[0].text == "11"
    assert (await service.complete(query_at("x = <|>", "invoked"))).items[0].text == "12\n\ny = 2"


async def test_typing_waits_before_a_model_is_asked_but_not_for_what_is_known() -> None:
    clock = StillClock()
    service = service_on(ScriptedBackend(fills=["123", "33"]), CompletionSettings(debounce_ms=75), clock)
    await service.complete(query_at("x = <|>"))
    assert clock.slept == [0.075]
    await service.complete(query_at("x = 1<|>"))
    await service.complete(query_at("y = <|>", "invoked"))
    assert clock.slept == [0.075]


async def test_an_answer_cut_at_its_longest_loses_its_last_half_line() -> None:
    backend = ScriptedBackend([ScriptStep("fill", ("a = 1\nb = ",), reason="length")])
    assert (await service_on(backend).complete(query_at("<|>\n\nx"))).items[0].text == "a = 1"
    backend = ScriptedBackend([ScriptStep("fill", ("1 + ",), reason="length")])
    assert (await service_on(backend).complete(query_at("a = <|>"))).items[0].text == "1 +"


async def test_times_add_up() -> None:
    completion = await check_complete("x = <|>", model=["11"], expect="11")
    assert completion.ms.context == 180.0
    assert completion.ms.first_token == 0.0
    assert completion.ms.total == 180.0


def texts(completion: Completion) -> list[str]:
    return [item.text for item in completion.items]


def three(marked: str) -> CompletionQuery:
    return replace(query_at(marked, "invoked"), alternatives=3)


async def test_who_asks_by_hand_gets_different_suggestions() -> None:
    backend = ScriptedBackend(fills=["1 + 1", "1 + 1", "", "22", "33", "44"])
    service = service_on(backend)
    completion = await service.complete(three("x = <|>"))
    assert texts(completion) == ["1 + 1", "22", "33"]
    assert "alternatives: 3" in completion.trace
    requests = [request for request in backend.requests if isinstance(request, FillRequest)]
    assert [request.seed for request in requests] == [0, 1, 2, 3, 4]
    assert {request.prompt for request in requests} == {requests[0].prompt}
    assert requests[0].temperature == 0 < min(request.temperature for request in requests[1:])
    assert texts(await service.complete(three("x = <|>"))) == ["1 + 1", "22", "33"]
    assert len(backend.requests) == 5, "all of them are known by now"
    assert texts(await service.complete(query_at("x = 1<|>"))) == [" + 1"], "the best one is typed out"


async def test_a_model_that_knows_only_one_answer_is_not_asked_for_ever() -> None:
    for said, offered in (("11", ["11"]), ("", [])):
        backend = ScriptedBackend([ScriptStep("fill", (said,), repeat=True)])
        assert texts(await service_on(backend).complete(three("x = <|>"))) == offered
        assert len(backend.requests) == 6


async def test_an_alternative_that_fails_costs_only_itself() -> None:
    backend = ScriptedBackend(
        [ScriptStep("fill", ("11",)), ScriptStep("fill", ("2",), error=BackendTimeout("too late"))]
    )
    completion = await service_on(backend).complete(three("x = <|>"))
    assert texts(completion) == ["11"]
    assert "alternatives: 1, then backend-timeout" in completion.trace


async def test_strings_are_completed_for_who_asks() -> None:
    await check_complete("s = '<|>'", model=["é漢😀'"], expect="é漢😀", trigger="invoked")
    completion = await check_complete("s = '<|>'", model=["é漢😀'"], expect=None)
    assert completion.why_empty == "the cursor is in a string"
