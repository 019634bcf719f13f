"""A prompt as a sequence of segments, so that a user's text can never become a control token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text: tokenised without parsing control tokens, wherever the server allows that."""

    value: str


@dataclass(frozen=True, slots=True)
class Control:
    """One control token of the model, by its text, such as ``<|fim_prefix|>``."""

    value: str


Segment = Text | Control


@dataclass(frozen=True, slots=True)
class Prompt:
    """The final prompt of a request; the one thing that is sent, counted and used as a cache key."""

    segments: tuple[Segment, ...]

    def as_string(self) -> str:
        """Join the segments for a server that takes only a string."""
        return "".join(segment.value for segment in self.segments)

    def texts(self) -> tuple[str, ...]:
        """Give the parts that come from a user's files."""
        return tuple(s.value for s in self.segments if isinstance(s, Text))
