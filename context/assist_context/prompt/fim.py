"""How each family of models fills in the middle: one table, and the ways to find a model's row.

A row is written as one string in which control tokens, slots and plain text alternate; see `_pieces`.
Its order is the one that the model was trained on, never changed for the sake of a cache.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from assist_context.errors import TemplateError
from assist_context.prompt.segments import Control, Prompt, Segment, Text


class Slot(Enum):
    """A place in a template that a value fills."""

    PREFIX = "prefix"
    SUFFIX = "suffix"
    PATH = "path"
    LANGUAGE = "language"
    REPOSITORY = "repository"
    TEXT = "text"


Piece = Segment | Slot


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A piece of another file that a model reads before the one that is filled in."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class RepositoryFormat:
    """How a model was shown several files of one repository.

    head: once; file: for each other file; current: before the file that is filled in.
    opening: at the start of the prefix slot. inside_prefix: all of it stands in the prefix slot, not before the prompt.
    """

    head: tuple[Piece, ...]
    file: tuple[Piece, ...]
    current: tuple[Piece, ...]
    opening: tuple[Piece, ...] = ()
    inside_prefix: bool = False


@dataclass(frozen=True, slots=True)
class FimFormat:
    """One family's template.

    name_pattern: regular expression searched in a lower-case model name; "" matches none.
    stops: strings that end the output: control tokens, and plain text where a family continues with another file.
    """

    id: str
    name_pattern: str
    pieces: tuple[Piece, ...]
    stops: tuple[str, ...]
    repo: RepositoryFormat | None = None

    @property
    def suffix_first(self) -> bool:
        """Whether the suffix comes first, so that typing keeps the prompt's beginning."""
        return self.pieces.index(Slot.SUFFIX) < self.pieces.index(Slot.PREFIX)

    def render(
        self,
        prefix: str,
        suffix: str,
        *,
        path: str = "",
        language: str = "",
        others: Sequence[OtherFile] = (),
        repository: str = "",
    ) -> Prompt:
        """Fill the template in; neighbouring texts become one segment, empty ones none.

        others: go before the text in the way the model knows, which must be one with a format for repositories.
        """
        values = {
            Slot.PREFIX: prefix,
            Slot.SUFFIX: suffix,
            Slot.PATH: path,
            Slot.LANGUAGE: language,
            Slot.REPOSITORY: repository,
        }
        if not others:
            return _joined(_filled(self.pieces, values))
        if self.repo is None:
            raise ValueError(f"{self.id} has no format for several files")
        before = [*_filled(self.repo.head, values)]
        for other in others:
            before += _filled(self.repo.file, {**values, Slot.PATH: other.path, Slot.TEXT: other.text})
        before += _filled(self.repo.current, values)
        opening = [*_filled(self.repo.opening, values)]
        if self.repo.inside_prefix:
            before, opening = [], before + opening
        at = self.pieces.index(Slot.PREFIX)
        return _joined((*before, *_filled(self.pieces[:at], values), *opening, *_filled(self.pieces[at:], values)))

    def control_tokens(self) -> frozenset[str]:
        """Give the control tokens that the model's vocabulary must have for this template."""
        return _controls(self.pieces)

    def all_tokens(self) -> frozenset[str]:
        """Give every control token that this family knows: of the template, the stops and the repository format."""
        repo = self.repo
        others = (*repo.head, *repo.file, *repo.current, *repo.opening) if repo else ()
        return self.control_tokens() | _controls(others) | {stop for stop in self.stops if not _has_blank(stop)}

    def clean(self, output: str) -> str:
        """Cut an output at the first stop that slipped through, and take stray control tokens out of the rest."""
        ends = [at for stop in self.stops if (at := output.find(stop)) >= 0]
        output = output[: min(ends)] if ends else output
        for token in self.all_tokens() | STRAY_TOKENS:
            output = output.replace(token, "")
        return output


STRAY_TOKENS = frozenset({"<|cursor|>", "<|cursor_position|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"})
"""What small instruct models say although nobody taught it them as a stop of filling in."""

_PIECE = re.compile(r"(\{(?:prefix|suffix|path|language|repository|text)\}|<[^<>\s{}]+>|\[(?:PREFIX|SUFFIX)\])")
_BAR, _BLANK = "\uff5c", "\u2581"  # the fullwidth bar and the lower block of DeepSeek's and Seed-Coder's tokens


def _pieces(template: str) -> tuple[Piece, ...]:
    """Split a row's string: ``{slot}``, ``<token>`` and ``[PREFIX]``, and text between them."""
    found: list[Piece] = []
    for number, part in enumerate(_PIECE.split(template)):
        if number % 2 == 0:
            found += [Text(part)] if part else []
        else:
            found.append(Slot(part[1:-1]) if part.startswith("{") else Control(part))
    return tuple(found)


