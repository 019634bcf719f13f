"""Why the last suggestion of each document was, or was not, offered: what `assist/trace` tells."""

from typing import Any

from assist_server.features.completion.service import Completion


class Traces:
    """The last trace of each open document."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Any]] = {}

    def record(self, uri: str, completion: Completion) -> None:
        """Keep what a suggestion tells of itself."""
        self._put(
            uri,
            {
                "uri": uri,
                "items": len(completion.items),
                "model": completion.model,
                "backend": completion.backend,
                "whyEmpty": completion.why_empty,
                "ms": {
                    "context": completion.ms.context,
                    "firstToken": completion.ms.first_token,
                    "total": completion.ms.total,
                },
                "trace": list(completion.trace),
            },
        )

    def record_nothing(self, uri: str, why: str) -> None:
        """Keep why nothing was even asked for, or why asking failed."""
        empty: dict[str, Any] = {"items": 0, "model": None, "backend": None, "ms": None, "trace": []}
        self._put(uri, {"uri": uri, "whyEmpty": why, **empty})

    def last(self, uri: str | None = None) -> dict[str, Any] | None:
        """Give the last trace, of one document where it is named; None where nothing was asked for yet."""
        if uri is not None:
            return self._last.get(uri)
        return next(reversed(self._last.values()), None)

    def forget(self, uri: str) -> None:
        """Drop the trace of a closed document."""
        self._last.pop(uri, None)

    def _put(self, uri: str, trace: dict[str, Any]) -> None:
        self._last.pop(uri, None)
        self._last[uri] = trace
