"""The answers of a run, one JSON object a line, so that a run that was broken off goes on where it stopped."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What was shown at one task's hole.

    digest: of the arm's settings. shown: empty for nothing, and why then. seconds: from the request to the answer.
    """

    task: str
    arm: str
    digest: str
    shown: str
    why: str
    seconds: float


class Answers:
    """A file of answers; a line that was cut off by the end of a run is left out."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[tuple[str, str, str], Answer] = {}
        for line in file.read_text(encoding="utf-8").split("\n") if file.is_file() else ():
            try:
                answer = Answer(**json.loads(line))
            except (json.JSONDecodeError, TypeError):
                continue
            self._found[answer.task, answer.arm, answer.digest] = answer

    def get(self, task: str, arm: str, digest: str) -> Answer | None:
        """Give the answer of an arm with these settings, None where it has not been asked."""
        return self._found.get((task, arm, digest))

    def add(self, answers: Iterable[Answer]) -> None:
        """Keep answers, safe from now on."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            for answer in answers:
                # A run that was killed may have left half a line.
                file.write(f"{'' if file.tell() == 0 else chr(10)}{json.dumps(asdict(answer), ensure_ascii=False)}")
                self._found[answer.task, answer.arm, answer.digest] = answer
