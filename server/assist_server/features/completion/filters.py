"""What is done to the model's text before anybody sees it, in this order.

A filter is a pure function that gives back the text or less of it; it never adds. Each row of `FILTERS` has its table
in the tests.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from assist_context.prompt.chat import MARKER
from assist_server.features.completion.hole import Hole, same_line
from assist_server.features.completion.stopping import find_end
from assist_server.features.completion.trigger import Extent

NOTHING_MADE = "the model had nothing to offer"

_CONTROL = re.compile(r"<\|[\w\u2581-]{1,40}\|>|<\uff5c[\w\u2581-]{1,40}\uff5c>")
_CURSOR = re.compile(r"<\|(?:user_)?cursor(?:_is_here)?\|>")
_FENCE = re.compile(
    r"(?P<fence>`{3,})[^\n`]*\n(?P<code>.*?)(?:\n?^[ \t]*(?P=fence)[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_LOOP_IN_LINE = re.compile(r"(?P<once>[^\n]{3,40}?)(?P=once){5,}")
_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "\"'`"
_LONGEST_PERIOD = 4
_REPEATS = 3
_LONGEST_ROUND = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """What the filters know beside the text.

    from_chat: the model was asked in words, so it may answer with more than the text to insert.
    control: strings of the model's format that must never be shown.
    literals: control tokens that the document itself spells out, which a suggestion may spell out too.
    """

    hole: Hole
    extent: Extent
    from_chat: bool = False
    control: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filtered:
    """What is left.

    trace: one entry for each filter that changed something; counts, never text.
    why_empty: why nothing is left, None where something is.
    """

    text: str
    trace: tuple[str, ...]
    why_empty: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """One row: what it does, why it may leave nothing."""

    name: str
    apply: Callable[[str, Frame], str]
    why_empty: str


def control_tokens_in(text: str, control: frozenset[str] = frozenset()) -> frozenset[str]:
    """Collect what looks like a control token in a document, and which of a model's own strings it spells."""
    spelled = frozenset(own for own in control if own in text)
    if "<|" not in text and "<\uff5c" not in text:
        return spelled
    return spelled.union(_CONTROL.findall(text))


def apply_filters(text: str, frame: Frame) -> Filtered:
    """Run all filters until nothing changes any more."""
    if not text.strip():
        return Filtered("", (), NOTHING_MADE)
    trace: list[str] = []
    for _ in range(_LONGEST_ROUND):
        before = text
        for row in FILTERS:
            kept = row.apply(text, frame)
            if kept != text:
                trace.append(f"filter {row.name}: {len(text)} to {len(kept)} characters")
            if not kept.strip():
                return Filtered("", tuple(trace), row.why_empty)
            text = kept
        if text == before:
            break
    return Filtered(text, tuple(trace), None)


def unify_newlines(text: str, _: Frame) -> str:
    r"""Take ``\r`` out; the editor knows how its lines end."""
    return text.replace("\r", "")


def unwrap_fence(text: str, frame: Frame) -> str:
    """Take the code out of a Markdown answer, and the mark of the place out of that."""
    if not frame.from_chat:
        return text
    text = text.replace(MARKER, "")
    if found := _FENCE.search(text):
        return found["code"]
    inline = text.strip()
    if len(inline) > 2 and inline[0] == inline[-1] == "`" and "`" not in inline[1:-1]:
        return inline[1:-1]
    return text


def cut_control_tokens(text: str, frame: Frame) -> str:
    """Drop cursor marks and cut at the first control token that the document does not spell out itself."""
    kept = _CURSOR.sub(lambda found: found[0] if found[0] in frame.literals else "", text)
    ends = [kept.find(token) for token in frame.control if token not in frame.literals]
    ends += [found.start() for found in _CONTROL.finditer(kept) if found[0] not in frame.literals]
    return kept[: min((end for end in ends if end >= 0), default=len(kept))]


def drop_echo(text: str, frame: Frame) -> str:
    """Drop a repetition of what is already typed on the line."""
    typed = frame.hole.before
    if frame.from_chat and typed and text.startswith(typed):
        return text[len(typed) :]
    typed = typed.lstrip()
    # Filling in, a model repeats the line rarely, and a short match is more likely meant.
    if len(typed) >= (2 if frame.from_chat else 8) and text.lstrip().startswith(typed):
        return text.lstrip()[len(typed) :]
    return text


def cut_at_end(text: str, frame: Frame) -> str:
    """Cut where the line, the paragraph or the block ends, or where what follows begins."""
    end = find_end(text, frame.hole, frame.extent, final=True)
    return text if end is None else text[: end.length]


