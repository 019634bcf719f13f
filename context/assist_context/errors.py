"""Errors of the pure engine.

ContextError
├── PlaceError      a line or column outside the text
├── DiffError       text that is not a unified diff
├── TemplateError   a prompt or a FIM template that cannot be filled in
├── BudgetError     a token budget too small for what must be in the prompt
├── ParseTimeout    a file that keeps a grammar busy for too long
└── IndexUnusable   an index that cannot answer
    ├── IndexMissing    there is none yet
    ├── IndexDamaged    its file is broken or of another version; a writer makes it anew
    └── IndexBusy       its file cannot be read or written now: locked, no space left, not permitted
"""


class ContextError(Exception):
    """Say what is wrong with the input, in words a person can act on."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class PlaceError(ContextError):
    """A line or column that the text does not have."""


class DiffError(ContextError):
    """Text that is not a unified diff."""


class TemplateError(ContextError):
    """A template whose variables do not match what it was given."""


class BudgetError(ContextError):
    """A token budget too small to hold what the prompt cannot do without."""


class ParseTimeout(ContextError):
    """A grammar took too long for a file."""


class IndexUnusable(ContextError):
    """An index that cannot answer or be written."""


class IndexMissing(IndexUnusable):
    """An index that nobody has built yet."""


class IndexDamaged(IndexUnusable):
    """An index whose file is broken or of another version."""


class IndexBusy(IndexUnusable):
    """An index whose file cannot be read or written now: locked, no space left, not permitted."""
