"""Run a command in a network namespace that has loopback and nothing else: ``python offline.py COMMAND ...``."""

import fcntl
import os
import socket
import struct
import sys

_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41


def loopback_up() -> None:
    """Bring up the namespace's own loopback; a fresh namespace has it down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))


if __name__ == "__main__":
    loopback_up()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  the command is the caller's own
