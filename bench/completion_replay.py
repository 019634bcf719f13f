"""Part (b) of `bench_completion.py`: functions of unseen code typed again, key by key.

    PYTHONPATH=tests python bench/bench_completion.py --part replay --model PATH [--arms ARM,...] [--functions N] ...
    PYTHONPATH=tests python bench/bench_completion.py --part replay --name NAME --server 'COMMAND' [--options JSON]

Each key is a change and a request, which cancels the one before. What is right is accepted or typed through. The engine
of assist's arms takes note of what it is asked (`completion_replay_engine.py`); of another server only times are known.
Each function is kept when it is done; a run that was broken off goes on behind it. A short run, of three minutes:
`--functions 3 --keys 60`. For the server's own share in a large workspace: `--files 10000`.
"""

import argparse
import asyncio
import hashlib
import json
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from completion_arms import ALL, FILE, SOURCES, Arm, digest_of_program, other_arm, own_arms
from completion_corpora import LANGUAGES, repositories_folder
from completion_replay_bare import collect
from completion_replay_engine import program
from completion_replay_report import tables
from completion_replay_session import MODES, Editor, Pass
from completion_replay_tasks import Replay, add_files, chosen, make_workspace
from completion_replay_typing import next_key
from completion_session import Place, ServerFailed, environment_in, run_assist, session
from completion_tasks import all_tasks
from index_corpora import CorpusError, dev_cache
from index_rig import machine

FUNCTIONS, KEYS, BARE = 10, 250, 40
PACE = 180.0  # milliseconds
DEBOUNCE = 250  # milliseconds, the usual longest wait


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: every replay with every arm in every way.

    files: made for each workspace beside the repository's. bare: answers that the engine is asked for again alone.
    """

    replays: Sequence[Replay]
    arms: Sequence[Arm]
    ways: Sequence[Pass]
    files: int
    bare: int


class Records:
    """A file with a JSON object for each function that was typed; half a line at its end is left out."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, dict[str, Any]] = {}
        for line in file.read_text(encoding="utf-8").split("\n") if file.is_file() else ():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            self._found[record["key"]] = record

    def get(self, key: str) -> dict[str, Any] | None:
        """Give a record."""
        return self._found.get(key)

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record, safe from now on."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{'' if file.tell() == 0 else chr(10)}{json.dumps(record)}")
        self._found[record["key"]] = record


def key_of(plan: Plan, replay: Replay, arm: Arm, way: Pass) -> str:
    """Name whatever decides on a record."""
    parts = [replay.id, arm.name, arm.digest, way.name, way.keys, plan.files, plan.bare]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def keys_needed(text: str, characters: int) -> int:
    """Count the keys that so many characters of a text take without any suggestion."""
    place = keys = 0
    while place < characters:
        place += len(next_key(text, place))
        keys += 1
    return keys


async def run(plan: Plan, records: Records, folder: Path) -> None:
    """Type whatever has no record yet."""
    both = [(arm, way) for arm in plan.arms for way in plan.ways]
    left = [
        (replay, [(arm, way) for arm, way in both if records.get(key_of(plan, replay, arm, way)) is None])
        for replay in plan.replays
    ]
    told: set[str] = set()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="assist-bench-") as work:
        environment = environment_in(Path(work, "assist"))
        engine = program(Path(work), sys.executable)
        try:
            for number, (replay, passes) in enumerate(left, 1):
                if passes:
                    place = Place(Path(work, f"workspace-{number}"), environment)
                    make_workspace(folder / replay.repository, replay, place.workspace)
                    add_files(folder, replay.repository, place.workspace, plan.files)
                    if any(arm.own for arm, _ in passes):
                        run_assist(["index", "build"], environment, place.workspace)
                for arm, way in passes:
                    records.add(
                        await _measure(plan, replay, _with_engine(arm, engine, way), way, place=place, told=told)
                    )
                spent = time.monotonic() - begun
                print(f"{replay.id}: {number} of {len(left)} after {spent:.0f} s", file=sys.stderr, flush=True)
        finally:
            if any(arm.own for arm in plan.arms):
                run_assist(["engine", "stop"], environment, Path(work))


async def _measure(plan: Plan, replay: Replay, arm: Arm, way: Pass, *, place: Place, told: set[str]) -> dict[str, Any]:
    cache = Path(place.environment["ASSIST_CACHE_DIR"])
    async with session(arm, place, told) as client:
        if arm.own:
            await collect(cache, 0)
        typing = await Editor(client, arm, place.workspace).replay(replay, way)
    bare = plan.bare if way.pace == 0 else 0
    return {
        "key": key_of(plan, replay, arm, way),
        "id": replay.id,
        "half": replay.half,
        "kind": replay.kind,
        "language": replay.language,
        "arm": arm.name,
        "way": way.name,
        "files": plan.files,
        "needed": keys_needed(replay.function.cut, typing.characters),
        "recorded": arm.own,
        "typing": typing.record(),
        "calls": await collect(cache, bare) if arm.own else [],
    }


