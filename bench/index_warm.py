"""Open an index and ask for one definition: `python bench/index_warm.py DATABASE NAME STARTED`.

STARTED: the time at which this process was started, in seconds. Imports nothing that the answer does not need.
"""

import sys
import time
from pathlib import Path

begun = time.time()

from index_product import opened  # noqa: E402 - it counts

from assist_context.retrieval.names import find_definitions  # noqa: E402


def main() -> None:
    """Print the seconds to the answer as JSON."""
    database, name, started = sys.argv[1:4]
    imported = time.time()
    with opened(Path(database)) as reads:
        found = find_definitions(reads, name)
        now = time.time()
    if not found:
        sys.exit("a name that was asked for before has no definition")
    figures = {"whole": now - float(started), "imports": imported - begun, "opened": now - imported}
    print(str(figures).replace("'", '"'))


if __name__ == "__main__":
    main()
