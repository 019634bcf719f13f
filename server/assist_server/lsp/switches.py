"""Where a person switched completions off for this session."""

from assist_server.lsp.methods import ToggleArguments


class Switches:
    """What `assist.server.toggle` did; settings are another matter and come before it."""

    def __init__(self) -> None:
        self._off: set[ToggleArguments] = set()

    def toggle(self, where: ToggleArguments) -> bool:
        """Switch off what is on and on what is off; give whether it is on now."""
        self._off ^= {where}
        return where not in self._off

    def off(self, uri: str, language: str) -> str | None:
        """Say why a document gets no completion, or None where it gets one."""
        if ToggleArguments("session", "") in self._off:
            return "completions are switched off for this session"
        if ToggleArguments("language", language) in self._off:
            return f"completions are switched off for {language} in this session"
        if ToggleArguments("document", uri) in self._off:
            return "completions are switched off for this document in this session"
        return None
