"""Let aider extract its tags from files; run by the Python of an environment that has aider.

    python bench/index_aider.py FOLDER LIST

LIST is a file with one path below FOLDER a line. Prints one JSON object: seconds of the processor, files, tags.
"""

import json
import resource
import sys
import time
from pathlib import Path

from aider.repomap import RepoMap


class _Files:
    """What aider reads files through."""

    def read_text(self, name: str) -> str:
        """Read a file, whatever its encoding."""
        return Path(name).read_text(encoding="utf-8", errors="replace")


def main() -> None:
    """Measure."""
    folder, listed = Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
    extractor = RepoMap.__new__(RepoMap)  # without the cache that it would keep in the folder
    extractor.io = _Files()
    tags = 0
    begun, wall = time.process_time(), time.perf_counter()
    for name in listed:
        tags += sum(1 for _ in extractor.get_tags_raw(str(folder / name), name))
    figures = {
        "cpu": time.process_time() - begun,
        "wall": time.perf_counter() - wall,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "files": len(listed),
        "tags": tags,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
