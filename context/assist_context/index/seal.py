"""Whether the file of an index can be trusted: the seal that a writer leaves who ended in good order.

A seal says how large the file is and what its bytes hash to. It stands for a file that nobody writes: a writer removes
it before its first change. So a file with its seal is as it was written, one with another's seal is damaged, and one
with none had a writer that was killed, which SQLite's own log makes good where the file is sound.
"""

from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Literal

State = Literal["missing", "sealed", "unsealed", "damaged"]

_FORM = "assist index 1"
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
    """Leave word for the next writer that the file is damaged."""
    seal_of(index).write_bytes(b"damaged")


def discard(index: Path) -> None:
    """Delete an index with everything beside it; the seal goes last, so that no part is ever taken for whole."""
    for path in (index, *_logs(index)):
        path.unlink(missing_ok=True)
    break_seal(index)


def remove_logs(index: Path) -> None:
    """Delete what lies beside a sealed file: its log is empty or not its own."""
    for path in _logs(index):
        with suppress(FileNotFoundError):
            if path.stat().st_size:
                path.unlink()


def seal_of(index: Path) -> Path:
    """Give the path of an index's seal."""
    return index.with_name(f"{index.name}.seal")


def _logs(index: Path) -> Iterator[Path]:
    return (index.with_name(index.name + suffix) for suffix in ("-wal", "-shm", "-journal"))


def _said(index: Path) -> bytes:
    digest = blake2b(digest_size=32)
    with index.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
        return f"{_FORM} {file.tell()} {digest.hexdigest()}\n".encode()
