"""Why the last suggestion of each document was, or was not, offered: what `assist/trace` tells."""

from typing import Any

from assist_server.features.completion.service import Completion

_DOCUMENTS = 64
_NOT_YET = "there is no answer yet"


class Asked:
    """The trace of one request; it is the document's as long as there is no newer one."""

    def __init__(self, uri: str) -> None:
        empty: dict[str, Any] = {"items": 0, "model": None, "backend": None, "ms": None, "trace": []}
        self.trace: dict[str, Any] = {"uri": uri, "whyEmpty": _NOT_YET, **empty}

    def answered(self, completion: Completion) -> None:
        """Keep what a suggestion tells of itself."""
        ms = completion.ms
        self.trace |= {
            "items": len(completion.items),
            "model": completion.model,
            "backend": completion.backend,
            "whyEmpty": completion.why_empty,
            "ms": {"context": ms.context, "firstToken": ms.first_token, "total": ms.total},
            "trace": list(completion.trace),
        }

    def nothing(self, why: str) -> None:
        """Keep why nothing was even asked for, or why asking failed."""
        self.trace["whyEmpty"] = why


class Traces:
    """The trace of the last request about each document."""

    def __init__(self) -> None:
        self._last: dict[str, Asked] = {}

    def begin(self, uri: str) -> Asked:
        """Begin the trace of a request."""
        self._last.pop(uri, None)
        asked = self._last[uri] = Asked(uri)
        if len(self._last) > _DOCUMENTS:
            del self._last[next(iter(self._last))]
        return asked

    def last(self, uri: str | None = None) -> dict[str, Any] | None:
        """Give the last trace, of one document where it is named; None where nothing was asked for yet."""
        asked = self._last.get(uri) if uri is not None else next(reversed(self._last.values()), None)
        return asked.trace if asked is not None else None

    def forget(self, uri: str) -> None:
        """Drop the trace of a closed document."""
        self._last.pop(uri, None)