def _with_engine(arm: Arm, engine: Path, way: Pass) -> Arm:
    """Have an arm of ours use the recording engine, and wait for keys where there are pauses between them."""
    if not arm.own:
        return arm
    options: Mapping[str, Any] = {
        **arm.options,
        "engine": {**arm.options["engine"], "command": str(engine)},
        "completion": {**arm.options["completion"], **({"debounceMs": DEBOUNCE} if way.pace else {})},
    }
    return replace(arm, options=options)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench_completion.py --part replay", description="Type functions of unseen code key by key."
    )
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--arms", default=ALL, metavar="ARM,ARM", help=f"{FILE}, {ALL} or a source ({ALL})")
    parser.add_argument("--set", default="{}", metavar="JSON", help="settings of completion, over those of every arm")
    parser.add_argument("--server", default="", metavar="COMMAND", help="another server than assist, as a further arm")
    parser.add_argument("--name", default="other", help="the name of that arm (other)")
    parser.add_argument("--options", default="{}", metavar="JSON", help="its initializationOptions")
    parser.add_argument("--mode", choices=MODES, help="one way only (type-through at pace 0 and accept at 180)")
    parser.add_argument("--pace", type=float, help="milliseconds between keys, 0: as soon as there is an answer (180)")
    parser.add_argument("--functions", type=int, default=FUNCTIONS, help=f"how many functions are typed ({FUNCTIONS})")
    parser.add_argument("--keys", type=int, default=KEYS, help=f"most keys of a function ({KEYS})")
    parser.add_argument("--bare", type=int, default=BARE, help=f"answers asked for again alone at pace 0 ({BARE})")
    parser.add_argument("--files", type=int, default=0, help="more files made for each workspace (0)")
    parser.add_argument("--half", choices=("tune", "report"), help="of the repositories (both)")
    parser.add_argument("--language", choices=tuple(LANGUAGES), help="only of one language")
    parser.add_argument("--kind", choices=("alone", "across"), help="only of one kind")
    parser.add_argument("--answers", type=Path, help="where records are kept (the cache)")
    parser.add_argument("--only-report", action="store_true", help="type nothing, print what there is")
    options = parser.parse_args(arguments)
    if unknown := set(filter(None, options.arms.split(","))) - {FILE, ALL, *SOURCES}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join((FILE, ALL, *SOURCES))}")
    return options


def _ways(options: argparse.Namespace) -> list[Pass]:
    if options.mode is None and options.pace is None:
        return [Pass("type-through", 0.0, options.keys), Pass("accept", PACE, options.keys)]
    pace = PACE if options.pace is None else options.pace
    return [Pass(options.mode or "type-through", pace, options.keys)]


def _plan(options: argparse.Namespace, folder: Path) -> Plan:
    wanted = {"half": options.half, "language": options.language}
    tasks = [
        task
        for task in all_tasks(folder)
        if all(value in {None, getattr(task, name)} for name, value in wanted.items())
    ]
    replays = chosen(tasks, folder, options.functions, kind=options.kind)
    command = [sys.executable, "-m", "assist_server", "lsp"]
    names = [name for name in options.arms.split(",") if name]
    arms = own_arms(names, command, options.model.resolve(), json.loads(options.set))
    if options.server:
        arms.append(other_arm(options.name, shlex.split(options.server), json.loads(options.options)))
    return Plan(replays, arms, _ways(options), options.files, options.bare)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, fetch and cut, type, and print the tables."""
    options = _options(arguments)
    cache = dev_cache() / "bench-completion"
    try:
        folder = repositories_folder(cache)
    except CorpusError as error:
        sys.exit(str(error))
    plan = _plan(options, folder)
    records = Records(options.answers or cache / "replays.jsonl")
    if not options.only_report:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the engine is stopped, nothing is left
        made_by = digest_of_program()
        try:
            asyncio.run(run(plan, records, folder))
        except ServerFailed as error:
            sys.exit(str(error))
        if digest_of_program() != made_by:
            print("assist was changed during the run: these figures are of no one version", file=sys.stderr)
    print(f"Machine: {machine()}. Model: {options.model.name}.\n")
    keys = [key_of(plan, replay, arm, way) for arm in plan.arms for way in plan.ways for replay in plan.replays]
    for table in tables([record for key in keys if (record := records.get(key)) is not None]):
        print(table.markdown(), flush=True)
