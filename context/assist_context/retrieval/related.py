"""Files that have to do with a text: those that share its rare words."""

from collections.abc import Collection
from dataclasses import dataclass
from math import log2
from posixpath import commonpath, dirname

from assist_context.index.records import Reads
from assist_context.syntax.symbols import words

_RAREST = 16  # words of the text that count
_SHARE = 0.05  # of all files: a word that more of them have tells nothing
_FEWEST, _MOST = 8, 200  # files that may have a word in the smallest and in the largest of workspaces


@dataclass(frozen=True, slots=True)
class Related:
    """A file, how much it shares with the text (in bits, the sum over the words), and the words, rarest first."""

    path: str
    score: float
    words: tuple[str, ...]


def related_files(
    reads: Reads, text: str, *, near: str = "", without: Collection[str] = (), limit: int = 10
) -> tuple[Related, ...]:
    """Give the files that share rare words with a text, the best first; of equal ones those closest to a path.

    without: paths that are not wanted, such as that of the text itself.
    """
    files = max(reads.file_count(), 1)
    having = reads.paths_with_each(
        words(text.encode("utf-8", "replace")), min(_MOST, max(_FEWEST, int(files * _SHARE)))
    )
    telling = [word for word, paths in having.items() if paths]
    rarest = sorted(telling, key=lambda word: (len(having[word]), word))[:_RAREST]
    scores: dict[str, float] = {}
    shared: dict[str, list[str]] = {}
    for word in rarest:
        bits = log2(1 + files / len(having[word]))
        for path in having[word]:
            scores[path] = scores.get(path, 0.0) + bits
            shared.setdefault(path, []).append(word)
    wanted = sorted((path for path in scores if path not in without), key=lambda path: -scores[path])
    # How far away a file is decides only between equals, and takes longer to tell than all the rest.
    least = scores[wanted[limit - 1]] if 0 < limit < len(wanted) else 0.0
    wanted = [path for path in wanted if scores[path] >= least]
    wanted.sort(key=lambda path: (-scores[path], distance(near, path), path))
    return tuple(Related(path, scores[path], tuple(shared[path])) for path in wanted[:limit])


def distance(one: str, other: str) -> int:
    """Count the folders that lie between two paths of a workspace."""
    here, there = dirname(one), dirname(other)
    common = commonpath([here, there]) if here and there else ""
    depth = len(common.split("/")) if common else 0
    return sum(len(folder.split("/")) if folder else 0 for folder in (here, there)) - 2 * depth
