"""A record of every connection that left this machine: where to and what for, never what was said."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path

from assist_server.core.errors import ConfigError
from assist_server.privacy.egress import is_loopback

# Windows has no O_NOFOLLOW and no fchmod; there the file has the rights of the user's own folder.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


class AuditLog:
    """Append-only JSON lines `{"time", "host", "purpose"}` that only the user may read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, *, host: str, purpose: str) -> None:
        """Write one line for a host that is not this machine.

        Raises ConfigError where the line cannot be written: what cannot be recorded must not happen.
        """
        if is_loopback(host):
            return
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        line = json.dumps({"time": now, "host": host, "purpose": purpose}) + "\n"
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, _FLAGS, 0o600)
            try:
                if hasattr(os, "fchmod"):
                    os.fchmod(descriptor, 0o600)
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ConfigError(
                f"the audit log cannot be written: {error.strerror}",
                hint=f"make {self.path} a file that you may write; nothing was sent to {host}",
            ) from error
