"""How the parts of the indexing process do what must cost no more than itself."""

from collections.abc import Callable
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Contained(Protocol):
    """Does something, and gives what comes of it: its value, or the error that nobody foresaw.

    Only the edge of the process catches everything, so that is where the one that is used comes from.
    """

    def __call__(self, action: Callable[[], Result], /) -> Result | Exception:
        """Do it."""
        ...
