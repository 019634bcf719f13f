"""What a person may want to know while work goes on, and that is no error."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

NoticeKind = Literal["loading", "waiting", "reload", "evicted", "advice"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know: message is a sentence without a final stop, hint what could be done.

    loading: a model is being loaded, which takes seconds. waiting: an earlier request has to be answered first. reload:
    a loaded model had to be loaded once more. evicted: a model of another program had to go. advice: it works, and
    could work better.
    """

    kind: NoticeKind
    message: str
    hint: str | None = None


Notify = Callable[[Notice], None]


def unheard(notice: Notice) -> None:
    """Drop a notice, where nobody listens."""
