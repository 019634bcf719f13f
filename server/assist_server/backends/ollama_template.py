"""What Ollama is told of a model's prompts: a Go template with a branch for filling in, and the stop strings.

Ollama's capability `insert` is nothing but a template that mentions `.Suffix`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from assist_context.prompt.fim import FimFormat, Piece, Slot

_SLOTS: Mapping[Slot, str] = MappingProxyType({Slot.PREFIX: "{{ .Prompt }}", Slot.SUFFIX: "{{ .Suffix }}"})

# An assistant's message at the end is the beginning of the answer.
_CHATML = """\
{{- range $i, $_ := .Messages }}{{- $last := eq (len (slice $.Messages $i)) 1 }}<|im_start|>{{ .Role }}
{{ .Content }}{{ if not (and $last (eq .Role "assistant")) }}<|im_end|>
{{ end }}{{ if and $last (ne .Role "assistant") }}<|im_start|>assistant
{{ end }}{{ end }}"""
_CHATS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {"chatml": (_CHATML, ("<|im_start|>", "<|im_end|>")), "none": ("{{ .Prompt }}", ())}
)


def go_template(fim: FimFormat, chat: str) -> str:
    """Write the template of a model that fills in; chat: how it holds conversations, `chatml` or `none` (it cannot)."""
    return "{{- if .Suffix }}" + "".join(map(_written, fim.pieces)) + "{{ else }}" + _CHATS[chat][0] + "{{ end }}"


def stop_strings(fim: FimFormat, chat: str) -> tuple[str, ...]:
    """Give the control tokens that end an answer, be it of filling in or of a conversation."""
    tokens = (stop for stop in fim.stops if not any(character.isspace() for character in stop))
    return tuple(dict.fromkeys((*tokens, *_CHATS[chat][1])))


def _written(piece: Piece) -> str:
    return _SLOTS.get(piece, "") if isinstance(piece, Slot) else piece.value
