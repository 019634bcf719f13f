"""Blot out secrets before anything else reads a text: the model, a report, a log."""

from collections.abc import Iterable

from assist_context.secrets import SecretSpan, find_secrets

MASK = "*"


def mask(text: str, spans: Iterable[SecretSpan] | None = None) -> str:
    """Replace what looks like a secret by stars; the length and every line ending stay, so that places hold.

    spans: the secrets to mask, None to find them.
    """
    masked = list(text)
    for span in find_secrets(text) if spans is None else spans:
        for at in range(span.start, span.end):
            if masked[at] not in "\r\n":
                masked[at] = MASK
    return "".join(masked)
