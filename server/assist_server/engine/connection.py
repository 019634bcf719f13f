"""Where a running engine listens: the record that its host writes and every client reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assist_server.engine.folder import EngineFolder, read_record, write_record
from assist_server.engine.process import ProcessId, alive, read_process
from assist_server.net.address import Address

_URL = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]{0,4}")
_TEXTS = ("url", "api_key", "model", "model_path", "version")


@dataclass(frozen=True, slots=True)
class Connection:
    """A running engine.

    model: the alias by which it is asked. context_length: tokens. started: seconds since the epoch.
    version: of the program that runs the model, for people.
    """

    process: ProcessId
    url: str
    api_key: str = field(repr=False)
    model: str
    model_path: str
    context_length: int
    started: float
    version: str

    @property
    def address(self) -> Address:
        """What a client needs."""
        return Address(self.url, self.api_key)


def write_connection(folder: EngineFolder, connection: Connection) -> None:
    """Tell the clients."""
    texts = {name: getattr(connection, name) for name in _TEXTS}
    numbers = {"context_length": connection.context_length, "started": connection.started}
    write_record(folder.connection, {**connection.process.record(), **texts, **numbers})


def read_connection(folder: EngineFolder) -> Connection | None:
    """Read the record; None where there is none that can be believed."""
    record = read_record(folder.connection)
    process = read_process(record)
    if record is None or process is None or not _complete(record):
        return None
    return Connection(
        process=process,
        context_length=record["context_length"],
        started=float(record["started"]),
        **{name: record[name] for name in _TEXTS},
    )


def running(folder: EngineFolder) -> Connection | None:
    """Give the connection of an engine whose process runs."""
    connection = read_connection(folder)
    return connection if connection is not None and alive(connection.process) else None


def _complete(record: Mapping[str, Any]) -> bool:
    return (
        all(isinstance(record.get(name), str) for name in _TEXTS)
        and bool(record["api_key"])
        and _URL.fullmatch(record["url"]) is not None
        and type(record.get("context_length")) is int
        and type(record.get("started")) in (int, float)
    )
