"""What a parser says of the document with the text in it."""

from assist_context.syntax.check import longest_sound
from assist_server.features.completion.filters.frame import Frame


def cut_at_errors(text: str, frame: Frame) -> str:
    """Cut a text back to its longest beginning that adds no error to the document; nothing where there is none."""
    place = frame.place
    if place is None or place.parsed is None or frame.hole.inside == "comment":
        return text
    return longest_sound(text, place.language, place.parsed, place.text, place.offset, seconds=frame.check_seconds).text
