"""The lines below the cursor, for a prompt that holds nothing of them.

A small model writes worse with text behind the cursor in its prompt, and better when it has read that text before.
"""

from assist_context.retrieval.snippet import Place, Snippet

_LINES, _CHARACTERS = 12, 320


def below(place: Place, last: int) -> tuple[Snippet, ...]:
    """Give the first whole lines below the one of a place, as one piece; () where the prompt holds some of them.

    last: the last line that the prompt holds anyway, from 1.
    """
    here = place.text.count("\n", 0, place.offset) + 1
    end_of_line = place.text.find("\n", place.offset)
    if last > here or end_of_line < 0:
        return ()
    lines: list[str] = []
    left = _CHARACTERS
    for line in place.text[end_of_line + 1 : end_of_line + 1 + 2 * _CHARACTERS].split("\n")[:_LINES]:
        left -= len(line) + 1
        if left < 0:
            break
        lines.append(line.rstrip("\r"))
    skipped = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[skipped:]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        return ()
    first = here + 1 + skipped
    return (
        Snippet(
            place.path, first, first + len(lines) - 1, "\n".join(lines), "below", 1.0, "what follows below the cursor"
        ),
    )
