"""From what was given, layer by layer, to the settings in force. A bad value never stops the program: the next lower
layer's stays, and one problem says so.
"""

import contextlib
import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from assist_server.config.names import Setting, all_settings, camel
from assist_server.config.settings import Settings

OriginKind = Literal["default", "user file", "workspace file", "environment", "editor", "command line"]

MOST_UNKNOWN_NAMES = 20
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; detail is the file's path or the variable's name, line is from 1."""

    kind: OriginKind
    detail: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.detail}:{self.line}" if self.line else self.detail
        return place if self.kind.endswith(" file") else f"{self.kind} ({place})" if place else self.kind


@dataclass(frozen=True, slots=True)
class Problem:
    """Something given that cannot be used, in one sentence, with what to do about it."""

    message: str
    origin: Origin
    hint: str | None = None

    @property
    def where(self) -> str:
        """Name the file with its line, the variable or the editor."""
        return str(self.origin)


@dataclass(frozen=True, slots=True)
class ResolvedValue:
    """A setting in force; name is dotted camelCase."""

    name: str
    value: Any
    origin: Origin

    @property
    def source(self) -> str:
        """Name the file with its line, the variable, the editor or `default`."""
        return str(self.origin)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force, where each came from, and what could not be used."""

    settings: Settings
    values: tuple[ResolvedValue, ...]
    problems: tuple[Problem, ...] = ()

    def value(self, name: str) -> ResolvedValue:
        """Give one setting by its dotted name; raises KeyError."""
        return {value.name: value for value in self.values}[name]


@dataclass(frozen=True, slots=True)
class Entry:
    """One value as it was given, under the name it was given."""

    name: str
    raw: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class Layer:
    """All that one source gives.

    refusal: the hint for a machine setting where this source may not set one, None for a source of the user's own.
    textual: values are text that stands for a value of the setting's type.
    """

    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    refusal: str | None = None
    textual: bool = False


def resolve(layers: Iterable[Layer]) -> Resolved:
    """Lay the layers over the defaults, the lowest first; never raises for what they hold."""
    known = {setting.name: setting for setting in all_settings()}
    values = {name: ResolvedValue(name, setting.default, Origin("default")) for name, setting in known.items()}
    problems: list[Problem] = []
    for layer in layers:
        problems.extend(layer.problems)
        unknown = []
        for entry in layer.entries:
            setting = known.get(canonical(entry.name))
            if setting is None:
                unknown.append(entry)
            elif entry.raw is not None:
                outcome = _outcome(setting, entry, layer, values[setting.name].value)
                if isinstance(outcome, Problem):
                    problems.append(outcome)
                elif outcome is not None:
                    values[setting.name] = outcome
        problems.extend(_unknown_names(unknown, tuple(known)))
    return Resolved(_settings(known, values), tuple(values.values()), tuple(problems))


def canonical(name: str) -> str:
    """Bring a dotted name in either spelling to camelCase."""
    return ".".join(camel(part) for part in name.split("."))


def printable(text: str, longest: int = 60) -> str:
    """Make text from a file fit for a message: no control characters, not too long."""
    clean = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def expectation(setting: Setting) -> str:
    """Say in words which values a setting takes."""
    spec = setting.spec
    if spec.choices:
        return "one of " + ", ".join(spec.choices)
    low, high = (None if bound is None else f"{bound:.10g}" for bound in (spec.minimum, spec.maximum))
    bounds = f" from {low} to {high}" if low and high else f" from {low}" if low else f" up to {high}" if high else ""
    return {
        "boolean": "true or false",
        "integer": f"a whole number{bounds}",
        "number": f"a number{bounds}",
        "string": "text",
        "strings": "a list of texts",
    }[setting.kind]


def read_value(setting: Setting, raw: object, *, textual: bool = False) -> Any:
    """Turn a raw value into the setting's own type; raises ValueError where it is of another type or out of bounds."""
    value = _from_text(setting, raw) if textual and isinstance(raw, str) else raw
    spec = setting.spec
    if setting.kind == "boolean":
        if isinstance(value, bool):
            return value
    elif setting.kind in {"integer", "number"}:
        number = _number(setting, value)
        if (spec.minimum is None or number >= spec.minimum) and (spec.maximum is None or number <= spec.maximum):
            return number
    elif setting.kind == "string":
        if isinstance(value, str) and _is_text(value) and (not spec.choices or value in spec.choices):
            return value
    elif isinstance(value, (list, tuple)) and all(isinstance(item, str) and _is_text(item) for item in value):
        return tuple(value)
    raise ValueError(expectation(setting))


