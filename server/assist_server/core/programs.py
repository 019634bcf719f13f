"""Where a program lies that is run by its name: never in the current folder, which may be somebody else's."""

import os
import shutil
from pathlib import Path


def search_path() -> str:
    """Give PATH without its relative entries, which would be looked up in whatever folder is current."""
    return os.pathsep.join(entry for entry in os.get_exec_path() if Path(entry).is_absolute())


def find_program(name: str) -> Path | None:
    """Find a program by its bare name in the absolute entries of PATH; None where it is in none of them.

    Windows is asked folder by folder, because `which()` looks in the current folder first there.
    """
    file = f"{name}.exe" if os.name == "nt" else name
    if Path(file).name != file:
        return None
    folders = map(Path, filter(None, search_path().split(os.pathsep)))
    return next((folder / file for folder in folders if shutil.which(folder / file)), None)
