"""Names and shapes of what assist adds to the protocol, as `docs/protocol.md` tells them to those who write clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from assist_server.features.selection import Role

STATUS = "assist/status"
ANSWER = "assist/answer"
TRACE = "assist/trace"

EXPLAIN = "assist.server.explain"
STOP = "assist.server.stop"
USE = "assist.server.use"
TOGGLE = "assist.server.toggle"
ACCEPTED = "assist.server.accepted"

# One of the standard kinds' children, because some clients ask for those only.
EXPLAIN_KIND = "refactor.explain"

State = Literal["idle", "busy", "off", "error"]
Scope = Literal["session", "language", "document"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class ExplainArguments:
    """What to explain; the whole document where there is no range."""

    uri: str
    range: types.Range | None


@dataclass(frozen=True, slots=True)
class UseArguments:
    """What to work with until the server ends; neither a backend nor a model means what the settings say again."""

    roles: tuple[Role, ...]
    backend: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class ToggleArguments:
    """Where to switch completions off, or on again; `of` is the language or the document."""

    scope: Scope
    of: str


@dataclass(frozen=True, slots=True)
class AcceptedArguments:
    """Which item of which offer was accepted; length: of its text, in the units of positions, None for all of it."""

    offer: str
    item: int
    length: int | None


def explain_arguments(arguments: Sequence[Any] | None) -> ExplainArguments:
    """Read `{uri, range?}`; raises JsonRpcInvalidParams."""
    given = _only_object(EXPLAIN, arguments)
    return ExplainArguments(_text(EXPLAIN, given, "uri"), _range(given.get("range")))


def stop_arguments(arguments: Sequence[Any] | None) -> str:
    """Read `{conversation}`; raises JsonRpcInvalidParams."""
    return _text(STOP, _only_object(STOP, arguments), "conversation")


def use_arguments(arguments: Sequence[Any] | None) -> UseArguments:
    """Read `{role?, backend?, model?}`, without a role for all of them; raises JsonRpcInvalidParams."""
    given = _only_object(USE, arguments)
    role = given.get("role")
    if role is not None and role not in ROLES:
        raise JsonRpcInvalidParams(f"{USE} takes a role of {', '.join(ROLES)}")
    backend, model = (_text(USE, given, key) if given.get(key) is not None else None for key in ("backend", "model"))
    return UseArguments(ROLES if role is None else (role,), backend, model)


def toggle_arguments(arguments: Sequence[Any] | None) -> ToggleArguments:
    """Read `{scope?, language?, uri?}`; raises JsonRpcInvalidParams."""
    given = _only_object(TOGGLE, arguments) if arguments else {}
    scope = given.get("scope", "session")
    if scope == "language":
        return ToggleArguments("language", _text(TOGGLE, given, "language"))
    if scope == "document":
        return ToggleArguments("document", _text(TOGGLE, given, "uri"))
    if scope != "session":
        raise JsonRpcInvalidParams(f"{TOGGLE} takes a scope of {', '.join(get_args(Scope))}")
    return ToggleArguments("session", "")


def accepted_arguments(arguments: Sequence[Any] | None) -> AcceptedArguments:
    """Read `{offer, item?, length?}`; raises JsonRpcInvalidParams."""
    given = _only_object(ACCEPTED, arguments)
    item, length = given.get("item", 0), given.get("length")
    if not _is_count(item) or not (length is None or _is_count(length)):
        raise JsonRpcInvalidParams(f"{ACCEPTED} takes item and length, whole numbers")
    return AcceptedArguments(_text(ACCEPTED, given, "offer"), item, length)


def _only_object(command: str, arguments: Sequence[Any] | None) -> Mapping[str, Any]:
    if not arguments or len(arguments) != 1 or not isinstance(arguments[0], Mapping):
        raise JsonRpcInvalidParams(f"{command} takes one argument, an object")
    return arguments[0]


def _text(command: str, given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise JsonRpcInvalidParams(f"{command} takes {key}, a text")
    return value


def _range(given: object) -> types.Range | None:
    if given is None:
        return None
    if isinstance(given, Mapping):
        start, end = _position(given.get("start")), _position(given.get("end"))
        if start and end:
            return types.Range(start, end)
    raise JsonRpcInvalidParams(f"{EXPLAIN} takes range, an LSP Range")


def _position(given: object) -> types.Position | None:
    if isinstance(given, Mapping):
        line, character = given.get("line"), given.get("character")
        if _is_count(line) and _is_count(character):
            return types.Position(cast("int", line), cast("int", character))
    return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
