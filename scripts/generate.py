"""Write the documents that say what the code already says: the settings, their JSON schema, the command line.

python scripts/generate.py            write them
python scripts/generate.py --check    fail if one of them is not what would be written
"""

import argparse
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assist_server.cli.parser import EXAMPLES, build_parser, common_options
from assist_server.config.names import Setting, all_settings, section_docs
from assist_server.config.sources import MAX_FILE_BYTES, USER_FILE, WORKSPACE_FILE

ROOT = Path(__file__).resolve().parent.parent

NOTICE = "<!-- Written by scripts/generate.py. Change the source and run `make docs`. -->"

SETTINGS_INTRODUCTION = f"""\
# Settings

Each source wins over those above it:

1. the defaults below;
2. your own file: `{USER_FILE}`, which `assist config path` finds, or the one that `--config` or `ASSIST_CONFIG` names;
3. the workspace's file, `{WORKSPACE_FILE}` in the root of the project, at most {MAX_FILE_BYTES // 1024} KiB;
4. environment variables;
5. the editor: `initializationOptions`, then what it answers to `workspace/configuration` for the section `assist`;
6. options of the command line.

A value that cannot be used is reported once, with its file and line, and the next lower source's value stays.
`assist config show` prints every setting, its value and where it comes from.

Settings of the scope *machine* say where data goes and what is run on this machine. They are refused from whatever a
repository can carry, which is the workspace's file and an answer to `workspace/configuration`.

The files are TOML. Names may also be written in snake case (`max_tokens`). The schema for editors is
[settings.schema.json](settings.schema.json).

```toml
[backend]
name = "ollama"
model = "qwen2.5-coder:7b"

[completion]
maxTokens = 64
exclude = ["markdown", "plaintext"]
```

In a variable a list is written with commas, or as a JSON array; truth as `true` or `false`. An empty variable counts as
not set. These variables are no settings: `ASSIST_CONFIG` names the settings file; `ASSIST_CACHE_DIR`, `ASSIST_DATA_DIR`
and `ASSIST_CONFIG_DIR` move the folders; `NO_COLOR` turns colors off.
"""

CLI_INTRODUCTION = """\
# Command line

The result goes to standard output, everything else (progress, warnings) to standard error. With `--json` standard
output holds exactly one JSON object, also for an error: `{"error": {"code": "...", "message": "...", "hint": "..."}}`.

| exit status | meaning |
|---|---|
| 0 | done; for `review`: nothing at or above `--fail-on` |
| 1 | `review`: findings at or above `--fail-on`; `doctor`: a problem found |
| 2 | usage: an unknown option, a bad place, no such file |
| 3 | configuration |
| 4 | no backend, no model, or it failed |
| 5 | incomplete: part of the work could not be done, and which part is said |
| 130 | interrupted |\n| 141 | whoever read the output (`head`, a pager) has left before its end |
"""