def _filled(pieces: Iterable[Piece], values: Mapping[Slot, str]) -> list[Segment]:
    return [Text(values[piece]) if isinstance(piece, Slot) else piece for piece in pieces]


def _joined(filled: Iterable[Segment]) -> Prompt:
    segments: list[Segment] = []
    for segment in filled:
        if isinstance(segment, Text) and segments and isinstance(segments[-1], Text):
            segments[-1] = Text(segments[-1].value + segment.value)
        elif segment.value:
            segments.append(segment)
    return Prompt(tuple(segments))


def _repo(head: str, file: str, current: str, *, opening: str = "", inside_prefix: bool = False) -> RepositoryFormat:
    return RepositoryFormat(_pieces(head), _pieces(file), _pieces(current), _pieces(opening), inside_prefix)


def _row(
    name: str, name_pattern: str, template: str, stops: Iterable[str], repo: RepositoryFormat | None = None
) -> FimFormat:
    return FimFormat(name, name_pattern, _pieces(template), tuple(stops), repo)


_BIGCODE = "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>"
_BIGCODE_STOPS = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<|endoftext|>")
_BARRED = "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
_BARRED_STOPS = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>")
_DEEPSEEK = (f"<{_BAR}fim{_BLANK}begin{_BAR}>", f"<{_BAR}fim{_BLANK}hole{_BAR}>", f"<{_BAR}fim{_BLANK}end{_BAR}>")

