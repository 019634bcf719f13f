"""Whether the file of an index can be trusted: the seal that a writer leaves who ended in good order.

A seal says how large the file is and what its bytes hash to. It stands for a file that nobody writes: a writer removes
it before its first change. So a file with its seal is as it was written, one with another's seal is damaged, and one
with none has a writer, or had one that was killed, which SQLite's own log makes good where the file is sound. Whoever
finds a file damaged, writer or reader, puts the word for that in the seal's place.
"""

from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Literal

State = Literal["missing", "sealed", "unsealed", "damaged"]

_FORM = "assist index 1"
_CONDEMNED = b"damaged"
_LOGS, _SHARED_MEMORY = ("-wal", "-journal"), "-shm"  # what SQLite calls the files beside its own
_PIECE = 1 << 20  # bytes read at a time


def state_of(index: Path) -> State:
    """Tell how far the file of an index can be trusted; raises OSError where it cannot be read."""
    if not index.is_file():
        return "missing"
    try:
        said = seal_of(index).read_bytes()
    except FileNotFoundError:
        return "unsealed"
    return "sealed" if said == _said(index) else "damaged"


def write_seal(index: Path) -> None:
    """Seal the file of an index, which must be complete: nothing may be left in a log beside it."""
    said = _said(index)
    beside = seal_of(index).with_suffix(".new")
    beside.write_bytes(said)
    beside.replace(seal_of(index))


def break_seal(index: Path) -> None:
    """Remove the seal before a change."""
    seal_of(index).unlink(missing_ok=True)


def condemn(index: Path) -> None:
    """Leave word that the file is damaged: for its writer, or for the next one."""
    seal_of(index).write_bytes(_CONDEMNED)


def is_condemned(index: Path) -> bool:
    """Tell whether somebody found the file damaged, without reading it."""
    try:
        return seal_of(index).read_bytes() == _CONDEMNED
    except FileNotFoundError:
        return False


def discard(index: Path) -> None:
    """Delete an index with everything beside it; the seal goes last, so that no part is ever taken for whole."""
    for suffix in ("", *_LOGS, _SHARED_MEMORY):
        index.with_name(index.name + suffix).unlink(missing_ok=True)
    break_seal(index)


def remove_logs(index: Path) -> None:
    """Delete the logs beside a sealed file: they are empty or not its own."""
    # The shared memory stays: a reader that has it would go on with the deleted one, and see no change any more.
    for path in (index.with_name(index.name + suffix) for suffix in _LOGS):
        with suppress(FileNotFoundError):
            if path.stat().st_size:
                path.unlink()


def seal_of(index: Path) -> Path:
    """Give the path of an index's seal."""
    return index.with_name(f"{index.name}.seal")


def _said(index: Path) -> bytes:
    digest = blake2b(digest_size=32)
    with index.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
        return f"{_FORM} {file.tell()} {digest.hexdigest()}\n".encode()
