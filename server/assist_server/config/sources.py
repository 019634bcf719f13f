"""Where settings come from: defaults < the user's file < the workspace's file < environment < editor < command line."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from assist_server.config import toml
from assist_server.config.names import all_settings
from assist_server.config.resolve import (
    Entry,
    Layer,
    Origin,
    OriginKind,
    Problem,
    Resolved,
    canonical,
    did_you_mean,
    resolve,
)
from assist_server.core.errors import ConfigError

USER_FILE = "config.toml"
WORKSPACE_FILE = ".assist.toml"
MAX_FILE_BYTES = 65_536


def named_file(environ: Mapping[str, str], config_file: Path | None = None) -> Path | None:
    """Give the settings file that the user named, by an option before the environment; None for the usual one."""
    return config_file or (Path(value).expanduser() if (value := environ.get("ASSIST_CONFIG")) else None)


def load_settings(
    *,
    environ: Mapping[str, str],
    config_folder: Path,
    config_file: Path | None = None,
    workspace: Path | None = None,
    editor: Mapping[str, object] | None = None,
    editor_workspace: Mapping[str, object] | None = None,
    command_line: Mapping[str, object] | None = None,
) -> Resolved:
    """Read all sources and resolve them.

    config_file: the user's file by name, else `ASSIST_CONFIG`, else `config.toml` in config_folder if there is one.
    editor: `initializationOptions`. editor_workspace: an answer to `workspace/configuration`, which a repository can
    have a hand in, as it has in the workspace's file: neither may set a machine setting.
    command_line: by dotted name; None and text that stands for a value of the setting's type are taken as well.
    Raises ConfigError only for a named file that cannot be read.
    """
    named = named_file(environ, config_file)
    user_file = named or config_folder / USER_FILE
    refusal = f"set it in {config_folder / USER_FILE}, in the environment or on the command line"
    layers = [_user_layer(user_file, named=named is not None)]
    if workspace is not None:
        layers.append(_workspace_layer(workspace, refusal))
    layers.append(_environment_layer(environ))
    layers.append(Layer(_entries(editor or {}, Origin("editor"))))
    layers.append(Layer(_entries(editor_workspace or {}, Origin("editor", "its workspace settings")), refusal=refusal))
    layers.append(Layer(_entries(command_line or {}, Origin("command line")), textual=True))
    resolved = resolve(layers)
    return Resolved(
        resolved.settings,
        resolved.values,
        (*resolved.problems, *_unknown_variables(environ, but=resolved.settings.backend.api_key_env)),
    )


def _user_layer(path: Path, *, named: bool) -> Layer:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        if named:
            raise ConfigError(f"there is no file {path}", hint="--config and ASSIST_CONFIG name a TOML file") from error
        return Layer()
    except OSError as error:
        if named:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
        return _unread("user file", path, f"cannot be read: {error.strerror}", "check its permissions")
    return _toml_layer("user file", path, content)


def _workspace_layer(workspace: Path, refusal: str) -> Layer:
    path = workspace / WORKSPACE_FILE
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(workspace.resolve()):
            return _unread("workspace file", path, "leads out of the workspace", "replace the link by a file")
        # Opened without waiting: a repository may hold a pipe of this name.
        with os.fdopen(os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return _unread("workspace file", path, "is not a file", "remove it")
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return Layer()
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself, before Python 3.13
        reason = getattr(error, "strerror", None) or "it is a link to itself"
        return _unread("workspace file", path, f"cannot be read: {reason}", "check its permissions")
    if len(content) > MAX_FILE_BYTES:
        return _unread("workspace file", path, f"is larger than {MAX_FILE_BYTES // 1024} KiB", "make it smaller")
    return _toml_layer("workspace file", path, content, refusal=refusal)


def _toml_layer(kind: OriginKind, path: Path, content: bytes, *, refusal: str | None = None) -> Layer:
    try:
        text = toml.parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _unread(kind, path, "is not UTF-8", "save it in that encoding", line)
    except toml.TomlError as error:
        return _unread(kind, path, f"is not valid TOML: {error.message}", "nothing of it is used", error.line)
    entries = (
        # A key of an inline table is where the table is.
        Entry(name, raw, Origin(kind, str(path), text.lines.get(name) or text.lines.get(name.partition(".")[0])))
        for name, raw in _flat(text.values)
    )
    return Layer(tuple(entries), refusal=refusal)


def _unread(kind: OriginKind, path: Path, reason: str, hint: str, line: int | None = None) -> Layer:
    return Layer(problems=(Problem(f"{path.name} {reason}", Origin(kind, str(path), line), hint),))


def _environment_layer(environ: Mapping[str, str]) -> Layer:
    return Layer(
        tuple(
            Entry(setting.name, environ[variable], Origin("environment", variable))
            for setting in all_settings()
            for variable in reversed(setting.variables)
            if environ.get(variable)
        ),
        textual=True,
    )


def _unknown_variables(environ: Mapping[str, str], *, but: str) -> Iterator[Problem]:
    """Report variables in a section's name space only: any other `ASSIST_` name may be somebody else's."""
    known = [variable for setting in all_settings() for variable in setting.variables]
    sections = tuple({f"ASSIST_{setting.section.upper()}_" for setting in all_settings()})
    for variable in sorted(environ):
        if variable.startswith(sections) and variable not in known and variable != but:
            origin = Origin("environment", variable)
            yield Problem(f"there is no setting for {variable}", origin, did_you_mean(variable, known))


def _entries(given: Mapping[str, object], origin: Origin) -> tuple[Entry, ...]:
    """List what an editor or the command line gives: nested or dotted, with or without `assist` around it."""
    inner = given.get("assist") or {}
    outer = {str(name).removeprefix("assist."): raw for name, raw in given.items() if name != "assist"}
    nested = inner if isinstance(inner, Mapping) else {"assist": inner}
    return tuple(Entry(name, raw, origin) for name, raw in (*_flat(nested), *_flat(outer)))


def _flat(given: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    sections = {setting.name.partition(".")[0] for setting in all_settings()}
    for name, raw in given.items():
        if isinstance(raw, Mapping) and canonical(name) in sections:
            yield from ((f"{name}.{key}", value) for key, value in raw.items())
        else:
            yield name, raw
