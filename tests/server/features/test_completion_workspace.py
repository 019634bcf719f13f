"""Completions that know the workspace around their document, and what is done for the next one in a pause."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from assist_context.retrieval.snippet import Snippet
from assist_server.backends.base import FillRequest, ModelInfo
from assist_server.backends.scripted import ScriptedBackend, ScriptStep
from assist_server.config.settings import CompletionSettings
from assist_server.core.errors import PromptTooLong
from assist_server.features.completion.service import Completion, CompletionQuery, CompletionService
from assist_server.features.completion.trigger import Trigger
from support.completion import Held, StillClock, query_at, selector_of, service_on, settings_for
from support.surroundings import FakeSurroundings, piece, query_in

PRICES = """\
=== prices.py
def discounted(amount, percent):
    return amount - amount * percent / 100
=== main.py
from prices import discounted


def total(order):
    return discounted(<|>
"""


TRIGGERS: tuple[Trigger, ...] = ("automatic", "invoked")


def edited(
    pieces: Sequence[Snippet], trigger: Trigger = "automatic", *, typed: str = "", changed: int = 0
) -> CompletionQuery:
    """Give a query in a workspace in which something was edited lately; typed: what stands before its cursor.

    changed: how often other files were.
    """
    query = query_in(PRICES.replace("<|>", f"{typed}<|>"), trigger)
    assert isinstance(query.around, FakeSurroundings)
    query.around.lately, query.around.changed = lambda: pieces, changed
    return query


def texts(completion: Completion) -> list[str]:
    return [item.text for item in completion.items]


def prompts(backend: ScriptedBackend) -> list[str]:
    return [request.prompt.as_string() for request in backend.requests if isinstance(request, FillRequest)]


async def test_what_other_files_define_stands_before_the_document() -> None:
    backend = ScriptedBackend(fills=["order.amount, 5", "order, 1"])
    service = service_on(backend)
    completion = await service.complete(query_in(PRICES))
    assert texts(completion) == ["order.amount, 5"]
    (prompt,) = prompts(backend)
    assert prompt.startswith("<|repo_name|>shop\n<|file_sep|>prices.py\ndef discounted(amount, percent)")
    assert prompt.index("prices.py") < prompt.index("<|file_sep|>main.py") < prompt.index("def total(order)")
    assert any(entry.startswith("context: 1 pieces (imports 1)") for entry in completion.trace)
    await service.complete(query_in(PRICES.replace("discounted(<|>", "discounted(2 * <|>")))
    beginning = prompt[: prompt.index("<|fim_suffix|>")]
    assert prompts(backend)[1].startswith(beginning), "what was read once is not changed by a key"


async def test_without_sources_a_prompt_holds_only_the_document() -> None:
    backend = ScriptedBackend(fills=["order, 5"])
    completion = await service_on(backend, CompletionSettings(sources=())).complete(query_in(PRICES))
    assert "prices.py" not in prompts(backend)[0]
    assert not [entry for entry in completion.trace if entry.startswith("context")]


async def test_the_trace_tells_why_each_piece_is_there_and_the_log_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    query = query_in(PRICES)
    assert isinstance(query.around, FakeSurroundings)
    query.around.lately = lambda: [piece("apple")]
    service = service_on(ScriptedBackend(fills=["order, 5", "order, 6"]))
    with caplog.at_level(logging.DEBUG):
        first = await service.complete(query)
        again = await service.complete(query_in(PRICES.replace("discounted(<|>", "discounted(2 * <|>")))
    for completion in (first, again):
        assert [entry for entry in completion.trace if entry.startswith("piece")] == [
            "piece: apple.py:1-4, edits, score 1.00: apple was edited",
            "piece: prices.py:1-1, imports, score 1.00: discounted, imported and used here",
        ]
    said = (*(entry for entry in first.trace if not entry.startswith("piece")), caplog.text)
    for text in said:
        assert not {"discounted", "prices", "apple", "order"} & set(text.replace("_", " ").replace(".", " ").split())


async def test_pieces_that_are_left_out_after_all_are_not_told_as_if_they_were_there() -> None:
    backend = ScriptedBackend(fills=["order, 5"], models=[ModelInfo("scripted", 800)], count=len)
    service = service_on(backend, CompletionSettings(prefix_tokens=64, suffix_tokens=16, max_tokens=16))
    completion = await service.complete(edited([replace(piece("apple"), text="value " * 200)]))
    assert "apple.py" not in prompts(backend)[0]
    assert "context: 1 pieces left out after all, the prompt was too long" in completion.trace
    pieces = [entry for entry in completion.trace if entry.startswith("piece")]
    assert [entry.split(":")[1] for entry in pieces] == [" prices.py"], "the most relevant one stays"


@pytest.mark.parametrize(
    ("unknown", "trigger", "offered"),
    [
        ({"reduced"}, "automatic", []),
        ({"reduced"}, "invoked", ["reduced(order), 5"]),
        (set(), "automatic", ["reduced(order), 5"]),
    ],
)
async def test_typing_offers_no_name_that_the_workspace_does_not_have(
    unknown: set[str], trigger: Trigger, offered: list[str]
) -> None:
    query = query_in(PRICES, trigger)
    assert isinstance(query.around, FakeSurroundings)
    query.around.unknown = frozenset(unknown)
    completion = await service_on(ScriptedBackend(fills=["reduced(order), 5"])).complete(query)
    assert texts(completion) == offered
    assert completion.why_empty == (None if offered else "the model used a name that exists nowhere")


@pytest.mark.parametrize(("typed", "held"), [("order, orde", True), ("order, amount", False), ("order, ", False)])
async def test_a_model_is_held_to_go_on_with_a_word_that_is_begun(typed: str, *, held: bool) -> None:
    query = query_in(PRICES.replace("<|>", f"{typed}<|>"))
    assert isinstance(query.around, FakeSurroundings)
    query.around.unknown = frozenset({"orde"})
    backend = ScriptedBackend(fills=[" + 5"])
    completion = await service_on(backend).complete(query)
    (request,) = backend.requests
    assert isinstance(request, FillRequest)
    assert request.start == ("word" if held else "any")
    said = "the text must begin with the rest of a word, 4 letters of which are typed"
    assert (said in completion.trace) is held
    assert (completion.why_empty == "the model did not go on with the word that is being typed") is held


@pytest.mark.parametrize(("below", "start"), [("\n)", "code"), ("", "any")])
async def test_a_model_is_not_let_close_what_is_closed_below(below: str, start: str) -> None:
    backend = ScriptedBackend(fills=["1,"])
    await service_on(backend).complete(query_in(f"=== a.py\nx = f(\n    0,\n    <|>{below}\n"))
    (request,) = backend.requests
    assert isinstance(request, FillRequest)
    assert request.start == start


async def test_the_tree_of_the_document_tells_where_nothing_is_asked() -> None:
    completion = await service_on(ScriptedBackend()).complete(query_in("=== a.py\nx = 1\n# what <|>\n"))
    assert completion.why_empty == "the cursor is in a comment"


def local(
    backend: ScriptedBackend, completion: CompletionSettings | None = None, *, is_here: bool = True
) -> CompletionService:
    """Make a service that does something in a pause, where its model runs here."""
    settings = settings_for(backend, completion)
    return CompletionService(selector_of(backend, settings), settings, StillClock(), is_here=lambda _: is_here)


async def ended(task: "asyncio.Task[None] | None") -> None:
    assert task is not None
    await asyncio.wait_for(asyncio.wait({task}), 10)


async def test_a_document_that_is_opened_is_read_in_a_pause() -> None:
    backend = ScriptedBackend(fills=["", "order, 5"])
    service, query = local(backend), query_in(PRICES)
    service.opened(query.document, query.around)
    await ended(service._warmer._task)
    assert texts(await service.complete(query)) == ["order, 5"]
    warm, real = (request for request in backend.requests if isinstance(request, FillRequest))
    assert warm.max_tokens == 0
    beginning, _, _ = real.prompt.as_string().partition("<|fim_suffix|>")
    assert warm.prompt.as_string().startswith(beginning)


async def test_a_real_request_ends_what_is_read_in_a_pause() -> None:
    held = Held()
    backend = ScriptedBackend(fills=[[held], "order, 5"])
    service, query = local(backend), query_in(PRICES)
    service.opened(query.document, query.around)
    await asyncio.wait_for(held.reached.wait(), 10)
    assert texts(await asyncio.wait_for(service.complete(query), 10)) == ["order, 5"]
    await asyncio.wait_for(backend.played[0].finished.wait(), 10)
    assert [played.ended for played in backend.played] == ["closed", "done"]
    service.opened(query.document, query.around)
    await service.aclose()
    assert len(backend.requests) == 2, "what was only planned is given up"


OFFERED = "a + 1\n    "
BEFORE, AFTER = "def f(a):\n    b = <|>", f"def f(a):\n    b = {OFFERED}<|>"


async def test_what_comes_after_a_suggestion_is_there_when_it_is_accepted() -> None:
    backend = ScriptedBackend(fills=["return b", "no"])
    service = local(backend)
    service.ahead(query_at(BEFORE), OFFERED)
    await ended(service._ahead)
    completion = await service.complete(query_at(AFTER))
    assert (texts(completion), completion.usage, len(backend.requests)) == (["return b"], None, 1)


async def test_a_real_request_ends_the_look_ahead() -> None:
    held = Held()
    backend = ScriptedBackend(fills=[["return", held], "a + 1"])
    service = local(backend)
    service.ahead(query_at(BEFORE), OFFERED)
    await asyncio.wait_for(held.reached.wait(), 10)
    assert texts(await asyncio.wait_for(service.complete(query_at(BEFORE)), 10)) == ["a + 1"]
    await asyncio.wait_for(backend.played[0].finished.wait(), 10)
    assert [played.ended for played in backend.played] == ["closed", "done"]
    service.ahead(query_at(BEFORE), OFFERED)
    await service.aclose()
    assert len(backend.requests) == 2


async def test_in_a_pause_nothing_is_asked_elsewhere_and_a_failure_is_nobodys() -> None:
    backend = ScriptedBackend()
    for is_here, asked in ((False, 0), (True, 1)):
        service, query = local(backend, is_here=is_here), query_in(PRICES)
        service.opened(query.document, query.around)
        await ended(service._warmer._task)
        assert len(backend.requests) == asked
        service.ahead(query, "order, 5)\n    ")
        await ended(service._ahead)
        assert len(backend.requests) == 2 * asked
        await service.aclose()


async def test_a_person_who_waits_gets_a_longer_answer_to_the_same_prompt() -> None:
    backend = ScriptedBackend([ScriptStep("fill", ("",), repeat=True)])
    service = service_on(backend, CompletionSettings(latency_target_ms=300, context_tokens=300))
    pieces = [piece(name, lines=20) for name in ("apple", "banana", "cherry")]
    for trigger in TRIGGERS:
        await service.complete(edited(pieces, trigger))
        await service.complete(edited(pieces, trigger, typed="2 * "))
    automatic, invoked = (request for request in backend.requests[::2] if isinstance(request, FillRequest))
    assert automatic.prompt == invoked.prompt
    assert automatic.max_tokens < invoked.max_tokens == CompletionSettings().max_tokens


async def test_looking_ahead_changes_nothing_for_the_document_as_it_is() -> None:
    backend = ScriptedBackend([ScriptStep("fill", ("",), repeat=True)])
    service = local(backend, CompletionSettings(prefix_tokens=64, context_tokens=64, sources=("edits",)))
    query = edited([])
    await service.complete(query)
    starts = service._starts.get(query.document.uri)
    service.ahead(edited([piece("apple")]), "order, 5)\n" + "    total += 1\n" * 90)
    await ended(service._ahead)
    assert "apple.py" in prompts(backend)[-1]
    assert service._starts.get(query.document.uri) == starts
    await service.complete(edited([piece("banana")], typed="2 * "))
    assert "banana.py" in prompts(backend)[-1]
    assert "apple.py" not in prompts(backend)[-1]


async def test_a_context_that_is_out_of_date_is_chosen_and_read_in_a_pause() -> None:
    backend = ScriptedBackend([ScriptStep("fill", ("",), repeat=True)])
    service, query = local(backend), edited([piece("apple")])
    await service.complete(query)
    await ended(service._warmer._task)
    assert len(backend.requests) == 1, "the model has read all of it"
    await service.complete(query)
    assert isinstance(query.around, FakeSurroundings)
    query.around.changed, query.around.lately = 1, lambda: [piece("banana")]
    await ended(service._warmer._task)
    await service.complete(edited([piece("cherry")], typed="2 * ", changed=1))
    _, warm, real = prompts(backend)
    assert [request.max_tokens for request in backend.requests if isinstance(request, FillRequest)][1] == 0
    assert "banana.py" in warm
    assert real.startswith(warm[: warm.index("<|fim_suffix|>")])


async def test_only_the_first_key_after_a_pause_may_find_another_context() -> None:
    backend, clock = ScriptedBackend([ScriptStep("fill", ("",), repeat=True)]), StillClock()
    service = service_on(backend, CompletionSettings(debounce_ms=0), clock)
    await service.complete(edited([piece("apple")]))
    for typed, seconds in (("2", 2.9), ("23", 0.2), ("234", 3.0), ("2345", 0.2)):
        clock.now += seconds
        await service.complete(edited([piece("banana")], typed=typed, changed=1))
    assert ["banana.py" in prompt for prompt in prompts(backend)] == [False, False, False, True, True]


async def test_what_is_done_for_a_document_in_a_pause_ends_when_it_is_closed() -> None:
    service, query = local(ScriptedBackend()), edited([])
    uri = query.document.uri
    for other, gives_up in (("file:///other.py", False), (uri, True)):
        service.opened(query.document, query.around)
        service.ahead(query, "order, 5)")
        tasks = service._warmer._task, service._ahead
        service.forget(other)
        assert all(task is not None and bool(task.cancelling()) is gives_up for task in tasks)
    await service.aclose()


async def test_nothing_is_kept_of_a_document_that_was_closed() -> None:
    backend = ScriptedBackend([ScriptStep("fill", ("",), repeat=True)])
    service = service_on(backend)
    await service.complete(edited([piece("apple")]))
    service.forget(edited([]).document.uri)
    await service.complete(edited([piece("banana")]))
    assert ["apple.py" in prompt for prompt in prompts(backend)] == [True, False]


async def test_a_document_without_completions_is_not_read_when_it_is_opened() -> None:
    backend = ScriptedBackend()
    service = local(backend, CompletionSettings(exclude_paths=("main.py",)))
    service.opened(edited([]).document, edited([]).around)
    await ended(service._warmer._task)
    assert not backend.requests


async def test_a_prompt_that_was_too_long_costs_other_documents_no_context() -> None:
    refusal = PromptTooLong("too long", status=400, prompt_tokens=1500, context_length=1024)
    backend = ScriptedBackend([ScriptStep("fill", error=refusal), ScriptStep("fill", ("",), repeat=True)])
    service = service_on(backend)
    await service.complete(query_at("value = 1\n" * 2000 + "x = <|>"))
    await service.complete(edited([]))
    assert "prices.py" in prompts(backend)[-1]
