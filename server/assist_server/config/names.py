"""The names of the settings, made by rule.

`max_tokens` of the completion is `completion.maxTokens` outside and `ASSIST_COMPLETION_MAX_TOKENS` in the environment.
"""

import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_type_hints

from assist_server.config.settings import Settings, Spec

Kind = Literal["boolean", "integer", "number", "string", "strings"]

_SHORT_VARIABLES = {"backend.name": "ASSIST_BACKEND", "backend.url": "ASSIST_URL", "backend.model": "ASSIST_MODEL"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting and all that is known of it.

    name: dotted camelCase. section, key: where it is in `Settings`. variables: of the environment, the first one wins.
    """

    name: str
    section: str
    key: str
    kind: Kind
    default: Any
    spec: Spec
    variables: tuple[str, ...]


def all_settings() -> tuple[Setting, ...]:
    """List every setting in the order of its declaration."""
    sections = get_type_hints(Settings)
    return tuple(
        _setting(section.name, field, get_type_hints(sections[section.name])[field.name])
        for section in fields(Settings)
        for field in fields(sections[section.name])
    )


def section_docs() -> dict[str, str]:
    """Give what each section is about, by its name outside."""
    return {camel(name): str(section.__doc__) for name, section in get_type_hints(Settings).items()}


def camel(snake_case: str) -> str:
    """Turn `max_tokens` into `maxTokens`; leaves other names as they are."""
    return re.sub(r"(?<=[A-Za-z0-9])_([a-z0-9])", lambda match: match[1].upper(), snake_case)


def snake(camel_case: str) -> str:
    """Turn `maxTokens` into `max_tokens`."""
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", camel_case)


def _setting(section: str, field: Any, hint: Any) -> Setting:
    name = f"{camel(section)}.{camel(field.name)}"
    variable = f"ASSIST_{section}_{field.name}".upper()
    short = _SHORT_VARIABLES.get(name)
    return Setting(
        name=name,
        section=section,
        key=field.name,
        kind=_kind(hint),
        default=field.default,
        spec=field.metadata["spec"],
        variables=(short, variable) if short else (variable,),
    )


def _kind(hint: Any) -> Kind:
    kinds: dict[Any, Kind] = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        tuple[str, ...]: "strings",
    }
    return kinds[hint]
