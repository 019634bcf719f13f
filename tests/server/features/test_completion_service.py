"""Completions from a place in a document to the text offered, over a model that plays a script."""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.prompt.segments import Control, Prompt
from assist_context.prompt.tokens import estimate
from assist_server.backends.base import ChatRequest, FillRequest, FimEvidence, ModelInfo, Usage
from assist_server.backends.scripted import ScriptedBackend, ScriptStep
from assist_server.config.settings import CompletionSettings
from assist_server.core.errors import BackendTimeout, PromptTooLong, RateLimited, Unsupported, UsageError
from assist_server.features.completion.asking import budget_for, make_ask
from assist_server.features.completion.service import Completion, CompletionQuery
from assist_server.features.fim import FimChoice, choose_fim
from assist_server.features.selection import Target
from support.completion import Held, StillClock, at_cursor, check_complete, query_at, service_on

SUFFIX = FimChoice("suffix", None, "")
CHAT = FimChoice("chat", None, "")
QWEN = choose_fim(FimEvidence(frozenset({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"})), "qwen2.5-coder")


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
        ("s = '<|>'", ["é漢😀'"], "é漢😀"),
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


async def test_where_the_rest_is_nothing_to_insert_the_model_is_asked() -> None:
    backend = ScriptedBackend(fills=["a\n    bb", "cc"])
    service = service_on(backend)
    await service.complete(query_at("def f(a):\n    <|>\n"))
    assert (await service.complete(query_at("def f(a):\n    a\n    <|>\n"))).items[0].text == "bb"
    assert (await service.complete(query_at("def f(a):\n    a\n    b<|>\n"))).items[0].text == "cc"


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


LONG = "".join(f"value_{number} = {number}\n" for number in range(3000))


async def test_a_prompt_that_the_server_finds_too_long_is_sent_once_more_smaller() -> None:
    refusal = PromptTooLong("too long", status=400, prompt_tokens=1500, context_length=512)
    backend = ScriptedBackend(
        [ScriptStep("fill", error=refusal), ScriptStep("fill", ("11",)), ScriptStep("fill", ("22",))]
    )
    service = service_on(backend)
    completion = await service.complete(query_at(LONG + "x = <|>"))
    assert completion.items[0].text == "11"
    sizes = [len(request.prompt.as_string()) for request in backend.requests if isinstance(request, FillRequest)]
    assert sizes[1] < sizes[0] * 0.4, "512 - 96 - 16 of 1500 tokens fit"
    assert "too long for the server (1500 of 512 tokens)" in completion.trace
    await service.complete(query_at(LONG + "y = <|>"))
    assert len(backend.requests) == 3, "what was learnt holds for the next request"


class _NeverCounts(ScriptedBackend):
    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:
        return None


async def test_where_the_server_does_not_count_its_answers_tell_how_long_prompts_are() -> None:
    def count(text: str) -> int:
        return round(1.5 * estimate(text))

    backend = _NeverCounts(fills=["11"] * 10, models=[ModelInfo("scripted", 512)], count=count)
    settings = CompletionSettings(prefix_tokens=4096)
    service = service_on(backend, settings)
    await service.complete(query_at(LONG + "x = <|>"))
    assert _size(backend, count) > 512, "nobody can know"
    for number in range(8):
        await service.complete(query_at(f"value = {number}\ny = <|>"))
    await service.complete(query_at(LONG + "z = <|>"))
    assert 350 < _size(backend, count) <= 512 - settings.max_tokens


def _size(backend: ScriptedBackend, count: Callable[[str], int]) -> int:
    return count(backend.requests[-1].prompt.as_string())  # type: ignore[union-attr]


async def test_a_prompt_too_long_twice_is_an_error() -> None:
    refusal = PromptTooLong("too long", status=400)
    backend = ScriptedBackend([ScriptStep("fill", error=refusal), ScriptStep("fill", error=refusal)])
    with pytest.raises(PromptTooLong):
        await service_on(backend).complete(query_at(LONG + "x = <|>"))
    assert len(backend.requests) == 2


@given(
    lines=st.integers(0, 400),
    place=st.floats(0, 1),
    line=st.sampled_from(["x = 1\n", "é漢😀 = '漢字'\n", "a" * 300 + "\n", "\t\t\n"]),
    context=st.integers(64, 9000),
    rate=st.sampled_from([0.2, 0.33, 0.6, 1.0]),
    choice=st.sampled_from([QWEN, SUFFIX, CHAT]),
)
def test_no_prompt_exceeds_its_budget(
    *, lines: int, place: float, line: str, context: int, rate: float, choice: FimChoice
) -> None:
    """Whatever the server's tokens are worth (rate: tokens a byte), what is sent fits."""
    document = replace(query_at("<|>").document, text=line * lines)

    def count(text: str) -> int:
        return math.ceil(len(text.encode()) * rate)

    backend = ScriptedBackend(models=[ModelInfo("m", context)], count=count)
    budget = budget_for(CompletionSettings(prefix_tokens=4096, suffix_tokens=1024), context)
    ask = make_ask(
        document,
        int(len(document.text) * place),
        target=Target(backend, "m", context),
        choice=choice,
        budget=budget,
        one_line=False,
    )
    try:
        request = asyncio.run(ask).request
    except PromptTooLong:
        assert choice is CHAT, "only our own words can be too many"
        assert context < 1000
        return
    if isinstance(request, FillRequest):
        parts = [1 if isinstance(s, Control) else count(s.value) for s in request.prompt.segments]
        size = sum(parts) + count(request.suffix or "")
    else:
        size = sum(count(message.content) for message in request.messages)
    assert size + request.max_tokens <= context
