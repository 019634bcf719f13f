"""The tokens of texts that a server was asked for, kept while they are likely to come again."""

from collections import OrderedDict
from collections.abc import Hashable

_MOST_TOKENS = 200_000


class TokenCache:
    """Least recently used texts go first; bounded by the number of all tokens kept."""

    def __init__(self, most_tokens: int = _MOST_TOKENS) -> None:
        self._most = most_tokens
        self._kept: OrderedDict[Hashable, tuple[int, ...]] = OrderedDict()
        self._tokens = 0

    def get(self, key: Hashable) -> tuple[int, ...] | None:
        """Give the tokens of a text, None where they are not kept."""
        tokens = self._kept.get(key)
        if tokens is not None:
            self._kept.move_to_end(key)
        return tokens

    def put(self, key: Hashable, tokens: tuple[int, ...]) -> None:
        """Keep the tokens of a text; every text counts as one token at least."""
        old = self._kept.pop(key, None)
        if old is not None:
            self._tokens -= max(1, len(old))
        self._kept[key] = tokens
        self._tokens += max(1, len(tokens))
        while self._tokens > self._most and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._tokens -= max(1, len(dropped))

    def clear(self) -> None:
        """Forget everything: the model behind the address may be another one."""
        self._kept.clear()
        self._tokens = 0
