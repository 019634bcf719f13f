"""Prompt tokens that are evaluated for each typed character, by Ollama and by the embedded engine."""

import statistics
from contextlib import aclosing
from dataclasses import replace

from bench_completion import Hole, cut_holes
from ollama_first_token import request_for
from ollama_rig import MODEL, Figure, Rig, first_event, progress

from assist_server.backends.base import Backend, Done, FillRequest
from assist_server.backends.embedded import EmbeddedBackend
from assist_server.backends.registry import BackendConfig
from assist_server.config.settings import BackendSettings, EngineSettings, Settings
from assist_server.engine.engine import Engine
from assist_server.engine.status import stop_engines
from assist_server.features.selection import Selector

CHARACTERS = 40
TARGET = 1.10


async def measure_typing(rig: Rig) -> list[Figure]:
    """Type into a document, asking both for the same after every character."""
    cache = rig.folder / "engine"
    alias = rig.gguf.stem
    engine = Engine(cache=cache, settings=EngineSettings(model=str(rig.gguf)), model_path=rig.gguf, alias=alias)
    embedded = EmbeddedBackend(BackendConfig(address=engine.address))
    ollama = rig.backend()
    settings = Settings(backend=BackendSettings(name="ollama", url=rig.server.url, model=MODEL))
    selector = Selector(settings, lambda _name: ollama, embedded_missing=lambda: None)
    typed: list[tuple[int, int]] = []
    try:
        for number, hole in enumerate(_typed(rig)):
            request = await request_for(selector, hole)
            mark = rig.server.log.mark()
            await first_event(ollama, request)
            theirs = (await rig.evaluation(mark)).tokens
            ours = await _evaluated(embedded, replace(request, model=alias, stop=()))
            if number:  # the first is the document's opening
                typed.append((theirs, ours))
                progress("typing", number, rig.count(CHARACTERS))
    finally:
        await selector.aclose()
        await embedded.aclose()
        await engine.release()
        await stop_engines(cache)
    return _figures(typed)


def _typed(rig: Rig) -> list[Hole]:
    """Give a document before and after each character that is typed into it: what stood there before."""
    (hole,) = cut_holes(1, rig.seed)
    document, offset = hole.document, hole.offset
    text = document.text[:offset] + hole.truth + document.text[offset:]
    end = offset + rig.count(CHARACTERS)
    return [
        Hole(replace(document, text=text[:place] + text[end:]), place, text[place:end])
        for place in range(offset, end + 1)
    ]


async def _evaluated(backend: Backend, request: FillRequest) -> int:
    """Count the tokens of a prompt that the engine evaluated."""
    async with aclosing(backend.fill(request)) as events:
        async for event in events:
            if isinstance(event, Done) and event.usage.cached is not None:
                return event.usage.prompt - event.usage.cached
    raise RuntimeError("the engine does not say what it took from its cache")


def _figures(typed: list[tuple[int, int]]) -> list[Figure]:
    theirs, ours = [each[0] for each in typed], [each[1] for each in typed]
    ratio = sum(theirs) / sum(ours)
    return [
        Figure(
            f"typing: tokens evaluated for {len(typed)} characters, Ollama against our engine",
            f"{ratio:.3f} ({sum(theirs)} and {sum(ours)})",
            f"<= {TARGET:.2f}",
            ratio <= TARGET,
        ),
        Figure(
            "typing: for each character, p50 of each",
            f"{statistics.median(theirs):.0f} and {statistics.median(ours):.0f}",
        ),
    ]