JSON_TYPES: Mapping[str, Mapping[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "string": {"type": "string"},
    "strings": {"type": "array", "items": {"type": "string"}},
}


def settings_document() -> str:
    """Render docs/settings.md."""
    parts = [NOTICE, "", SETTINGS_INTRODUCTION]
    for section, doc in section_docs().items():
        parts += [f"## {section}", "", inspect.cleandoc(doc), ""]
        parts += ["| setting | type | default | scope | what it does | variable |", "|---|---|---|---|---|---|"]
        parts += [_settings_row(s) for s in all_settings() if s.name.startswith(f"{section}.")]
        parts.append("")
    return "\n".join(parts)


def settings_schema() -> str:
    """Render docs/settings.schema.json, the schema of a settings file."""
    sections = {
        section: {
            "description": inspect.cleandoc(doc),
            "type": "object",
            "additionalProperties": False,
            "properties": {
                s.name.partition(".")[2]: _schema(s) for s in all_settings() if s.name.startswith(f"{section}.")
            },
        }
        for section, doc in section_docs().items()
    }
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of assist",
        "type": "object",
        "additionalProperties": False,
        "properties": sections,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def cli_document() -> str:
    """Render docs/cli.md from the parser's own actions: `format_help` differs between versions of Python."""
    parser = build_parser()
    shared = _options(common_options())
    parts = [NOTICE, "", CLI_INTRODUCTION, "## assist", "", f"{parser.description}", "", f"{parser.epilog}", ""]
    parts += [*_option_table(_options(parser)), "", "| command | what it does |", "|---|---|"]
    parts += [f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(p.description)} |" for name, p in _commands(parser)]
    parts += ["", "## Options of every command", "", *_option_table(shared), ""]
    known = {option for action in shared for option in action.option_strings}
    for name, command in _commands(parser):
        parts += [*_command_section(name, command, known), ""]
    return "\n".join(parts)


TARGETS: Mapping[str, Callable[[], str]] = {
    "docs/settings.md": settings_document,
    "docs/settings.schema.json": settings_schema,
    "docs/cli.md": cli_document,
}


def _settings_row(setting: Setting) -> str:
    cells = (
        f"`{setting.name}`",
        _type_in_words(setting),
        f"`{json.dumps(setting.default, ensure_ascii=False)}`",
        setting.spec.scope,
        setting.spec.doc,
        ", ".join(f"`{variable}`" for variable in setting.variables),
    )
    return f"| {' | '.join(map(_cell, cells))} |"


def _type_in_words(setting: Setting) -> str:
    spec = setting.spec
    if spec.choices:
        return "one of " + ", ".join(f"`{choice}`" for choice in spec.choices)
    words = {"strings": "list of strings"}.get(setting.kind, setting.kind)
    if spec.minimum is None or spec.maximum is None:
        return words
    return f"{words}, {spec.minimum:.10g} to {spec.maximum:.10g}"


def _schema(setting: Setting) -> dict[str, Any]:
    spec = setting.spec
    schema = {"description": spec.doc, **JSON_TYPES[setting.kind], "default": setting.default}
    limits = {"minimum": spec.minimum, "maximum": spec.maximum, "enum": list(spec.choices) or None}
    return schema | {key: limit for key, limit in limits.items() if limit is not None}


def _commands(parser: argparse.ArgumentParser, prefix: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give every command that can be run, by its full name."""
    for action in _actions(parser):
        if isinstance(action.choices, Mapping):
            for name, command in action.choices.items():
                nested = list(_commands(command, f"{prefix}{name} "))
                yield from nested or [(f"{prefix}{name}", command)]


def _command_section(name: str, command: argparse.ArgumentParser, known: set[str]) -> Iterator[str]:
    arguments = [action for action in _actions(command) if not action.option_strings]
    own = [action for action in _options(command) if not known.intersection(action.option_strings)]
    usage = " ".join(["assist", name, *map(_argument, arguments), "[OPTIONS]"])
    yield from (f"## {name}", "", f"{command.description}.", "", "```", usage, "```", "")
    if arguments:
        yield from ("| argument | meaning |", "|---|---|")
        yield from (f"| `{a.metavar or a.dest}` | {_cell(a.help)} |" for a in arguments)
        yield ""
    if own:
        yield from (*_option_table(own), "")
    yield f"Example: `{EXAMPLES[name]}`"


def _argument(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return f"[{name}]" if action.nargs == "?" else name


def _option_table(options: list[argparse.Action]) -> Iterator[str]:
    yield from ("| option | meaning |", "|---|---|")
    for action in options:
        value = action.metavar or (action.choices and "|".join(map(str, action.choices)))
        spelling = ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 and value else "")
        yield f"| `{_cell(spelling)}` | {_cell(action.help)} |"


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    hidden = (argparse.SUPPRESS, None)
    return [
        a for a in _actions(parser) if a.option_strings and a.help not in hidden and "--help" not in a.option_strings
    ]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 # argparse has no public way to list what was added


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main(arguments: list[str] | None = None) -> int:
    """Write the documents, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to write into")
    args = parser.parse_args(arguments)
    stale = []
    for name, render in TARGETS.items():
        path, text = args.root / name, render()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not args.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    for name in stale:
        print(f"{name} is stale: run `make docs`" if args.check else f"wrote {name}")
    return 1 if stale and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
