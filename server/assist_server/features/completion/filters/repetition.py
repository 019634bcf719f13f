"""Where a model goes round in circles, or writes what it has just read."""

import re

from assist_context.syntax.lexing import OPENERS, brackets, masked
from assist_server.features.completion.filters.frame import Frame

_LOOP_IN_LINE = re.compile(r"(?P<once>[^\n]{3,40}?)(?P=once){5,}")
_LITERALS = re.compile(r"(?:[\s,+()\[\]{}-]|\b\d[\w.]*|\.\d\w*|\b(?:[Tt]rue|[Ff]alse|None|null|nil)\b)*")
_LONGEST_PERIOD = 4
_REPEATS = 3
_MOST_LINES = 12
_LEAST_LINE, _LEAST_LINES = 12, 30
"""Characters that a line, or lines together, must have before seeing them twice means anything."""


def cut_loops(text: str, frame: Frame) -> str:
    """Cut where the model goes round in circles: up to four lines three times, or a piece of a line six times.

    A list of literals that comes to its end is meant, such as eight zeros in brackets.
    """
    meant = _closed_literals(text, frame)
    for found in _LOOP_IN_LINE.finditer(text):
        # A rule of dashes is a repetition too, and meant.
        if any(character.isalnum() for character in found["once"]) and not _is_within(found.end("once"), meant):
            text = text[: found.end("once")]
            break
    lines = text.split("\n")
    length = 0
    for start in range(len(lines)):
        for period in range(1, _LONGEST_PERIOD + 1):
            rounds = [lines[start + turn * period :][:period] for turn in range(_REPEATS)]
            is_loop = len(rounds[-1]) == period and rounds[0] == rounds[1] == rounds[2]
            if is_loop and "".join(rounds[0]).strip() and not _is_within(length, meant):
                return "\n".join(lines[: start + period])
        length += len(lines[start]) + 1
    return text


def _closed_literals(text: str, frame: Frame) -> list[tuple[int, int]]:
    """Find the brackets of a text that hold nothing but literals and are closed, in it or behind the cursor."""
    before = frame.hole.before
    line = before + text + frame.hole.after
    code = masked(line, frame.hole.language).code
    found, opened = list[tuple[int, int]](), list[int]()
    for place, bracket in brackets(code):
        if bracket in OPENERS:
            opened.append(place)
        elif opened:
            start = opened.pop() + 1
            if _LITERALS.fullmatch(code, start, place):
                found.append((start - len(before), place - len(before)))
    return found


def _is_within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place <= end for start, end in spans)


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
