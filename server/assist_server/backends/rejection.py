"""What a server's refusal means, whatever the shape in which it says so.

Shapes: `{"error": "text"}`, with llama.cpp's own JSON inside the text (Ollama); `{"error": {"message", "type",
"code", "param"}}`; `{"detail": "text"}`, `{"detail": {"msg"}}`, `{"detail": [{"msg"}]}`; `{"message"}`; plain text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from assist_server.core.errors import (
    AssistError,
    AuthFailed,
    BackendRejected,
    BadResponse,
    ModelLoading,
    ModelMissing,
    PromptTooLong,
    RateLimited,
    ServerBusy,
    Unsupported,
)

_LONGEST_TEXT = 300
_TOO_LONG = re.compile(
    r"exceeds? the available context|maximum context length|context_length_exceeded|exceed_context_size"
    r"|longer than the context length|context the overflows|context length exceeded|prompt is too long",
    re.IGNORECASE,
)
_NOT_SUPPORTED = re.compile(
    r"not (?:currently )?support|unsupported|not implemented|unexpected endpoint"
    r"|unrecognized (?:request )?(?:argument|parameter)",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"\bmodels?\b.*\bnot (?:found|exist)|no models? loaded|(?:unknown|invalid) model", re.IGNORECASE | re.DOTALL
)
_KEY_HINT = "put the key in an environment variable and name that in `backend.apiKeyEnv`"
# what Ollama says without a word to a host name that it does not know
_NAME_HINT = (
    "a server that listens on its own machine only may take no other names: write `localhost` or an IP address in"
    " `backend.url`; where it wants a key, name its environment variable in `backend.apiKeyEnv`"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal taken apart; the counts are in tokens."""

    text: str
    kind: str = ""
    prompt_tokens: int | None = None
    context_length: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked for what: the server in words, the model, how to get it, the key that no text may show."""

    server: str
    model: str = ""
    missing_hint: str | None = None
    secret: str | None = None


def read_refusal(body: str | Mapping[str, Any]) -> Refusal:
    """Find the words in a refusal; text that is not JSON is taken as it is, a page of HTML as nothing."""
    value: Any = body
    if isinstance(body, str):
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return Refusal("" if body.lstrip().startswith("<") else body.strip())
    for _ in range(6):
        if isinstance(value, list):
            value = value[0] if value else ""
        if not isinstance(value, Mapping):
            break
        inner = next((value[key] for key in ("error", "detail") if value.get(key)), None)
        if inner is None:
            return _from_object(value)
        value = _nested(inner)
    return Refusal(value.strip() if isinstance(value, str) else "")


def rejection(asked: Asked, status: int, headers: Mapping[str, str], body: str | Mapping[str, Any]) -> AssistError:
    """Make the error for an HTTP status and its body."""
    refusal = read_refusal(body)
    told = _told(refusal.text, asked.secret)
    if _TOO_LONG.search(refusal.text) or _TOO_LONG.search(refusal.kind):
        return _too_long(asked, status, refusal)
    if status in (401, 403):
        return AuthFailed(
            f"{asked.server} wants a valid key{told}" if status == 401 else f"{asked.server} refuses access{told}",
            status=status,
            hint=_NAME_HINT if status == 403 and not told else _KEY_HINT,
        )
    if status == 429:
        return RateLimited(
            f"{asked.server} has had too many requests{told}",
            status=status,
            retry_after=_seconds(headers.get("retry-after", "")),
            hint="wait a moment, or use a model of your own",
        )
    if status == 503:
        return _unavailable(asked, refusal, told)
    return _other(asked, status, refusal, told)


def stream_failure(asked: Asked, body: Mapping[str, Any]) -> AssistError:
    """Make the error for an error object inside a stream that began well."""
    refusal = read_refusal(body)
    if _TOO_LONG.search(refusal.text) or _TOO_LONG.search(refusal.kind):
        return _too_long(asked, 400, refusal)
    return BadResponse(
        f"{asked.server} failed in the middle of its answer{_told(refusal.text, asked.secret)}",
        hint="ask again; where it happens again, look at the server's own log",
    )


def names_parameter(text: str, name: str) -> bool:
    """Tell whether the words of a refusal are about one parameter of the request."""
    quoted = rf"['\"`]{name}[.'\"`\[]|\b{name}:|(?:argument|parameter|field)s?\b.*\b{name}\b"
    plain = rf"\b{name}\b" if "_" in name else r"(?!)"
    return re.search(f"{quoted}|{plain}", text, re.IGNORECASE) is not None


def _nested(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _from_object(value: Mapping[str, Any]) -> Refusal:
    text = next((value[key] for key in ("message", "msg", "error_msg") if isinstance(value.get(key), str)), "")
    param = value.get("param")
    if isinstance(param, str) and param and param not in text:
        text = f"{text.strip()} (parameter {param!r})"
    return Refusal(
        text.strip(),
        kind=str(value.get("type") or "") + " " + str(value.get("code") or ""),
        prompt_tokens=_count(value.get("n_prompt_tokens")),
        context_length=_count(value.get("n_ctx")),
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def one_line(text: str, secret: str | None) -> str:
    """Give a server's words for a message: one line, short, without the key."""
    if secret:
        text = text.replace(secret, "***")
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _told(text: str, secret: str | None) -> str:
    line = one_line(text, secret)
    return f": {line}" if line else ""


def _too_long(asked: Asked, status: int, refusal: Refusal) -> PromptTooLong:
    prompt, context = refusal.prompt_tokens, refusal.context_length
    if context is None and (found := re.search(r"maximum context length is (\d{1,9})", refusal.text)):
        context = int(found[1])
    if prompt is None and (
        found := re.search(r"\b(\d{1,9}) (?:tokens )?in the messages|requested (\d{1,9}) tokens", refusal.text)
    ):
        prompt = int(found[1] or found[2])
    counts = f" ({prompt} tokens in a context of {context})" if prompt is not None and context is not None else ""
    return PromptTooLong(
        f"the prompt is too long for the model{counts}",
        status=status,
        prompt_tokens=prompt,
        context_length=context,
        hint=f"give {asked.server} a longer context, or lower `completion.prefixTokens`",
    )


def _unavailable(asked: Asked, refusal: Refusal, told: str) -> AssistError:
    if "loading" in refusal.text.lower():
        return ModelLoading(f"{asked.server} is still loading the model", status=503, hint="ask again in a few seconds")
    return ServerBusy(f"{asked.server} is busy{told}", status=503, hint="ask again when the other requests are done")


def _other(asked: Asked, status: int, refusal: Refusal, told: str) -> AssistError:
    lacks_model = _NO_MODEL.search(refusal.text) is not None
    if _NOT_SUPPORTED.search(refusal.text):
        return Unsupported(
            f"{asked.server} does not support this request{told}",
            status=status,
            hint="`assist doctor` tells what the server and the model can do",
        )
    if status in (400, 404) and lacks_model:
        return ModelMissing(
            f"{asked.server} does not have the model {asked.model!r}",
            status=status,
            hint=asked.missing_hint or "`assist doctor` lists the models that the server has",
        )
    if status in (404, 405, 501):
        return Unsupported(
            f"{asked.server} does not know this kind of request{told}",
            status=status,
            hint="is `backend.name` right for the server at this address",
        )
    keep_alive = "invalid duration" in refusal.text
    return BackendRejected(
        f"{asked.server} refused the request with status {status}{told}",
        status=status,
        hint="write `backend.keepAlive` as `30m`, or `-1` for ever" if keep_alive else None,
    )


def _seconds(retry_after: str) -> float | None:
    """Read a Retry-After header: seconds, or a date."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
