"""What is done to the model's text before anybody sees it, in this order.

A filter is a pure function that gives back the text or less of it. Two do more: the one that repairs indentation may
change blanks at the start of lines, and one may add the semicolon that ends a statement. Each
row of `FILTERS` has its table in the tests.
"""

from dataclasses import dataclass

from assist_server.features.completion.filters.begun_word import begun_word, keep_to_word
from assist_server.features.completion.filters.boilerplate import cut_boilerplate, cut_lone_attributes, drop_trivial
from assist_server.features.completion.filters.frame import Filter, Frame
from assist_server.features.completion.filters.indentation import repair_indentation
from assist_server.features.completion.filters.names import cut_unknown_names
from assist_server.features.completion.filters.overlap import (
    close_once,
    cut_at_end,
    drop_line_above,
    drop_line_below,
    trim_overlap,
)
from assist_server.features.completion.filters.repetition import cut_copies, cut_loops
from assist_server.features.completion.filters.syntax import cut_at_errors, end_statement
from assist_server.features.completion.filters.unwrapping import (
    control_tokens_in,
    cut_control_tokens,
    drop_double_space,
    drop_echo,
    unify_newlines,
    unwrap_fence,
)
from assist_server.features.completion.filters.white_space import trim_end

__all__ = [
    "FILTERS",
    "NOTHING_MADE",
    "Filter",
    "Filtered",
    "Frame",
    "apply_filters",
    "begun_word",
    "control_tokens_in",
]

NOTHING_MADE = "the model had nothing to offer"

_LONGEST_ROUND = 8


@dataclass(frozen=True, slots=True)
class Filtered:
    """What is left.

    trace: one entry for each filter that changed something; counts, never text.
    why_empty: why nothing is left, None where something is.
    """

    text: str
    trace: tuple[str, ...]
    why_empty: str | None


def apply_filters(text: str, frame: Frame) -> Filtered:
    """Run all filters until nothing changes any more."""
    if not text.strip():
        return Filtered("", (), NOTHING_MADE)
    trace: list[str] = []
    done: dict[str, str] = {}
    for _ in range(_LONGEST_ROUND):
        before = text
        for row in FILTERS:
            if done.get(row.name) == text:  # it gave that itself
                continue
            kept = done[row.name] = row.apply(text, frame)
            if kept != text:
                trace.append(f"filter {row.name}: {len(text)} to {len(kept)} characters")
            if not kept.strip():
                return Filtered("", tuple(trace), row.why_empty)
            text = kept
        if text == before:
            break
    return Filtered(text, tuple(trace), None)


FILTERS: tuple[Filter, ...] = (
    Filter("newlines", unify_newlines, NOTHING_MADE),
    Filter("code fence", unwrap_fence, "the model answered with an empty code block"),
    Filter("control tokens", cut_control_tokens, "the model answered with control tokens only"),
    Filter("echo", drop_echo, "the model repeated what is typed already"),
    Filter("begun word", keep_to_word, "the model did not go on with the word that is being typed"),
    Filter("indentation", repair_indentation, NOTHING_MADE),
    Filter("end", cut_at_end, "the model went on behind the place or repeated what follows"),
    Filter("boilerplate", cut_boilerplate, "the model wrote a header or left code out"),
    Filter("double space", drop_double_space, NOTHING_MADE),
    Filter("closing brackets", close_once, "the model closed what is closed already"),
    Filter("overlap", trim_overlap, "the model repeated what follows"),
    Filter("line above", drop_line_above, "the model repeated the line above"),
    Filter("line below", drop_line_below, "the model repeated the line below"),
    Filter("copies", cut_copies, "the model repeated the lines above"),
    Filter("loops", cut_loops, NOTHING_MADE),
    Filter("attributes", cut_lone_attributes, "the model wrote an attribute and nothing that has it"),
    Filter("names", cut_unknown_names, "the model used a name that exists nowhere"),
    Filter("white space", trim_end, NOTHING_MADE),
    Filter("statement end", end_statement, NOTHING_MADE),
    Filter("syntax", cut_at_errors, "the text would add a syntax error"),
    Filter("trivial", drop_trivial, "the text is as quick to type"),
)
