"""Fields of a server's JSON, taken only as what they should be: any program may be behind an address."""

from typing import Any, TypeVar

from assist_server.core.errors import BadResponse

T = TypeVar("T", str, int, float, dict[str, Any], list[Any])

_MOST = 2**63  # a larger number counts nothing; the test below is false for a NaN too


def field(answer: Any, name: str, kind: type[T]) -> T | None:
    """Give a field of an object, None where it is absent or null; raises BadResponse for another kind of value.

    An int will do for a float. A bool is no number, nor is one that is not finite.
    """
    if not isinstance(answer, dict):
        raise _odd(name)
    value = answer.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and (isinstance(value, bool) or not abs(value) < _MOST):
        raise _odd(name)
    if kind is float and isinstance(value, int):
        return kind(value)
    if not isinstance(value, kind):
        raise _odd(name)
    return value


def required(answer: Any, name: str, kind: type[T]) -> T:
    """Give a field that must be there."""
    value = field(answer, name, kind)
    if value is None:
        raise _odd(name)
    return value


def _odd(name: str) -> BadResponse:
    return BadResponse(
        f"the server gave an answer without a usable {name!r}",
        hint="is `backend.name` right for the server at this address",
    )
