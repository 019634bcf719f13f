"""What a parser says of the document with the text in it."""

from assist_context.syntax.check import is_sound, longest_sound
from assist_server.features.completion.filters.frame import Frame

_SEMICOLONS = frozenset({"rust", "c", "cpp", "java", "csharp", "php"})
"""Where a statement must end with a semicolon."""
_BEFORE_ONE = (")", "]", '"', "'", "?")


def end_statement(text: str, frame: Frame) -> str:
    """Give a text the semicolon that it lacks, where that alone makes it fit into the document."""
    place, bare = frame.place, text.rstrip()
    if place is None or place.parsed is None or place.language not in _SEMICOLONS or frame.hole.after.strip():
        return text
    if not (bare.endswith(_BEFORE_ONE) or bare[-1:].isalnum()):
        return text
    where = place.language, place.parsed, place.text, place.offset
    lacks = not is_sound(text, *where, seconds=frame.check_seconds)
    return f"{bare};" if lacks and is_sound(f"{bare};", *where, seconds=frame.check_seconds) else text


def cut_at_errors(text: str, frame: Frame) -> str:
    """Cut a text back to its longest beginning that adds no error to the document; nothing where there is none."""
    place = frame.place
    if place is None or place.parsed is None or frame.hole.inside == "comment":
        return text
    return longest_sound(text, place.language, place.parsed, place.text, place.offset, seconds=frame.check_seconds).text