def _outcome(setting: Setting, entry: Entry, layer: Layer, in_force: Any) -> ResolvedValue | Problem | None:
    try:
        value = read_value(setting, entry.raw, textual=layer.textual)
    except ValueError:
        value = None
    if layer.refusal is not None and setting.spec.scope == "machine":
        # An editor sends the defaults of its manifest along with what was set; those ask for nothing.
        if entry.origin.kind == "editor" and value in (setting.default, in_force) and value is not None:
            return None
        return Problem(f"{setting.name} may not be set by a workspace", entry.origin, layer.refusal)
    if value is None:
        message = f"{setting.name} takes {expectation(setting)}, not {_shown(entry.raw)}"
        return Problem(message, entry.origin, f"{_shown(in_force)} is used instead")
    return ResolvedValue(setting.name, value, entry.origin)


def _unknown_names(entries: list[Entry], names: tuple[str, ...]) -> Iterable[Problem]:
    sections = {name.partition(".")[0] for name in names}
    for entry in entries[:MOST_UNKNOWN_NAMES]:
        name = canonical(entry.name)
        if name not in sections:
            hint = did_you_mean(name, names)
            yield Problem(f"there is no setting {printable(entry.name)}", entry.origin, hint)
        elif entry.raw is not None and entry.raw != []:  # Lua writes an empty table as an empty list
            yield Problem(f"{name} is a group of settings, not a value", entry.origin, f"write it as [{name}]")
    if len(entries) > MOST_UNKNOWN_NAMES:
        more = len(entries) - MOST_UNKNOWN_NAMES
        yield Problem(f"{more} more names are not settings", replace(entries[-1].origin, line=None))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Name the known name nearest to one that is not known, for a hint."""
    wanted = name[:60].lower()
    whole = {known.lower(): known for known in names}
    # Of several settings with one last part, such as `model`, the first declared is meant.
    last = {lower.rpartition(".")[2]: known for lower, known in reversed(whole.items())}
    if wanted in last:
        return f"did you mean {last[wanted]}?"
    for spellings, part in ((whole, wanted), (last, wanted.rpartition(".")[2])):
        near = difflib.get_close_matches(part, spellings, n=1, cutoff=0.75)
        if near:
            return f"did you mean {spellings[near[0]]}?"
    return "docs/settings.md lists all settings"


def _settings(known: Mapping[str, Setting], values: Mapping[str, ResolvedValue]) -> Settings:
    defaults = Settings()
    sections = {
        section.name: replace(
            getattr(defaults, section.name),
            **{s.key: values[name].value for name, s in known.items() if s.section == section.name},
        )
        for section in fields(Settings)
    }
    return Settings(**sections)


def _from_text(setting: Setting, text: str) -> object:
    """Read the text of a variable or an option as a value of the setting's type, or leave it as it is."""
    if setting.kind == "boolean":
        word = text.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else text
    if setting.kind == "strings":
        if text.lstrip().startswith("["):
            try:
                return json.loads(text)
            except RecursionError as error:
                raise ValueError(expectation(setting)) from error
        return [item.strip() for item in text.split(",") if item.strip()]
    if setting.kind == "integer":
        return int(text)
    return float(text) if setting.kind == "number" else text


def _number(setting: Setting, value: object) -> int | float:
    with contextlib.suppress(OverflowError):  # an int beyond every float, an infinite float
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = float(value) if setting.kind == "number" else int(value)
            if number == value and math.isfinite(number):
                return number
    raise ValueError(expectation(setting))


def _is_text(value: str) -> bool:
    """Tell whether a string can be written to a file or a socket: no lone surrogates, no NUL."""
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{printable(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a huge number" if isinstance(value, int) and value.bit_length() > 64 else printable(str(value))
