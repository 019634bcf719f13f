"""Run a server for as long as somebody holds the standard input: ``python run_while_watched.py LOG STORE COMMAND ...``.

What the server says goes to LOG and to the standard output. However the watcher ends, also when it is killed, the
server ends with its whole process group, and the folder STORE is deleted.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

GRACE = 30.0  # seconds to end by itself


def copy(source: IO[bytes], log: Path) -> None:
    """Copy lines to a file and to the standard output, for as long as that is read."""
    watched = True
    with log.open("ab", buffering=0) as file:
        for line in source:
            file.write(line)
            if watched:
                try:
                    sys.stdout.buffer.write(line)
                    sys.stdout.buffer.flush()
                except BrokenPipeError:
                    watched = False


def end_with_input(server: "subprocess.Popen[bytes]") -> None:
    """Wait until nobody holds the standard input, then end the server."""
    sys.stdin.buffer.read()
    server.terminate()
    try:
        server.wait(GRACE)
    except subprocess.TimeoutExpired:
        server.kill()


def main(log: str, store: str, *command: str) -> None:
    """Run the server until one of the two has ended."""
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert server.stdout is not None
    copying = threading.Thread(target=copy, args=(server.stdout, Path(log)))
    copying.start()
    threading.Thread(target=end_with_input, args=(server,), daemon=True).start()
    server.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)  # what it has started and left behind
    copying.join()
    shutil.rmtree(store, ignore_errors=True)
    os._exit(0)  # the standard output may be broken, and the other thread waits for the input


if __name__ == "__main__":
    main(*sys.argv[1:])
