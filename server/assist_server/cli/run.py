"""From the arguments to one command's exit status."""

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from assist_server.cli.output import EXIT_DONE, Output, guarded, use_utf8
from assist_server.cli.parser import build_parser, wants_json, without_dashes

_FLAGS = {"backend": "backend.name", "url": "backend.url", "model": "backend.model", "log_level": "log.level"}
_COMMAND_FLAGS = {"max_tokens": "completion.maxTokens", "fail_on": "review.failOn"}


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    use_utf8()
    output = Output(as_json=wants_json(arguments), color=False if "--no-color" in arguments else None)
    return guarded(output, lambda: _dispatch(arguments, output))


def _dispatch(arguments: list[str], output: Output) -> int:
    parser = build_parser()
    args = parser.parse_args(without_dashes(arguments))
    if args.version:
        from assist_server.cli.commands.version import show_version

        return show_version(output, as_json=args.version_json)
    if args.command is None:
        output.text(parser.format_help(), end="")
        return EXIT_DONE
    module = importlib.import_module(f"assist_server.cli.commands.{args.command}")
    status: int = module.run(args, output)
    return status


def command_line_settings(args: argparse.Namespace) -> Mapping[str, object]:
    """Collect the settings that options set, by their dotted names."""
    return {
        name: value
        for flag, name in {**_FLAGS, **_COMMAND_FLAGS}.items()
        if (value := getattr(args, flag, None)) is not None
    }


def config_file(args: argparse.Namespace) -> Path | None:
    """Give the settings file that the user named by an option."""
    return Path(args.config).expanduser() if args.config else None
