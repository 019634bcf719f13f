"""How long a prompt may be, and what a server's refusals and counts teach."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.prompt.segments import Control, Prompt
from assist_context.prompt.tokens import estimate
from assist_server.backends.base import FillRequest, FimEvidence, ModelInfo
from assist_server.backends.scripted import ScriptedBackend, ScriptStep
from assist_server.config.settings import CompletionSettings
from assist_server.core.errors import PromptTooLong
from assist_server.features.completion.asking import budget_for, make_ask
from assist_server.features.fim import FimChoice, choose_fim
from assist_server.features.selection import Target
from support.completion import query_at, service_on

SUFFIX = FimChoice("suffix", None, "")
CHAT = FimChoice("chat", None, "")
QWEN = choose_fim(FimEvidence(frozenset({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"})), "qwen2.5-coder")
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
    request = backend.requests[-1]
    assert isinstance(request, FillRequest)
    return count(request.prompt.as_string())


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
    target = Target(backend, "m", context)
    budget = budget_for(CompletionSettings(prefix_tokens=4096, suffix_tokens=1024), target)
    ask = make_ask(
        document,
        int(len(document.text) * place),
        target=target,
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


@pytest.mark.parametrize(
    ("parameters", "setting", "suffix"), [(0.5e9, -1, 0), (1.5e9, -1, 96), (0.0, -1, 96), (0.5e9, 24, 24), (7e9, 0, 0)]
)
def test_how_much_follows_the_cursor_goes_by_the_model_where_the_user_does_not_say(
    parameters: float, setting: int, suffix: int
) -> None:
    target = Target(ScriptedBackend(), "m", 8192, parameters=parameters)
    assert budget_for(CompletionSettings(suffix_tokens=setting), target).suffix == suffix
