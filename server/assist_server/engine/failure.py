"""Why an engine did not start, from the host's hand to the user's eye."""

import re
from pathlib import Path

from assist_server.core.errors import AssistError, EngineError
from assist_server.engine.folder import EngineFolder, read_record, write_record

_MODEL = "error loading model: "
# `0.00.012.345 E srv    load_model: ...`
_STAMPED_ERROR = re.compile(r"^[\d.]+ E (?:\S+\s+)?\S+: (?P<text>.+)$")
# `error: unknown argument: --x` of a llama-server, `/usr/bin/python: Error while ...`
_PLAIN_ERROR = re.compile(r"(?i)^(?:\S+: )?(?:error|failed|unable|invalid|unknown)\b")
_LONGEST_WORDS = 300
_READ = 65_536


def write_failure(folder: EngineFolder, error: AssistError) -> None:
    """Leave the reason for whoever started the engine."""
    write_record(folder.failure, {"message": error.message, "hint": error.hint})


def read_failure(folder: EngineFolder) -> EngineError | None:
    """Give the reason that the host left; None where it left none."""
    record = read_record(folder.failure)
    if record is None or not isinstance(record.get("message"), str):
        return None
    hint = record.get("hint")
    return EngineError(record["message"], hint=hint if isinstance(hint, str) else None)


def last_words(log: Path) -> str:
    """Give the one line of an engine's log that tells best why it ended, without its stamp; empty for an empty log."""
    try:
        with log.open("rb") as file:
            text = file.read(_READ).decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    stamped = [found["text"] for line in lines if (found := _STAMPED_ERROR.match(line))]
    plain = [line for line in lines if _PLAIN_ERROR.match(line)]
    best = (stamped or plain or lines[-1:] or [""])[0]
    return best.removeprefix(_MODEL)[:_LONGEST_WORDS]
