"""Completions, explanations and reviews in a mixed order through the whole product, and how often the model loads."""

import asyncio
import difflib
import random
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from bench_completion import Hole, cut_holes, percentile
from ollama_rig import MODEL, Figure, Rig, progress

from assist_context.document import Document
from assist_server.app import App, build_app
from assist_server.backends.base import Done
from assist_server.config.sources import load_settings
from assist_server.core.errors import AssistError
from assist_server.core.folders import Folders
from assist_server.core.notices import Notice, Notify
from assist_server.features.actions.explain import ExplainQuery
from assist_server.features.completion.service import CompletionQuery
from assist_server.features.review.service import review

REQUESTS = 200
AT_ONCE = 2  # a person goes on typing while an explanation or a review is written
EXPLANATION_TOKENS = 48

Kind = Literal["completion", "explanation", "review"]


@dataclass(frozen=True, slots=True)
class Job:
    """One request; two completions for a completion, as a key is pressed after the first."""

    kind: Kind
    hole: Hole


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request went. problem: why it was not answered."""

    kind: Kind
    seconds: float
    problem: str | None


async def measure_mixed(rig: Rig) -> list[Figure]:
    """Send the requests and count loads and answers."""
    notices: list[Notice] = []
    app = make_app(rig, notices.append)
    try:
        target = await app.selector.target("completion")
        await target.backend.preload(target.model)
        mark = rig.server.log.mark()
        answers = await _run_all(app, rig)
        loads = rig.server.log.loads(mark)
    finally:
        await app.aclose()
    problems = [f"{answer.kind}: {answer.problem}" for answer in answers if answer.problem]
    for problem in problems:
        print(problem, file=sys.stderr)
    waited = sum(notice.kind == "waiting" for notice in notices)
    return [
        Figure(f"mixed: loads after the first, {len(answers)} requests", str(loads), "0", loads == 0),
        Figure(
            "mixed: answered",
            f"{len(answers) - len(problems)} of {len(answers)}",
            "all",
            bool(answers and not problems),
        ),
        Figure("mixed: waited for another request first", str(waited)),
        *(_time(kind, answers) for kind in ("completion", "explanation", "review")),
    ]


def make_app(rig: Rig, notify: Notify) -> App:
    """Put the product together for the server, with folders of its own."""
    folders = Folders(*(rig.folder / name for name in ("cache", "data", "config", "log")))
    resolved = load_settings(
        environ={},
        config_folder=folders.config,
        command_line={
            "backend.name": "ollama",
            "backend.url": rig.server.url,
            "backend.model": MODEL,
            "chat.maxTokens": EXPLANATION_TOKENS,
            "completion.debounceMs": 0,
        },
    )
    if resolved.problems:
        raise RuntimeError(resolved.problems[0].message)
    return build_app(resolved, folders, {}, notify=notify)


def _jobs(requests: int, seed: int) -> list[Job]:
    explanations, reviews = requests // 8, requests * 3 // 40
    completions = (requests - explanations - reviews) // 2
    counts: dict[Kind, int] = {"completion": completions, "explanation": explanations, "review": reviews}
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    random.Random(seed).shuffle(kinds)  # noqa: S311 - an order
    return [Job(kind, hole) for kind, hole in zip(kinds, cut_holes(len(kinds), seed), strict=True)]


async def _run_all(app: App, rig: Rig) -> list[Answer]:
    jobs = _jobs(rig.count(REQUESTS), rig.seed)
    answers: list[Answer] = []

    async def work(rest: Iterator[tuple[int, Job]]) -> None:
        for number, job in rest:
            progress("mixed", number, len(jobs))
            holes = [job.hole, job.hole.typed()] if job.kind == "completion" else [job.hole]
            answers.extend([await _answer(app, job.kind, hole) for hole in holes])

    rest = iter(enumerate(jobs, 1))
    await asyncio.gather(*(work(rest) for _ in range(AT_ONCE)))
    return answers


async def _answer(app: App, kind: Kind, hole: Hole) -> Answer:
    ask = {"completion": _complete, "explanation": _explain, "review": _review}[kind]
    started = time.monotonic()
    try:
        problem = await ask(app, hole)
    except AssistError as error:
        problem = error.message
    return Answer(kind, time.monotonic() - started, problem)


async def _complete(app: App, hole: Hole) -> str | None:
    completion = await app.completion.complete(CompletionQuery(hole.document, hole.offset))
    return None if completion.items or completion.why_empty else "neither a suggestion nor a reason"


async def _explain(app: App, hole: Hole) -> str | None:
    answer = await app.explain.start(ExplainQuery(hole.document, hole.offset, hole.offset))
    async with aclosing(answer.events) as events:
        async for event in events:
            if isinstance(event, Done):
                return None
    return "the answer has no end"


async def _review(app: App, hole: Hole) -> str | None:
    target = await app.selector.target("review")
    report = await review(_patch(hole), target=target, settings=app.settings.review)
    if report.coverage.failed:
        return report.coverage.failed[0].reason
    return None if report.coverage.reviewed else "nothing was reviewed"


def _patch(hole: Hole) -> str:
    """Write the change that made the hole as a diff of one hunk."""
    document: Document = hole.document
    before = document.text[: hole.offset] + hole.truth + document.text[hole.offset :]
    old, new = (text.splitlines(keepends=True) for text in (before, document.text))
    return "".join(difflib.unified_diff(old, new, f"a/{document.path}", f"b/{document.path}"))


def _time(kind: Kind, answers: list[Answer]) -> Figure:
    seconds = [answer.seconds for answer in answers if answer.kind == kind]
    return Figure(
        f"mixed: {len(seconds)} {kind}s, seconds p50, p95",
        f"{percentile(seconds, 0.5):.2f}, {percentile(seconds, 0.95):.2f}",
    )
