"""`assist config show|path`."""

import argparse
import os
from pathlib import Path

from assist_server.cli.output import EXIT_DONE, Output
from assist_server.cli.run import config_file
from assist_server.cli.session import find_workspace, load
from assist_server.config.sources import named_file


def run(args: argparse.Namespace, output: Output) -> int:
    """Show every setting with its source, or the path of the user's settings file."""
    resolved, own = load(args, workspace=find_workspace(Path.cwd()))
    path = named_file(os.environ, config_file(args)) or own.config_file
    if args.action == "path" and not output.as_json:
        output.text(str(path))
        return EXIT_DONE
    if output.as_json:
        output.result(
            {
                "path": str(path),
                "exists": path.is_file(),
                "values": [{"name": v.name, "value": v.value, "source": v.source} for v in resolved.values],
                "problems": [{"message": p.message, "source": p.where, "hint": p.hint} for p in resolved.problems],
            }
        )
        return EXIT_DONE
    output.table(("setting", "value", "source"), [(v.name, _shown(v.value), v.source) for v in resolved.values])
    for problem in resolved.problems:
        output.note(f"assist: {problem.where}: {problem.message}")
        if problem.hint:
            output.note(f"  {problem.hint}")
    return EXIT_DONE


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "(none)"
    return "(empty)" if value == "" else str(value).lower() if isinstance(value, bool) else str(value)
