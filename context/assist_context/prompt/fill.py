"""The prompt for filling in the middle: the text around the cursor, cut to a strict budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assist_context.document import Document
from assist_context.errors import PlaceError
from assist_context.languages import LANGUAGES, human_name
from assist_context.positions import LineIndex, lines_of
from assist_context.prompt.fim import FimFormat, OtherFile
from assist_context.prompt.segments import Prompt

Count = Callable[[str], int]

# Lines (in a very long line: characters) by which the start of the prefix window moves: a prompt that keeps its
# beginning is not evaluated again.
_STEPS = (16, 4)
_LEAST_KEPT = 3
_MOST_PER_TOKEN = 32  # characters: a longer text is not worth counting


@dataclass(frozen=True, slots=True)
class FillPrompt:
    """A prompt and what it was made of.

    prefix, suffix: the parts of the document in it.
    """

    prompt: Prompt
    prefix: str
    suffix: str
    stops: tuple[str, ...]


def build_fill(
    document: Document,
    offset: int,
    *,
    format: FimFormat,  # noqa: A002 - the word of the field, and the name that callers write
    prefix_tokens: int,
    suffix_tokens: int,
    count: Count,
    others: Sequence[OtherFile] = (),
    repository: str = "",
    keep: int | None = None,
) -> FillPrompt:
    """Make the prompt for the text that belongs at an offset.

    The prefix is cut at the start of a line and the suffix at the end of one; inside a line only where that line alone
    is too long. Neither ever has more tokens by `count` than it may, and count is called only O(log n) times, on texts
    of about the size of the budget. others: pieces of other files, which come on top of the two budgets; a model that
    was never shown several files gets them as comments. keep: as of `window`. Raises PlaceError for an offset outside
    the text.
    """
    prefix, suffix = window(
        document.text, offset, prefix_tokens=prefix_tokens, suffix_tokens=suffix_tokens, count=count, keep=keep
    )
    path, language = document.path, human_name(document.language)
    if others and format.repo is None:
        prompt = format.render(commented(others, document.language) + prefix, suffix, path=path, language=language)
    else:
        prompt = format.render(prefix, suffix, path=path, language=language, others=others, repository=repository)
    return FillPrompt(prompt, prefix, suffix, format.stops)


def commented(others: Sequence[OtherFile], language: str) -> str:
    """Write pieces of other files as comments of a language, each under its path."""
    lines = [line for other in others for line in (other.path, *other.text.rstrip("\n").split("\n"))]
    known = LANGUAGES.get(language)
    return "".join(f"{known.commented(line).rstrip() if known else line}\n" for line in lines)


def window(
    text: str, offset: int, *, prefix_tokens: int, suffix_tokens: int, count: Count, keep: int | None = None
) -> tuple[str, str]:
    """Give the text before and after an offset that fits the two budgets; the rules are those of `build_fill`.

    keep: the line, from 0, at which the window before began: it begins there again as long as that fits and it has at
    least a third of what it may, so that a server which has evaluated it need not do so again.
    """
    if not 0 <= offset <= len(text):
        raise PlaceError(f"offset {offset} is outside the text", hint=f"the offsets are 0 to {len(text)}")
    if text[offset - 1 : offset + 1] == "\r\n" and offset > 0:
        offset -= 1
    lines = lines_of(text)
    start = _kept_start(lines, offset, prefix_tokens, count, keep)
    if start is None:
        # A window that has grown too large begins again with room to grow.
        start = _prefix_start(lines, offset, prefix_tokens if keep is None else prefix_tokens * 2 // 3, count)
    end = _suffix_end(lines, offset, suffix_tokens, count)
    return text[start:offset], text[offset:end]


def _kept_start(lines: LineIndex, offset: int, budget: int, count: Count, keep: int | None) -> int | None:
    if keep is None or keep > lines.line_of(offset):
        return None
    start = lines.line_start(keep)
    if offset - start > _MOST_PER_TOKEN * budget:
        return None
    has = count(lines.text[start:offset])
    return start if has <= budget and (has >= budget / _LEAST_KEPT or keep == 0) else None


def _prefix_start(lines: LineIndex, offset: int, budget: int, count: Count) -> int:
    line = lines.line_of(offset)

    def fits(start: int) -> bool:
        return start == offset or count(lines.text[start:offset]) <= budget

    def line_fits(back: int) -> bool:
        return fits(lines.line_start(line - back))

    back = largest(line + 1, line_fits)
    if back is not None:
        return lines.line_start(_stable(line - back, line, lambda first: fits(lines.line_start(first))))
    start = lines.line_start(line)  # the current line alone is too long
    kept = largest(offset - start + 1, lambda length: fits(offset - length)) or 0
    return start + _stable(offset - kept - start, offset - start, lambda first: fits(start + first))


def _stable(first: int, here: int, fits: Callable[[int], bool]) -> int:
    """Round a window's first line or character up to a coarse boundary, where at least half of the window remains."""
    for step in _STEPS:
        stable = -(-first // step) * step
        if here - stable >= (here - first) / 2 and fits(stable):
            return stable
    return first


def _suffix_end(lines: LineIndex, offset: int, budget: int, count: Count) -> int:
    line = lines.line_of(offset)

    def fits(end: int) -> bool:
        return end == offset or count(lines.text[offset:end]) <= budget

    def end_of(number: int) -> int:
        return lines.line_start(number + 1) if number + 1 < lines.line_count else len(lines.text)

    ahead = largest(lines.line_count - line, lambda ahead: fits(end_of(line + ahead)))
    if ahead is not None:
        return end_of(line + ahead)
    kept = largest(lines.line_end(line) - offset + 1, lambda length: fits(offset + length))
    return offset + (kept or 0)


def largest(size: int, fits: Callable[[int], bool]) -> int | None:
    """Give the largest n of 0..size-1 that fits, as far as fitting is monotone; None where 0 does not fit.

    Gallops before it halves, so that no text much longer than the answer is counted; the answer has been seen to fit.
    """
    if size <= 0 or not fits(0):
        return None
    low, high = 0, 1
    while high < size and fits(high):
        low, high = high, high * 2
    high = min(high, size)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