FIM_FORMATS: tuple[FimFormat, ...] = (
    _row("codeqwen", r"codeqwen", _BIGCODE, _BIGCODE_STOPS),
    _row(
        "qwen-coder",
        r"(?<!code)qwen.*coder",
        _BARRED,
        (*_BARRED_STOPS, "<|endoftext|>", "<|repo_name|>", "<|file_sep|>", "<|im_start|>", "<|im_end|>"),
        _repo("<|repo_name|>{repository}\n", "<|file_sep|>{path}\n{text}\n", "<|file_sep|>{path}\n"),
    ),
    _row("granite4", r"granite-?4", _BARRED, (*_BARRED_STOPS, "<|end_of_text|>")),
    _row(  # sources disagree on the order: two trainers on the base model use this one
        "seed-coder",
        r"seed.*coder",
        "<[fim-suffix]>{suffix}<[fim-prefix]>{prefix}<[fim-middle]>",
        (
            "<[fim-prefix]>",
            "<[fim-middle]>",
            "<[fim-suffix]>",
            f"<[end{_BLANK}of{_BLANK}sentence]>",
            f"<[PAD{_BLANK}TOKEN]>",
            f"<[SEP{_BLANK}TOKEN]>",
            f"<[begin{_BLANK}of{_BLANK}sentence]>",
        ),
    ),
    _row(
        "mellum",
        r"mellum",
        "<fim_suffix>{suffix}<fim_prefix>{prefix}<fim_middle>",
        ("<|endoftext|>", "<filename>", "<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        _repo("", "<filename>{path}\n{text}", "<filename>{path}\n"),
    ),
    _row(
        "starcoder2",
        r"star-?coder-?2",
        _BIGCODE,
        (*_BIGCODE_STOPS, "<repo_name>"),
        _repo("<repo_name>{repository}", "<file_sep>{path}\n{text}", "<file_sep>", opening="{path}\n"),
    ),
    _row("starcoder", r"star-?coder(?!-?2)|stable-?code|granite(?!-?4)", _BIGCODE, _BIGCODE_STOPS),
    _row(
        "codestral",
        r"codestral",
        "[SUFFIX]{suffix}[PREFIX]{prefix}",
        ("[PREFIX]", "[SUFFIX]", "</s>", "\n+++++ "),
        _repo("", "+++++ {path}\n{text}\n\n", "+++++ {path}\n", inside_prefix=True),
    ),
    _row(
        "codegemma",
        r"code-?gemma",
        _BARRED,
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>", "<end_of_turn>", "<eos>"),
    ),
    _row(  # the blanks are the model's own; only the 7b and 13b code and base models were trained to fill in
        "codellama",
        r"code-?llama(?!.*(?:instruct|python|34b|70b))",
        "<PRE> {prefix} <SUF>{suffix} <MID>",
        ("<PRE>", "<SUF>", "<MID>", "<EOT>"),
    ),
    _row(
        "deepseek-coder",
        r"deepseek.*coder",
        "{prefix}".join(_DEEPSEEK[:2]) + "{suffix}" + _DEEPSEEK[2],
        (*_DEEPSEEK, f"<{_BAR}end{_BLANK}of{_BLANK}sentence{_BAR}>"),
    ),
    _row(
        "codegeex4",
        r"codegeex",
        "<|user|>\n###PATH:{path}\n###LANGUAGE:{language}\n###MODE:BLOCK\n"
        "<|code_suffix|>{suffix}<|code_prefix|>{prefix}<|code_middle|><|assistant|>\n",
        ("<|user|>", "<|code_suffix|>", "<|code_prefix|>", "<|code_middle|>", "<|assistant|>", "<|endoftext|>"),
    ),
    _row(
        "glm4",
        r"glm-?4\.[57]",
        "<|code_prefix|>{prefix}<|code_suffix|>{suffix}<|code_middle|>",
        ("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>", "<|endoftext|>", "<|user|>"),
    ),
    _row(
        "falcon-h1-coder",
        r"falcon-h1.*coder",
        "<|prefix|>{prefix}<|suffix|>{suffix}<|middle|>",
        ("<|prefix|>", "<|suffix|>", "<|middle|>", "<|end_of_text|>"),
    ),
)


def by_name(model: str) -> FimFormat | None:
    """Guess a model's format from its name; the last resort, as names lie."""
    name = model.lower()
    return next((f for f in FIM_FORMATS if re.search(f.name_pattern, name)), None)


def by_control_tokens(tokens: frozenset[str], model: str) -> FimFormat | None:
    """Find the format whose control tokens the model's vocabulary has.

    tokens: the candidates that are one token each.
    Families share tokens: the name decides between them, else the table's order.
    """
    return _best([f for f in FIM_FORMATS if f.control_tokens() <= tokens], model)


def by_template(template: str, model: str) -> FimFormat | None:
    """Find the format that the ``.Suffix`` branch of an Ollama template spells out, None where no family has it."""
    branch = _suffix_branch(template)
    if branch is None:
        return None
    shape = _shape(_pieces(_GO_SLOT.sub(_slot_name, branch)))
    return _best([f for f in FIM_FORMATS if _shape(f.pieces) == shape], model)


def custom(template: str) -> FimFormat:
    """Make a format from a user's own template with ``{prefix}`` and ``{suffix}``; all else in it is control.

    Raises TemplateError where a slot is missing or comes twice.
    """
    for slot in ("{prefix}", "{suffix}"):
        if template.count(slot) != 1:
            said = "has no" if slot not in template else "has more than one"
            raise TemplateError(
                f"the fill-in-the-middle template {said} {slot}",
                hint="write it like <PRE>{prefix}<SUF>{suffix}<MID>, each of the two once",
            )
    parts = re.split(r"\{(prefix|suffix)\}", template)
    pieces = [Slot(part) if number % 2 else Control(part) for number, part in enumerate(parts) if part]
    stops = [part.strip() for part in parts[::2] if part.strip()]
    return FimFormat("custom", "", tuple(pieces), tuple(dict.fromkeys(stops)))


def _best(candidates: list[FimFormat], model: str) -> FimFormat | None:
    named = by_name(model)
    return named if named in candidates else candidates[0] if candidates else None


def _controls(pieces: Iterable[Piece]) -> frozenset[str]:
    return frozenset(stripped for p in pieces if isinstance(p, Control) and (stripped := p.value.strip()))


def _has_blank(stop: str) -> bool:
    return any(character.isspace() for character in stop)


_GO_ACTION = re.compile(r"\{\{-?\s*(?P<word>\w+)?(?P<rest>[^{}]*?)-?\}\}")
_GO_SLOT = re.compile(r"\{\{-?\s*\.(Prompt|Suffix)\s*-?\}\}")


def _slot_name(match: re.Match[str]) -> str:
    return "{prefix}" if match[1] == "Prompt" else "{suffix}"


def _suffix_branch(template: str) -> str | None:
    """Give what an Ollama template says where there is a suffix: from ``{{ if .Suffix }}`` to its own else or end."""
    start, depth = None, 0
    for action in _GO_ACTION.finditer(template):
        word = action["word"]
        if start is None:
            if word == "if" and ".Suffix" in action["rest"]:
                start = action.end()
        elif word in ("if", "range", "with", "block", "define"):
            depth += 1
        elif word == "else" and depth == 0:
            return template[start : action.start()]
        elif word == "end":
            if depth == 0:
                return template[start : action.start()]
            depth -= 1
    return None


def _shape(pieces: tuple[Piece, ...]) -> tuple[Control | Slot, ...]:
    """Give the order of control tokens, prefix and suffix."""
    return tuple(p for p in pieces if isinstance(p, Control) or p in (Slot.PREFIX, Slot.SUFFIX))


ALL_CONTROL_TOKENS = frozenset[str]().union(*(f.all_tokens() for f in FIM_FORMATS))