def drop_double_space(text: str, frame: Frame) -> str:
    """Drop a space where the line already ends with one."""
    before = frame.hole.before
    if before.strip() and before[-1:].isspace():
        return text.lstrip(" \t")
    return text


def close_once(text: str, frame: Frame) -> str:
    """Cut at a bracket or quote that what follows on the line closes already."""
    before, after = frame.hole.before, frame.hole.after
    for quote in _QUOTES:
        if before.count(quote) % 2 and quote in after and quote in text:
            text = text[: text.index(quote)]
    closed_after = _unmatched(after)[1]
    if not closed_after:
        return text
    allowed = max(0, _unmatched(before)[0] - closed_after)
    depth = 0
    for index, character in enumerate(text):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE and depth:
            depth -= 1
        elif character in _CLOSE and allowed:
            allowed -= 1
        elif character in _CLOSE:
            return text[:index]
    return text


def trim_overlap(text: str, frame: Frame) -> str:
    """Trim tokens at the end that stand behind the cursor already, unless a bracket would lose its partner."""
    hole = frame.hole
    following = [found[0] for found in _TOKEN.finditer(hole.after)]
    own = list(_TOKEN.finditer(text))
    for length in range(min(len(following), len(own)), 0, -1):
        if [found[0] for found in own[-length:]] != following[:length]:
            continue
        kept = text[: own[-length].start()]
        if _imbalance(hole.before + kept + hole.after) <= _imbalance(hole.before + text + hole.after):
            return kept
    return text


def drop_line_above(text: str, frame: Frame) -> str:
    """Drop a suggestion that only writes the line above again."""
    first = text.split("\n", 1)[0]
    full = (frame.hole.before + first).strip()
    return "" if len(full) > 3 and full == frame.hole.above.strip() else text


def drop_line_below(text: str, frame: Frame) -> str:
    """Drop a suggestion that makes the line what the next one says already."""
    first = text.split("\n", 1)[0]
    return "" if same_line(frame.hole.before + first + frame.hole.after, frame.hole.below) else text


def cut_loops(text: str, _: Frame) -> str:
    """Cut where the model goes round in circles: up to four lines three times, or a piece of a line six times."""
    for found in _LOOP_IN_LINE.finditer(text):
        # A rule of dashes is a repetition too, and meant.
        if any(character.isalnum() for character in found["once"]):
            text = text[: found.end("once")]
            break
    lines = text.split("\n")
    for start in range(len(lines)):
        for period in range(1, _LONGEST_PERIOD + 1):
            rounds = [lines[start + turn * period :][:period] for turn in range(_REPEATS)]
            if len(rounds[-1]) == period and rounds[0] == rounds[1] == rounds[2] and "".join(rounds[0]).strip():
                return "\n".join(lines[: start + period])
    return text


def trim_end(text: str, frame: Frame) -> str:
    """Trim white space at the end, unless a word that follows needs it."""
    after = frame.hole.after
    if not after.strip():
        return text.rstrip()
    return text.rstrip() if after[0].isspace() or after[0] in _CLOSE + ",;" else text


FILTERS: tuple[Filter, ...] = (
    Filter("newlines", unify_newlines, NOTHING_MADE),
    Filter("code fence", unwrap_fence, "the model answered with an empty code block"),
    Filter("control tokens", cut_control_tokens, "the model answered with control tokens only"),
    Filter("echo", drop_echo, "the model repeated what is typed already"),
    Filter("end", cut_at_end, "the model went on behind the place or repeated what follows"),
    Filter("double space", drop_double_space, NOTHING_MADE),
    Filter("closing brackets", close_once, "the model closed what is closed already"),
    Filter("overlap", trim_overlap, "the model repeated what follows"),
    Filter("line above", drop_line_above, "the model repeated the line above"),
    Filter("line below", drop_line_below, "the model repeated the line below"),
    Filter("loops", cut_loops, NOTHING_MADE),
    Filter("white space", trim_end, NOTHING_MADE),
)


def _unmatched(line: str) -> tuple[int, int]:
    """Count brackets that a piece of text opens without closing, and closes without opening."""
    opened = closed = 0
    for character in line:
        if character in _OPEN:
            opened += 1
        elif character in _CLOSE and opened:
            opened -= 1
        elif character in _CLOSE:
            closed += 1
    return opened, closed


def _imbalance(line: str) -> int:
    return sum(_unmatched(line)) + sum(line.count(quote) % 2 for quote in _QUOTES)
