"""The parse of open documents on the event loop: the first one of a large file in slices, and those after each key."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

from index_corpora import CORPORA, Corpus, files_of, folder_of
from index_rig import Rig, Table, milliseconds, percentile

from assist_context.languages import language_of
from assist_context.syntax.incremental import DocumentTree

SLICE = 0.005  # seconds that the loop is held at most, by wish
KEYS = 150
_LARGE = 400_000  # bytes: above, a document is larger than what people open


def measure_buffers(rig: Rig) -> list[Table]:
    """Open and edit the largest file of each language."""
    rows = [_row(rig.corpora / folder_of(corpus), corpus) for corpus in CORPORA]
    columns = (
        *("language", "KB", "first parse ms", "slices", "longest hold ms"),
        *("a letter: p50 ms", "p99 ms", "an opening bracket: p50 ms", "p99 ms", "longest hold ms"),
    )
    note = (
        f"Parsed in slices of {milliseconds(SLICE)} ms, {KEYS} keys at random places; aims: 10 ms held, 5 ms for a key."
    )
    return [Table("Open documents", columns, rows, note)]


def _row(folder: Path, corpus: Corpus) -> list[str]:
    sizes = {name: (folder / name).stat().st_size for name in files_of(folder)}
    name = max((name for name in sizes if sizes[name] <= _LARGE), key=sizes.__getitem__)
    text = (folder / name).read_text(encoding="utf-8", errors="replace")
    tree = DocumentTree(language_of(name), text)
    first = _holds(tree)
    letters, brackets = _keys(tree, text, "x"), _keys(tree, text, "(")
    held = [hold for key in (*letters, *brackets) for hold in key]
    return [
        corpus.language,
        f"{sizes[name] / 1000:.0f}",
        milliseconds(sum(first)),
        str(len(first)),
        milliseconds(max(first)),
        *(_share(letters, share) for share in (0.5, 0.99)),
        *(_share(brackets, share) for share in (0.5, 0.99)),
        milliseconds(max(held)),
    ]


def _keys(tree: DocumentTree, text: str, key: str) -> list[list[float]]:
    """Type one key at random places, each time into the same text; give the holds of the loop for each."""
    chance = random.Random(1)  # noqa: S311 - no secret
    found = []
    for _ in range(KEYS):
        place = chance.randrange(len(text))
        begun = time.perf_counter()
        tree.change(text[:place] + key + text[place:])
        changing = time.perf_counter() - begun
        holds = _holds(tree)
        found.append([changing + holds[0], *holds[1:]])
        tree.change(text)
        _holds(tree)
    return found


def _holds(tree: DocumentTree) -> list[float]:
    """Parse to the end; give for how long each slice took the loop."""
    found = []
    done = False
    while not done:
        begun = time.perf_counter()
        done = tree.parse_for(SLICE)
        found.append(time.perf_counter() - begun)
    return found


def _share(keys: Sequence[Sequence[float]], share: float) -> str:
    return milliseconds(percentile([sum(holds) for holds in keys], share))
