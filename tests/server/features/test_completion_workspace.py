"""Completions that know the workspace around their document, and what is done for the next one in a pause."""

import asyncio
import logging

import pytest

from assist_server.backends.base import FillRequest
from assist_server.backends.scripted import ScriptedBackend
from assist_server.config.settings import CompletionSettings
from assist_server.features.completion.service import Completion, CompletionService
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


async def test_the_trace_of_a_context_holds_no_text_of_it(caplog: pytest.LogCaptureFixture) -> None:
    query = query_in(PRICES)
    assert isinstance(query.around, FakeSurroundings)
    query.around.lately = lambda: [piece("apple")]
    with caplog.at_level(logging.DEBUG):
        completion = await service_on(ScriptedBackend(fills=["order, 5"])).complete(query)
    for said in (*completion.trace, caplog.text):
        assert not {"discounted", "prices", "apple", "order"} & set(said.replace("_", " ").replace(".", " ").split())


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


async def test_the_tree_of_the_document_tells_where_nothing_is_asked() -> None:
    completion = await service_on(ScriptedBackend()).complete(query_in("=== a.py\nx = 1\n# what <|>\n"))
    assert completion.why_empty == "the cursor is in a comment"


def local(backend: ScriptedBackend, *, is_here: bool = True) -> CompletionService:
    """Make a service that does something in a pause, where its model runs here."""
    settings = settings_for(backend)
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
