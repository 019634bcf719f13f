"""Where a model goes round in circles, or writes what it has just read."""

import re

from assist_server.features.completion.filters.frame import Frame

_LOOP_IN_LINE = re.compile(r"(?P<once>[^\n]{3,40}?)(?P=once){5,}")
_LONGEST_PERIOD = 4
_REPEATS = 3
_MOST_LINES = 12
_LEAST_LINE, _LEAST_LINES = 12, 30
"""Characters that a line, or lines together, must have before seeing them twice means anything."""


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


def cut_copies(text: str, frame: Frame) -> str:
    """Cut lines that say once more what stands directly above them, in the document or in the text itself.

    Of one line or of several; code that is alike further away is usual, and meant.
    """
    above = frame.lines_above[-_MOST_LINES:]
    lines = text.split("\n")
    all_lines = [*above, frame.hole.before + lines[0], *lines[1:]]
    for start in range(len(above), len(all_lines)):
        if start == len(above) and frame.hole.before.strip():
            continue  # the line is begun already
        if any(_is_twice(all_lines, start, length) for length in range(1, _MOST_LINES + 1)):
            return "\n".join(lines[: start - len(above)])
    return text


def _is_twice(lines: list[str], at: int, length: int) -> bool:
    """Tell whether so many lines before a place are the lines from there on."""
    first, second = lines[max(0, at - length) : at], lines[at : at + length]
    least = _LEAST_LINE if length == 1 else _LEAST_LINES
    return first == second and bool(second[0].strip()) and sum(len(line.strip()) for line in second) >= least
