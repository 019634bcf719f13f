"""Part (a) of `bench_completion.py`: what is shown at holes in code that the model has not seen.

    PYTHONPATH=tests python bench/bench_completion.py --part quality --model PATH [--arms file,all,...] [--tasks N] ...
    PYTHONPATH=tests python bench/bench_completion.py --part quality --name NAME --server 'COMMAND' [--options JSON]

Each repository is copied with its holes cut out and indexed then, so that no answer can be found in it. Each arm gets a
server of its own for each repository. Answers are kept; a run that was broken off goes on where it stopped, and a
changed server, model or setting begins anew.
"""

import argparse
import asyncio
import hashlib
import json
import shlex
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from completion_answers import Answers
from completion_arms import ALL, FILE, SAMPLE, SOURCES, STATIC, Arm, digest_of_program, other_arm, own_arms
from completion_corpora import LANGUAGES, repositories_folder
from completion_report import Results, tables
from completion_session import Place, ServerFailed, ask, environment_in, run_assist, session
from completion_tasks import KINDS, Task, all_tasks, make_workspace
from index_corpora import CorpusError, dev_cache
from index_rig import machine

TUNED = 100  # tasks of the half that was tuned on: all of them would make a run longer than two hours


def chosen(tasks: Sequence[Task], count: int) -> list[Task]:
    """Give about so many tasks, as many of each language and kind, always the same ones, in their usual order."""
    groups: defaultdict[tuple[str, str], list[Task]] = defaultdict(list)
    for task in tasks:
        groups[task.language, task.kind].append(task)
    each = max(1, round(count / max(1, len(groups))))
    picked = {task.id for group in groups.values() for task in sorted(group, key=_lot)[:each]}
    return [task for task in tasks if task.id in picked]


async def run(
    arms: Sequence[Arm], tasks: Sequence[Task], holes: Sequence[Task], answers: Answers, folder: Path
) -> None:
    """Ask whatever has no answer yet, one repository after the other.

    tasks: what to ask. holes: all that are cut, so that a part of the tasks is asked in the same workspaces.
    """
    left = [
        (arm, [task for task in tasks_of(arm, tasks) if not answers.get(task.id, arm.name, arm.digest)]) for arm in arms
    ]
    total, done, begun = sum(len(asked) for _, asked in left), 0, time.monotonic()
    told: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="assist-bench-") as work:
        environment = environment_in(Path(work, "assist"))
        try:
            for repository in dict.fromkeys(task.repository for _, asked in left for task in asked):
                place = Place(Path(work, "workspaces", repository), environment)
                make_workspace(
                    folder / repository, [hole for hole in holes if hole.repository == repository], place.workspace
                )
                if any(arm.own for arm in arms):
                    run_assist(["index", "build"], environment, place.workspace)
                for arm, asked in left:
                    here = [task for task in asked if task.repository == repository]
                    await _ask_all(arm, here, place, answers, told)
                    done += len(here)
                spent = time.monotonic() - begun
                print(f"{repository}: {done} of {total} after {spent:.0f} s", file=sys.stderr, flush=True)
        finally:
            if any(arm.own for arm in arms):
                run_assist(["engine", "stop"], environment, Path(work))


def usual(tasks: Sequence[Task]) -> list[Task]:
    """Give the tasks of a run that says nothing else: all of the half that is reported, a part of the other."""
    tuned = {task.id for task in chosen([task for task in tasks if task.half == "tune"], TUNED)}
    return [task for task in tasks if task.half == "report" or task.id in tuned]


def tasks_of(arm: Arm, tasks: Sequence[Task]) -> list[Task]:
    """Give the tasks of an arm."""
    return chosen(tasks, SAMPLE) if arm.sampled else list(tasks)


async def _ask_all(arm: Arm, tasks: Sequence[Task], place: Place, answers: Answers, told: set[str]) -> None:
    if tasks:
        async with session(arm, place, told) as client:
            for task in tasks:
                answers.add([await ask(client, arm, task, place.workspace)])


def _lot(task: Task) -> str:
    return hashlib.sha256(task.id.encode()).hexdigest()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench_completion.py --part quality", description="Measure what is shown at holes in unseen code."
    )
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument(
        "--arms",
        default=",".join((FILE, ALL, *STATIC)),
        metavar="ARM,ARM",
        help=f"{FILE}, {ALL} or a source; the others are compared with the first ({FILE}, {ALL} and six sources)",
    )
    parser.add_argument("--set", default="{}", metavar="JSON", help="settings of completion, over those of every arm")
    parser.add_argument("--server", default="", metavar="COMMAND", help="another server than assist, as a further arm")
    parser.add_argument("--name", default="other", help="the name of that arm (other)")
    parser.add_argument("--options", default="{}", metavar="JSON", help="its initializationOptions")
    parser.add_argument("--tasks", type=int, help=f"about so many tasks (all that are reported, {TUNED} others)")
    parser.add_argument("--half", choices=("tune", "report"), help="all tasks of one half of the repositories")
    parser.add_argument("--language", choices=tuple(LANGUAGES), help="only of one language")
    parser.add_argument("--kind", choices=KINDS, help="only of one kind")
    parser.add_argument("--answers", type=Path, help="where answers are kept (the cache)")
    parser.add_argument("--only-report", action="store_true", help="ask nothing, print what there is")
    options = parser.parse_args(arguments)
    if unknown := set(filter(None, options.arms.split(","))) - {FILE, ALL, *SOURCES}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join((FILE, ALL, *SOURCES))}")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, fetch and cut, ask, and print the tables."""
    options = _options(arguments)
    cache = dev_cache() / "bench-completion"
    try:
        folder = repositories_folder(cache)
    except CorpusError as error:
        sys.exit(str(error))
    holes = all_tasks(folder)
    wanted = {"half": options.half, "language": options.language, "kind": options.kind}
    tasks = [task for task in holes if all(value in {None, getattr(task, name)} for name, value in wanted.items())]
    if options.tasks is not None:
        tasks = chosen(tasks, options.tasks)
    elif options.half is None:
        tasks = usual(tasks)
    names = [name for name in options.arms.split(",") if name]
    command = [sys.executable, "-m", "assist_server", "lsp"]
    arms = own_arms(names, command, options.model.resolve(), json.loads(options.set))
    if options.server:
        arms.append(other_arm(options.name, shlex.split(options.server), json.loads(options.options)))
    answers = Answers(options.answers or cache / "answers.jsonl")
    if not options.only_report:
        program = digest_of_program()
        try:
            asyncio.run(run(arms, tasks, holes, answers, folder))
        except ServerFailed as error:
            sys.exit(str(error))
        if digest_of_program() != program:
            print("assist was changed during the run: these answers are of no one version", file=sys.stderr)
    print(f"Machine: {machine()}. Model: {options.model.name}.\n")
    asked = {arm.name: tasks_of(arm, tasks) for arm in arms}
    for table in tables(Results(arms, asked, holes, answers, folder)):
        print(table.markdown(), flush=True)
