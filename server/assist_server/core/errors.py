"""What can go wrong, as a person may read it.

AssistError
├── UsageError            a bad option, place or file                      exit 2
│   └── RepositoryError   git said no                                      exit 2
├── ConfigError           a setting that cannot be used                    exit 3
│   └── EgressRefused     an address that the owner has not allowed        exit 3
├── ModelError            a model file that is missing, broken or not had  exit 4
├── EngineError           the embedded engine cannot start or has gone     exit 4
└── BackendError          a model server                                   exit 4
    ├── BackendUnavailable     nothing answers there
    ├── BackendTimeout         it answers too late
    ├── BadResponse            it answers what cannot be read, or the stream was cut
    └── BackendRejected        it says no (status)
        ├── AuthFailed         401, 403
        ├── ModelMissing       404
        ├── RateLimited        429 (retry_after, seconds)
        ├── ServerBusy         503 with a full queue
        ├── ModelLoading       503 while a model loads
        ├── PromptTooLong      the prompt does not fit (prompt_tokens, context_length)
        └── Unsupported        a parameter or a role that this server or model has not
"""

from typing import ClassVar


class AssistError(Exception):
    """An error whose message may be shown to a person.

    message: one sentence without a final stop.
    hint: what to do about it, a command where there is one.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AssistError):
    """A bad option, place or file."""

    code = "usage"


class RepositoryError(UsageError):
    """Git refused, or there is no repository."""

    code = "repository"


class ConfigError(AssistError):
    """A setting that cannot be used."""

    code = "configuration"


class EgressRefused(ConfigError):
    """An address, a peer or a model that would take data off this machine without leave."""

    code = "egress-refused"


class ModelError(AssistError):
    """A model file that is missing, broken or cannot be had."""

    code = "model"


class EngineError(AssistError):
    """The embedded engine cannot start, or has gone."""

    code = "engine"


class BackendError(AssistError):
    """A model server failed."""

    code = "backend"


class BackendUnavailable(BackendError):
    """Nothing answers at the address."""

    code = "backend-unavailable"


class BackendTimeout(BackendError):
    """The server did not answer in time."""

    code = "backend-timeout"


class BadResponse(BackendError):
    """The server's answer cannot be read, or its stream ended early."""

    code = "bad-response"


class BackendRejected(BackendError):
    """The server said no; status is the HTTP status."""

    code = "backend-rejected"

    def __init__(self, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class AuthFailed(BackendRejected):
    """The key is missing or wrong."""

    code = "auth-failed"


class ModelMissing(BackendRejected):
    """The server does not have the model."""

    code = "model-missing"


class RateLimited(BackendRejected):
    """Too many requests; retry_after is in seconds where the server says it."""

    code = "rate-limited"

    def __init__(self, message: str, *, status: int, retry_after: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, status=status, hint=hint)
        self.retry_after = retry_after


class ServerBusy(BackendRejected):
    """The server's queue is full."""

    code = "server-busy"


class ModelLoading(BackendRejected):
    """The server is still loading the model."""

    code = "model-loading"


class PromptTooLong(BackendRejected):
    """The prompt does not fit; the counts are in tokens where the server tells them."""

    code = "prompt-too-long"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        prompt_tokens: int | None = None,
        context_length: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, status=status, hint=hint)
        self.prompt_tokens = prompt_tokens
        self.context_length = context_length


class Unsupported(BackendRejected):
    """The server or the model does not do what was asked."""

    code = "unsupported"
